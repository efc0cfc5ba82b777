"""The server against clients that are none: garbage, silence, haste; and the life of its socket."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import handlers, serving
from xdpvs.api import messages as m
from xdpvs.api.client import Client
from xdpvs.api.dispatch import HandlerMismatch
from xdpvs.api.errors import ApiError, ConnectionFailed, ShortReply
from xdpvs.api.framing import REPLY_HEADER, REQUEST_HEADER, VERSION, request_bytes
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.server import AddressInUse, Server
from xdpvs.model.service import DaemonInfo

INFO = DaemonInfo(0x010A02, 0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "ipc", {m.GET_INFO: lambda _q: INFO}, timeout_s=0.3) as running:
        yield running
        # Whatever happened, it still answers.
        assert Client(running.path, 5).get_info() == INFO


def connect(server: Server) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(server.path)
    client.settimeout(5)
    return client


def talk(server: Server, data: bytes, *, end: bool = True) -> bytes:
    """Everything that comes back."""
    with connect(server) as client:
        client.sendall(data)
        if end:
            client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        return received


def header(version: int = VERSION, number: int = MessageId.GET_INFO, kind: int = Kind.GET, length: int = 0) -> bytes:
    return REQUEST_HEADER.pack(version, number, kind, length)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 10,
        header(version=1),
        header(kind=2),
        header(kind=0xFFFFFFFF),
        header(number=109),
        header(number=200, length=8) + bytes(8),
        header(number=5000, kind=Kind.SET),
        header(number=102, length=40) + bytes(40),
        header(number=MessageId.LADDR_GETALL, kind=Kind.SET, length=184) + bytes(184),
        header(length=16) + bytes(3),
        header(length=1 << 63),
        header(length=(1 << 20) + 1) + bytes(4096),
        os.urandom(300),
    ],
    ids=range(14),
)
def test_garbage_is_closed_without_reply(server: Server, data: bytes) -> None:
    assert talk(server, data) == b""
    assert server.counters.garbage == 1
    assert server.counters.requests == 0


def test_bytes_behind_the_body_are_not_read(server: Server) -> None:
    reply = talk(server, header(length=4) + bytes(4) + b"garbage" * 100, end=False)
    assert len(reply) == REPLY_HEADER.size + 16


def test_a_second_request_is_ignored(server: Server) -> None:
    assert len(talk(server, header() + header())) == REPLY_HEADER.size + 16


def test_request_in_single_bytes(server: Server) -> None:
    with connect(server) as client:
        for byte in request_bytes(MessageId.GET_INFO, Kind.GET, bytes(2)):
            client.sendall(bytes([byte]))
            time.sleep(0.001)
        assert len(client.recv(4096, socket.MSG_WAITALL)) == REPLY_HEADER.size + 16


def test_silent_clients_delay_nobody_and_are_dropped(server: Server) -> None:
    silent = [connect(server) for _ in range(50)]
    silent[0].sendall(header()[:10])
    started = time.monotonic()
    assert Client(server.path, 5).get_info() == INFO
    assert time.monotonic() - started < 0.25
    for client in silent:
        assert client.recv(1) == b""
        client.close()
    assert server.counters.timeouts == 50


def test_trickling_does_not_extend_the_deadline(server: Server) -> None:
    started = time.monotonic()
    with connect(server) as client:
        for byte in header(length=1000) + bytes(1000):
            try:
                client.sendall(bytes([byte]))
            except BrokenPipeError:
                break
            time.sleep(0.05)
    assert time.monotonic() - started < 5


def test_more_clients_than_are_served_at_once(server: Server) -> None:
    silent = [connect(server) for _ in range(300)]
    assert Client(server.path, 5).get_info() == INFO
    for client in silent:
        client.close()


def test_client_that_does_not_read(tmp_path: Path) -> None:
    big = iter([bytes(1 << 20)] * 8)
    given = {m.XDPVS_GET_TABLE: lambda _q: big}
    with serving(tmp_path / "ipc", given, timeout_s=0.3) as server, connect(server) as client:
        client.sendall(header(number=MessageId.XDPVS_GET_TABLE))
        deadline = time.monotonic() + 5
        while not server.counters.timeouts and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.counters.timeouts == 1


def test_huge_reply_arrives(tmp_path: Path) -> None:
    parts = [bytes([n]) * (1 << 20) for n in range(20)]
    with serving(tmp_path / "ipc", {m.XDPVS_GET_TABLE: lambda _q: iter(parts)}) as server:
        body = Client(server.path, 5).call_raw(MessageId.XDPVS_GET_TABLE, Kind.GET, b"")
    assert body == b"".join(parts)


@pytest.mark.parametrize("number", [number for kind, number in m.MESSAGES if kind == Kind.SET])
def test_short_bodies_are_invalid(tmp_path: Path, number: MessageId) -> None:
    if number in (MessageId.FLUSH, MessageId.XDPVS_BATCH):
        return
    with serving(tmp_path / "ipc", {}) as server, pytest.raises(ApiError) as caught:
        Client(server.path, 5).call_raw(number, Kind.SET, b"\2\0\0")
    assert caught.value.code in (-1, -14)


@pytest.mark.parametrize("kind_and_number", list(m.MESSAGES))
def test_random_bodies_are_answered(tmp_path: Path, kind_and_number: tuple[Kind, int]) -> None:
    kind, number = kind_and_number
    with serving(tmp_path / "ipc", {}) as server:
        for length in (0, 1, 8, 48, 144, 148, 184, 264, 384, 512):
            for body in (os.urandom(length), b"\xff" * length):
                reply = talk(server, request_bytes(number, kind, body))
                assert len(reply) >= REPLY_HEADER.size
        assert server.counters.garbage == 0


def test_missing_and_extra_handlers_fail_at_startup(tmp_path: Path) -> None:
    complete = handlers({})
    missing = {message: handler for message, handler in complete.items() if message is not m.ADD}
    with pytest.raises(HandlerMismatch, match="ADD"):
        Server(str(tmp_path / "ipc"), missing)
    with pytest.raises(HandlerMismatch, match="GET_BOND_STATUS"):
        Server(str(tmp_path / "ipc"), {**complete, m.GET_BOND_STATUS: lambda _q: None})
    assert not (tmp_path / "ipc").exists()


def test_socket_mode(server: Server) -> None:
    assert stat.S_IMODE(os.stat(server.path).st_mode) == 0o600


def test_socket_of_a_group(tmp_path: Path) -> None:
    """Its members may connect too."""
    server = Server(str(tmp_path / "ipc"), handlers({}), group=os.getegid())
    try:
        status = os.stat(server.path)
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o660, os.getegid())
    finally:
        server.close()


def test_live_socket_is_not_taken_over(server: Server) -> None:
    with pytest.raises(AddressInUse):
        Server(server.path, handlers({}))


def test_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ipc"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with serving(path, {m.GET_INFO: lambda _q: INFO}):
        assert Client(str(path), 5).get_info() == INFO
    assert not path.exists()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ipc"
    path.write_text("precious")
    with pytest.raises(AddressInUse):
        Server(str(path), handlers({}))
    assert path.read_text() == "precious"


def test_successors_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ipc"
    with serving(path, {}):
        path.unlink()
        path.write_text("somebody else's")
    assert path.exists()


def test_no_daemon(tmp_path: Path) -> None:
    client = Client(str(tmp_path / "nobody"))
    with pytest.raises(ConnectionFailed) as caught:
        client.get_info()
    assert caught.value.line == "[dpvs_getsockopt] scoket msg connection error: No such file or directory"
    with pytest.raises(ConnectionFailed) as caught:
        client.flush()
    assert caught.value.line.startswith("[dpvs_setsockopt]")


def test_unknown_message_at_the_client(server: Server) -> None:
    with pytest.raises(ShortReply) as caught:
        Client(server.path, 5).call_raw(102, Kind.GET, bytes(40))
    assert caught.value.unanswered
    assert caught.value.line == "[sockopt_msg_recv] socket msg header recv error -- 0/88 recieved"
