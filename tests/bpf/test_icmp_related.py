"""ICMP errors about a connection's packets, passed to its other end (bpf/icmp_related.h, bpf/icmp_translate.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, in6_chksum
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from tests.support.slowpath import (
    BROADCAST,
    CLIENT_MAC,
    CONN_SLOTS,
    DROP,
    INGRESS_IFINDEX,
    NEXT,
    OTHER_DEVICE,
    OUR_MAC,
    PEER_MAC,
    REDIRECT,
    SERVER_MAC,
    TX,
    VLAN,
    VLAN_DEVICE,
    Flow,
    SlowPath,
    ethernet,
    slow_path,
)
from xdpvs.bpf.layout import DropReason

TCP_, UDP_ = 6, 17
FLOW44 = Flow("198.51.100.9", 40000, "192.0.2.10", 80, "10.0.0.10", 5001, "10.0.0.99", 8080, TCP_, 0xDEADBEEF)
FLOW66 = Flow(
    "2001:db8:1::9", 40000, "2001:db8::10", 80, "2001:db8:2::10", 5001, "2001:db8:2::99", 8080, TCP_, 0x12345678
)
FLOW64 = replace(FLOW44, client=FLOW66.client, vip=FLOW66.vip)
FLOWS = [replace(flow, protocol=proto) for flow in (FLOW44, FLOW66, FLOW64) for proto in (TCP_, UDP_)]
ROUTER = {4: "203.0.113.1", 6: "2001:db8:3::1"}
SEQ, ACK = 0x11112222, 0x33334444


def version(address: str) -> int:
    return ip_address(address).version


def ip(source: str, to: str, ttl: int, tos: int = 0x28, ident: int = 7, flags: str = "DF") -> Packet:
    if version(to) == 4:
        return IP(src=source, dst=to, ttl=ttl, tos=tos, id=ident, flags=flags)
    return IPv6(src=source, dst=to, hlim=ttl, tc=tos)


@dataclass(frozen=True)
class Quoted:
    """The packet an error is about; translated copies keep everything but the ends."""

    source: str
    source_port: int
    to: str
    to_port: int
    protocol: int
    seq: int = SEQ
    ack: int = ACK
    ttl: int = 3
    ident: int = 7
    payload: bytes = bytes(range(200))

    def packet(self) -> bytes:
        ports = {"sport": self.source_port, "dport": self.to_port}
        if self.protocol == TCP_:
            l4 = TCP(
                **ports, seq=self.seq & 0xFFFFFFFF, ack=self.ack & 0xFFFFFFFF, flags="PA", options=[("NOP", None)] * 4
            )
        else:
            l4 = UDP(**ports)
        return bytes(ip(self.source, self.to, self.ttl, ident=self.ident) / l4 / Raw(self.payload))

    def quote(self, l4_bytes: int) -> bytes:
        return self.packet()[: (20 if version(self.to) == 4 else 40) + l4_bytes]


def error(
    source: str, to: str, kind: int, code: int, value: int, quote: bytes, ttl: int = 50, ident: int = 7
) -> Packet:
    """An ICMP error as bytes behind an IP header, checksum right."""
    body = struct.pack("!BBHI", kind, code, 0, value) + quote
    outer = ip(source, to, ttl, ident=ident)
    if version(to) == 4:
        outer.proto = 1
        check = checksum(body)
    else:
        outer.nh, outer.plen = 58, len(body)
        check = in6_chksum(58, outer, body)
    return outer / Raw(body[:2] + struct.pack("!H", check) + body[4:])


def sent_to_server(flow: Flow, **changes: object) -> Quoted:
    """A client's packet as it left us."""
    quoted = Quoted(flow.laddr, flow.laddr_port, flow.server, flow.server_port, flow.protocol, SEQ + flow.seq_delta)
    return replace(quoted, **changes)  # type: ignore[arg-type]


def as_client_knows_it(flow: Flow, **changes: object) -> Quoted:
    quoted = Quoted(flow.client, flow.client_port, flow.vip, flow.vip_port, flow.protocol, SEQ)
    return replace(quoted, **changes)  # type: ignore[arg-type]


def sent_to_client(flow: Flow, **changes: object) -> Quoted:
    quoted = Quoted(flow.vip, flow.vip_port, flow.client, flow.client_port, flow.protocol)
    return replace(quoted, **changes)  # type: ignore[arg-type]


