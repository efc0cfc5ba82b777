"""Reads what vrrp_track_file and vrrp_track_process track, by looking again and again."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from xdpvs.model.vrrp import TrackFile, TrackProcess
from xdpvs.vrrp.process_match import ProcessQuorum, matches

FILES_EVERY_S = 0.5
PROCESSES_EVERY_S = 1.0
_MAX_BYTES = 64
_PROC = Path("/proc")

_log = logging.getLogger("xdpvs.keepalived.vrrp")


class TrackFiles:
    """on_change is told a file's name (that of its block) and its number."""

    def __init__(self, on_change: Callable[[str, int], None]) -> None:
        self._on_change = on_change
        self._files: dict[str, TrackFile] = {}
        self._values: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def load(self, files: Mapping[str, TrackFile]) -> dict[str, int]:
        """Take over a configuration, write what is to be written at the beginning, and return all numbers."""
        self._files = dict(files)
        for file in files.values():
            _initialise(file)
        self._values = {name: read_number(file.path) for name, file in self._files.items()}
        return dict(self._values)

    def begin(self) -> None:
        """Go on looking, if there is anything to look at."""
        if self._files and self._task is None:
            self._task = asyncio.create_task(self._repeat(), name="vrrp_track_file")

    async def close(self) -> None:
        """Stop looking."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(FILES_EVERY_S)
            for name, file in self._files.items():
                value = read_number(file.path)
                if value != self._values[name]:
                    self._values[name] = value
                    _log.info("vrrp_track_file %s is %d now", name, value)
                    self._on_change(name, value)


class TrackProcesses:
    """on_change is told a name and whether its processes are as many as wanted."""

    def __init__(self, on_change: Callable[[str, bool], None], clock: Callable[[], float]) -> None:
        self._on_change = on_change
        self._clock = clock
        self._quorums: dict[str, ProcessQuorum] = {}
        self._task: asyncio.Task[None] | None = None

    async def load(self, processes: Mapping[str, TrackProcess]) -> dict[str, bool | None]:
        """Take over a configuration and count once."""
        self._quorums = {name: ProcessQuorum(process) for name, process in processes.items()}
        await self._count()
        return {name: quorum.good for name, quorum in self._quorums.items()}

    def begin(self) -> None:
        """Go on counting, if there is anything to count."""
        if self._quorums and self._task is None:
            self._task = asyncio.create_task(self._repeat(), name="vrrp_track_process")

    async def close(self) -> None:
        """Stop counting."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(PROCESSES_EVERY_S)
            for name in await self._count():
                good = self._quorums[name].good
                _log.info("Quorum %s for tracked process %s", "gained" if good else "lost", name)
                self._on_change(name, bool(good))

    async def _count(self) -> list[str]:
        """The names whose state changed."""
        if not self._quorums:
            return []
        wanted = {name: quorum.wanted for name, quorum in self._quorums.items()}
        # A thread, since thousands of processes take longer than a short advert interval.
        numbers = await asyncio.to_thread(count_processes, wanted)
        now = self._clock()
        return [name for name, number in numbers.items() if self._quorums[name].count(number, now)]


def read_number(path: str) -> int:
    """The number a file begins with; 0 without file or number, as keepalived has it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return 0
        text = os.read(descriptor, _MAX_BYTES).decode("ascii", "replace")
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    found = re.match(r"\s*([+-]?\d+)", text)
    return int(found[1]) if found else 0


def _initialise(file: TrackFile) -> None:
    if file.initial is None:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_TRUNC if file.overwrite else os.O_EXCL)
    try:
        descriptor = os.open(file.path, flags, 0o644)
    except FileExistsError:
        return
    except OSError as error:
        _log.error("vrrp_track_file %s: cannot write %s: %s", file.name, file.path, error.strerror)
        return
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{file.initial}\n")


def count_processes(wanted: Mapping[str, TrackProcess], proc: Path = _PROC) -> dict[str, int]:
    """How many processes there are of each kind, by name."""
    numbers = dict.fromkeys(wanted, 0)
    for comm, argv in _processes(proc):
        for name, process in wanted.items():
            numbers[name] += matches(process, comm, argv)
    return numbers


def _processes(proc: Path) -> Iterable[tuple[str, list[str]]]:
    for entry in os.scandir(proc):
        if not entry.name.isdigit():
            continue
        try:
            comm = (proc / entry.name / "comm").read_text(errors="replace").rstrip("\n")
            words = (proc / entry.name / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        yield comm, words.rstrip("\0").split("\0") if words else []
