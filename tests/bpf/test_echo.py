"""Echo requests answered by the data plane (bpf/echo.h) and the checksum it rests on (bpf/csum.h)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6
from scapy.packet import Packet

from tests.support.slowpath import (
    BROADCAST,
    DROP,
    NEXT,
    OTHER_DEVICE,
    OUR_MAC,
    PEER_MAC,
    TX,
    VLAN,
    VLAN_DEVICE,
    SlowPath,
    ethernet,
    slow_path,
)
from xdpvs.bpf.layout import DropReason, RouteFlags

OURS4, PEER4 = "192.0.2.10", "198.51.100.99"
OURS6, PEER6 = "2001:db8::10", "2001:db8:1::99"
BOTH = [(OURS4, PEER4), (OURS6, PEER6)]


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


def fill(plane: SlowPath) -> SlowPath:
    plane.reset()
    for address in (OURS4, OURS6):
        plane.put_address(address)
    return plane


@pytest.fixture
def plane(loaded: SlowPath) -> SlowPath:
    return fill(loaded)


def packet(source: str, to: str, ttl: int, payload: bytes, reply: bool) -> Packet:
    if "." in to:
        kind = "echo-reply" if reply else "echo-request"
        return IP(src=source, dst=to, ttl=ttl, id=77, tos=4, flags="DF") / ICMP(type=kind, id=3, seq=9) / payload
    icmp = (ICMPv6EchoReply if reply else ICMPv6EchoRequest)(id=3, seq=9, data=payload)
    return IPv6(src=source, dst=to, hlim=ttl, tc=4, fl=5) / icmp


def request(to: str, source: str, payload: bytes = b"data", *, mac: str = OUR_MAC, vlan: int | None = None) -> bytes:
    return ethernet(PEER_MAC, mac, packet(source, to, 17, payload, False), vlan)


def answer(to: str, source: str, payload: bytes = b"data", *, ttl: int = 64, vlan: int | None = None) -> bytes:
    return ethernet(OUR_MAC, PEER_MAC, packet(source, to, ttl, payload, True), vlan)


@pytest.mark.parametrize(("ours", "peer"), BOTH)
@pytest.mark.parametrize("vlan", [None, VLAN])
def test_echo_is_answered_in_place(plane: SlowPath, ours: str, peer: str, vlan: int | None) -> None:
    plane.put_address(ours, VLAN_DEVICE)
    verdict = plane.run("test_echo", request(ours, peer, vlan=vlan))
    assert (verdict.action, verdict.frame) == (TX, answer(peer, ours, vlan=vlan))


@pytest.mark.parametrize(("ours", "peer"), BOTH)
def test_answer_has_the_configured_ttl(plane: SlowPath, ours: str, peer: str) -> None:
    plane.settings(default_ttl=42)
    assert plane.run("test_echo", request(ours, peer)).frame == answer(peer, ours, ttl=42)


@given(
    payload=st.integers(0, 3400).flatmap(
        lambda n: st.binary(min_size=min(n, 64), max_size=64).map(lambda b: (b * 60)[:n])
    )
)
def test_any_payload_is_returned(loaded: SlowPath, payload: bytes) -> None:
    plane = fill(loaded)
    for ours, peer in BOTH:
        verdict = plane.run("test_echo", request(ours, peer, payload))
        assert (verdict.action, verdict.frame) == (TX, answer(peer, ours, payload))


@pytest.mark.parametrize(("ours", "peer"), BOTH)
@pytest.mark.parametrize("at", [3, 8, -1])
def test_bad_checksum_is_dropped(plane: SlowPath, ours: str, peer: str, at: int) -> None:
    frame = bytearray(request(ours, peer))
    frame[(14 + (20 if "." in ours else 40) + at) if at >= 0 else at] ^= 0x40
    verdict = plane.run("test_echo", bytes(frame))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.BAD_CHECKSUM)


@pytest.mark.parametrize(
    "frame",
    [
        request("192.0.2.11", PEER4),
        request("2001:db8::11", PEER6),
        request("ff02::1", PEER6, mac="33:33:00:00:00:01"),
        request("192.0.2.255", PEER4, mac=BROADCAST),
        request(OURS4, PEER4, mac=BROADCAST),
        ethernet(PEER_MAC, OUR_MAC, packet(PEER4, OURS4, 64, b"", True)),
        ethernet(PEER_MAC, OUR_MAC, packet(PEER6, OURS6, 64, b"", True)),
        ethernet(PEER_MAC, OUR_MAC, IP(src=PEER4, dst=OURS4) / ICMP(type=8, code=1)),
    ],
)
def test_what_is_not_ours_to_answer_goes_on(plane: SlowPath, frame: bytes) -> None:
    verdict = plane.run("test_echo", frame)
    assert (verdict.action, verdict.frame) == (NEXT, frame)


@pytest.mark.parametrize(("ours", "peer"), [("192.0.2.77", PEER4), ("2001:db8::77", PEER6)])
def test_address_of_another_device_is_not_answered(plane: SlowPath, ours: str, peer: str) -> None:
    plane.put_address(ours, OTHER_DEVICE)
    plane.put_route(ours, OTHER_DEVICE, RouteFlags.LOCAL)
    assert plane.run("test_echo", request(ours, peer)).action == NEXT


@pytest.mark.parametrize(("ours", "peer"), [("192.0.2.77", PEER4), ("2001:db8::77", PEER6)])
def test_local_route_by_the_ingress_device_is_answered(plane: SlowPath, ours: str, peer: str) -> None:
    plane.put_route(ours, flags=RouteFlags.LOCAL)
    assert plane.run("test_echo", request(ours, peer)).frame == answer(peer, ours)


@pytest.mark.parametrize(
    ("ours", "source"),
    [(OURS4, "0.0.0.0"), (OURS4, "127.0.0.1"), (OURS4, "224.0.0.5"), (OURS4, "255.255.255.255"),
     (OURS6, "::"), (OURS6, "::1"), (OURS6, "ff02::1")],
)  # fmt: skip
def test_impossible_sources_are_dropped(plane: SlowPath, ours: str, source: str) -> None:
    verdict = plane.run("test_echo", request(ours, source))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.BAD_ADDRESS)


@pytest.mark.parametrize(("ours", "peer"), BOTH)
def test_padding_is_no_part_of_the_message(plane: SlowPath, ours: str, peer: str) -> None:
    padding = b"\xde\xad\xbe\xef"
    verdict = plane.run("test_echo", request(ours, peer, b"") + padding)
    assert (verdict.action, verdict.frame) == (TX, answer(peer, ours, b"") + padding)


@pytest.mark.parametrize(("ours", "peer"), BOTH)
def test_every_truncation_has_a_reason(plane: SlowPath, ours: str, peer: str) -> None:
    frame = request(ours, peer)
    for length in range(14, len(frame)):
        verdict = plane.run("test_echo", frame[:length])
        assert (verdict.action, verdict.reason in (DropReason.TRUNCATED, DropReason.BAD_HEADER)) == (DROP, True)


def folded(data: bytes) -> int:
    total = sum(int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@given(offset=st.integers(14, 127), data=st.binary(min_size=1, max_size=300), repeat=st.integers(1, 11))
def test_checksum_of_a_range(loaded: SlowPath, offset: int, data: bytes, repeat: int) -> None:
    frame = bytes([offset, 0]) + bytes(offset - 2) + data * repeat
    assert loaded.run("test_csum", frame).action == folded(frame[offset:])


def test_checksum_beyond_the_frame_is_refused(loaded: SlowPath) -> None:
    for length in range(1, 140):
        assert loaded.run("test_csum", bytes([14, 1]) + bytes(12 + length)).action == 0xFFFFFFFF
