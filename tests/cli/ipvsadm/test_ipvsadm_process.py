"""The entry points as processes, against a daemon that knows a few answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.golden import Exchange, ReplayServer
from xdpvs.api import messages as m
from xdpvs.api.framing import reply_bytes, request_bytes
from xdpvs.api.messages import Message
from xdpvs.api.requests import ServicesRequest
from xdpvs.model.service import DaemonInfo

HEAVY = {"asyncio", "ctypes", "numpy", "pyroute2", "subprocess", "argparse", "logging"}
EMPTY = """\
IP Virtual Server version 1.10.2 (size=0)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""


def exchange(message: Message[object, object], reply: bytes = b"") -> Exchange:
    return Exchange(
        request_bytes(message.id, message.kind, b""), reply_bytes(message.id, message.kind, code=0, body=reply)
    )


INFO = exchange(m.GET_INFO, m.GET_INFO.encode_reply(None, DaemonInfo(0x010A02, 0)))  # type: ignore[arg-type]
FLUSH = exchange(m.FLUSH)  # type: ignore[arg-type]
ADD = exchange(m.ADD)  # type: ignore[arg-type]
NO_SERVICES = exchange(m.GET_SERVICES, m.GET_SERVICES.encode_reply(ServicesRequest(0), []))  # type: ignore[arg-type]


def start(entry: str, path: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.argv[0] = '/usr/sbin/ipvsadm'; from xdpvs.ipvsadm.main import {entry}; sys.exit({entry}())"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "DPVS_IPC_FILE": path},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_listing(tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", [INFO, NO_SERVICES]) as server:
        done = start("run", server.path, "-ln")
    assert (done.stdout, done.stderr, done.returncode) == (EMPTY, "", 0)


def test_messages_call_the_program_by_its_name(tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", [INFO]) as server:
        done = start("run", server.path, "--bogus")
    assert done.stderr == "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"
    assert done.returncode == 255


def test_no_daemon(tmp_path: Path) -> None:
    done = start("run", str(tmp_path / "ipc"), "-v")
    assert done.returncode == 2
    assert done.stderr.endswith("Are you sure that dpvs is running?\n")


def test_save_writes_rules_only(tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", [INFO, NO_SERVICES]) as server:
        done = start("run_save", server.path, "-n")
    assert (done.stdout, done.returncode) == ("", 0)


def test_restore_clears_and_drops_comments(tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", [INFO, FLUSH, ADD], repeat=True) as server:
        done = start("run_restore", server.path, stdin="# saved\n-A -t 192.0.2.1:80 -s rr\n")
    assert (done.stderr, done.returncode) == ("", 0)
    sets = [number for kind, number, _ in server.requests if kind == 1]
    assert sets == [m.FLUSH.id, m.ADD.id]


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    with ReplayServer(tmp_path / "ipc", [INFO]) as server:
        code = "from xdpvs.ipvsadm.main import run; import sys; sys.exit(run())"
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-c", code, "-h"],
            env={**os.environ, "DPVS_IPC_FILE": server.path},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
        os.close(writing)
    assert (done.stderr, done.returncode) == ("", 141)


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_start_up_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, xdpvs.ipvsadm.main; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
