"""What leaves a port to find and tell neighbours, and what of it reaches the table."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from tests.support.plane import FakeHost, FakeNetwork, FakeRecords
from tests.unit.daemon.test_daemon_network import MAC, PORTS, VLAN, address, route
from xdpvs.bpf import layout
from xdpvs.bpf.layout import EventKind, NeighbourFlags, NeighbourState
from xdpvs.bpf.structure import pack_address
from xdpvs.daemon.asking import Asking
from xdpvs.daemon.devices import Devices
from xdpvs.daemon.network import Layer3
from xdpvs.model.address import IPAddress, family_of
from xdpvs.packet import ndisc
from xdpvs.packet.arp import REQUEST, Arp
from xdpvs.packet.ethernet import BROADCAST, Frame

SERVER = IPv4Address("192.0.2.30")
SERVER6 = IPv6Address("2001:db8::30")


class Link:
    """Two ports whose frames are kept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.maps = FakeNetwork()
        self.sent: list[tuple[str, Frame]] = []
        self.devices = Devices(self.maps, FakeHost(), FakeRecords())
        self.asking = Asking(self.maps, self.devices, lambda *what: self.sent.append(what), clock=lambda: self.now)
        self.layer3 = Layer3(
            self.maps,
            self.devices,
            FakeHost(),
            FakeRecords(),
            clock=lambda: self.now,
            announce=self.asking.announce,
            changed=self.asking.routes_changed,
        )
        self.asking.follow(self.layer3)
        for port in PORTS:
            self.devices.add_port(port)
        self.layer3.add_vlan(VLAN)
        self.layer3.add_address(address("192.0.2.1/24", "dpdk0.102"))
        self.layer3.add_address(address("2001:db8::1/64", "dpdk0.102"))
        self.sent.clear()

    def flags(self, where: IPAddress) -> NeighbourFlags:
        """Of an entry on the VLAN."""
        return self.maps.neighbour_entries[2, where].flags


@pytest.fixture
def link() -> Link:
    return Link()


def event(kind: EventKind, where: IPAddress, device: int = 2) -> bytes:
    """What XDP sends through the ring buffer."""
    return bytes(
        layout.Event(kind=int(kind), device=device, addr=pack_address(where), mac=MAC, af=int(family_of(where)))
    )


def test_a_server_is_asked_for_at_once_in_its_vlan(link: Link) -> None:
    link.asking.want(SERVER)
    link.asking.refresh()
    (sent,) = link.sent
    assert sent[0] == "eth0"
    assert (sent[1].destination, sent[1].vlan) == (BROADCAST, 102)
    assert Arp.decode(sent[1].payload) == Arp(REQUEST, MAC, IPv4Address("192.0.2.1"), bytes(6), SERVER)
    assert link.flags(SERVER) & NeighbourFlags.WANTED


def test_an_ipv6_server_by_solicitation(link: Link) -> None:
    link.asking.want(SERVER6)
    link.asking.refresh()
    frame = Frame.decode(link.sent[0][1].encode())
    assert frame.destination == bytes.fromhex("3333ff000030")
    source, destination, message = ndisc.decode(frame.payload)
    assert (source, destination) == (IPv6Address("2001:db8::1"), IPv6Address("ff02::1:ff00:30"))
    assert message == ndisc.Solicitation(SERVER6, MAC)


def test_gateways_are_needed_by_themselves(link: Link) -> None:
    link.layer3.add_route(route("0.0.0.0/0", "dpdk0.102", via="192.0.2.254"))
    link.asking.refresh()
    assert link.flags(IPv4Address("192.0.2.254")) & NeighbourFlags.WANTED
    link.layer3.delete_route(route("0.0.0.0/0", "dpdk0.102"))
    link.asking.refresh()
    assert not link.flags(IPv4Address("192.0.2.254")) & NeighbourFlags.WANTED


def test_a_server_behind_a_gateway_needs_only_that(link: Link) -> None:
    link.layer3.add_route(route("203.0.113.0/24", "dpdk0.102", via="192.0.2.254"))
    link.asking.want(IPv4Address("203.0.113.7"))
    link.asking.refresh()
    assert list(link.maps.neighbour_entries) == [(2, IPv4Address("192.0.2.254"))]


def test_a_server_of_two_services_stays_needed_until_both_let_go(link: Link) -> None:
    for _ in range(2):
        link.asking.want(SERVER)
    link.asking.unwant(SERVER)
    link.asking.refresh()
    assert link.flags(SERVER) & NeighbourFlags.WANTED
    link.asking.unwant(SERVER)
    link.asking.refresh()
    assert not link.flags(SERVER) & NeighbourFlags.WANTED


def test_a_packet_that_waits_has_its_neighbour_asked_for(link: Link) -> None:
    client = IPv4Address("192.0.2.15")
    link.asking.event(event(EventKind.NEIGHBOUR_WANTED, client))
    assert len(link.sent) == 1
    assert link.maps.neighbour_entries[2, client].state is NeighbourState.SEND
    link.asking.event(event(EventKind.NEIGHBOUR_WANTED, client))
    assert len(link.sent) == 1, "once a second is enough"


def test_a_conflict_is_reported_once_in_a_while(link: Link, caplog: pytest.LogCaptureFixture) -> None:
    import logging

    root = logging.getLogger("xdpvs")
    before, root.propagate = root.propagate, True
    try:
        for _ in range(5):
            link.asking.event(event(EventKind.DAD_CONFLICT, IPv4Address("192.0.2.1")))
    finally:
        root.propagate = before
    assert [record.getMessage() for record in caplog.records] == [
        "192.0.2.1 on dpdk0.102 is claimed by 02:00:00:00:01:01 too"
    ]


def test_garbage_from_the_ring_buffer_is_nobodys_problem(link: Link) -> None:
    link.asking.event(event(EventKind.NEIGHBOUR_WANTED, SERVER, device=99))
    link.asking.event(bytes([77]) + bytes(39))
    assert not link.sent


def test_new_addresses_are_announced(link: Link) -> None:
    link.layer3.add_address(address("192.0.2.7/32", "dpdk0.102"))
    link.layer3.add_address(address("2001:db8::7/128", "dpdk0"))
    (_, gratuitous), (_, advertisement) = link.sent
    arp = Arp.decode(gratuitous.payload)
    assert (arp.sender, arp.target, gratuitous.vlan) == (IPv4Address("192.0.2.7"), IPv4Address("192.0.2.7"), 102)
    _, destination, message = ndisc.decode(advertisement.payload)
    assert destination == ndisc.ALL_NODES
    assert message == ndisc.Advertisement(IPv6Address("2001:db8::7"), MAC, ndisc.AdvertisementFlags.OVERRIDE)
    assert advertisement.vlan == 0


def test_a_device_that_goes_takes_its_neighbours_along(link: Link) -> None:
    link.asking.want(SERVER)
    link.asking.refresh()
    link.asking.forget_device(2)
    assert not link.maps.neighbour_entries


def test_neighbours_are_counted_when_the_table_is_looked_at(link: Link) -> None:
    assert link.asking.known == 0
    link.asking.want(SERVER)
    link.asking.tick()
    assert link.asking.known == 1
