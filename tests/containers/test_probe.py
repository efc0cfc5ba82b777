"""The image's health check, without an image: what it asks whom."""

from __future__ import annotations

import runpy
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from lab.objects import TOP
from tests.support.api import serving
from xdpvs.api import messages as m

probe = runpy.run_path(str(TOP / "containers" / "probe.py"))
main: Callable[[Sequence[str]], int] = probe["main"]
option: Callable[[Sequence[str], Sequence[str], str], str] = probe["option"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("-x /a", "/a"),
        ("--ipc-file /a", "/a"),
        ("--ipc-file=/a -c /c", "/a"),
        ("-x /b -x /a", "/a"),
        ("-c /c", "default"),
        ("-c /c -- -x /b", "default"),
        ("-x", ""),
    ],
)
def test_options(line: str, value: str) -> None:
    assert option(line.split(), ("-x", "--ipc-file"), "default") == value


def test_dpvs_is_asked_at_its_socket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dpvs.ipc"
    argv = ["/opt/xdpvs/bin/python3", "/usr/bin/dpvs", "-c", "/c", "-x", str(path), "--", "-a", "eth1"]
    with serving(path, {m.GET_VERSION: lambda _request: "dpvs version: 1"}):
        assert main(argv) == 0
    assert main(argv) == 1
    assert capsys.readouterr().out.startswith("/usr/bin/dpvs: ")


class Answering(BaseHTTPRequestHandler):
    """Any answer will do."""

    def do_GET(self) -> None:  # the name http.server calls
        """Refuse."""
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the tests' stderr."""


def test_dpvs_agent_is_asked_at_its_port() -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        argv = ["/usr/bin/dpvs-agent", "--host=0.0.0.0", f"--port={server.server_port}"]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert main(argv) == 0
        server.shutdown()
        thread.join()
    assert main(argv) == 1


@pytest.mark.parametrize("program", ["/usr/bin/keepalived", "/usr/bin/healthcheck", "/bin/bash", "/usr/bin/dpvs-agent"])
def test_others_are_well_if_they_are_there(program: str) -> None:
    assert main([program]) == 0
