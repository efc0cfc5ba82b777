"""The stages of the slow path in a row: each takes its frames and lets the others' pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP

from tests.support.slowpath import (
    BROADCAST,
    DROP,
    OUR_MAC,
    PASS,
    PEER_MAC,
    TX,
    VLAN,
    Flow,
    SlowPath,
    ethernet,
    slow_path,
)
from xdpvs.bpf.layout import DropReason

OURS4, PEER4 = "192.0.2.10", "192.0.2.99"
OURS6, PEER6 = "2001:db8::10", "2001:db8::99"
FLOW = Flow("198.51.100.9", 40000, OURS4, 80, "10.0.0.10", 5001, "10.0.0.99", 8080, 6)
QUOTE = bytes(IP(src=FLOW.laddr, dst=FLOW.server) / UDP(sport=5001, dport=8080))

FRAMES = [
    ethernet(PEER_MAC, BROADCAST, ARP(op=1, hwsrc=PEER_MAC, psrc=PEER4, pdst=OURS4)),
    ethernet(PEER_MAC, OUR_MAC, IP(src=PEER4, dst=OURS4) / ICMP(type=8) / b"ping"),
    ethernet(PEER_MAC, OUR_MAC, IPv6(src=PEER6, dst=OURS6) / ICMPv6EchoRequest(data=b"ping")),
    ethernet(
        PEER_MAC,
        "33:33:ff:00:00:10",
        IPv6(src=PEER6, dst="ff02::1:ff00:10") / ICMPv6ND_NS(tgt=OURS6) / ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC),
    ),
    ethernet(PEER_MAC, OUR_MAC, IP(src=PEER4, dst=OURS4, ttl=1) / UDP() / b"expired"),
    ethernet(PEER_MAC, OUR_MAC, IPv6(src=PEER6, dst=OURS6) / UDP() / b"something"),
    ethernet(PEER_MAC, OUR_MAC, IP(src=PEER4, dst=FLOW.laddr) / ICMP(type=3, code=1) / QUOTE),
]


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


def fill(plane: SlowPath) -> SlowPath:
    plane.reset()
    plane.put_address(OURS4)
    plane.put_address(OURS6)
    plane.put_flow(FLOW)
    return plane


@pytest.mark.parametrize(
    ("frame", "action", "reason"),
    [
        (FRAMES[0], TX, DropReason.NONE),
        (FRAMES[1], TX, DropReason.NONE),
        (FRAMES[2], TX, DropReason.NONE),
        (FRAMES[3], TX, DropReason.NONE),
        (FRAMES[4], TX, DropReason.TTL),  # not forwarded, and said so
        (FRAMES[5], PASS, DropReason.NONE),
        (FRAMES[6], PASS, DropReason.NONE),  # UDP, but the connection is TCP
    ],
)
def test_each_frame_finds_its_stage(loaded: SlowPath, frame: bytes, action: int, reason: DropReason) -> None:
    verdict = fill(loaded).run("slow_path", frame)
    assert (verdict.action, verdict.reason) == (action, reason)
    if action == PASS:
        assert verdict.frame == frame


@given(
    frame=st.sampled_from(FRAMES),
    changes=st.lists(st.tuples(st.integers(12, 80), st.integers(0, 255)), max_size=4),
    length=st.integers(14, 120),
)
def test_no_frame_is_lost_without_a_reason(
    loaded: SlowPath, frame: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    """Frames with a tag nobody has are passed; the tag of ours has no KNI here, so those are dropped by name."""
    fill(loaded)
    changed = bytearray(frame)
    for at, value in changes:
        changed[at % len(changed)] = value
    verdict = loaded.run("slow_path", bytes(changed[:length]))
    assert verdict.action in (PASS, TX) or (verdict.action == DROP and verdict.reason != DropReason.NONE)


def test_tag_of_nobody_is_the_hosts(loaded: SlowPath) -> None:
    frame = ethernet(PEER_MAC, BROADCAST, ARP(op=1, hwsrc=PEER_MAC, psrc=PEER4, pdst=OURS4), VLAN + 1)
    verdict = fill(loaded).run("slow_path", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)
