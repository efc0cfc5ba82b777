"""Structures: values survive the wire, whatever they are; lengths and garbage are judged as the protocol says."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.api import structs_conn, structs_laddr, structs_link, structs_service
from xdpvs.api.errors import DecodeError, error_text
from xdpvs.api.layout import Layout
from xdpvs.api.messages import ADDDEST, GET_DESTS, MESSAGES, ROUTE_ADD, ZERO
from xdpvs.api.requests import DestRequest, DestsRequest
from xdpvs.api.structs_service import encode_key
from xdpvs.model.address import IPV4_ANY, Family, IPAddress, any_address
from xdpvs.model.conn import Conn
from xdpvs.model.network import Neighbour, NeighbourState, Route, RouteFlags
from xdpvs.model.service import (
    AclEntry,
    AddressRange,
    CheckConfig,
    CheckTypes,
    Dest,
    DestStatus,
    ForwardingMode,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
    Stats,
)

u8, u16, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
families = st.sampled_from([Family.INET, Family.INET6])
ips = st.ip_addresses()


def names(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=size - 1)


def of(family: Family) -> st.SearchStrategy[IPAddress]:
    return st.ip_addresses(v=4 if family == Family.INET else 6)


@st.composite
def ranges(draw: st.DrawFn, family: Family) -> AddressRange:
    return AddressRange(draw(of(family)), draw(of(family)), draw(u16), draw(u16))


@st.composite
def keys(draw: st.DrawFn) -> ServiceKey:
    family = draw(families)
    match = Match(family, draw(ranges(family)), draw(ranges(family)), draw(names(16)), draw(names(16)))
    return ServiceKey(
        family, draw(u8), draw(of(family)), draw(u16), draw(u32), match if draw(st.booleans()) else Match()
    )


stats = st.builds(Stats, *[u64] * 5, *[u32] * 5)
checks = st.builds(CheckConfig, st.integers(0, 31).map(CheckTypes), u8, u8, u8, u16, u16)


@st.composite
def services(draw: st.DrawFn) -> Service:
    flags = ServiceFlags(draw(st.integers(0, 0xFFF)) & ~ServiceFlags.HASHED)
    proxy = draw(st.sampled_from(ProxyProtocol))
    return Service(draw(keys()), draw(names(16)), flags, draw(u32), draw(u32), draw(u32), proxy, check=draw(checks))


@st.composite
def dests(draw: st.DrawFn) -> Dest:
    family = draw(families)
    mode = draw(st.sampled_from(ForwardingMode))
    weight = draw(st.integers(-(1 << 31), (1 << 31) - 1))
    return Dest(family, draw(of(family)), draw(u16), mode, weight, draw(u32), draw(u32), draw(st.booleans()))


@given(services(), u32, u32, stats)
def test_services(service: Service, num_dests: int, num_laddrs: int, counted: Stats) -> None:
    status = ServiceStatus(service, num_dests, num_laddrs, counted)
    assert structs_service.decode_service_status(structs_service.encode_service_status(status)) == status
    assert structs_service.decode_service(structs_service.encode_service(service)) == service


@given(keys(), st.lists(st.builds(DestStatus, dests(), st.booleans(), u32, u32, u32, stats), max_size=4))
def test_dests(key: ServiceKey, statuses: list[DestStatus]) -> None:
    for status in statuses:
        request = DestRequest(key, status.dest)
        assert ADDDEST.decode_request(ADDDEST.encode_request(request)) == request
    request_all = DestsRequest(key, len(statuses))
    assert GET_DESTS.decode_request(GET_DESTS.encode_request(request_all)) == request_all
    assert GET_DESTS.decode_reply(GET_DESTS.encode_reply(request_all, statuses)) == statuses


@given(families, st.data())
def test_acls(family: Family, data: st.DataObject) -> None:
    draw = data.draw
    entry = AclEntry(family, draw(u8), draw(of(family)), draw(u16), draw(of(family)), draw(names(32)))
    assert structs_laddr.decode_acl(structs_laddr.encode_acl(entry)) == entry


@given(families, families, st.data())
def test_conns(inner: Family, outer: Family, data: st.DataObject) -> None:
    draw = data.draw
    client, vip, laddr, server = (draw(of(family)) for family in (inner, inner, outer, outer))
    ports = [draw(u16) for _ in range(4)]
    conn = Conn(
        inner, outer, draw(u16), client, ports[0], vip, ports[1], laddr, ports[2], server, ports[3],
        draw(u32), draw(names(16)), draw(u8),
    )  # fmt: skip
    assert list(structs_conn.decode_conns(structs_conn.encode_conn(conn))) == [conn]
    assert structs_conn.RAW_CONN.size == structs_conn.CONN.size


@given(st.data())
def test_routes(data: st.DataObject) -> None:
    draw = data.draw
    v4 = of(Family.INET)
    flags = RouteFlags(draw(st.sampled_from([0x400, 0x800, 0x2400])))
    route = Route(
        Family.INET,
        draw(v4),
        draw(st.integers(0, 32)),
        draw(names(16)),
        draw(v4),
        draw(v4),
        flags,
        draw(u32),
        draw(u32),
    )
    assert ROUTE_ADD.decode_request(ROUTE_ADD.encode_request(route)) == route


@given(st.binary(max_size=600))
def test_any_body_decodes_or_is_refused(body: bytes) -> None:
    for message in MESSAGES.values():
        with suppress(DecodeError):
            message.decode_request(body)
        with suppress(DecodeError):
            message.decode_reply(body)


def test_what_stands_behind_an_ipv4_address_is_ignored() -> None:
    key = ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80)
    body = bytearray(encode_key(key))
    body[40:52] = b"\xaa" * 12
    assert structs_service.decode_service_key(bytes(body)) == key
    assert encode_key(key)[40:52] == bytes(12)


@pytest.mark.parametrize(
    ("key", "everything"),
    [
        (None, True),
        (ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 0), True),
        (ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80), False),
        (ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 0, 5), False),
        (ServiceKey(Family.INET, 6, IPV4_ANY, 0), False),
        (ServiceKey(Family.INET6, 6, IPv6Address("::1"), 0), True),
    ],
)
def test_zero_of_everything(key: ServiceKey | None, everything: bool) -> None:
    assert ZERO.decode_request(ZERO.encode_request(key)) == (None if everything else key)


def test_keepalived_sends_the_routes_of_dpvs_1_9() -> None:
    body = bytes.fromhex("02000000cb007100") + bytes(12) + b"\x18" + bytes(32) + b"dpdk1".ljust(16, b"\0") + bytes(12)
    route = ROUTE_ADD.decode_request(body)
    assert route == Route(Family.INET, IPv4Address("203.0.113.0"), 24, "dpdk1", IPV4_ANY, IPV4_ANY, RouteFlags.FORWARD)


def test_short_neighbour_request_means_all() -> None:
    assert structs_link.decode_neighbours_request(b"") == ""
    assert structs_link.decode_neighbours_request(structs_link.encode_neighbours_request("dpdk0")) == "dpdk0"


def test_state_of_a_neighbour_request_is_garbage() -> None:
    neighbour = Neighbour(Family.INET, IPv4Address("192.0.2.1"), "dpdk0", bytes(6))
    body = bytearray(structs_link.encode_neighbour(neighbour))
    body[4:8] = b"\xff" * 4
    assert structs_link.decode_neighbour(bytes(body)).state is NeighbourState.NONE


def test_names_that_do_not_fit_are_refused() -> None:
    layout = Layout(16, "0 name c16")
    assert layout.pack("x" * 15) == b"x" * 15 + b"\0"
    with pytest.raises(ValueError, match="longer"):
        layout.pack("x" * 16)
    assert layout.unpack(b"y" * 16) == ("y" * 15,)


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="port"):
        Layout(2, "0 port u16").pack(65536)


def test_declarations_are_checked() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        Layout(8, "0 a u32 | 2 b u32")
    with pytest.raises(ValueError, match="need"):
        Layout(4, "0 a u64")


def test_unknown_codes_have_upstreams_text() -> None:
    assert error_text(-99) == "<unknow>"
    assert error_text(-23) == "msg callback failed"
    assert any_address(Family.UNSPEC) == IPV4_ANY
