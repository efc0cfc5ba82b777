"""Listing orders, against the tutorial's listings and recordings of DPVS 1.10.2."""

from __future__ import annotations

from ipaddress import ip_address

from xdpvs.model.address import Family, IPAddress, any_address, family_of
from xdpvs.model.network import Address, Route, RouteFlags
from xdpvs.model.ordering import (
    address_bucket,
    address_order,
    jhash_words,
    route4_order,
    route6_order,
    service_order,
)
from xdpvs.model.service import NO_MATCH, Match, ServiceKey


def address(text: str, device: str = "dpdk0.102") -> Address:
    literal, _, length = text.partition("/")
    value = ip_address(literal)
    return Address(family_of(value), value, int(length or value.max_prefixlen), device)


def route(text: str, flags: RouteFlags = RouteFlags.FORWARD, device: str = "dpdk0") -> Route:
    literal, _, length = text.partition("/")
    value = ip_address(literal)
    nothing = any_address(family_of(value))
    return Route(family_of(value), value, int(length), device, nothing, nothing, flags)


def texts(routes: list[Route]) -> list[str]:
    return [f"{r.destination}/{r.prefix_length}" for r in routes]


def test_address_buckets_of_the_tutorial() -> None:
    buckets = {
        "2001::28": 25,
        "192.168.88.242": 52,
        "2001::1": 72,
        "192.168.88.1": 93,
        "2001::2": 143,
        "192.168.88.240": 166,
        "192.168.88.28": 218,
        "192.168.88.241": 237,
    }
    assert {text: address_bucket(ip_address(text)) for text in buckets} == buckets


def test_addresses_of_all_devices_as_recorded() -> None:
    created = [
        address("fe80::ff:fe00:101/64", "dpdk0"),
        address("fe80::ff:fe00:201/64", "dpdk1"),
        address("192.0.2.1/24", "dpdk0"),
        address("192.0.2.3/32", "dpdk0"),
        address("198.51.100.1/24", "dpdk1"),
        address("198.51.100.9/32", "dpdk1"),
        address("192.0.2.4/24", "dpdk0"),
    ]
    assert [str(entry.address) for entry in address_order(created)] == [
        "192.0.2.3",
        "fe80::ff:fe00:101",
        "198.51.100.1",
        "192.0.2.4",
        "198.51.100.9",
        "192.0.2.1",
        "fe80::ff:fe00:201",
    ]


def test_same_address_on_two_devices_is_listed_newest_first() -> None:
    created = [address("fe80::1/64", "dpdk0"), address("fe80::1/64", "dpdk1")]
    assert [entry.device for entry in address_order(created)] == ["dpdk1", "dpdk0"]


def test_ipv4_routes_as_recorded() -> None:
    local = RouteFlags.FORWARD | RouteFlags.LOCALIN
    created = [
        route("192.0.2.1/32", local),
        route("192.0.2.0/24"),
        route("192.0.2.3/32", local),
        route("198.51.100.1/32", local),
        route("198.51.100.0/24"),
        route("198.51.100.9/32", local),
        route("192.0.2.4/32", local),
        route("0.0.0.0/0"),
        route("203.0.113.0/24"),
        route("203.0.113.128/25"),
        route("203.0.113.7/32", RouteFlags.FORWARD | RouteFlags.KNI_HOST),
    ]
    assert texts(route4_order(created)) == [
        "198.51.100.1/32",
        "192.0.2.1/32",
        "192.0.2.3/32",
        "192.0.2.4/32",
        "203.0.113.7/32",
        "198.51.100.9/32",
        "203.0.113.128/25",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "0.0.0.0/0",
    ]


def test_ipv6_buckets_of_the_tutorial() -> None:
    def bucket(text: str) -> int:
        packed = ip_address(text).packed
        return jhash_words([int.from_bytes(packed[i : i + 4], "little") for i in range(0, 16, 4)]) % 256

    assert [bucket(text) for text in ("2001::1", "2001::2", "2001::28")] == [74, 107, 121]


def test_ipv6_routes_as_recorded() -> None:
    created = [
        route("fe80::ff:fe00:101/128", RouteFlags.LOCALIN),
        route("fe80::/64", device="dpdk0"),
        route("fe80::ff:fe00:201/128", RouteFlags.LOCALIN),
        route("fe80::/64", device="dpdk1"),
        route("2001:db8:1::1/128", RouteFlags.LOCALIN),
        route("2001:db8:1::/64"),
        route("::/0"),
        route("2001:db8:5::/48"),
        route("2001:db8:6::7/128", RouteFlags.KNI_HOST),
        route("2001:db8:6::8/128", RouteFlags.LOCALIN),
        route("2001:db8:7::/64"),
    ]
    ordered = route6_order(created)
    assert texts(ordered) == [
        "2001:db8:1::1/128",
        "fe80::ff:fe00:101/128",
        "fe80::ff:fe00:201/128",
        "2001:db8:6::8/128",
        "2001:db8:6::7/128",
        "2001:db8:1::/64",
        "2001:db8:7::/64",
        "fe80::/64",
        "fe80::/64",
        "2001:db8:5::/48",
        "::/0",
    ]
    assert [r.device for r in ordered if str(r.destination) == "fe80::"] == ["dpdk0", "dpdk1"]


def test_services_of_the_tutorial() -> None:
    def key(text: str, *, fwmark: int = 0, match: Match = NO_MATCH) -> ServiceKey:
        value: IPAddress = ip_address(text)
        return ServiceKey(family_of(value), 6, value, 0 if fwmark or match != NO_MATCH else 80, fwmark, match)

    snat = key("0.0.0.0", match=Match(Family.INET, output_device="dpdk0"))
    later_snat = key("0.0.0.0", match=Match(Family.INET, output_device="dpdk1"))
    marks = [key("0.0.0.0", fwmark=mark) for mark in (2, 1, 257)]
    created = [snat, key("192.168.88.1"), marks[0], marks[1], key("2001::1"), later_snat, key("2001::2"), marks[2]]
    assert service_order(created, lambda item: item) == [
        key("2001::2"),
        key("2001::1"),
        key("192.168.88.1"),
        marks[2],
        marks[1],
        marks[0],
        later_snat,
        snat,
    ]
