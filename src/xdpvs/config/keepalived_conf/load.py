"""Load keepalived.conf: text in, effective configuration and notes out."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from xdpvs.config.keepalived_conf.files import FileReader
from xdpvs.config.keepalived_conf.kinds import address
from xdpvs.config.keepalived_conf.notes import Note
from xdpvs.config.keepalived_conf.reading import Block, Reader
from xdpvs.config.keepalived_conf.root import configuration
from xdpvs.config.keepalived_conf.tree import Body, Statement
from xdpvs.config.notes import ConfigError
from xdpvs.config.source import Source
from xdpvs.model.keepalived import KeepalivedConfig


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A loaded file; notes are in file order."""

    config: KeepalivedConfig
    notes: tuple[Note, ...] = ()

    @property
    def fails_test(self) -> bool:
        """Whether `keepalived -t` must fail although the configuration is used."""
        return any(note.fails_test for note in self.notes)


def load(path: str, source: Source, *, config_id: str = "", host_name: str = "", seed: int = 0) -> LoadResult:
    """Read a file and its includes; ConfigError lists everything wrong with it, and then nothing is to change.

    config_id selects `@ID` lines (option -i; by default the host name without domain, which is the caller's to give);
    host_name stands in for router_id and the HELO name; seed makes `${_RANDOM}` repeatable.
    """
    with _collector_resting():
        try:
            return _load(path, source, config_id, host_name, seed)
        finally:
            address.cache_clear()


def _load(path: str, source: Source, config_id: str, host_name: str, seed: int) -> LoadResult:
    said: list[tuple[bool, int, str]] = []
    files = FileReader(
        source,
        config_id,
        seed,
        problem=lambda number, message: said.append((True, number, message)),
        warn=lambda number, message: said.append((False, number, message)),
    )
    files.read(path)
    reader = Reader(files.places)
    for is_problem, number, message in said:
        (reader.problem if is_problem else reader.warn)(number, message)
    root = Block(Statement("root"), Body(tuple(files.builder.items)), 0, files.builder.placed)
    config = configuration(reader, root, host_name)
    problems, notes = reader.finish()
    if problems:
        raise ConfigError(problems)
    return LoadResult(config, notes)


@contextmanager
def _collector_resting() -> Iterator[None]:
    """Without cyclic garbage collection: a large file makes a million objects, none of them in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