def as_server_knows_it(flow: Flow, l4_bytes: int, **changes: object) -> Quoted:
    ack = ACK + flow.seq_delta if l4_bytes >= 18 else ACK
    quoted = Quoted(flow.server, flow.server_port, flow.laddr, flow.laddr_port, flow.protocol, ack=ack)
    return replace(quoted, **changes)  # type: ignore[arg-type]


UNREACHABLE = {4: (3, 3), 6: (1, 4)}
TOO_BIG = {4: (3, 4), 6: (2, 0)}


def to_server_side(flow: Flow, kind: int, code: int, value: int, quote: bytes, **fields: int) -> bytes:
    """An error as it comes from the servers' side."""
    packet = error(ROUTER[version(flow.laddr)], flow.laddr, kind, code, value, quote, **fields)
    return ethernet(PEER_MAC, OUR_MAC, packet)


def to_client_side(flow: Flow, kind: int, code: int, value: int, quote: bytes, **fields: int) -> bytes:
    packet = error(ROUTER[version(flow.vip)], flow.vip, kind, code, value, quote, **fields)
    return ethernet(PEER_MAC, OUR_MAC, packet)


def client_gets(flow: Flow, kind: int, code: int, value: int, quote: bytes, **fields: int) -> bytes:
    return ethernet(OUR_MAC, CLIENT_MAC, error(flow.vip, flow.client, kind, code, value, quote, ttl=49, **fields))


def server_gets(flow: Flow, kind: int, code: int, value: int, quote: bytes, **fields: int) -> bytes:
    packet = error(flow.laddr, flow.server, kind, code, value, quote, ttl=49, **fields)
    return ethernet(OUR_MAC, SERVER_MAC, packet)


def new_id(flow: Flow, from_af: int, to_af: int) -> int:
    """Identification of a header that crossed from IPv6 is 0."""
    return 0 if from_af != to_af else 7


@pytest.fixture(scope="module")
def loaded() -> Iterator[SlowPath]:
    with slow_path() as plane:
        yield plane


def fill(plane: SlowPath, *flows: Flow) -> SlowPath:
    plane.reset()
    for flow in flows:
        plane.put_flow(flow)
    for address, mac in (
        (FLOW44.client, CLIENT_MAC),
        (FLOW66.client, CLIENT_MAC),
        (FLOW44.server, SERVER_MAC),
        (FLOW66.server, SERVER_MAC),
    ):
        plane.put_route(address)
        plane.put_neighbour(address, mac)
    return plane


@pytest.fixture
def plane(loaded: SlowPath) -> SlowPath:
    return fill(loaded)


def quote_sizes() -> st.SearchStrategy[int]:
    return st.one_of(st.just(8), st.integers(18, 230))


@given(flow=st.sampled_from(FLOWS), size=quote_sizes(), payload=st.binary(max_size=190), ttl=st.integers(2, 255))
def test_error_from_the_servers_side_reaches_the_client(
    loaded: SlowPath, flow: Flow, size: int, payload: bytes, ttl: int
) -> None:
    fill(loaded, flow)
    server_af, client_af = version(flow.laddr), version(flow.vip)
    frame = to_server_side(flow, *UNREACHABLE[server_af], 0, sent_to_server(flow, payload=payload, ttl=ttl).quote(size))
    quote = as_client_knows_it(flow, payload=payload, ttl=ttl).quote(size)
    verdict = loaded.run("test_related", frame)
    assert (verdict.action, verdict.reason) == (TX, DropReason.NONE)
    assert verdict.frame == client_gets(flow, *UNREACHABLE[client_af], 0, quote)
    assert loaded.traffic() == (0, 0, 1, len(frame) - 14)


@given(flow=st.sampled_from(FLOWS), size=quote_sizes(), payload=st.binary(max_size=190), ttl=st.integers(2, 255))
def test_error_from_the_clients_side_reaches_the_server(
    loaded: SlowPath, flow: Flow, size: int, payload: bytes, ttl: int
) -> None:
    fill(loaded, flow)
    server_af, client_af = version(flow.laddr), version(flow.vip)
    ident = new_id(flow, client_af, server_af)
    frame = to_client_side(flow, *UNREACHABLE[client_af], 0, sent_to_client(flow, payload=payload, ttl=ttl).quote(size))
    quote = as_server_knows_it(flow, size, payload=payload, ttl=ttl, ident=ident).quote(size)
    verdict = loaded.run("test_related", frame)
    assert (verdict.action, verdict.reason) == (TX, DropReason.NONE)
    assert verdict.frame == server_gets(flow, *UNREACHABLE[server_af], 0, quote, ident=ident)
    assert loaded.traffic() == (1, len(frame) - 14, 0, 0)


