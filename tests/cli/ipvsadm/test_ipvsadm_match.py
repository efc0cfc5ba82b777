"""The match string of -H."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.ipvsadm.match import describe_match, format_match, format_range, parse_match, parse_range
from xdpvs.model.address import IPV4_ANY, Family, Protocol, family_of
from xdpvs.model.service import AddressRange, Match

A, B = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.9")
A6, B6 = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::9")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", AddressRange(A, A)),
        ("192.0.2.1-192.0.2.9", AddressRange(A, B)),
        ("192.0.2.1-192.0.2.9:80", AddressRange(A, B, 80, 80)),
        ("192.0.2.1:80-90", AddressRange(A, A, 80, 90)),
        (":53", AddressRange(IPV4_ANY, IPV4_ANY, 53, 53)),
        ("[2001:db8::1-2001:db8::9]:1-2", AddressRange(A6, B6, 1, 2)),
        ("[2001:db8::1]:0", AddressRange(A6, A6)),
        ("2001:db8::1-2001:db8::9", AddressRange(A6, B6)),
    ],
)
def test_ranges(text: str, expected: AddressRange) -> None:
    parsed = parse_range(text)
    assert parsed == (family_of(expected.min_address), expected)


@pytest.mark.parametrize("text", ["192.0.2.1-10", "[2001:db8::1]", "[2001:db8::1", "nonsense", "2001:db8::1-192.0.2.1"])
def test_malformed_ranges_are_refused_rather_than_half_used(text: str) -> None:
    assert parse_range(text) is None
    assert parse_match(f"proto=tcp,src-range={text}") is None


def test_order_is_free_and_the_last_of_a_key_wins() -> None:
    parsed = parse_match("oif=dpdk0,proto=udp,iif=dpdk1,proto=tcp,src-range=192.0.2.1")
    assert parsed == (
        Family.INET,
        Protocol.TCP,
        Match(Family.INET, AddressRange(A, A), AddressRange(), "dpdk1", "dpdk0"),
    )


def test_without_proto_the_daemon_gets_what_it_refuses() -> None:
    parsed = parse_match("src-range=192.0.2.1")
    assert parsed is not None
    assert parsed[1] == 59


def test_af_stands_in_for_ranges() -> None:
    assert parse_match("proto=tcp,af=ipv6,oif=dpdk0") == (Family.INET6, Protocol.TCP, Match(output_device="dpdk0"))


@pytest.mark.parametrize("text", ["", "proto=tcp", "proto=gre,af=ipv4", "af=ipx", "color=red,af=ipv4", "=x,af=ipv4"])
def test_what_names_no_traffic_is_refused(text: str) -> None:
    assert parse_match(text) is None


def test_listing_leaves_out_what_excludes_nothing() -> None:
    match = Match(Family.INET, AddressRange(A, B), AddressRange(), "", "dpdk1")
    assert describe_match(Protocol.TCP, match) == "tcp,from=192.0.2.1-192.0.2.9:0-0,oif=dpdk1"


PORTS = st.integers(0, 65535)
DEVICES = st.text("abcdk0123456789.-", max_size=15)
RANGES4 = st.builds(AddressRange, st.ip_addresses(v=4), st.ip_addresses(v=4), PORTS, PORTS)
RANGES6 = st.builds(AddressRange, st.ip_addresses(v=6), st.ip_addresses(v=6), PORTS, PORTS)


@given(st.one_of(RANGES4, RANGES6))
def test_ranges_round_trip(addresses: AddressRange) -> None:
    assert parse_range(format_range(addresses)) == (family_of(addresses.min_address), addresses)


@given(
    st.sampled_from(list(Protocol)),
    st.one_of(st.tuples(RANGES4, RANGES4), st.tuples(RANGES6, RANGES6)),
    DEVICES,
    DEVICES,
)
def test_saved_matches_are_read_back(
    protocol: Protocol, ranges: tuple[AddressRange, AddressRange], iif: str, oif: str
) -> None:
    family = family_of(ranges[0].min_address)
    match = Match(family, ranges[0], ranges[1], iif, oif)
    assert parse_match(format_match(protocol, match)) == (family, protocol, match)


def test_long_matches_are_not_cut() -> None:
    address = IPv6Address("2001:db8:1111:2222:3333:4444:5555:6666")
    full = AddressRange(address, address, 10000, 20000)
    match = Match(Family.INET6, full, full, "d" * 15, "d" * 15)
    text = format_match(Protocol.ICMPV6, match)
    assert len(text) > 255
    assert parse_match(text) == (Family.INET6, Protocol.ICMPV6, match)
