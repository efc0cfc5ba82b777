"""Services, servers and local addresses in the maps, and after a restart."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from xdpvs.bpf import layout
from xdpvs.dataplane.balancer import Balancer, programmable, service_key
from xdpvs.dataplane.journal import Journal
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.service import Dest, ForwardingMode, Service, ServiceKey
from xdpvs.sched.registry import build

VIP = ip_address("192.0.2.1")
LADDRS: tuple[IPAddress, ...] = (ip_address("10.0.0.1"), ip_address("2001:db8::a"), ip_address("10.0.0.2"))
WEB = Service(ServiceKey(Family.INET, 6, VIP, 80), scheduler="wrr", conn_timeout_s=7)
KEY = service_key(WEB.key)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(bpffs_dir: Path) -> Iterator[Journal]:
    journal = Journal.open(bpffs_dir / "journal")
    yield journal
    journal.close()


@pytest.fixture
def balancer(maps: layout.Maps, journal: Journal, clock: Clock) -> Balancer:
    return Balancer(maps, journal, clock)


def server(text: str, weight: int = 1) -> Dest:
    return Dest(Family.INET, ip_address(text), 8080, ForwardingMode.FULLNAT, weight)


def put(balancer: Balancer, dests: list[Dest], ids: list[int], service_id: int, service: Service = WEB) -> None:
    for index, dest in zip(ids, dests, strict=True):
        balancer.put_dest(index, service_id, dest)
    schedule = build(service.scheduler, service.flags, dests)
    balancer.put_service(service_id, service, schedule, ids, LADDRS)


def scheduled(maps: layout.Maps) -> tuple[int, ...]:
    service = maps.services.get(KEY)
    assert service is not None
    entries = maps.schedules.read(service.schedule_base, service.schedule_length)
    return tuple(value for (value,) in struct.iter_unpack("<I", entries))


def test_a_service_as_bpf_sees_it(balancer: Balancer, maps: layout.Maps) -> None:
    service_id = balancer.new_service_id()
    ids = [balancer.new_dest_id(), balancer.new_dest_id()]
    put(balancer, [server("10.1.0.1", 2), server("10.1.0.2")], ids, service_id)
    service = maps.services.get(KEY)
    assert service is not None
    assert (service.id, service.conn_timeout, service.schedule_kind) == (service_id, 7, layout.ScheduleKind.SEQUENCE)
    assert sorted(scheduled(maps)) == [ids[0], ids[0], ids[1]]
    assert (service.laddr4_length, service.laddr6_length) == (2, 1)
    laddr = maps.laddrs[service.laddr4_base + 1]
    assert laddr.addr[:4] == bytes([10, 0, 0, 2])
    assert laddr.id == balancer.laddr_id(LADDRS[2])
    dest = maps.dests[ids[0]]
    assert (dest.addr[:4], dest.port, dest.af, dest.weight) == (bytes([10, 1, 0, 1]), 8080, 2, 2)
    assert dest.forwarding == ForwardingMode.FULLNAT
    assert maps.vips.get(layout.ServiceKey(addr=KEY.addr, proto=6, af=2)) == 1


def test_a_change_does_not_touch_what_is_being_read(balancer: Balancer, maps: layout.Maps, clock: Clock) -> None:
    service_id = balancer.new_service_id()
    ids = [balancer.new_dest_id(), balancer.new_dest_id()]
    dests = [server("10.1.0.1"), server("10.1.0.2")]
    put(balancer, dests, ids, service_id)
    before = maps.services.get(KEY)
    assert before is not None
    put(balancer, [server("10.1.0.1", 0), dests[1]], ids, service_id)
    after = maps.services.get(KEY)
    assert after is not None
    assert after.schedule_base >= before.schedule_base + before.schedule_length
    assert scheduled(maps) == (ids[1],)
    clock.now += 1
    put(balancer, dests, ids, service_id)
    reused = maps.services.get(KEY)
    assert reused is not None
    assert reused.schedule_base == before.schedule_base


def test_vips_count_services_of_an_address(balancer: Balancer, maps: layout.Maps) -> None:
    vip = layout.ServiceKey(addr=KEY.addr, proto=6, af=2)
    ids = [balancer.new_service_id(), balancer.new_service_id()]
    for index, port in zip(ids, (80, 443), strict=True):
        put(balancer, [], [], index, Service(ServiceKey(Family.INET, 6, VIP, port), scheduler="rr"))
    assert maps.vips.get(vip) == 2
    balancer.remove_service(ids[0])
    assert maps.services.get(KEY) is None
    assert maps.vips.get(vip) == 1
    balancer.remove_service(ids[1])
    assert maps.vips.get(vip) is None


def test_a_deleted_server_keeps_its_id_while_connections_use_it(balancer: Balancer, maps: layout.Maps) -> None:
    index = balancer.new_dest_id()
    balancer.put_dest(index, 0, server("10.1.0.1"))
    maps.dest_conns[index] = layout.DestConns(active=1)
    balancer.remove_dest(index)
    assert maps.dests[index].weight == 0
    assert balancer.new_dest_id() != index


def test_a_new_server_starts_from_zero(balancer: Balancer, maps: layout.Maps) -> None:
    maps.dest_stats[0] = layout.TrafficStats(conns=5)
    maps.dest_conns[0] = layout.DestConns(refused=5)
    index = balancer.new_dest_id()
    assert index == 0
    assert maps.dest_stats[0][0].conns == 0
    assert maps.dest_conns[0].refused == 0


def test_a_restart_changes_nothing_and_drops_strangers(
    balancer: Balancer, maps: layout.Maps, journal: Journal, clock: Clock
) -> None:
    service_id, stranger = balancer.new_service_id(), balancer.new_service_id()
    ids = [balancer.new_dest_id(), balancer.new_dest_id()]
    dests = [server("10.1.0.1"), server("10.1.0.2")]
    put(balancer, dests, ids, service_id)
    put(balancer, [], [], stranger, Service(ServiceKey(Family.INET, 17, VIP, 53), scheduler="rr"))
    maps.dest_conns[9] = layout.DestConns(inactive=1)
    before = maps.services.get(KEY)

    again = Balancer(maps, journal, clock)
    put(again, dests, ids, service_id)
    again.retain({service_id}, ids)
    assert maps.services.get(KEY) == before
    assert [key.port for key in maps.services] == [80]
    assert maps.vips.get(layout.ServiceKey(addr=KEY.addr, proto=6, af=2)) == 1
    assert again.laddr_id(LADDRS[1]) == balancer.laddr_id(LADDRS[1])
    assert again.new_service_id() not in (service_id,)
    fresh = {again.new_dest_id() for _ in range(10)}
    assert fresh.isdisjoint({*ids, 9})


def test_laddr_ids_are_forgotten_when_nothing_uses_them(balancer: Balancer) -> None:
    service_id = balancer.new_service_id()
    put(balancer, [], [], service_id)
    assert balancer.recycle_laddr_ids(lambda index: 0) == 0
    kept = balancer.laddr_id(LADDRS[0])
    balancer.remove_service(service_id)
    assert balancer.recycle_laddr_ids(lambda index: index == kept) == 2
    assert balancer.laddr_id(LADDRS[0]) == kept
    assert balancer.laddr_id(LADDRS[1]) is None


def test_services_the_data_plane_does_not_know() -> None:
    assert programmable(WEB.key)
    assert not programmable(ServiceKey(Family.INET, 6, VIP, 0, fwmark=5))
