"""The lab's nginx servers stopped, started again, and frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from lab.builder import Lab
from lab.process import Process
from tests.support.netns import wait_until


class HttpServer:
    """The nginx of a host of the lab."""

    def __init__(self, lab: Lab, host: str) -> None:
        self._lab = lab
        self._host = lab.hosts[host]
        self._process = next(each for each in lab.processes if each.log.name == f"{host}-nginx.log")

    def stop(self) -> None:
        """No more server: connections are refused."""
        self._process.stop(5.0)

    def start(self) -> None:
        """Start it again, as it was."""
        self._process = self._lab.on_exit(Process(self._process.argv, self._process.log))
        wait_until(lambda: ":80 " in self._host.run("ss", "-Hltn").stdout, 10, "nginx listens")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accepting, for the kernel does that, and silent."""
        pids = [self._process.pid, *_children(self._process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]