def test_connection_is_neither_aged_nor_changed(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    before = bytes(plane.maps.conns.read(0, CONN_SLOTS))
    plane.run("test_related", to_server_side(FLOW44, 3, 1, 0, sent_to_server(FLOW44).quote(8)))
    assert bytes(plane.maps.conns.read(0, CONN_SLOTS)) == before


# RFC 7915 4.2 (figure 3 for pointers) and 5.2 (figure 6). The second word holds a pointer in its first byte in IPv4.
FOUR_TO_SIX = [
    *[((3, code, 0), (1, 0, 0)) for code in (0, 1, 5, 6, 7, 8, 11, 12)],
    *[((3, code, 0), (1, 1, 0)) for code in (9, 10, 13, 15)],
    ((3, 2, 0), (4, 1, 6)),
    ((3, 3, 0), (1, 4, 0)),
    *[((11, code, 0), (3, code, 0)) for code in (0, 1)],
    *[
        ((12, code, old << 24), (4, 0, new))
        for code in (0, 2)
        for old, new in {0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, 12: 8, 15: 8, 16: 24, 19: 24}.items()
    ],
]
NO_SIX = [
    (3, 14, 0),
    (3, 16, 0),
    (4, 0, 0),
    (11, 2, 0),
    (12, 1, 0),
    *[(12, 0, p << 24) for p in (4, 5, 6, 7, 10, 11, 20)],
]
SIX_TO_FOUR = [
    *[((1, code, 0), (3, 1, 0)) for code in (0, 2, 3)],
    ((1, 1, 0), (3, 10, 0)),
    ((1, 4, 0), (3, 3, 0)),
    *[((3, code, 0), (11, code, 0)) for code in (0, 1)],
    ((4, 1, 6), (3, 2, 0)),
    *[
        ((4, 0, old), (12, 0, new << 24))
        for old, new in {0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, 8: 12, 23: 12, 24: 16, 39: 16}.items()
    ],
]
NO_FOUR = [(1, 5, 0), (1, 6, 0), (3, 2, 0), (4, 2, 0), (4, 0, 2), (4, 0, 3), (4, 0, 40), (4, 0, 4000), (2, 0, 1279)]


@pytest.mark.parametrize(("four", "six"), FOUR_TO_SIX)
def test_ipv4_errors_in_the_words_of_ipv6(
    plane: SlowPath, four: tuple[int, int, int], six: tuple[int, int, int]
) -> None:
    fill(plane, FLOW64)
    verdict = plane.run("test_related", to_server_side(FLOW64, *four, sent_to_server(FLOW64).quote(8)))
    assert verdict.frame == client_gets(FLOW64, *six, as_client_knows_it(FLOW64).quote(8))


@pytest.mark.parametrize(("six", "four"), SIX_TO_FOUR)
def test_ipv6_errors_in_the_words_of_ipv4(
    plane: SlowPath, six: tuple[int, int, int], four: tuple[int, int, int]
) -> None:
    fill(plane, FLOW64)
    verdict = plane.run("test_related", to_client_side(FLOW64, *six, sent_to_client(FLOW64).quote(8)))
    assert verdict.frame == server_gets(FLOW64, *four, as_server_knows_it(FLOW64, 8, ident=0).quote(8), ident=0)


@pytest.mark.parametrize("words", NO_SIX)
def test_ipv4_errors_ipv6_has_no_words_for(plane: SlowPath, words: tuple[int, int, int]) -> None:
    fill(plane, FLOW64)
    verdict = plane.run("test_related", to_server_side(FLOW64, *words, sent_to_server(FLOW64).quote(8)))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.ICMP_UNRELATED)


@pytest.mark.parametrize("words", NO_FOUR)
def test_ipv6_errors_ipv4_has_no_words_for(plane: SlowPath, words: tuple[int, int, int]) -> None:
    fill(plane, FLOW64)
    verdict = plane.run("test_related", to_client_side(FLOW64, *words, sent_to_client(FLOW64).quote(8)))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.ICMP_UNRELATED)


UDP44, UDP66, UDP64 = (replace(flow, protocol=UDP_) for flow in (FLOW44, FLOW66, FLOW64))


