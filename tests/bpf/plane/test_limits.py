"""max_conn, local ports and the table itself: exact to the last one, and no harm to what is there."""

from __future__ import annotations

import pytest
from scapy.layers.inet import TCP

from tests.support import world
from tests.support.bpf import TX, Plane
from tests.support.frames import IPV4, SYN, ether, ipv4, tcp
from tests.support.session import Session
from xdpvs.bpf.layout import DropReason, ScheduleKind

WEB = world.SERVICES[0]
CLIENT4 = world.packed("198.51.100.7")
ONE_LADDR = world.Service(WEB.id, WEB.proto, WEB.vip, WEB.port, WEB.servers, world.LADDRS4[:1])


def syn(number: int) -> bytes:
    """The SYN of another connection."""
    client = bytes((198, 51, 100, 1 + number % 250))
    segment = tcp(client, WEB.vip, 1000 + number // 250, WEB.port, SYN, seq=number)
    return ether(world.PORT0.mac, world.CLIENT_MACS[0], IPV4, ipv4(client, WEB.vip, 6, segment))


def refusals(plane: Plane, count: int) -> dict[DropReason, int]:
    """Opens connections; the drops that took."""
    before = plane.drops()
    for number in range(count):
        plane.run(syn(number))
    return {r: n - before.get(r, 0) for r, n in plane.drops().items() if n != before.get(r, 0)}


@pytest.mark.parametrize("kind", [ScheduleKind.SEQUENCE, ScheduleKind.WLC, ScheduleKind.HASH], ids=lambda k: k.name)
def test_max_conn_is_exact(plane: Plane, kind: ScheduleKind) -> None:
    plane.put_service(WEB, max_conn=7, kind=kind)
    assert refusals(plane, 60) == {DropReason.DEST_OVERLOAD: 60 - 7 * len(WEB.servers)}
    assert [plane.counts(server.id) for server in WEB.servers] == [(0, 7)] * len(WEB.servers)


def test_expired_connections_make_room_below_max_conn(plane: Plane) -> None:
    plane.put_service(WEB, max_conn=2)
    refusals(plane, 20)
    plane.age(31)
    plane.sweep()
    assert refusals(plane, 10) == {}


def test_max_conn_raised_or_lifted_counts_at_once(plane: Plane) -> None:
    server = WEB.servers[0]
    plane.put_service(WEB, schedule=[server.id], max_conn=1)
    assert plane.send(syn(1)).reason == DropReason.NONE
    assert plane.send(syn(2)).reason == DropReason.DEST_OVERLOAD
    plane.put_dest(server, WEB.id, max_conn=2)
    assert plane.send(syn(2)).reason == DropReason.NONE
    assert plane.send(syn(3)).reason == DropReason.DEST_OVERLOAD
    plane.put_dest(server, WEB.id, max_conn=0)
    assert plane.send(syn(3)).reason == DropReason.NONE


def test_ports_are_exhausted_per_server(plane: Plane) -> None:
    # With so many CPUs this one's share of the ports is two.
    plane.settings(cpus=32256)
    plane.put_service(ONE_LADDR)
    sessions = [Session(plane, ONE_LADDR, CLIENT4, port) for port in range(1, 2 * len(WEB.servers) + 1)]
    for s in sessions:
        s.open()
    assert {(s.server, s.lport) for s in sessions} == {(server, p) for server in WEB.servers for p in (1025, 33281)}
    assert plane.send(syn(0)).reason == DropReason.NO_PORT
    stats = plane.maps.laddr_stats[0]
    assert (stats.conflicts, stats.misses) == (32, 1)
    assert sum(sum(plane.counts(server.id)) for server in WEB.servers) == len(sessions)
    for s in sessions:
        assert plane.send(s.at_vip(TCP(flags="A"))).action == s.to_server()
        assert plane.send(s.at_laddr(TCP(flags="A"))).action == TX


def test_a_second_local_address_has_ports_of_its_own(plane: Plane) -> None:
    plane.settings(cpus=32256)
    plane.put_service(WEB, schedule=[WEB.servers[0].id])
    assert refusals(plane, 10) == {DropReason.NO_PORT: 10 - 2 * len(WEB.laddrs)}
    used = {(bytes(slot["saddr"])[:4], int(slot["sport"])) for slot in plane.inbound()}
    assert used == {(laddr, port) for laddr in WEB.laddrs for port in (1025, 33281)}


def test_ports_come_back_with_expiry(plane: Plane) -> None:
    plane.settings(cpus=32256)
    plane.put_service(ONE_LADDR, schedule=[WEB.servers[0].id])
    assert refusals(plane, 3) == {DropReason.NO_PORT: 1}
    plane.age(31)
    plane.sweep()
    assert refusals(plane, 2) == {}


@pytest.mark.parametrize("cpus", [1, 2, 7, 64])
def test_ports_of_a_cpu_are_its_residue(plane: Plane, cpus: int) -> None:
    plane.settings(cpus=cpus)
    refusals(plane, 60)
    ports = {int(slot["sport"]) for slot in plane.inbound()}
    assert {(port - 1025) % cpus for port in ports} == {0}
    assert min(ports) == 1025


@pytest.mark.parametrize("cpus", [1, 2, 7, 64, 1000])
def test_the_last_port_of_the_range_is_used_and_none_beyond(plane: Plane, cpus: int) -> None:
    plane.settings(cpus=cpus)
    share = -(-64511 // cpus)
    plane.put_service(ONE_LADDR, schedule=[WEB.servers[0].id])
    plane.maps.laddr_ports[0] = share - 1
    refusals(plane, 2)
    last = 1025 + (share - 1) * cpus
    assert {int(slot["sport"]) for slot in plane.inbound()} == {last, 1025}
    assert last + cpus > 65535 >= last


def test_full_table_refuses_and_goes_on(plane: Plane) -> None:
    plane.settings(conn_slots=16)
    s = Session(plane, WEB, CLIENT4)
    s.open()
    drops = refusals(plane, 200)
    flows = len(plane.inbound())
    assert drops == {DropReason.CONN_FULL: 201 - flows}
    # Every window of 128 slots is full, and nothing but pairs in them.
    assert 64 <= flows <= (16 + 128) // 2
    assert len(plane.live()) == 2 * flows
    assert sum(sum(plane.counts(server.id)) for server in WEB.servers) == flows
    assert plane.send(s.at_vip(TCP(flags="A"))).action == s.to_server()
    assert plane.send(s.at_laddr(TCP(flags="SA"))).action == TX
    plane.age(100)
    assert plane.sweep().expired == flows
    plane.age(1)
    plane.sweep()
    assert not plane.kinds().any()
    assert plane.send(syn(1)).reason == DropReason.NONE


def test_traffic_counts_what_came(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[WEB.servers[0].id])
    s = Session(plane, WEB, CLIENT4)
    s.handshake()
    t = plane.traffic(WEB.servers[0].id)
    assert (t.conns, t.in_packets, t.in_bytes, t.out_packets, t.out_bytes) == (1, 2, 80, 1, 40)
    rx, tx = plane.device_traffic(world.PORT0)
    assert (rx, tx) == ((3, 3 * 54), (3, 54 + 54 + 62))
