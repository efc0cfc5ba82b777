"""ICMP errors the data plane sends about packets it refuses (bpf/icmp_error.h)."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_Redirect,
    ICMPv6PacketTooBig,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
)
from scapy.packet import Packet, Raw

from tests.support.slowpath import (
    BROADCAST,
    DROP,
    OUR_MAC,
    PEER_MAC,
    TX,
    VLAN,
    SlowPath,
    ethernet,
    slow_path,
)
from xdpvs.bpf.layout import DropReason

VIP4, CLIENT4 = "192.0.2.10", "198.51.100.99"
VIP6, CLIENT6 = "2001:db8::10", "2001:db8:1::99"
QUOTE4, QUOTE6 = 576 - 28, 1280 - 48


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


@pytest.fixture
def plane(loaded: SlowPath) -> SlowPath:
    loaded.reset()
    loaded.put_error(11, 0, 0, DropReason.TTL)
    return loaded


def offending4(size: int, **fields: object) -> Packet:
    packet: Packet = IP(src=CLIENT4, dst=VIP4, ttl=9, tos=0x15, flags="DF", **fields) / UDP(sport=5, dport=53)
    return packet / Raw(bytes(i & 0xFF for i in range(size)))


def offending6(size: int) -> Packet:
    packet: Packet = IPv6(src=CLIENT6, dst=VIP6, hlim=9, tc=7, fl=99) / TCP(sport=5, dport=80)
    return packet / Raw(bytes(i & 0xFF for i in range(size)))


def answer4(icmp: Packet, quoted: Packet, vlan: int | None = None) -> bytes:
    ip = IP(src=VIP4, dst=CLIENT4, ttl=64, id=0, flags="DF", tos=0xD4)
    return ethernet(OUR_MAC, PEER_MAC, ip / icmp / Raw(bytes(quoted)[:QUOTE4]), vlan)


def answer6(icmp: Packet, quoted: Packet, vlan: int | None = None) -> bytes:
    ip = IPv6(src=VIP6, dst=CLIENT6, hlim=64)
    return ethernet(OUR_MAC, PEER_MAC, ip / icmp / Raw(bytes(quoted)[:QUOTE6]), vlan)


@given(size=st.integers(0, 1400), mtu=st.integers(68, 9000), vlan=st.sampled_from([None, VLAN]))
def test_fragmentation_needed(loaded: SlowPath, size: int, mtu: int, vlan: int | None) -> None:
    loaded.put_error(3, 4, mtu, DropReason.MTU)
    packet = offending4(size)
    verdict = loaded.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, packet, vlan))
    assert (verdict.action, verdict.reason) == (TX, DropReason.MTU)
    assert verdict.frame == answer4(ICMP(type=3, code=4, nexthopmtu=mtu), packet, vlan)


@given(size=st.integers(0, 1400), mtu=st.integers(1280, 70000), vlan=st.sampled_from([None, VLAN]))
def test_packet_too_big(loaded: SlowPath, size: int, mtu: int, vlan: int | None) -> None:
    loaded.put_error(2, 0, mtu, DropReason.MTU)
    packet = offending6(size)
    verdict = loaded.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, packet, vlan))
    assert (verdict.action, verdict.reason) == (TX, DropReason.MTU)
    assert verdict.frame == answer6(ICMPv6PacketTooBig(mtu=mtu), packet, vlan)


@pytest.mark.parametrize(("kind", "code"), [(11, 0), (3, 1), (3, 3)])
def test_other_errors_of_ipv4(plane: SlowPath, kind: int, code: int) -> None:
    plane.put_error(kind, code, 0, DropReason.TTL)
    verdict = plane.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, offending4(20)))
    assert verdict.frame == answer4(ICMP(type=kind, code=code), offending4(20))


@pytest.mark.parametrize(("kind", "icmp"), [(3, ICMPv6TimeExceeded()), (1, ICMPv6DestUnreach())])
def test_other_errors_of_ipv6(plane: SlowPath, kind: int, icmp: Packet) -> None:
    plane.put_error(kind, 0, 0, DropReason.TTL)
    verdict = plane.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, offending6(20)))
    assert verdict.frame == answer6(icmp, offending6(20))


def test_padding_is_not_quoted(plane: SlowPath) -> None:
    verdict = plane.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, offending4(0)) + bytes(18))
    assert verdict.frame == answer4(ICMP(type=11, code=0), offending4(0))


def v4(payload: Packet, **fields: object) -> bytes:
    return ethernet(PEER_MAC, OUR_MAC, IP(**{"src": CLIENT4, "dst": VIP4} | fields) / payload)


def v6(payload: Packet, **fields: object) -> bytes:
    return ethernet(PEER_MAC, OUR_MAC, IPv6(**{"src": CLIENT6, "dst": VIP6} | fields) / payload)


@pytest.mark.parametrize(
    "frame",
    [
        v4(ICMP(type=8) / b"data"),
        v4(UDP() / b"first", flags="MF"),
        v6(ICMPv6EchoRequest()),
        v6(IPv6ExtHdrFragment(m=1, nh=17) / UDP() / b"first"),
    ],
)
def test_echo_and_first_fragments_may_be_complained_about(plane: SlowPath, frame: bytes) -> None:
    assert plane.run("test_icmp_error", frame).action == TX


@pytest.mark.parametrize(
    "frame",
    [
        v4(ICMP(type=3, code=1) / bytes(offending4(8))),
        v4(ICMP(type=11) / bytes(offending4(8))),
        v4(ICMP(type=0)),
        v4(ICMP(type=3) / b"", flags="MF"),
        v4(Raw(b"rest of it"), frag=10),
        v4(UDP(), src="224.0.0.9"),
        v4(UDP(), src="0.0.0.0"),
        v4(UDP(), src="255.255.255.255"),
        v4(UDP(), dst="224.0.0.9"),
        v4(UDP(), dst="255.255.255.255"),
        ethernet(PEER_MAC, BROADCAST, offending4(8)),
        ethernet(PEER_MAC, "33:33:00:00:00:01", offending6(8)),
        v6(ICMPv6DestUnreach() / bytes(offending6(8))),
        v6(ICMPv6ND_Redirect()),
        v6(UDP(), src="::"),
        v6(UDP(), src="ff02::1"),
        v6(UDP(), dst="ff02::1"),
        v6(IPv6ExtHdrFragment(offset=10, nh=17) / b"rest of it"),
        v6(IPv6ExtHdrFragment(m=1, nh=58) / ICMPv6DestUnreach() / bytes(offending6(8))),
        v6(IPv6ExtHdrDestOpt() / ICMPv6DestUnreach() / bytes(offending6(8))),
    ],
)
def test_what_no_error_may_be_about(plane: SlowPath, frame: bytes) -> None:
    verdict = plane.run("test_icmp_error", frame)
    assert (verdict.action, verdict.frame, verdict.reason) == (DROP, frame, DropReason.TTL)


@pytest.fixture
def one_cpu() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_cpu")
def test_rate_is_limited_per_cpu(plane: SlowPath) -> None:
    plane.settings(icmp_errors_per_second=3)
    frame = ethernet(PEER_MAC, OUR_MAC, offending4(8))
    verdicts = [plane.run("test_icmp_error", frame) for _ in range(6)]
    assert [verdict.action for verdict in verdicts] == [TX] * 3 + [DROP] * 3
    assert {verdict.reason for verdict in verdicts} == {DropReason.TTL}


def test_rate_zero_means_none(plane: SlowPath) -> None:
    plane.settings(icmp_errors_per_second=0)
    assert plane.run("test_icmp_error", ethernet(PEER_MAC, OUR_MAC, offending4(8))).action == DROP
