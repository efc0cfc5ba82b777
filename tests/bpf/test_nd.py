"""Neighbour discovery as the data plane answers and learns it (bpf/nd.h), scapy's frames as the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import (
    ICMPv6MLQuery,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_RS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptMTU,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
)
from scapy.packet import Packet, Raw

from tests.support.slowpath import (
    DROP,
    NEXT,
    OTHER_DEVICE,
    OUR_MAC,
    PASS,
    PEER_MAC,
    TX,
    VLAN,
    VLAN_DEVICE,
    SlowPath,
    ethernet,
    mac_bytes,
    packed,
    slow_path,
)
from xdpvs.bpf.layout import DropReason, EventKind, NeighbourFlags, NeighbourState

OURS = "2001:db8::10"
PEER = "2001:db8::99"
GROUP = "ff02::1:ff00:10"
GROUP_MAC = "33:33:ff:00:00:10"
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"
OLD_MAC = "02:00:00:00:00:98"
FRAME_MAC = "02:00:00:00:00:97"
NONCE = Raw(b"\x0e\x01nonce!")


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


@pytest.fixture
def plane(loaded: SlowPath) -> SlowPath:
    loaded.reset()
    loaded.put_address(OURS)
    return loaded


def message(
    body: Packet,
    source: str = PEER,
    to: str = GROUP,
    *,
    to_mac: str = GROUP_MAC,
    mac: str = PEER_MAC,
    hop_limit: int = 255,
    vlan: int | None = None,
) -> bytes:
    return ethernet(mac, to_mac, IPv6(src=source, dst=to, hlim=hop_limit, nh=58) / body, vlan)


def solicit(target: str = OURS, option: Packet | None = None) -> Packet:
    return ICMPv6ND_NS(tgt=target) / (option or ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC))


def bare(target: str = OURS) -> Packet:
    packet: Packet = ICMPv6ND_NS(tgt=target)
    return packet


def advert(target: str = PEER, *, solicited: int = 1, override: int = 1, mac: str | None = PEER_MAC) -> Packet:
    body: Packet = ICMPv6ND_NA(tgt=target, R=0, S=solicited, O=override)
    return body if mac is None else body / ICMPv6NDOptDstLLAddr(lladdr=mac)


def answer(to: str = PEER, mac: str = PEER_MAC, solicited: int = 1, vlan: int | None = None) -> bytes:
    return message(advert(OURS, solicited=solicited, mac=OUR_MAC), OURS, to, to_mac=mac, mac=OUR_MAC, vlan=vlan)


def learned(plane: SlowPath, address: str = PEER) -> bytes | None:
    entry = plane.neighbour(address)
    return entry.dmac if entry is not None and entry.state == NeighbourState.REACHABLE else None


@pytest.mark.parametrize(("to", "mac"), [(GROUP, GROUP_MAC), (OURS, OUR_MAC)])
def test_solicitation_is_answered_and_its_sender_learned(plane: SlowPath, to: str, mac: str) -> None:
    sent = plane.transmitted()
    verdict = plane.run("test_nd", message(solicit(), to=to, to_mac=mac))
    assert (verdict.action, verdict.frame, verdict.reason) == (TX, answer(), DropReason.NONE)
    assert learned(plane) == mac_bytes(PEER_MAC)
    assert plane.transmitted() == sent + 1
    assert [event.kind for event in plane.events()] == [EventKind.NEIGHBOUR_LEARNED]


def test_answer_keeps_the_tag(plane: SlowPath) -> None:
    plane.put_address(OURS, VLAN_DEVICE)
    verdict = plane.run("test_nd", message(solicit(), vlan=VLAN))
    assert (verdict.action, verdict.frame) == (TX, answer(vlan=VLAN))
    entry = plane.neighbour(PEER, VLAN_DEVICE)
    assert entry is not None
    assert (entry.dmac, entry.vlan) == (mac_bytes(PEER_MAC), VLAN)


def test_solicitation_without_option_is_answered_to_the_frames_sender(plane: SlowPath) -> None:
    verdict = plane.run("test_nd", message(bare(), mac=FRAME_MAC))
    assert (verdict.action, verdict.frame) == (TX, answer(mac=FRAME_MAC))
    assert learned(plane) is None


def test_the_option_wins_over_the_frames_sender(plane: SlowPath) -> None:
    verdict = plane.run("test_nd", message(solicit(), mac=FRAME_MAC))
    assert (verdict.action, verdict.frame) == (TX, answer(mac=PEER_MAC))


@pytest.mark.parametrize("body", [bare(), bare() / NONCE])
def test_duplicate_address_detection_is_told_to_all_nodes(plane: SlowPath, body: Packet) -> None:
    verdict = plane.run("test_nd", message(body, source="::"))
    assert (verdict.action, verdict.frame) == (TX, answer(ALL_NODES, ALL_NODES_MAC, solicited=0))
    assert plane.events() == []


@pytest.mark.parametrize(
    "body",
    [
        solicit() / NONCE,
        bare() / NONCE / ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC),
        bare() / ICMPv6NDOptMTU() / NONCE / ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC),
    ],
)
def test_other_options_are_skipped_and_not_repeated(plane: SlowPath, body: Packet) -> None:
    verdict = plane.run("test_nd", message(body))
    assert (verdict.action, verdict.frame) == (TX, answer())


def test_padding_behind_the_message_goes(plane: SlowPath) -> None:
    verdict = plane.run("test_nd", message(solicit()) + bytes(9))
    assert (verdict.action, verdict.frame) == (TX, answer())


@pytest.mark.parametrize("target", ["2001:db8::11", "2001:db8::77"])
def test_other_targets_are_the_hosts(plane: SlowPath, target: str) -> None:
    plane.put_address("2001:db8::77", OTHER_DEVICE)
    frame = message(solicit(target))
    verdict = plane.run("test_nd", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)
    assert learned(plane) is None


def test_solicitation_from_our_own_address_is_reported(plane: SlowPath) -> None:
    assert plane.run("test_nd", message(solicit(), source=OURS)).action == TX
    (event,) = plane.events()
    assert (event.kind, event.addr) == (EventKind.DAD_CONFLICT, packed(OURS))


def test_our_own_probe_come_back_is_the_hosts(plane: SlowPath) -> None:
    assert plane.run("test_nd", message(bare(), source="::", mac=OUR_MAC)).action == PASS
    assert plane.events() == []


@pytest.mark.parametrize("address", [PEER, "2001:db8::55"])
def test_advertisement_to_us_is_learned_and_still_passed(plane: SlowPath, address: str) -> None:
    frame = message(advert(address), to=OURS, to_mac=OUR_MAC)
    verdict = plane.run("test_nd", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)
    assert learned(plane, address) == mac_bytes(PEER_MAC)
    (event,) = plane.events()
    assert (event.kind, event.addr, event.mac) == (EventKind.NEIGHBOUR_LEARNED, packed(address), mac_bytes(PEER_MAC))


def test_unsolicited_advertisement_updates_but_does_not_create(plane: SlowPath) -> None:
    frame = message(advert(solicited=0), to=ALL_NODES, to_mac=ALL_NODES_MAC)
    assert plane.run("test_nd", frame).action == PASS
    assert plane.neighbour(PEER) is None
    plane.put_neighbour(PEER, OLD_MAC)
    plane.run("test_nd", frame)
    assert learned(plane) == mac_bytes(PEER_MAC)


def test_advertisement_without_override_keeps_a_known_mac(plane: SlowPath) -> None:
    plane.put_neighbour(PEER, OLD_MAC)
    plane.run("test_nd", message(advert(override=0), to=OURS, to_mac=OUR_MAC))
    assert learned(plane) == mac_bytes(OLD_MAC)


def test_advertisement_without_override_fills_an_unknown_mac(plane: SlowPath) -> None:
    plane.put_neighbour(PEER, OLD_MAC, state=NeighbourState.SEND)
    plane.run("test_nd", message(advert(override=0), to=OURS, to_mac=OUR_MAC))
    assert learned(plane) == mac_bytes(PEER_MAC)


@pytest.mark.parametrize(
    ("state", "after"),
    [(NeighbourState.PROBE, NeighbourState.REACHABLE), (NeighbourState.SEND, NeighbourState.SEND)],
)
def test_advertisement_without_option_only_confirms(
    plane: SlowPath, state: NeighbourState, after: NeighbourState
) -> None:
    plane.put_neighbour(PEER, OLD_MAC, state=state)
    plane.run("test_nd", message(advert(mac=None), to=OURS, to_mac=OUR_MAC))
    entry = plane.neighbour(PEER)
    assert entry is not None
    assert (entry.state, entry.dmac) == (after, mac_bytes(OLD_MAC))


def test_static_entry_is_left_alone(plane: SlowPath) -> None:
    plane.put_neighbour(PEER, OLD_MAC, flags=NeighbourFlags.STATIC)
    plane.run("test_nd", message(advert(), to=OURS, to_mac=OUR_MAC))
    plane.run("test_nd", message(solicit()))
    assert learned(plane) == mac_bytes(OLD_MAC)


def test_advertisement_of_our_address_is_reported(plane: SlowPath) -> None:
    frame = message(advert(OURS, solicited=0), to=ALL_NODES, to_mac=ALL_NODES_MAC)
    assert plane.run("test_nd", frame).action == PASS
    (event,) = plane.events()
    assert (event.kind, event.addr, event.mac) == (EventKind.DAD_CONFLICT, packed(OURS), mac_bytes(PEER_MAC))


@pytest.mark.parametrize("body", [ICMPv6ND_RS(), ICMPv6ND_RA(), ICMPv6MLQuery()])
def test_router_discovery_and_mld_are_the_hosts(plane: SlowPath, body: Packet) -> None:
    frame = message(body, to=ALL_NODES, to_mac=ALL_NODES_MAC)
    verdict = plane.run("test_nd", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)


def test_other_icmp_is_not_discovery(plane: SlowPath) -> None:
    echo = Raw(bytes([128, 0, 0, 0, 0, 1, 0, 1]))
    assert plane.run("test_nd", message(IPv6(src=PEER, dst=OURS, nh=58) / echo)).action in (NEXT, PASS)
    frame = ethernet(PEER_MAC, OUR_MAC, IPv6(src=PEER, dst=OURS, nh=58) / echo)
    assert plane.run("test_nd", frame).action == NEXT


def patched(frame: bytes, offset: int, value: int) -> bytes:
    return frame[:offset] + bytes([value]) + frame[offset + 1 :]


@pytest.mark.parametrize(
    "frame",
    [
        message(solicit(), hop_limit=254),
        message(ICMPv6ND_RA(), hop_limit=64),
        message(ICMPv6ND_NS(tgt=OURS, code=1)),
        patched(message(solicit()), 14 + 40 + 3, 0xAA),
        message(ICMPv6ND_NS(tgt="ff02::1")),
        message(Raw(bytes([135, 0, 0, 0]) + bytes(12))),
        message(bare() / Raw(b"\x01\x00" + bytes(6))),
        message(bare() / Raw(b"\x01\x02" + bytes(6))),
        message(solicit(), source="::"),
        message(bare(), source="::", to=OURS, to_mac=OUR_MAC),
        message(bare(), source="ff02::5"),
        message(advert(solicited=1), to=ALL_NODES, to_mac=ALL_NODES_MAC),
        message(advert(), source="::", to=OURS, to_mac=OUR_MAC),
    ],
)
def test_invalid_discovery_is_dropped(plane: SlowPath, frame: bytes) -> None:
    verdict = plane.run("test_nd", frame)
    assert (verdict.action, verdict.reason) == (DROP, DropReason.ND_INVALID)
    assert learned(plane) is None
    assert plane.events() == []


@pytest.mark.parametrize(("length", "reason"), [(14 + 39, DropReason.TRUNCATED), (14 + 60, DropReason.BAD_HEADER)])
def test_truncated_frames_are_dropped(plane: SlowPath, length: int, reason: DropReason) -> None:
    verdict = plane.run("test_nd", message(solicit())[:length])
    assert (verdict.action, verdict.reason) == (DROP, reason)


@given(data=st.binary(max_size=80), source=st.sampled_from([PEER, "::", OURS]), kind=st.sampled_from([135, 136]))
def test_any_options_get_an_answer_or_a_reason(loaded: SlowPath, data: bytes, source: str, kind: int) -> None:
    loaded.reset()
    loaded.put_address(OURS)
    body = (ICMPv6ND_NS(tgt=OURS) if kind == 135 else ICMPv6ND_NA(tgt=PEER)) / Raw(data)
    verdict = loaded.run("test_nd", message(body, source=source))
    assert verdict.action in (TX, PASS) or verdict.reason == DropReason.ND_INVALID
