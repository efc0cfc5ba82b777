"""UDP, DNS and echo."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.probing_machine import Trace, converse
from xdpvs.checkers.dns import DnsMachine
from xdpvs.checkers.echo import EchoMachine
from xdpvs.checkers.machine import Finish, Machine, Send
from xdpvs.checkers.udp import UdpMachine
from xdpvs.model.address import Family
from xdpvs.model.check import DnsCheck, PingCheck, UdpCheck, Verdict
from xdpvs.model.service import ProxyProtocol
from xdpvs.packet.checksum import checksum

REQUIRED = UdpCheck(send=b"hi", receive=b"hello", require_reply=True, min_length=2, max_length=8)


@pytest.mark.parametrize(
    ("check", "sent"),
    [
        (UdpCheck(), b""),
        (UdpCheck(send=b"hi"), b"hi"),
        (UdpCheck(send=b"hi", proxy=ProxyProtocol.V1), b"hi"),
        (UdpCheck(send=b"hi", proxy=ProxyProtocol.V2_INSECURE), b"hi"),
        (UdpCheck(send=b"hi", proxy=ProxyProtocol.V2), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0hi"),
    ],
)
def test_udp_sends_one_datagram(check: UdpCheck, sent: bytes) -> None:
    assert UdpMachine(check).connected() == (Send(sent),)


def test_udp_silence_is_good_unless_a_reply_is_required() -> None:
    assert UdpMachine(UdpCheck()).timed_out() == (Finish(Verdict.GOOD),)
    assert UdpMachine(REQUIRED).timed_out() == (Finish(Verdict.BAD, "no reply in time", timed_out=True),)


def test_a_refused_datagram_is_bad() -> None:
    assert UdpMachine(UdpCheck()).failed("connection refused") == (Finish(Verdict.BAD, "connection refused"),)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (b"hello", Verdict.GOOD),
        (b"hello ab", Verdict.GOOD),
        (b"hello abc", Verdict.BAD),  # too long
        (b"he", Verdict.GOOD),  # the shorter of the two counts
        (b"h", Verdict.BAD),  # too short
        (b"holla", Verdict.BAD),
        (b"", Verdict.BAD),
    ],
)
def test_udp_compares_over_the_shorter_length(reply: bytes, verdict: Verdict) -> None:
    assert converse(UdpMachine(REQUIRED), [reply], close=False).verdict == verdict


def test_any_datagram_is_good_where_none_is_described() -> None:
    assert converse(UdpMachine(UdpCheck()), [b""], close=False).verdict == Verdict.GOOD


def _query(machine: DnsMachine) -> dns.message.Message:
    return dns.message.from_wire(Trace(machine).sent)


def test_dns_asks_for_a_name_and_a_type() -> None:
    query = _query(DnsMachine(DnsCheck("example.com", "AAAA"), 4711))
    assert query.id == 4711
    assert query.question[0].to_text() == "example.com. IN AAAA"
    assert query.flags == dns.flags.RD


@pytest.mark.parametrize(("rcode", "verdict"), [(dns.rcode.NOERROR, Verdict.GOOD), (dns.rcode.SERVFAIL, Verdict.BAD)])
def test_dns_judges_by_the_response_code(rcode: dns.rcode.Rcode, verdict: Verdict) -> None:
    machine = DnsMachine(DnsCheck(), 1)
    response = dns.message.make_response(_query(machine))
    response.set_rcode(rcode)
    trace = converse(machine, [response.to_wire()], close=False)
    assert trace.verdict == verdict
    assert trace.reason == ("" if verdict == Verdict.GOOD else "response code SERVFAIL")


def test_a_truncated_dns_response_is_good_enough() -> None:
    machine = DnsMachine(DnsCheck(), 1)
    response = dns.message.make_response(_query(machine))
    response.flags |= dns.flags.TC
    wire = bytearray(response.to_wire())
    wire[7] = 3  # answers announced, and none there
    assert converse(machine, [bytes(wire)], close=False).verdict == Verdict.GOOD


@pytest.mark.parametrize("wrong", ["id", "query"])
def test_another_dns_message_is_no_response(wrong: str) -> None:
    query = _query(DnsMachine(DnsCheck(), 1))
    other = dns.message.make_response(query)
    if wrong == "id":
        other.id = 2
    else:
        other.flags &= ~dns.flags.QR
    assert converse(DnsMachine(DnsCheck(), 1), [other.to_wire()], close=False).verdict == Verdict.BAD


def test_dns_refuses_what_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="cannot ask for NONSENSE of"):
        DnsMachine(DnsCheck(record_type="NONSENSE"), 1)
    with pytest.raises(ValueError, match="cannot ask for"):
        DnsMachine(DnsCheck("a..b"), 1)


@given(st.binary(max_size=80))
def test_dns_survives_garbage(data: bytes) -> None:
    assert converse(DnsMachine(DnsCheck(), 1), [data], close=False).verdict == Verdict.BAD


def _reply_to(request: bytes, family: Family) -> bytes:
    reply = bytearray(request)
    reply[0] = 0 if family == Family.INET else 129
    if family == Family.INET:
        reply[2:4] = b"\0\0"
        reply[2:4] = checksum(bytes(reply)).to_bytes(2)
    return bytes(reply)


def _echo(family: Family, size: int = 64, token: bytes = b"12345678") -> Machine:
    return EchoMachine(PingCheck(size), family, 0x1234, 7, token)


@pytest.mark.parametrize("family", [Family.INET, Family.INET6])
@pytest.mark.parametrize("size", [8, 12, 64, 1500])
def test_an_echo_request_has_its_size_and_its_reply_is_good(family: Family, size: int) -> None:
    machine = _echo(family, size)
    sent = Trace(machine).sent
    assert len(sent) == size
    assert sent[0] == (8 if family == Family.INET else 128)
    assert sent[4:8] == b"\x12\x34\x00\x07"
    assert converse(machine, [_reply_to(sent, family)], close=False).verdict == Verdict.GOOD


@pytest.mark.parametrize("family", [Family.INET, Family.INET6])
def test_other_echoes_are_passed_over(family: Family) -> None:
    machine = _echo(family)
    request = Trace(machine).sent
    other_token = Trace(_echo(family, token=b"87654321")).sent
    other_size = Trace(_echo(family, 65)).sent
    other_number = bytes([*request[:7], 8, *request[8:]])
    others = [_reply_to(sent, family) for sent in (other_token, other_size, other_number)]
    assert converse(machine, [request, b"", request[:7], *others], close=False).verdict is None


def test_an_icmp_reply_with_a_wrong_checksum_is_passed_over() -> None:
    machine = _echo(Family.INET)
    reply = bytearray(_reply_to(Trace(machine).sent, Family.INET))
    reply[2] ^= 1
    assert converse(machine, [bytes(reply)], close=False).verdict is None


def test_no_echo_in_time_is_bad() -> None:
    assert _echo(Family.INET).timed_out() == (Finish(Verdict.BAD, "no echo reply in time", timed_out=True),)


@given(st.binary(max_size=80), st.sampled_from([Family.INET, Family.INET6]))
def test_echo_survives_garbage(data: bytes, family: Family) -> None:
    assert converse(_echo(family), [data], close=False).verdict is None
