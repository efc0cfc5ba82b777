"""UDP, DNS and ping."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from ipaddress import ip_address

import dns.message
import dns.rcode
import pytest

from tests.support.probing import nobody, run, udp_server
from xdpvs.model.check import DnsCheck, Endpoint, Outcome, PingCheck, UdpCheck, UdpPingCheck, Verdict
from xdpvs.probing import echo
from xdpvs.probing.prober import Prober

REQUIRED = UdpCheck(send=b"hi", receive=b"HI", require_reply=True)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a raw socket")


def test_silence_is_judged_at_the_end_of_the_time() -> None:
    async def scenario(prober: Prober) -> None:
        good = await prober.probe(UdpCheck(), server, 0.1)
        assert (good.verdict, good.timed_out) == (Verdict.GOOD, False)
        bad = await prober.probe(REQUIRED, server, 0.1)
        assert (bad.verdict, bad.timed_out) == (Verdict.BAD, True)
        assert min(good.duration_s, bad.duration_s) >= 0.1

    with udp_server(lambda _: None) as server:
        run(scenario)


def test_a_reply_decides_at_once() -> None:
    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(REQUIRED, server, 5)).verdict == Verdict.GOOD
        assert (await prober.probe(UdpCheck(), server, 5)).verdict == Verdict.GOOD
        assert (await prober.probe(replace(REQUIRED, receive=b"no"), server, 5)).reason == "answered 'HI'"

    with udp_server(bytes.upper) as server:
        run(scenario)


def test_a_refused_datagram_is_bad() -> None:
    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(UdpCheck(), server, 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.BAD, "connection refused")

    with nobody(socket.SOCK_DGRAM) as server:
        run(scenario)


def test_dns_asks_a_server() -> None:
    def respond(query: bytes) -> bytes:
        response = dns.message.make_response(dns.message.from_wire(query))
        if response.question[0].name.to_text() != "good.example.":
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(DnsCheck("good.example", "A"), server, 5)).verdict == Verdict.GOOD
        bad = await prober.probe(DnsCheck("bad.example"), server, 5)
        assert (bad.verdict, bad.reason) == (Verdict.BAD, "response code NXDOMAIN")
        nonsense = await prober.probe(DnsCheck(record_type="?"), server, 5)
        assert nonsense.verdict == Verdict.UNDECIDED

    with udp_server(respond) as server:
        run(scenario)


@needs_root
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("size", [8, 64, 65000])
def test_a_host_answers_pings(address: str, size: int) -> None:
    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(PingCheck(size), Endpoint(ip_address(address)), 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.GOOD, "")

    run(scenario)


@needs_root
def test_pings_share_a_socket_for_each_way_out() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        ways = [
            Endpoint(ip_address("127.0.0.1")),
            Endpoint(ip_address("127.0.0.9")),
            Endpoint(ip_address("127.0.0.1"), source=ip_address("127.0.0.2")),
            Endpoint(ip_address("127.0.0.1"), device="lo", fwmark=3),
            Endpoint(ip_address("::1")),
        ]
        for _ in range(100):
            for way in ways:
                prober.start(PingCheck(), way, 5, outcomes.append)
        assert len(prober._echoes._sockets) == 4
        await prober.probe(PingCheck(), ways[-1], 5)
        while len(outcomes) < 500:
            await prober.probe(PingCheck(), ways[0], 5)
        assert {outcome.verdict for outcome in outcomes} == {Verdict.GOOD}

    run(scenario)


@needs_root
def test_a_host_that_does_not_answer_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo.EchoSocket, "send", lambda *_: None)

    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(PingCheck(), Endpoint(ip_address("127.0.0.1")), 0.05)
        assert (outcome.verdict, outcome.reason) == (Verdict.BAD, "no echo reply in time")
        assert outcome.timed_out
        assert all(shared.idle for shared in prober._echoes._sockets.values())

    run(scenario)


@needs_root
def test_sockets_nobody_uses_are_closed_when_another_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo, "IDLE_S", 0.0)

    async def scenario(prober: Prober) -> None:
        for source in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            where = Endpoint(ip_address("127.0.0.1"), source=ip_address(source))
            assert (await prober.probe(PingCheck(), where, 5)).verdict == Verdict.GOOD
            assert len(prober._echoes._sockets) == 1

    run(scenario)


@needs_root
def test_a_bad_way_out_decides_nothing_and_is_tried_anew() -> None:
    async def scenario(prober: Prober) -> None:
        for wrong in (
            Endpoint(ip_address("127.0.0.1"), source=ip_address("192.0.2.1")),
            Endpoint(ip_address("127.0.0.1"), device="nonesuch0"),
            Endpoint(ip_address("fe80::1")),
        ):
            assert (await prober.probe(PingCheck(), wrong, 5)).verdict == Verdict.UNDECIDED
        assert prober._echoes._sockets == {}

    run(scenario)


def test_without_any_icmp_socket_a_ping_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(echo, "open_socket", refuse)

    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(PingCheck(), Endpoint(ip_address("127.0.0.1")), 5)
        assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "operation not permitted")

    run(scenario)


@needs_root
def test_udp_follows_a_ping_that_was_answered() -> None:
    async def scenario(prober: Prober) -> None:
        assert (await prober.probe(UdpPingCheck(), refusing, 5)).reason == "connection refused"
        assert (await prober.probe(UdpPingCheck(REQUIRED), server, 5)).verdict == Verdict.GOOD
        silent = await prober.probe(UdpPingCheck(), silent_server, 0.2)
        assert silent.verdict == Verdict.GOOD
        assert silent.duration_s >= 0.2

    with (
        udp_server(bytes.upper) as server,
        udp_server(lambda _: None) as silent_server,
        nobody(socket.SOCK_DGRAM) as refusing,
    ):
        run(scenario)


@needs_root
def test_udp_does_not_follow_a_ping_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(echo.EchoSocket, "send", lambda *_: None)

    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(UdpPingCheck(), server, 0.05)
        assert (outcome.verdict, outcome.timed_out) == (Verdict.BAD, True)

    with udp_server(bytes.upper) as server:
        run(scenario)
