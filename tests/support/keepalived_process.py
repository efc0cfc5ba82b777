"""keepalived as a process, with a dpvs in memory at the other end of a real socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.wait import wait_until
from tests.support.api import serving
from tests.support.keepalived_dpvs import FakeDpvs
from xdpvs.api import messages as m
from xdpvs.api.dispatch import Handler
from xdpvs.api.message import Message
from xdpvs.api.structs_table import encode_table_entry

PROGRAM = Path(sys.executable).parent / "keepalived"


class Process:
    """keepalived in the foreground, its files in one directory."""

    def __init__(self, directory: Path, config: str, *arguments: str) -> None:
        self.directory = directory
        self.conf = directory / "keepalived.conf"
        self.conf.write_text(config)
        self.log = directory / "log"
        self.socket = directory / "dpvs.ipc"
        self.pid_files = [directory / f"{name}.pid" for name in ("keepalived", "vrrp", "checkers")]
        self.argv = [str(PROGRAM), "-f", str(self.conf), *self.pid_options(), *arguments]
        self._popen: subprocess.Popen[bytes] | None = None

    def pid_options(self) -> list[str]:
        """Where this one has its pid files."""
        return [word for option, file in zip("prc", self.pid_files, strict=True) for word in (f"-{option}", str(file))]

    @property
    def environment(self) -> dict[str, str]:
        """With the socket's name."""
        return {**os.environ, "DPVS_IPC_FILE": str(self.socket)}

    @property
    def popen(self) -> subprocess.Popen[bytes]:
        """The process."""
        assert self._popen is not None
        return self._popen

    def start(self) -> None:
        """Start it with its log on stderr, which is kept."""
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [*self.argv, "-n", "-l", "-G"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )

    def run(self, *arguments: str, timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [*self.argv, *arguments], capture_output=True, text=True, timeout=timeout_s, env=self.environment
        )

    def output(self) -> str:
        """What it has logged."""
        return self.log.read_text() if self.log.exists() else ""

    def says(self, text: str, deadline_s: float = 20) -> None:
        """Wait for a line of the log."""
        wait_until(lambda: text in self.output(), deadline_s, f"it says {text!r}")

    def reload(self, config: str) -> None:
        """Another file, and SIGHUP."""
        self.conf.write_text(config)
        self.popen.send_signal(signal.SIGHUP)

    def pid(self, name: str) -> int:
        """What a pid file says, 0 if it is not there."""
        file = self.directory / f"{name}.pid"
        return int(file.read_text()) if file.exists() else 0

    def kill(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process a pid file names."""
        pid = self.pid(name)
        assert pid > 1, f"{name}.pid names nobody"
        os.kill(pid, number)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(30)

    def close(self) -> None:
        """Whatever happened: nothing of it stays."""
        if self._popen is not None and self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._popen.pid, signal.SIGKILL)
                self._popen.wait(5)


def handlers(dpvs: FakeDpvs) -> dict[Message[Any, Any], Handler]:
    """The fake behind a real server: decoding and encoding are the real ones."""

    def table(_request: object) -> Iterator[bytes]:
        return map(encode_table_entry, dpvs.get_table())

    return {
        **dpvs.handlers,
        m.GET_INFO: lambda _: dpvs.get_info(),
        m.XDPVS_GET_STATUS: lambda _: dpvs.get_status(),
        m.XDPVS_GET_TABLE: table,
        m.IFADDR_SHOW: lambda _: dpvs.get_addresses(),
        m.BLKLST_GETALL: lambda _: dpvs.get_denied(),
        m.WHTLST_GETALL: lambda _: dpvs.get_allowed(),
        m.FLUSH: lambda _: dpvs.flush(),
    }


@contextmanager
def process(directory: Path, config: str, *arguments: str, dpvs: FakeDpvs | None = None) -> Iterator[Process]:
    """keepalived, started; with a dpvs if one is given."""
    made = Process(directory, config, *arguments)
    try:
        if dpvs is None:
            made.start()
            yield made
        else:
            with serving(made.socket, handlers(dpvs)):
                made.start()
                yield made
                made.close()
    finally:
        made.close()


def virtual_server(number: int, servers: Sequence[str], *lines: str) -> str:
    """A FullNAT service without checks, on 10.1.x.y."""
    body = "".join(f"    {line}\n" for line in lines)
    listed = "".join(f"    real_server {server} 80 {{\n        weight 100\n    }}\n" for server in servers)
    vip = f"10.1.{number >> 8}.{number & 255}"
    return f"virtual_server {vip} 80 {{\n    lb_algo rr\n    lb_kind FNAT\n    protocol TCP\n{body}{listed}}}\n"
