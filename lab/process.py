"""Long-running processes of the lab."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A command ended with an exit status other than 0, or not in time."""


class Process:
    """One process of ours with its output in a log file; it ends when asked to, or is killed."""

    def __init__(self, argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for the lab, which then stops its processes in order.
                start_new_session=True,
                env=None if environment is None else {**os.environ, **environment},
            )
        self.pid = self._popen.pid

    def running(self) -> bool:
        """Whether it is still there."""
        return self._popen.poll() is None

    def exit_status(self) -> int | None:
        """Its exit status (minus the signal that ended it), None while it runs."""
        return self._popen.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.running():
            self._popen.send_signal(number)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end and return the exit status."""
        try:
            return self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{self.argv} still runs after {timeout_s:g} s") from error

    def stop(self, timeout_s: float = 5.0) -> int:
        """SIGTERM, then SIGKILL if that does not help; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout_s)
        except CommandFailed:
            self.signal(signal.SIGKILL)
            return self.wait(timeout_s)

    def output(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")


def run(
    argv: Sequence[str],
    *,
    timeout_s: float = 20.0,
    check: bool = True,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a shell; CommandFailed shows what it wrote."""
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=None if environment is None else {**os.environ, **environment},
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{' '.join(argv)}: still running after {timeout_s:g} s") from error
    if check and done.returncode != 0:
        raise CommandFailed(
            f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}{stdin}".rstrip()
        )
    return done
