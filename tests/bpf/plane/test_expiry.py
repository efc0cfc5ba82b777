"""Timeouts by state, what the sweep frees, and the slots' second life (reference dataplane 3.4-3.7)."""

from __future__ import annotations

import random

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.packet import Raw

from tests.support import world
from tests.support.bpf import TCP_STATE, TCP_TIMEOUTS, UDP_STATE, UDP_TIMEOUTS, Plane, Sweep, address_of, wait_ticks
from tests.support.frames import IPV4, ether, ipv4, udp
from tests.support.session import Session
from xdpvs.bpf.layout import ConnFlags, DropReason, Service, ServiceKey, SlotKind

WEB, DNS, WEB6, _, WEB64, _ = world.SERVICES
CLIENT4, CLIENT6 = world.packed("198.51.100.7"), world.packed("2001:db8:c::7")
EXPIRE_QUIESCENT = 0x10
# How long a sweep of another clock, a tick and a rounding may be off.
SLACK_S = 0.5


def with_timeout(plane: Plane, service: world.Service, seconds: int) -> None:
    key = ServiceKey(addr=service.vip, port=service.port, proto=service.proto, af=2)
    value = plane.maps.services.get(key)
    assert value
    plane.maps.services.put(key, Service.from_bytes(bytes(value)))
    value.conn_timeout = seconds
    plane.maps.services.put(key, value)


def expires_after(plane: Plane, seconds: float) -> None:
    """Nothing expires shortly before, everything does shortly after."""
    flows = len(plane.inbound())
    plane.age(seconds - SLACK_S)
    assert plane.sweep() == Sweep(live=flows, expired=0, freed=0)
    plane.age(2 * SLACK_S)
    assert plane.sweep() == Sweep(live=0, expired=flows, freed=0)
    assert not len(plane.live())
    for server in range(80):
        assert plane.counts(server) == (0, 0)


@pytest.mark.parametrize("state", range(1, len(TCP_STATE)), ids=TCP_STATE[1:])
def test_tcp_timeout_of_each_state(plane: Plane, state: int) -> None:
    s = Session(plane, WEB, CLIENT4)
    if TCP_STATE[state] == "ES":
        s.handshake()
        assert s.server
        assert plane.counts(s.server.id) == (1, 0)
    else:
        s.open()
        plane.conns["state"][plane.kinds() == SlotKind.LIVE] = state
    expires_after(plane, TCP_TIMEOUTS[state])


def test_first_packet_alone_keeps_a_connection_for_the_initial_time(plane: Plane) -> None:
    Session(plane, WEB, CLIENT4).open()
    plane.conns["state"][plane.kinds() == SlotKind.LIVE] = 0
    expires_after(plane, 3)


@pytest.mark.parametrize("state", [1, 2], ids=UDP_STATE[1:])
def test_udp_timeouts(plane: Plane, state: int) -> None:
    s = Session(plane, DNS, CLIENT4)
    s.open()
    if state == 2:
        plane.send(s.at_laddr(UDP() / Raw(b"x")))
    assert plane.states() == {UDP_STATE[state]}
    expires_after(plane, UDP_TIMEOUTS[state])


def test_timeout_of_the_service_is_for_established_tcp_and_all_of_udp(plane: Plane) -> None:
    with_timeout(plane, WEB, 1000)
    with_timeout(plane, DNS, 1000)
    Session(plane, WEB, CLIENT4, 1).handshake()
    Session(plane, DNS, CLIENT4, 2).open()
    syn = Session(plane, WEB, CLIENT4, 3)
    syn.open()
    plane.age(31)
    assert plane.sweep() == Sweep(live=2, expired=1, freed=0)
    plane.age(1000 - 31 - SLACK_S)
    assert plane.sweep().live == 2
    plane.age(2 * SLACK_S)
    assert plane.sweep().expired == 2


def test_the_longest_timeout_there_may_be_does_not_expire_at_once(plane: Plane) -> None:
    with_timeout(plane, DNS, 31535999)
    Session(plane, DNS, CLIENT4).open()
    plane.age(3600)
    assert plane.sweep() == Sweep(live=1, expired=0, freed=0)


@pytest.mark.parametrize("inbound", [True, False], ids=["client", "server"])
def test_packets_of_one_side_keep_both_slots(plane: Plane, inbound: bool) -> None:
    s = Session(plane, DNS, CLIENT4)
    s.open()
    plane.send(s.at_laddr(UDP() / Raw(b"x")))
    for _ in range(3):
        plane.age(200)
        frame = s.at_vip(UDP() / Raw(b"x")) if inbound else s.at_laddr(UDP() / Raw(b"x"))
        assert plane.send(frame).reason == DropReason.NONE
        assert plane.sweep() == Sweep(live=1, expired=0, freed=0)
    assert len(plane.live()) == 2


def test_expired_slots_are_freed_after_their_grace(plane: Plane) -> None:
    s = Session(plane, WEB, CLIENT4)
    s.open()
    plane.age(31)
    assert plane.sweep().expired == 1
    assert plane.sweep() == Sweep(0, 0, 0)
    wait_ticks(18)
    assert plane.sweep() == Sweep(live=0, expired=0, freed=2)
    assert not plane.kinds().any()
    s.open()
    assert len(plane.live()) == 2


