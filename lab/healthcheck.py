"""`healthcheck` in the balancer's namespace, against an agent there."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Self

from lab.agent import Agent
from lab.balancer import installed
from lab.process import CommandFailed, Process
from lab.wait import wait_until

STATUS_PORT = 6602


class Healthcheck:
    """Started as the tutorial does, plus a status page. A context manager: starts, then stops.

    arguments replace the tutorial's flags; the status page comes with them all the same.
    """

    def __init__(self, agent: Agent, *, arguments: Sequence[str] | None = None, log_dir: str = "healthcheck") -> None:
        self.lab = agent.balancer.lab
        self.log_dir = self.lab.run_dir / log_dir
        self.url = f"http://127.0.0.1:{STATUS_PORT}"
        self._arguments = (
            [f"-log_dir={self.log_dir}", f"-lb_iface_addr=localhost:{agent.port}"] if arguments is None else arguments
        )
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    @property
    def process(self) -> Process:
        """The running (or dead) process."""
        if self._process is None:
            raise CommandFailed("healthcheck was never started")
        return self._process

    def start(self) -> None:
        """Start it and wait for its status page."""
        argv = [str(installed("healthcheck")), *self._arguments, f"-status-addr=127.0.0.1:{STATUS_PORT}"]
        process = self._process = self.lab.on_exit(self.lab.lb.start("healthcheck", *argv))

        def serves() -> bool:
            if not process.running():
                raise CommandFailed(f"healthcheck ended with {process.exit_status()}\n{process.output()}")
            return bool(self.lab.lb.run("curl", "-s", "--noproxy", "*", self.url, check=False).stdout)

        wait_until(serves, 20.0, "healthcheck shows its status")

    def stop(self) -> int:
        """Stop it the clean way and return its exit status."""
        return self.process.stop(5.0)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.signal(number)

    def page(self, path: str) -> str:
        """A page of its status server."""
        return self.lab.lb.run("curl", "-sS", "--fail", "--noproxy", "*", f"{self.url}{path}").stdout

    def log(self) -> str:
        """What it has logged, of level INFO and above."""
        link = self.log_dir / "healthcheck.INFO"
        return link.read_text() if link.exists() else self.process.output()
