"""Addresses, routes and VLANs: what they bring along, codes, and that what fails changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from tests.support.plane import FakeHost, FakeNetwork, FakeRecords
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.bpf.layout import RouteFlags as PlaneFlags
from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.network import Layer3
from xdpvs.daemon.records import Kind
from xdpvs.model.address import Family, IPAddress, any_address, family_of
from xdpvs.model.network import VLAN_8021Q, Address, AddressFlags, Route, RouteFlags, Vlan
from xdpvs.netlink.errors import LinkExists

MAC = bytes.fromhex("020000000101")
PORTS = [Device(number, f"dpdk{number}", number, 10 + number, f"eth{number}", MAC, 1500) for number in range(2)]
VLAN = Vlan("dpdk0.102", "dpdk0", 102)


def address(text: str, device: str = "dpdk0", lifetime: int = 0) -> Address:
    """An address as `dpip addr add` sends it."""
    plain, _, length = text.partition("/")
    value = ip_address(plain)
    plen = int(length) if length else value.max_prefixlen
    return Address(family_of(value), value, plen, device, any_address(family_of(value)), valid_lifetime_s=lifetime)


def route(text: str, device: str = "dpdk0", via: str = "", flags: RouteFlags = RouteFlags.FORWARD) -> Route:
    """A route as `dpip route add` sends it."""
    plain, _, length = text.partition("/")
    value = ip_address(plain)
    family = family_of(value)
    gateway = ip_address(via) if via else any_address(family)
    plen = int(length) if length else value.max_prefixlen
    return Route(family, value, plen, device, gateway, any_address(family), flags)


class Net:
    """Two ports over a fake data plane, host and journal; time is a number."""

    def __init__(self, adopted: FakeRecords | None = None, maps: FakeNetwork | None = None) -> None:
        self.now = 0.0
        self.maps = maps or FakeNetwork()
        self.host = FakeHost()
        self.records = adopted or FakeRecords()
        self.announced: list[tuple[str, IPAddress]] = []
        self.devices = Devices(self.maps, self.host, self.records)
        self.layer3 = Layer3(
            self.maps,
            self.devices,
            self.host,
            self.records,
            clock=lambda: self.now,
            announce=lambda device, where: self.announced.append((device.name, where)),
        )
        for port in PORTS:
            self.devices.add_port(port)

    def state(self) -> object:
        """All there is, to be compared."""
        return copy.deepcopy(
            (
                self.maps.device_entries,
                self.maps.address_entries,
                self.maps.route_entries,
                self.host.knis,
                self.host.groups,
                self.records.kept,
                self.layer3.addresses(),
                self.layer3.routes(Family.INET),
                self.layer3.routes(Family.INET6),
            )
        )

    def prefixes(self) -> set[str]:
        """What the data plane routes."""
        return {f"{destination}/{length}" for destination, length in self.maps.route_entries}


@pytest.fixture
def net() -> Net:
    return Net()


def refused(code: DpvsError, do: Callable[[], object]) -> None:
    """The call fails with this code."""
    with pytest.raises(ApiError) as caught:
        do()
    assert caught.value.code == code


def test_an_address_brings_its_routes_and_is_announced(net: Net) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    assert net.prefixes() == {"192.0.2.1/32", "192.0.2.0/24"}
    assert net.maps.route_entries[IPv4Address("192.0.2.1"), 32].flags == PlaneFlags.LOCAL
    assert net.maps.address_entries == {(0, IPv4Address("192.0.2.1")): 24}
    assert net.announced == [("dpdk0", IPv4Address("192.0.2.1"))]
    shown = net.layer3.routes(Family.INET)
    assert [(each.flags, each.source, each.mtu) for each in shown] == [
        (RouteFlags.LOCALIN, IPv4Address(0), 1500),
        (RouteFlags.FORWARD, IPv4Address("192.0.2.1"), 1500),
    ]


def test_deleting_it_takes_them_away(net: Net) -> None:
    before = net.state()
    net.layer3.add_address(address("192.0.2.1/24"))
    net.layer3.add_address(address("2001:db8::1/64"))
    net.layer3.delete_address(address("192.0.2.1/24"))
    net.layer3.delete_address(address("2001:db8::1/64"))
    assert net.state() == before


def test_the_prefix_stays_while_another_address_is_in_it(net: Net) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    net.layer3.add_address(address("192.0.2.2/24"))
    net.layer3.delete_address(address("192.0.2.1/24"))
    assert net.prefixes() == {"192.0.2.2/32", "192.0.2.0/24"}
    assert net.layer3.routes(Family.INET)[-1].source == IPv4Address("192.0.2.2")


def test_one_address_with_two_prefix_lengths_is_answered_until_both_are_gone(net: Net) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    net.layer3.add_address(address("192.0.2.1/32"))
    net.layer3.delete_address(address("192.0.2.1/24"))
    assert net.prefixes() == {"192.0.2.1/32"}
    assert (0, IPv4Address("192.0.2.1")) in net.maps.address_entries
    net.layer3.delete_address(address("192.0.2.1/32"))
    assert not net.prefixes()
    assert not net.maps.address_entries


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (address("0.0.0.0/24"), DpvsError.INVAL),
        (replace(address("192.0.2.9"), prefix_length=33), DpvsError.INVAL),
        (replace(address("192.0.2.9"), family=Family.UNSPEC), DpvsError.INVAL),
        (address("192.0.2.9", "nosuch"), DpvsError.NOTEXIST),
        (address("192.0.2.1/24"), DpvsError.EXIST),
    ],
)
def test_addresses_that_cannot_be_added(net: Net, wanted: Address, code: DpvsError) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    before = net.state()
    refused(code, lambda: net.layer3.add_address(wanted))
    assert net.state() == before


@pytest.mark.parametrize("what", ["routes", "records"])
def test_no_room_changes_nothing(net: Net, what: str) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    before = net.state()
    if what == "routes":
        net.maps.full_routes = True
    else:
        net.records.full = True
    refused(DpvsError.NOROOM, lambda: net.layer3.add_address(address("198.51.100.1/24")))
    refused(DpvsError.NOROOM, lambda: net.layer3.add_address(address("2001:db8::1/64")))
    refused(DpvsError.NOROOM, lambda: net.layer3.add_route(route("203.0.113.0/24", via="192.0.2.254")))
    assert net.state() == before


def test_lifetimes_are_shown_and_end(net: Net) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    net.layer3.add_address(replace(address("192.0.2.77/32", lifetime=10), preferred_lifetime_s=3))
    net.now = 4.2
    (shown,) = [each for each in net.layer3.addresses("dpdk0") if each.valid_lifetime_s]
    assert (shown.valid_lifetime_s, shown.preferred_lifetime_s) == (6, 6)
    assert shown.flags == 0
    assert net.layer3.expire() == 10.0
    net.now = 10.0
    assert net.layer3.expire() is None
    assert net.prefixes() == {"192.0.2.1/32", "192.0.2.0/24"}


def test_setting_a_lifetime(net: Net) -> None:
    net.layer3.add_address(replace(address("192.0.2.1/24"), flags=AddressFlags.SAPOOL))
    net.layer3.set_address(address("192.0.2.1/24", lifetime=5))
    assert net.layer3.addresses()[0].flags == AddressFlags.SAPOOL
    net.layer3.set_address(address("192.0.2.1/24"))
    assert net.layer3.expire() is None
    assert net.layer3.addresses()[0].flags == AddressFlags.SAPOOL | AddressFlags.PERMANENT
    refused(DpvsError.NOTEXIST, lambda: net.layer3.set_address(address("192.0.2.1/32")))


def test_a_new_ipv6_address_shows_as_tentative_for_three_seconds(net: Net) -> None:
    net.layer3.add_address(address("2001:db8::1/64"))
    assert net.layer3.addresses()[0].flags & AddressFlags.TENTATIVE
    net.now = 3.0
    assert net.layer3.addresses()[0].flags == AddressFlags.PERMANENT


def test_solicited_groups_are_joined_once_and_left_with_the_last_address(net: Net) -> None:
    group = ("eth0", bytes.fromhex("3333ff000001"))
    net.layer3.add_address(address("2001:db8::1/64"))
    net.layer3.add_address(address("2001:db8:9::1/64"))
    assert net.host.groups == {group}
    net.layer3.delete_address(address("2001:db8::1/64"))
    assert net.host.groups == {group}
    net.layer3.delete_address(address("2001:db8:9::1/64"))
    assert not net.host.groups


def test_flushing_takes_both_families_of_one_device(net: Net) -> None:
    for text in ("192.0.2.1/24", "2001:db8::1/64"):
        net.layer3.add_address(address(text))
    net.layer3.add_address(address("198.51.100.1/24", "dpdk1"))
    net.layer3.flush_addresses("dpdk0")
    assert net.prefixes() == {"198.51.100.1/32", "198.51.100.0/24"}


def test_an_existing_route_is_left_alone_in_ipv4_and_refused_in_ipv6(net: Net) -> None:
    net.layer3.add_route(route("203.0.113.0/24", via="192.0.2.253"))
    net.layer3.add_route(route("203.0.113.7/24", via="192.0.2.252"))
    assert [each.gateway for each in net.layer3.routes(Family.INET)] == [IPv4Address("192.0.2.253")]
    net.layer3.delete_route(route("203.0.113.0/24"))
    net.layer3.delete_route(route("203.0.113.0/24"))
    net.layer3.add_route(route("2001:db8:5::/48", via="2001:db8::fe"))
    refused(DpvsError.EXIST, lambda: net.layer3.add_route(route("2001:db8:5::/48")))
    net.layer3.delete_route(route("2001:db8:5::/48"))
    refused(DpvsError.NOTEXIST, lambda: net.layer3.delete_route(route("2001:db8:5::/48")))


def test_of_routes_on_two_devices_the_first_counts_until_it_goes(net: Net) -> None:
    net.layer3.add_route(route("203.0.113.0/24", "dpdk0"))
    net.layer3.add_route(route("203.0.113.0/24", "dpdk1"))
    assert net.maps.route_entries[IPv4Address("203.0.113.0"), 24].device_id == 0
    net.layer3.delete_route(route("203.0.113.0/24", "dpdk0"))
    assert net.maps.route_entries[IPv4Address("203.0.113.0"), 24].device_id == 1


def test_a_host_route_comes_before_a_network_route_of_the_same_prefix(net: Net) -> None:
    net.layer3.add_route(route("203.0.113.7/32", via="192.0.2.254"))
    net.layer3.add_route(route("203.0.113.7/32", flags=RouteFlags.FORWARD | RouteFlags.KNI_HOST))
    assert net.maps.route_entries[IPv4Address("203.0.113.7"), 32].flags == PlaneFlags.KNI
    assert len(net.layer3.routes(Family.INET)) == 2


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (route("203.0.113.0/24", "nosuch"), DpvsError.INVAL),
        (replace(route("203.0.113.0/24"), prefix_length=33), DpvsError.INVAL),
        (route("203.0.113.0/24", flags=RouteFlags.LOCALIN), DpvsError.INVAL),
        (route("0.0.0.0/32", flags=RouteFlags.KNI_HOST), DpvsError.INVAL),
    ],
)
def test_routes_that_cannot_be(net: Net, wanted: Route, code: DpvsError) -> None:
    refused(code, lambda: net.layer3.add_route(wanted))
    assert not net.prefixes()


def test_the_longest_prefix_leads_to_the_next_hop(net: Net) -> None:
    net.layer3.add_address(address("192.0.2.1/24"))
    net.layer3.add_route(route("0.0.0.0/0", via="192.0.2.254"))
    net.layer3.add_route(route("203.0.113.0/24", via="192.0.2.253"))
    hop = net.layer3.table.next_hop
    assert hop(IPv4Address("192.0.2.9")) == ("dpdk0", IPv4Address("192.0.2.9"))
    assert hop(IPv4Address("203.0.113.9")) == ("dpdk0", IPv4Address("192.0.2.253"))
    assert hop(IPv4Address("8.8.8.8")) == ("dpdk0", IPv4Address("192.0.2.254"))
    assert hop(IPv4Address("192.0.2.1")) is None
    assert hop(IPv6Address("2001:db8::1")) is None


def test_neighbours_are_asked_from_an_address_of_their_subnet(net: Net) -> None:
    port = PORTS[0]
    assert net.layer3.source_for(port, IPv4Address("192.0.2.9")) == IPv4Address(0)
    net.layer3.add_address(address("203.0.113.1/32"))
    assert net.layer3.source_for(port, IPv4Address("192.0.2.9")) == IPv4Address("203.0.113.1")
    net.layer3.add_address(address("192.0.2.1/24"))
    assert net.layer3.source_for(port, IPv4Address("192.0.2.9")) == IPv4Address("192.0.2.1")
    net.layer3.add_link_local(port)
    assert net.layer3.source_for(port, IPv6Address("2001:db8::9")) == IPv6Address("fe80::ff:fe00:101")


def test_a_vlan_gets_an_id_a_kni_and_a_link_local_address(net: Net) -> None:
    net.layer3.add_vlan(VLAN)
    device = net.devices.get("dpdk0.102")
    assert (device.id, device.port, device.vlan, device.mac, device.mtu) == (2, 0, 102, MAC, 1500)
    assert net.host.knis == {"dpdk0.102.kni": "k10v102"}
    assert net.maps.device_entries[2].kni_peer == 101
    assert [each.address for each in net.layer3.addresses("dpdk0.102")] == [IPv6Address("fe80::ff:fe00:101")]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Vlan("x", "nosuch", 5), DpvsError.NODEV),
        (Vlan("x", "dpdk0", 0), DpvsError.INVAL),
        (Vlan("x", "dpdk0", 4095), DpvsError.INVAL),
        (Vlan("x", "dpdk0", 5, VLAN_8021Q + 1), DpvsError.INVAL),
        (Vlan("x", "dpdk0.102", 5), DpvsError.INVAL),
        (Vlan("", "dpdk0", 102), DpvsError.EXIST),
        (Vlan("dpdk1", "dpdk0", 103), DpvsError.EXIST),
        (Vlan("a-name-too-long-", "dpdk0", 103), DpvsError.INVAL),
    ],
)
def test_vlans_that_cannot_be(net: Net, wanted: Vlan, code: DpvsError) -> None:
    net.layer3.add_vlan(VLAN)
    before = net.state()
    refused(code, lambda: net.layer3.add_vlan(wanted))
    assert net.state() == before


def test_deleting_a_vlan_takes_everything_of_it_along(net: Net) -> None:
    before = net.state()
    net.layer3.add_vlan(VLAN)
    net.layer3.add_address(address("192.0.2.1/24", "dpdk0.102"))
    net.layer3.add_route(route("203.0.113.0/24", "dpdk0.102", via="192.0.2.254"))
    net.layer3.delete_vlan(Vlan("", "dpdk0", 102))
    assert net.state() == before
    refused(DpvsError.NOTEXIST, lambda: net.layer3.delete_vlan(VLAN))


def test_a_vlan_without_kni_is_not_there_at_all(net: Net) -> None:
    before = net.state()
    net.host.broken = LinkExists("create veth: taken")
    refused(DpvsError.SYSCALL, lambda: net.layer3.add_vlan(VLAN))
    assert net.state() == before


def test_a_restart_finds_everything_in_its_order(net: Net) -> None:
    net.layer3.add_vlan(VLAN)
    for text in ("192.0.2.9/24", "192.0.2.1/24", "2001:db8::1/64"):
        net.layer3.add_address(address(text, "dpdk0.102"))
    net.layer3.add_address(address("192.0.2.77/32", "dpdk0.102", lifetime=50))
    net.layer3.add_route(route("0.0.0.0/0", "dpdk0.102", via="192.0.2.254"))
    net.layer3.delete_route(route("192.0.2.0/24", "dpdk0.102"))
    net.now = 10.0
    before = net.state()
    net.records.kept = dict(reversed(net.records.kept.items()))
    net.maps.put_address(1, IPv4Address("203.0.113.99"), 32)
    again = Net(net.records, net.maps)
    again.now = 10.0
    records = net.records
    again.layer3.adopt(records.of(Kind.DEVICE), records.of(Kind.ADDRESS), records.of(Kind.ROUTE))
    assert again.state() == before
    again.layer3.add_address(address("198.51.100.1/24"))
    assert len(records.of(Kind.ADDRESS)) == 6


def test_what_belongs_to_a_port_that_is_gone_is_dropped(net: Net) -> None:
    net.layer3.add_vlan(Vlan("vlan7", "dpdk1", 7))
    net.layer3.add_address(address("192.0.2.1/24", "vlan7"))
    records = net.records
    devices = {number: record for number, record in records.of(Kind.DEVICE).items() if number != 1}
    again = Net(records, net.maps)
    port = again.devices.find("dpdk1")
    assert port is not None
    again.devices = Devices(again.maps, again.host, records)
    again.layer3 = Layer3(again.maps, again.devices, again.host, records)
    again.devices.add_port(PORTS[0])
    again.layer3.adopt(devices, records.of(Kind.ADDRESS), records.of(Kind.ROUTE))
    assert not again.prefixes()
    assert not again.maps.address_entries
    assert not records.of(Kind.ADDRESS)