def test_a_packet_after_expiry_makes_a_new_connection(plane: Plane) -> None:
    s = Session(plane, DNS, CLIENT4)
    s.open()
    before = (s.laddr, s.lport)
    plane.age(301)
    plane.sweep()
    old = s.at_laddr(UDP() / Raw(b"late"))
    s.open()
    assert (s.laddr, s.lport) != before
    # The late answer is nobody's.
    assert plane.send(old).frame == old


def test_counts_follow_a_connection_through_its_life(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[WEB.servers[0].id])
    s = Session(plane, WEB, CLIENT4)
    server = WEB.servers[0].id
    steps = (
        (s.at_vip, TCP(flags="S"), (0, 1)),
        (s.at_laddr, TCP(flags="SA"), (0, 1)),
        (s.at_vip, TCP(flags="A"), (1, 0)),
        (s.at_laddr, TCP(flags="A"), (1, 0)),
        (s.at_laddr, TCP(flags="FA"), (0, 1)),
        (s.at_vip, TCP(flags="FA"), (0, 1)),
    )
    for i, (side, l4, counts) in enumerate(steps):
        plane.send(side(l4))
        if not i:
            s.learn()
        assert plane.counts(server) == counts
    plane.age(8)
    plane.sweep()
    assert plane.counts(server) == (0, 0)


@pytest.mark.parametrize("service", [WEB, DNS], ids=["tcp", "udp"])
def test_expire_quiescent_ends_connections_of_servers_at_weight_0(plane: Plane, service: world.Service) -> None:
    plane.put_service(service, flags=EXPIRE_QUIESCENT)
    s = Session(plane, service, CLIENT4)
    s.open()
    assert s.server
    assert plane.send(s.at_vip(TCP(flags="A") if service is WEB else UDP())).reason == DropReason.NONE
    plane.put_dest(s.server, service.id, weight=0)
    assert plane.sweep().live == 1
    assert plane.send(s.at_vip(TCP(flags="A") if service is WEB else UDP())).reason == DropReason.EXPIRE_QUIESCENT
    assert plane.sweep() == Sweep(live=0, expired=1, freed=0)
    assert plane.counts(s.server.id) == (0, 0)


def test_without_the_flag_they_go_on(plane: Plane) -> None:
    s = Session(plane, WEB, CLIENT4)
    s.open()
    assert s.server
    plane.put_dest(s.server, WEB.id, weight=0)
    assert plane.send(s.at_vip(TCP(flags="A"))).reason == DropReason.NONE


class Churn:
    """UDP flows that come, stay and go, beside a dict of what there must be."""

    slots = 1024

    def __init__(self, plane: Plane, seed: int) -> None:
        self.plane = plane
        self.rng = random.Random(seed)
        self.flows: dict[tuple[bytes, int], bytes] = {}
        self.frames: dict[int, tuple[tuple[bytes, int], bytes]] = {}
        self.refused = 0

    def packet(self, number: int) -> None:
        """A client's packet: of its connection if it has one, else of a new one."""
        if number not in self.frames:
            client = bytes((198, 51, 100, number & 0xFF))
            port = 2000 + (number >> 8)
            l4 = udp(client, DNS.vip, port, DNS.port, b"x")
            packet = ether(world.PORT0.mac, world.CLIENT_MACS[0], IPV4, ipv4(client, DNS.vip, 17, l4))
            self.frames[number] = (client, port), packet
        key, frame = self.frames[number]
        action, out = self.plane.run(frame)
        if action == 1:
            assert key not in self.flows
            self.refused += 1
            return
        l3 = 18 if out[12:14] == b"\x81\x00" else 14
        rewritten = out[l3 + 12 : l3 + 22]
        assert self.flows.setdefault(key, rewritten) == rewritten

    def expire(self, share: float) -> None:
        """Lets some connections be over, sweeps, and frees part of what died before."""
        conns, kinds = self.plane.conns, self.plane.kinds()
        for index in ((kinds == SlotKind.LIVE) & (conns["flags"] & ConnFlags.INBOUND != 0)).nonzero()[0]:
            if self.rng.random() < share:
                slot = conns[index]
                conns["last_seen"][[index, slot["peer"]]] -= 1_000_000
                del self.flows[address_of(slot, "key_saddr", "key_sport")]
        dying = (kinds == SlotKind.DYING).nonzero()[0]
        for index in dying:
            if self.rng.random() < 0.7:
                conns["last_seen"][index] -= 100
        self.plane.sweep()

    def check(self) -> None:
        """The table is what the dict is."""
        slots = self.plane.inbound()
        assert {address_of(slot, "key_saddr", "key_sport") for slot in slots} == self.flows.keys()
        assert len(slots) == len(self.flows)
        assert len(self.plane.live()) == 2 * len(self.flows)
        counted = sum(sum(self.plane.counts(server.id)) for server in DNS.servers)
        assert counted == len(self.flows)


def test_churn_of_a_hundred_thousand_packets(plane: Plane) -> None:
    plane.settings(conn_slots=Churn.slots)
    churn = Churn(plane, 1)
    full = 0
    for step in range(250):
        clients = churn.rng.choice((50, 200, 800, 1500))
        for _ in range(400):
            churn.packet(churn.rng.randrange(clients))
        full += len(churn.flows) > 400
        churn.expire(churn.rng.choice((0, 0.1, 0.5, 0.9)))
        if step % 10 == 0:
            churn.check()
    churn.check()
    assert full
    churn.expire(1)
    plane.age(1)
    plane.sweep()
    assert not churn.flows
    # Going downwards, one pass empties the whole table.
    assert not plane.kinds().any()