@pytest.mark.parametrize(
    ("flow", "mtu", "told"),
    [
        (FLOW44, 1400, 1392),  # room for the TOA
        (FLOW44, 70, 68),
        (FLOW44, 68, 68),
        (FLOW44, 0, 0),  # a router before RFC 1191
        (UDP44, 1400, 1400),
        (FLOW66, 1400, 1380),
        (FLOW66, 1290, 1280),
        (FLOW66, 1280, 1280),
        (UDP66, 1400, 1400),
        (UDP64, 1400, 1420),
        (UDP64, 1500, 1500),  # not beyond the next hop's
        (UDP64, 1200, 1280),
        (FLOW64, 1400, 1400),  # IPv6's longer header and the TOA are the same 20 bytes
        (FLOW64, 1280, 1280),
        (FLOW64, 576, 1280),
    ],
)
def test_mtu_told_to_the_client(plane: SlowPath, flow: Flow, mtu: int, told: int) -> None:
    fill(plane, flow)
    server_af, client_af = version(flow.laddr), version(flow.vip)
    verdict = plane.run("test_related", to_server_side(flow, *TOO_BIG[server_af], mtu, sent_to_server(flow).quote(8)))
    assert verdict.frame == client_gets(flow, *TOO_BIG[client_af], told, as_client_knows_it(flow).quote(8))


@pytest.mark.parametrize(("total", "told"), [(9000, 1500), (2003, 1500), (1500, 1500), (1492, 1280), (1300, 1280)])
def test_mtu_zero_becomes_a_plateau(plane: SlowPath, total: int, told: int) -> None:
    fill(plane, UDP64)
    payload = bytes(total - 28)
    frame = to_server_side(UDP64, 3, 4, 0, sent_to_server(UDP64, payload=payload).quote(8))
    verdict = plane.run("test_related", frame)
    assert verdict.frame == client_gets(UDP64, 2, 0, told, as_client_knows_it(UDP64, payload=payload).quote(8))


@pytest.mark.parametrize(
    ("flow", "mtu", "told"),
    [
        (FLOW44, 1400, 1400),
        (FLOW66, 1400, 1400),
        (UDP64, 1400, 1380),
        (FLOW64, 1280, 1260),
        (FLOW64, 9000, 1500),  # not beyond the next hop's
        (FLOW64, 100000, 1500),
    ],
)
def test_mtu_told_to_the_server(plane: SlowPath, flow: Flow, mtu: int, told: int) -> None:
    fill(plane, flow)
    server_af, client_af = version(flow.laddr), version(flow.vip)
    ident = new_id(flow, client_af, server_af)
    verdict = plane.run("test_related", to_client_side(flow, *TOO_BIG[client_af], mtu, sent_to_client(flow).quote(8)))
    quote = as_server_knows_it(flow, 8, ident=ident).quote(8)
    assert verdict.frame == server_gets(flow, *TOO_BIG[server_af], told, quote, ident=ident)


