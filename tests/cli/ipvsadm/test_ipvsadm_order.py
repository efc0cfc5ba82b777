"""Upstream's wrapped comparison, and the plain sort that stands in for it where they agree."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xdpvs.ipvsadm.order import sort_dests, sort_services
from xdpvs.model.address import Protocol, family_of
from xdpvs.model.service import Dest, DestStatus, ServiceKey


def service(address: str, port: int = 80, protocol: Protocol = Protocol.TCP, fwmark: int = 0) -> ServiceKey:
    ip = ip_address(address)
    return ServiceKey(family_of(ip), protocol, ip, port, fwmark)


def server(address: IPv4Address | IPv6Address, port: int = 80) -> DestStatus:
    return DestStatus(Dest(family_of(address), address, port))


def by_upstream(keys: list[ServiceKey]) -> list[ServiceKey]:
    return sort_services(keys, lambda key: key)


def test_services_sort_by_mark_family_protocol_address_port() -> None:
    keys = [
        service("192.0.2.1", 80),
        service("192.0.2.1", 443),
        service("192.0.2.2", 53),
        service("192.0.2.1", 53, Protocol.UDP),
        service("2001:db8::1"),
        service("2001:db8::1", 80, Protocol.SCTP),
        service("0.0.0.0", 0, fwmark=1),
    ]
    assert by_upstream(keys[::-1]) == keys


def test_differences_wrap() -> None:
    servers = [server(IPv4Address("10.1.1.1")), server(IPv4Address("192.168.88.30"))]
    assert sort_dests(servers) == servers[::-1]
    assert by_upstream([service("0.0.0.0", 0), service("192.0.2.1")]) == [service("192.0.2.1"), service("0.0.0.0", 0)]


def test_ipv6_words_wrap_each() -> None:
    low, high = server(IPv6Address("1000::1")), server(IPv6Address("f000::1"))
    assert sort_dests([low, high]) == [high, low]


def less(left: IPv4Address, right: IPv4Address) -> bool:
    return (int(left) - int(right)) & 0xFFFFFFFF >= 0x80000000


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**31 - 1), max_size=8))
def test_within_half_a_circle_every_neighbour_is_in_order(base: int, offsets: list[int]) -> None:
    addresses = [IPv4Address((base + offset) & 0xFFFFFFFF) for offset in offsets]
    ordered = [status.dest.address for status in sort_dests([server(address) for address in addresses])]
    assert len(ordered) == len(addresses)
    for left, right in pairwise(ordered):
        assert isinstance(left, IPv4Address)
        assert isinstance(right, IPv4Address)
        assert left == right or less(left, right)
