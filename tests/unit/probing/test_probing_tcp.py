"""TCP and SMTP checks against servers of all tempers."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import resource
import socket
import struct
from dataclasses import replace
from ipaddress import ip_address

import pytest

from tests.support.probing import LOCALHOST, nobody, open_descriptors, run, silence, tcp_server
from xdpvs.model.check import Endpoint, SmtpCheck, TcpCheck, Verdict
from xdpvs.model.service import ProxyProtocol
from xdpvs.probing.faults import opening_outcome, os_error
from xdpvs.probing.prober import Prober

ASK = TcpCheck(send=b"ping", receive=b"PONG")


def _pong(connection: socket.socket) -> None:
    assert connection.recv(4) == b"ping"
    connection.sendall(b"PO")
    connection.sendall(b"NG")
    silence(connection)


@pytest.mark.parametrize("address", [LOCALHOST, "::1"])
def test_a_server_that_accepts_is_good_and_one_that_refuses_is_bad(address: str) -> None:
    async def scenario(prober: Prober) -> None:
        good = await prober.probe(TcpCheck(), accepting, 5)
        assert (good.verdict, good.reason, good.timed_out) == (Verdict.GOOD, "", False)
        assert 0 < good.duration_s < 5
        bad = await prober.probe(TcpCheck(), refusing, 5)
        assert (bad.verdict, bad.reason, bad.timed_out) == (Verdict.BAD, "connection refused", False)

    with tcp_server(silence, address) as accepting, nobody(address=address) as refusing:
        run(scenario)


def test_an_exchange_is_good_when_the_answer_is_right() -> None:
    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(ASK, server, 5)).verdict == Verdict.GOOD
        wrong = await prober.probe(replace(ASK, receive=b"MOIN"), server, 5)
        assert wrong.verdict == Verdict.BAD
        assert wrong.reason.startswith("answered 'PO")

    with tcp_server(_pong) as server:
        run(scenario)


def test_a_server_that_accepts_and_says_nothing_times_out() -> None:
    async def scenario(prober: Prober) -> None:
        silent = await prober.probe(ASK, server, 0.1)
        assert (silent.verdict, silent.reason, silent.timed_out) == (Verdict.BAD, "no answer in time", True)
        assert silent.duration_s >= 0.1

    with tcp_server(silence) as server:
        run(scenario)


def test_a_server_that_resets_is_bad() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(4)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(ASK, server, 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.BAD, "connection reset by peer")

    with tcp_server(reset) as server:
        run(scenario)


def test_a_server_that_closes_is_bad() -> None:
    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(ASK, server, 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.BAD, "closed before the answer was complete")

    def close(connection: socket.socket) -> None:
        connection.recv(4)

    with tcp_server(close) as server:
        run(scenario)


@pytest.mark.parametrize(
    ("check", "seen"),
    [
        (TcpCheck(), "reset"),
        (TcpCheck(send=b"bye"), b"bye"),
        (TcpCheck(proxy=ProxyProtocol.V1), b"PROXY UNKNOWN\r\n"),
        (TcpCheck(send=b"bye", proxy=ProxyProtocol.V2), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0bye"),
    ],
)
def test_the_end_is_a_reset_unless_something_was_said(check: TcpCheck, seen: object) -> None:
    ends: queue.Queue[object] = queue.Queue()

    def watch(connection: socket.socket) -> None:
        whole = b""
        try:
            while piece := connection.recv(100):
                whole += piece
            ends.put(whole)
        except ConnectionResetError:
            ends.put("reset")

    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(check, server, 5)).verdict == Verdict.GOOD

    with tcp_server(watch) as server:
        run(scenario)
        assert ends.get(timeout=5) == seen


def test_a_check_comes_from_its_source_again_and_again() -> None:
    peers: queue.Queue[tuple[str, int]] = queue.Queue()

    def watch(connection: socket.socket) -> None:
        peers.put(connection.getpeername())
        _pong(connection)

    with nobody() as free:
        port = free.port

    async def scenario(prober: Prober) -> None:
        for _ in range(3):
            own = replace(server, source=ip_address("127.0.0.2"), source_port=port)
            assert (await prober.probe(ASK, own, 5)).verdict == Verdict.GOOD
            assert peers.get(timeout=5) == ("127.0.0.2", port)
        other = replace(server, source=ip_address("127.0.0.3"))
        assert (await prober.probe(ASK, other, 5)).verdict == Verdict.GOOD
        assert peers.get(timeout=5)[0] == "127.0.0.3"

    with tcp_server(watch) as server:
        run(scenario)


def test_what_is_wrong_here_decides_nothing() -> None:
    async def scenario(prober: Prober) -> None:
        elsewhere = replace(server, source=ip_address("192.0.2.1"))
        outcome = await prober.probe(TcpCheck(), elsewhere, 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "cannot assign requested address")
        no_device = replace(server, device="nonesuch0")
        assert (await prober.probe(TcpCheck(), no_device, 5)).verdict == Verdict.UNDECIDED
        no_scope = Endpoint(ip_address("fe80::1"), 80)
        assert (await prober.probe(TcpCheck(), no_scope, 5)).verdict == Verdict.UNDECIDED
        no_zone = Endpoint(ip_address("fe80::1"), 80, device="nonesuch0")
        outcome = await prober.probe(TcpCheck(), no_zone, 5)
        assert outcome.verdict == Verdict.UNDECIDED
        assert outcome.reason

    with tcp_server(silence) as server:
        run(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to bind to a device and to mark")
def test_a_check_leaves_by_its_device_with_its_mark() -> None:
    async def scenario(prober: Prober) -> None:
        where = replace(server, device="lo", fwmark=7)
        assert (await prober.probe(TcpCheck(), where, 5)).verdict == Verdict.GOOD

    with tcp_server(silence) as server:
        run(scenario)


def test_no_descriptor_left_decides_nothing() -> None:
    async def scenario(prober: Prober) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(number) for number in open_descriptors())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        fillers = []
        with contextlib.suppress(OSError):
            while True:
                fillers.append(os.dup(0))
        try:
            outcome = await prober.probe(TcpCheck(), server, 5)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for filler in fillers:
                os.close(filler)
        assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "too many open files")

    with tcp_server(silence) as server:
        run(scenario)


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (errno.ENETUNREACH, Verdict.BAD),
        (errno.EHOSTUNREACH, Verdict.BAD),
        (errno.ECONNREFUSED, Verdict.BAD),
        (errno.ETIMEDOUT, Verdict.BAD),
        (errno.EADDRNOTAVAIL, Verdict.UNDECIDED),
        (errno.ENOBUFS, Verdict.UNDECIDED),
        (errno.EPERM, Verdict.UNDECIDED),
    ],
)
def test_errors_are_told_apart_by_whose_fault_they_are(number: int, verdict: Verdict) -> None:
    outcome = opening_outcome(os_error(number))
    assert outcome.verdict == verdict
    assert outcome.timed_out == (number == errno.ETIMEDOUT)


def test_a_connection_to_itself_is_refused() -> None:
    async def scenario(prober: Prober) -> None:
        where = replace(free, source=free.address, source_port=free.port)
        outcome = await prober.probe(TcpCheck(), where, 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.BAD, "connection refused")

    with nobody() as free:
        pass
    run(scenario)


def test_smtp_goes_through_its_steps() -> None:
    heard: queue.Queue[bytes] = queue.Queue()

    def mail(connection: socket.socket) -> None:
        for reply in (b"220-mx\r\n220 ready\r\n", b"250 hello\r\n", b"221 bye\r\n"):
            connection.sendall(reply)
            heard.put(connection.recv(100))

    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(SmtpCheck("lb.example"), server, 5)).verdict == Verdict.GOOD

    with tcp_server(mail) as server:
        run(scenario)
    assert [heard.get(timeout=5) for _ in range(2)] == [b"HELO lb.example\r\n", b"QUIT\r\n"]
