"""ARP as the data plane answers and learns it (bpf/arp.h), scapy's frames as the oracle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from scapy.layers.l2 import ARP

from tests.support.slowpath import (
    BROADCAST,
    DROP,
    OTHER_DEVICE,
    OUR_MAC,
    PASS,
    PEER_MAC,
    PORT,
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

OURS = "192.0.2.10"
PEER = "192.0.2.99"
OLD_MAC = "02:00:00:00:00:98"
PADDING = bytes(18)


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


@pytest.fixture
def plane(loaded: SlowPath) -> SlowPath:
    loaded.reset()
    loaded.put_address(OURS)
    return loaded


def request(
    target: str, sender: str = PEER, mac: str = PEER_MAC, to: str = BROADCAST, vlan: int | None = None
) -> bytes:
    arp = ARP(op=1, hwsrc=mac, psrc=sender, hwdst="00:00:00:00:00:00", pdst=target)
    return ethernet(mac, to, arp, vlan) + PADDING


def reply(sender: str, target: str, mac: str = PEER_MAC, to: str = OUR_MAC) -> bytes:
    return ethernet(mac, to, ARP(op=2, hwsrc=mac, psrc=sender, hwdst=to, pdst=target)) + PADDING


def answer(to: str = PEER, vlan: int | None = None) -> bytes:
    arp = ARP(op=2, hwsrc=OUR_MAC, psrc=OURS, hwdst=PEER_MAC, pdst=to)
    return ethernet(OUR_MAC, PEER_MAC, arp, vlan) + PADDING


@pytest.mark.parametrize("to", [BROADCAST, OUR_MAC])
def test_request_for_our_address_is_answered_in_place(plane: SlowPath, to: str) -> None:
    sent = plane.transmitted()
    verdict = plane.run("test_arp", request(OURS, to=to))
    assert (verdict.action, verdict.frame, verdict.reason) == (TX, answer(), DropReason.NONE)
    assert plane.transmitted() == sent + 1


def test_answer_keeps_the_tag(plane: SlowPath) -> None:
    plane.put_address(OURS, VLAN_DEVICE)
    verdict = plane.run("test_arp", request(OURS, vlan=VLAN))
    assert (verdict.action, verdict.frame) == (TX, answer(vlan=VLAN))


def test_address_of_another_device_is_not_answered(plane: SlowPath) -> None:
    plane.put_address("192.0.2.77", OTHER_DEVICE)
    frame = request("192.0.2.77")
    verdict = plane.run("test_arp", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)


def test_probe_without_sender_address_is_answered_and_teaches_nothing(plane: SlowPath) -> None:
    verdict = plane.run("test_arp", request(OURS, sender="0.0.0.0"))
    assert (verdict.action, verdict.frame) == (TX, answer(to="0.0.0.0"))
    assert plane.events() == []


def test_request_between_others_is_the_hosts(plane: SlowPath) -> None:
    assert plane.run("test_arp", request(OURS, to="02:00:00:00:00:77")).action == PASS


def test_request_does_not_create_a_neighbour(plane: SlowPath) -> None:
    plane.run("test_arp", request(OURS))
    assert plane.neighbour(PEER) is None


def test_request_refreshes_the_senders_entry(plane: SlowPath) -> None:
    plane.put_neighbour(PEER, OLD_MAC, state=NeighbourState.PROBE)
    assert plane.run("test_arp", request("192.0.2.55")).action == PASS
    entry = plane.neighbour(PEER)
    assert entry is not None
    assert (entry.dmac, entry.state) == (mac_bytes(PEER_MAC), NeighbourState.REACHABLE)


def test_reply_to_us_is_learned_and_still_passed(plane: SlowPath) -> None:
    frame = reply(PEER, OURS)
    verdict = plane.run("test_arp", frame)
    assert (verdict.action, verdict.frame) == (PASS, frame)
    entry = plane.neighbour(PEER)
    assert entry is not None
    assert (entry.dmac, entry.smac) == (mac_bytes(PEER_MAC), mac_bytes(OUR_MAC))
    assert (entry.state, entry.device, entry.port) == (NeighbourState.REACHABLE, PORT, PORT)
    (event,) = plane.events()
    assert (event.kind, event.addr, event.mac) == (EventKind.NEIGHBOUR_LEARNED, packed(PEER), mac_bytes(PEER_MAC))


def test_reply_that_confirms_is_no_event(plane: SlowPath) -> None:
    plane.run("test_arp", reply(PEER, OURS))
    plane.events()
    plane.run("test_arp", reply(PEER, OURS))
    assert plane.events() == []


def test_static_entry_is_left_alone(plane: SlowPath) -> None:
    plane.put_neighbour(PEER, OLD_MAC, flags=NeighbourFlags.STATIC)
    plane.run("test_arp", reply(PEER, OURS))
    entry = plane.neighbour(PEER)
    assert entry is not None
    assert entry.dmac == mac_bytes(OLD_MAC)


@pytest.mark.parametrize("frame", [reply(PEER, PEER, to=BROADCAST), request(PEER), reply(PEER, PEER)])
def test_gratuitous_arp_updates_but_does_not_create(plane: SlowPath, frame: bytes) -> None:
    assert plane.run("test_arp", frame).action == PASS
    assert plane.neighbour(PEER) is None
    plane.put_neighbour(PEER, OLD_MAC)
    plane.run("test_arp", frame)
    entry = plane.neighbour(PEER)
    assert entry is not None
    assert entry.dmac == mac_bytes(PEER_MAC)


@pytest.mark.parametrize("frame", [reply(OURS, OURS, to=BROADCAST), reply(OURS, PEER), request(PEER, sender=OURS)])
def test_someone_with_our_address_is_reported(plane: SlowPath, frame: bytes) -> None:
    assert plane.run("test_arp", frame).action == PASS
    (event,) = plane.events()
    assert (event.kind, event.addr, event.mac) == (EventKind.DAD_CONFLICT, packed(OURS), mac_bytes(PEER_MAC))
    assert plane.neighbour(OURS) is None


def test_our_own_frame_come_back_is_no_conflict(plane: SlowPath) -> None:
    assert plane.run("test_arp", request(OURS, sender=OURS, mac=OUR_MAC)).action == PASS
    assert plane.events() == []


def test_announcement_of_our_address_by_another_is_defended(plane: SlowPath) -> None:
    verdict = plane.run("test_arp", request(OURS, sender=OURS))
    assert (verdict.action, verdict.frame) == (TX, answer(to=OURS))
    assert [event.kind for event in plane.events()] == [EventKind.DAD_CONFLICT]


def broken(**fields: object) -> bytes:
    arp = ARP(**{"op": 1, "hwsrc": PEER_MAC, "psrc": PEER, "pdst": OURS} | fields)
    return ethernet(PEER_MAC, BROADCAST, arp)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (request(OURS)[:41], DropReason.TRUNCATED),
        (request(OURS)[:14], DropReason.TRUNCATED),
        (broken(hwtype=6), DropReason.BAD_HEADER),
        (broken(ptype=0x86DD), DropReason.BAD_HEADER),
        (broken(hwlen=8), DropReason.BAD_HEADER),
        (broken(plen=16), DropReason.BAD_HEADER),
        (broken(hwsrc="03:00:00:00:00:01"), DropReason.BAD_ADDRESS),
        (broken(hwsrc="00:00:00:00:00:00"), DropReason.BAD_ADDRESS),
        (broken(psrc="224.0.0.1"), DropReason.BAD_ADDRESS),
        (broken(psrc="255.255.255.255"), DropReason.BAD_ADDRESS),
        (broken(psrc="127.0.0.1"), DropReason.BAD_ADDRESS),
    ],
)
def test_malformed_frames_are_dropped_with_a_reason(plane: SlowPath, frame: bytes, reason: DropReason) -> None:
    verdict = plane.run("test_arp", frame)
    assert (verdict.action, verdict.reason) == (DROP, reason)


def test_other_operations_are_the_hosts(plane: SlowPath) -> None:
    assert plane.run("test_arp", broken(op=8)).action == PASS


def test_vlan_without_kni_has_no_host(plane: SlowPath) -> None:
    verdict = plane.run("test_arp", request("192.0.2.55", vlan=VLAN))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.KNI_OFF)