def test_source_quench_stays_in_its_family(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    verdict = plane.run("test_related", to_server_side(FLOW44, 4, 0, 0, sent_to_server(FLOW44).quote(8)))
    assert verdict.frame == client_gets(FLOW44, 4, 0, 0, as_client_knows_it(FLOW44).quote(8))


def test_missing_udp_checksum_stays_missing(plane: SlowPath) -> None:
    fill(plane, UDP44)

    def without(quote: bytes) -> bytes:
        return quote[:26] + b"\0\0" + quote[28:]

    verdict = plane.run("test_related", to_server_side(UDP44, 3, 3, 0, without(sent_to_server(UDP44).quote(20))))
    assert verdict.frame == client_gets(UDP44, 3, 3, 0, without(as_client_knows_it(UDP44).quote(20)))


def test_quote_is_cut_to_what_icmpv6_allows(plane: SlowPath) -> None:
    fill(plane, UDP64)
    payload = bytes(1400)
    frame = to_server_side(UDP64, 3, 3, 0, sent_to_server(UDP64, payload=payload).quote(1408))
    quote = as_client_knows_it(UDP64, payload=payload).quote(1280 - 40 - 8 - 40)
    verdict = plane.run("test_related", frame)
    assert verdict.frame == client_gets(UDP64, 1, 4, 0, quote)
    assert len(verdict.frame) == 14 + 1280


EXTENSION = bytes.fromhex("20000000000c010100001234")


@pytest.mark.parametrize("flow", [FLOW44, FLOW64])
def test_extension_behind_the_quote(plane: SlowPath, flow: Flow) -> None:
    fill(plane, flow)
    frame = to_server_side(flow, 11, 0, 32 << 16, sent_to_server(flow).quote(108) + EXTENSION)
    quote = as_client_knows_it(flow).quote(108)
    if flow == FLOW44:
        expected = client_gets(flow, 11, 0, 32 << 16, quote + EXTENSION)
    else:
        expected = client_gets(flow, 3, 0, 0, quote)
    assert plane.run("test_related", frame).frame == expected


def test_extension_of_icmpv6_is_cut_too(plane: SlowPath) -> None:
    fill(plane, FLOW64)
    frame = to_client_side(FLOW64, 1, 0, 16 << 24, sent_to_client(FLOW64).quote(88) + EXTENSION)
    quote = as_server_knows_it(FLOW64, 88, ident=0).quote(88)
    assert plane.run("test_related", frame).frame == server_gets(FLOW64, 3, 1, 0, quote, ident=0)


def test_padding_behind_the_packet_goes(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    frame = to_server_side(FLOW44, 3, 3, 0, sent_to_server(FLOW44).quote(8)) + bytes(6)
    assert plane.run("test_related", frame).frame == client_gets(FLOW44, 3, 3, 0, as_client_knows_it(FLOW44).quote(8))


@pytest.mark.parametrize("flow", [FLOW44, FLOW64])
def test_tags_come_and_go(plane: SlowPath, flow: Flow) -> None:
    fill(plane, flow)
    plane.put_route(flow.client, VLAN_DEVICE)
    plane.put_neighbour(flow.client, CLIENT_MAC, VLAN_DEVICE)
    kind, code = UNREACHABLE[version(flow.vip)]
    packet = error(flow.vip, flow.client, kind, code, 0, as_client_knows_it(flow).quote(8), ttl=49)
    frame = to_server_side(flow, 3, 3, 0, sent_to_server(flow).quote(8))
    assert plane.run("test_related", frame).frame == ethernet(OUR_MAC, CLIENT_MAC, packet, VLAN)

    kind, code = UNREACHABLE[version(flow.vip)]
    packet = error(ROUTER[version(flow.vip)], flow.vip, kind, code, 0, sent_to_client(flow).quote(8))
    ident = new_id(flow, version(flow.vip), 4)
    expected = server_gets(flow, 3, 3, 0, as_server_knows_it(flow, 8, ident=ident).quote(8), ident=ident)
    assert plane.run("test_related", ethernet(PEER_MAC, OUR_MAC, packet, VLAN)).frame == expected


def test_next_hop_of_the_connection_comes_before_the_route(plane: SlowPath) -> None:
    fill(plane)
    gateway = "02:00:00:00:00:0f"
    plane.put_flow(FLOW44, to_client=plane.put_neighbour("192.0.2.1", gateway))
    verdict = plane.run("test_related", to_server_side(FLOW44, 3, 3, 0, sent_to_server(FLOW44).quote(8)))
    packet = error(FLOW44.vip, FLOW44.client, 3, 3, 0, as_client_knows_it(FLOW44).quote(8), ttl=49)
    assert verdict.frame == ethernet(OUR_MAC, gateway, packet)


def test_next_hop_that_became_another_is_looked_up_again(plane: SlowPath) -> None:
    fill(plane)
    stale = plane.put_neighbour("192.0.2.1", "02:00:00:00:00:0f") + (1 << 16)
    plane.put_flow(FLOW44, to_client=stale)
    verdict = plane.run("test_related", to_server_side(FLOW44, 3, 3, 0, sent_to_server(FLOW44).quote(8)))
    assert verdict.frame == client_gets(FLOW44, 3, 3, 0, as_client_knows_it(FLOW44).quote(8))


def test_other_port_is_redirected_to(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    plane.maps.tx_ports[OTHER_DEVICE] = INGRESS_IFINDEX
    plane.put_route(FLOW44.client, OTHER_DEVICE)
    plane.put_neighbour(FLOW44.client, CLIENT_MAC, OTHER_DEVICE)
    verdict = plane.run("test_related", to_server_side(FLOW44, 3, 3, 0, sent_to_server(FLOW44).quote(8)))
    assert verdict.action == REDIRECT
    assert verdict.frame == client_gets(FLOW44, 3, 3, 0, as_client_knows_it(FLOW44).quote(8))


def spoiled(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 1])


@pytest.mark.parametrize("flow", [FLOW44, FLOW66, FLOW64])
def test_bad_checksum_is_dropped(plane: SlowPath, flow: Flow) -> None:
    fill(plane, flow)
    kind, code = UNREACHABLE[version(flow.vip)]
    frame = spoiled(to_client_side(flow, kind, code, 0, sent_to_client(flow).quote(30)))
    verdict = plane.run("test_related", frame)
    assert (verdict.action, verdict.frame, verdict.reason) == (DROP, frame, DropReason.ICMP_UNRELATED)


def test_error_to_another_address_than_the_quoted_sender_is_dropped(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    packet = error(ROUTER[4], FLOW44.vip, 3, 1, 0, sent_to_server(FLOW44).quote(8))
    verdict = plane.run("test_related", ethernet(PEER_MAC, OUR_MAC, packet))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.ICMP_UNRELATED)


def test_spent_ttl_is_dropped(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    verdict = plane.run("test_related", to_server_side(FLOW44, 3, 1, 0, sent_to_server(FLOW44).quote(8), ttl=1))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.TTL)


def test_quoted_options_are_dropped(plane: SlowPath) -> None:
    fill(plane, FLOW44)
    quote = sent_to_server(FLOW44).quote(8)
    quote = b"\x46" + quote[1:20] + b"\x01\x01\x01\x00" + quote[20:]
    verdict = plane.run("test_related", to_server_side(FLOW44, 3, 1, 0, quote))
    assert (verdict.action, verdict.reason) == (DROP, DropReason.IP_OPTIONS)


def test_no_route_and_no_neighbour(plane: SlowPath) -> None:
    frame = to_server_side(FLOW44, 3, 1, 0, sent_to_server(FLOW44).quote(8))
    plane.reset()
    plane.put_flow(FLOW44)
    assert plane.run("test_related", frame).reason == DropReason.NO_ROUTE
    plane.put_route(FLOW44.client)
    verdict = plane.run("test_related", frame)
    assert (verdict.action, verdict.frame, verdict.reason) == (DROP, frame, DropReason.NO_NEIGHBOUR)


def inner(offset: int, value: bytes) -> bytes:
    quote = sent_to_server(FLOW44).quote(8)
    return to_server_side(FLOW44, 3, 1, 0, quote[:offset] + value + quote[offset + len(value) :])


@pytest.mark.parametrize(
    "frame",
    [
        to_server_side(FLOW44, 3, 1, 0, replace(sent_to_server(FLOW44), source_port=9).quote(8)),
        to_client_side(FLOW66, 1, 0, 0, sent_to_client(FLOW66).quote(8)),  # not in the table
        to_server_side(FLOW44, 5, 1, 0, sent_to_server(FLOW44).quote(8)),  # redirect
        to_server_side(FLOW44, 8, 0, 0, sent_to_server(FLOW44).quote(8)),
        to_server_side(FLOW44, 3, 1, 0, sent_to_server(FLOW44).quote(7)),
        to_server_side(FLOW44, 3, 1, 0, sent_to_server(FLOW44).quote(0)[:12]),
        inner(9, b"\x01"),  # protocol
        inner(6, b"\x00\x10"),  # a later fragment
        inner(0, b"\x65"),  # version
        inner(0, b"\x44"),  # header length
        inner(0, b"\x4f"),  # options beyond the quote
        ethernet(PEER_MAC, BROADCAST, error(ROUTER[4], FLOW44.laddr, 3, 1, 0, sent_to_server(FLOW44).quote(8))),
    ],
)
def test_unrelated_errors_go_on(plane: SlowPath, frame: bytes) -> None:
    fill(plane, FLOW44)
    verdict = plane.run("test_related", frame)
    assert (verdict.action, verdict.frame, verdict.reason) == (NEXT, frame, DropReason.NONE)


@given(data=st.binary(max_size=120), six=st.booleans(), kind=st.integers(0, 13))
def test_any_quote_goes_on_or_has_a_reason(loaded: SlowPath, data: bytes, six: bool, kind: int) -> None:
    flow = FLOW66 if six else FLOW44
    fill(loaded, flow)
    frame = to_server_side(flow, kind, 0, 0, data)
    verdict = loaded.run("test_related", frame)
    assert (verdict.action, verdict.frame) == (NEXT, frame)


@pytest.mark.parametrize("flow", [FLOW44, FLOW66, FLOW64])
def test_every_truncation_has_a_verdict(plane: SlowPath, flow: Flow) -> None:
    fill(plane, flow)
    kind, code = UNREACHABLE[version(flow.vip)]
    frame = to_client_side(flow, kind, code, 0, sent_to_client(flow).quote(40))
    for length in range(14, len(frame)):
        verdict = plane.run("test_related", frame[:length])
        assert (verdict.action, verdict.reason in (DropReason.TRUNCATED, DropReason.BAD_HEADER)) == (DROP, True)
