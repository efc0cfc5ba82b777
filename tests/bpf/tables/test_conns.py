"""Listings of connections written into the table by hand."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address

import pytest

from xdpvs.bpf import layout
from xdpvs.bpf.layout import ConnFlags, SlotKind, TcpState, UdpState
from xdpvs.bpf.structure import pack_address
from xdpvs.dataplane.conns import ENTRY_SIZE, ConnTable
from xdpvs.dataplane.ticks import TICK_NS, age_s
from xdpvs.model.address import Family
from xdpvs.model.conn import Conn, SocketPair

LIVE = SlotKind.LIVE << 32
SLOTS = 8192
NOW = 5  # just after the ticks wrapped


def ago(seconds: float) -> int:
    return (NOW - math.ceil(seconds * 1e9 / TICK_NS)) % (1 << 32)


WEB = Conn(
    Family.INET,
    Family.INET,
    6,
    ip_address("198.51.100.7"),
    50000,
    ip_address("192.0.2.1"),
    80,
    ip_address("10.0.0.1"),
    1025,
    ip_address("10.1.0.1"),
    8080,
    80,
    "TCP_EST",
    1,
)
NAT64 = Conn(
    Family.INET6,
    Family.INET,
    17,
    ip_address("2001:db8::7"),
    50001,
    ip_address("2001:db8::1"),
    53,
    ip_address("10.0.0.1"),
    1026,
    ip_address("10.1.0.1"),
    53,
    300,
    "UDP_ONEWAY",
    1,
)


def put(maps: layout.Maps, index: int, conn: Conn, state: int, **fields: int) -> None:
    slot = layout.Conn(
        tag=LIVE | index,
        key=layout.ConnKey(
            saddr=pack_address(conn.client),
            daddr=pack_address(conn.vip),
            sport=conn.client_port,
            dport=conn.vip_port,
            proto=conn.protocol,
            af=int(conn.in_family),
        ),
        saddr=pack_address(conn.laddr),
        daddr=pack_address(conn.server),
        sport=conn.laddr_port,
        dport=conn.server_port,
        state=state,
        flags=ConnFlags.INBOUND | (ConnFlags.NAT64 if conn.in_family != conn.out_family else 0),
    )
    for name, value in {"last_seen": NOW, "peer": index + 1, **fields}.items():
        setattr(slot, name, value)
    maps.conns[index] = slot
    maps.conns[index + 1] = layout.Conn(tag=LIVE, last_seen=slot.last_seen, peer=index)


@pytest.fixture
def table(maps: layout.Maps) -> ConnTable:
    settings = layout.Settings(init_timeout=3)
    settings.tcp_timeout[TcpState.ESTABLISHED] = 90
    settings.udp_timeout[UdpState.ONEWAY] = 300
    maps.settings[0] = settings
    return ConnTable(maps, SLOTS, lambda: NOW)


def listed(table: ConnTable) -> list[Conn]:
    return [conn for part in table.conns() for conn in part]


def test_one_entry_for_each_connection(maps: layout.Maps, table: ConnTable) -> None:
    put(maps, 10, WEB, TcpState.ESTABLISHED, last_seen=ago(10))
    put(maps, SLOTS - 2, NAT64, UdpState.ONEWAY)
    assert listed(table) == [WEB, NAT64]


def test_what_is_not_live_is_not_listed(maps: layout.Maps, table: ConnTable) -> None:
    put(maps, 10, WEB, TcpState.ESTABLISHED, tag=SlotKind.DYING << 32)
    put(maps, 20, WEB, TcpState.ESTABLISHED, flags=ConnFlags.INBOUND | ConnFlags.DEAD)
    assert listed(table) == []


@pytest.mark.parametrize(
    ("conn", "state", "fields", "left"),
    [
        (WEB, TcpState.ESTABLISHED, {}, 90),
        (WEB, TcpState.ESTABLISHED, {"timeout": 30, "last_seen": ago(10)}, 20),
        (WEB, TcpState.ESTABLISHED, {"last_seen": ago(1000)}, 0),
        (WEB, TcpState.ESTABLISHED, {"last_seen": NOW + 3}, 90),
        (WEB, TcpState.NONE, {"timeout": 30}, 3),
        (NAT64, UdpState.ONEWAY, {"timeout": 30}, 30),
    ],
)
def test_the_timeout_counts_down(
    maps: layout.Maps, table: ConnTable, conn: Conn, state: int, fields: dict[str, int], left: int
) -> None:
    put(maps, 10, conn, state, **fields)
    assert [found.timeout_s for found in listed(table)] == [left]


def test_replies_keep_a_connection_alive(maps: layout.Maps, table: ConnTable) -> None:
    put(maps, 10, WEB, TcpState.ESTABLISHED, last_seen=ago(80))
    maps.conns[11] = layout.Conn(tag=LIVE, last_seen=ago(5), peer=10)
    assert listed(table) == [replace(WEB, timeout_s=85)]


def test_wire_entries(maps: layout.Maps, table: ConnTable) -> None:
    put(maps, 10, WEB, TcpState.ESTABLISHED, last_seen=ago(10))
    entry = b"".join(table.wire_entries())
    assert len(entry) == ENTRY_SIZE
    assert entry.hex() == (
        "0200 0200 0600 0000"
        "c6336407 000000000000000000000000 c0000201 000000000000000000000000"
        "0a000001 000000000000000000000000 0a010001 000000000000000000000000"
        "c350 0050 0401 1f90 50000000 01 5443505f455354000000000000000000 000000"
    ).replace(" ", "")


def test_find_by_socket_pair(maps: layout.Maps, table: ConnTable) -> None:
    put(maps, 10, WEB, TcpState.ESTABLISHED, last_seen=ago(10))
    pair = SocketPair(Family.INET, 6, WEB.client, WEB.client_port, WEB.vip, WEB.vip_port)
    assert table.find(pair) == WEB
    assert table.find(replace(pair, source_port=1)) is None


def test_counts_by_service_and_local_address(maps: layout.Maps, table: ConnTable) -> None:
    for index, (service, laddr) in enumerate([(1, 2), (1, 2), (1, 3), (60000, 2)]):
        put(maps, 10 * index, WEB, TcpState.ESTABLISHED, service=service, laddr_id=laddr)
    assert sum(table.laddr_counts(), Counter()) == {(1, 2): 2, (1, 3): 1, (60000, 2): 1}


def test_ages_wrap() -> None:
    assert age_s(ago(10), NOW) == pytest.approx(10, abs=0.01)
    assert age_s(NOW + 1, NOW) == 0
