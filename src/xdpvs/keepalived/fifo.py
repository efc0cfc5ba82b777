"""Notification FIFOs: lines for whoever reads them, and never a wait for one who does not."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import stat
from contextlib import suppress

from xdpvs.model.keepalived import Fifo
from xdpvs.probing.process import NotStarted, run_command

_log = logging.getLogger(__name__)


class FifoWriter:
    """One FIFO, made if it is not there. Opened for reading too, so that it stays open without a reader."""

    def __init__(self, config: Fifo, *, run_script: bool = False, default_user: str = "") -> None:
        self.config = config
        self._descriptor = -1
        self._made = False
        self._full = False
        self._reader: asyncio.Task[None] | None = None
        self._open()
        if run_script and config.script is not None and self._descriptor >= 0:
            user = config.script.user or default_user
            argv = (*config.script.argv, config.path)
            self._reader = asyncio.create_task(_run_reader(argv, user, config.script.group))

    def _open(self) -> None:
        path = self.config.path
        try:
            try:
                os.mkfifo(path, 0o600)
                self._made = True
                os.chown(path, *_owner(self.config))
            except FileExistsError:
                pass
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except (OSError, KeyError) as error:
            _log.error("notify FIFO %s: %s", path, error)
            return
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            _log.error("notify FIFO %s: is something else", path)
            return
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Write a line, or drop it if nobody reads; the first one dropped is said."""
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, f"{line}\n".encode())
        except BlockingIOError:
            if not self._full:
                _log.warning("notify FIFO %s is full: lines are dropped", self.config.path)
            self._full = True
        except OSError as error:
            _log.error("notify FIFO %s: %s", self.config.path, error.strerror)
        else:
            self._full = False

    async def close(self) -> None:
        """Close it, end its reader, and remove it if it was made here."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._made:
            with suppress(OSError):
                os.unlink(self.config.path)


def _owner(config: Fifo) -> tuple[int, int]:
    user = pwd.getpwnam(config.user).pw_uid if config.user else -1
    if config.group:
        return user, grp.getgrnam(config.group).gr_gid
    return user, pwd.getpwnam(config.user).pw_gid if config.user else -1


async def _run_reader(argv: tuple[str, ...], user: str, group: str) -> None:
    try:
        ended = await run_command(argv, user, group)
    except NotStarted as error:
        _log.error("notify FIFO script: %s", error)
    else:
        _log.warning("notify FIFO script %s has ended with %d", argv[0], ended.status)


class Fifos:
    """The FIFOs of a process: those all processes write to, and its own."""

    def __init__(self) -> None:
        self._writers: dict[Fifo, FifoWriter] = {}

    async def load(self, wanted: dict[Fifo, bool], default_user: str) -> None:
        """Write to these from now on; the value says whether this process runs the FIFO's script."""
        gone = [writer for fifo, writer in self._writers.items() if fifo not in wanted]
        self._writers = {fifo: writer for fifo, writer in self._writers.items() if fifo in wanted}
        for writer in gone:
            await writer.close()
        for fifo, run_script in wanted.items():
            if fifo not in self._writers:
                self._writers[fifo] = FifoWriter(fifo, run_script=run_script, default_user=default_user)

    def write(self, line: str) -> None:
        """A line for all of them."""
        for writer in self._writers.values():
            writer.write(line)

    async def close(self) -> None:
        """Close all."""
        await self.load({}, "")
