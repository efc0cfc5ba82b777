"""Services, servers and local addresses: codes, order, and that what fails changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from tests.support.plane import FakeBalancer, FakeRecords
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.daemon.records import Kind
from xdpvs.daemon.services import Services
from xdpvs.dataplane.stats import Traffic
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.service import (
    CheckConfig,
    CheckTypes,
    Dest,
    ForwardingMode,
    Laddr,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

KEY = ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80)
KEY6 = ServiceKey(Family.INET6, 6, IPv6Address("2001:db8::1"), 80)
SERVICE = Service(KEY, "wrr")
LADDR = Laddr(Family.INET, IPv4Address("198.51.100.200"), "dpdk1")


def dest(number: int, weight: int = 1) -> Dest:
    """A FullNAT server."""
    return Dest(Family.INET, IPv4Address(f"198.51.100.{number}"), 80, ForwardingMode.FULLNAT, weight)


class Table:
    """Services over a fake data plane and journal."""

    def __init__(self) -> None:
        self.maps = FakeBalancer()
        self.records = FakeRecords()
        self.wanted: list[IPAddress] = []
        self.services = self.another()

    def another(self) -> Services:
        """A table that knows nothing yet, over the same maps and journal."""
        return Services(
            self.maps,
            self.records,
            traffic_of=self.maps.read,
            want=self.wanted.append,
            unwant=self.wanted.remove,
        )

    def state(self) -> object:
        """All there is, to be compared."""
        return (dict(self.maps.services), dict(self.maps.dests), dict(self.records.kept), list(self.wanted))


@pytest.fixture
def table() -> Table:
    return Table()


def refused(code: DpvsError, do: Callable[[], None]) -> None:
    """The call fails with this code."""
    with pytest.raises(ApiError) as caught:
        do()
    assert caught.value.code == code


def test_adding_twice_is_refused(table: Table) -> None:
    table.services.add(SERVICE)
    refused(DpvsError.EXIST, lambda: table.services.add(SERVICE))
    assert len(table.services) == 1


@pytest.mark.parametrize(
    ("service", "code"),
    [
        (replace(SERVICE, scheduler="lc"), DpvsError.NOTEXIST),
        (replace(SERVICE, flags=ServiceFlags.HASHED), DpvsError.EXIST),
        (replace(SERVICE, key=replace(KEY, protocol=2)), DpvsError.INVAL),
        (replace(SERVICE, key=replace(KEY, address=IPv4Address(0))), DpvsError.INVAL),
        (replace(SERVICE, key=replace(KEY, protocol=132)), DpvsError.NOTSUPP),
        (replace(SERVICE, key=replace(KEY, address=IPv4Address(0), port=0, fwmark=1)), DpvsError.NOTSUPP),
        (replace(SERVICE, flags=ServiceFlags.PERSISTENT), DpvsError.NOTSUPP),
        (replace(SERVICE, flags=ServiceFlags.ONE_PACKET), DpvsError.NOTSUPP),
        (replace(SERVICE, flags=ServiceFlags.SYNPROXY), DpvsError.NOTSUPP),
        (replace(SERVICE, flags=ServiceFlags.QUIC), DpvsError.NOTSUPP),
        (replace(SERVICE, proxy_protocol=ProxyProtocol.V2), DpvsError.NOTSUPP),
        (replace(SERVICE, bps=1), DpvsError.NOTSUPP),
        (replace(SERVICE, check=CheckConfig(CheckTypes.PASSIVE)), DpvsError.NOTSUPP),
    ],
)
def test_services_that_cannot_be(table: Table, service: Service, code: DpvsError) -> None:
    refused(code, lambda: table.services.add(service))
    assert table.state() == Table().state()


def test_external_checks_are_kept_though_the_daemon_does_none(table: Table) -> None:
    table.services.add(replace(SERVICE, check=CheckConfig(CheckTypes.TCP | CheckTypes.PING)))
    assert len(table.services) == 1


def test_servers_are_scheduled_newest_first(table: Table) -> None:
    table.services.add(SERVICE)
    for number in (1, 2, 3):
        table.services.add_dest(KEY, dest(number))
    (entry,) = table.services
    assert [each.dest for each in entry.newest_dests()] == [dest(3), dest(2), dest(1)]
    assert sorted(table.maps.services[entry.id].schedule) == sorted(each.id for each in entry.dests.values())


@pytest.mark.parametrize(
    ("server", "code"),
    [
        (replace(dest(1), min_conn=2, max_conn=1), DpvsError.NOTSUPP),
        (replace(dest(1), forwarding=ForwardingMode.DIRECT_ROUTE), DpvsError.NOTSUPP),
        (replace(dest(1), forwarding=ForwardingMode.NAT), DpvsError.NOTSUPP),
        (replace(dest(1), family=Family.INET6, address=IPv6Address("2001:db8::2")), DpvsError.NOTSUPP),
    ],
)
def test_servers_that_cannot_be(table: Table, server: Dest, code: DpvsError) -> None:
    table.services.add(SERVICE)
    before = table.state()
    refused(code, lambda: table.services.add_dest(KEY, server))
    assert table.state() == before


def test_ipv4_servers_of_an_ipv6_service_are_nat64(table: Table) -> None:
    table.services.add(Service(KEY6, "rr", netmask=128))
    table.services.add_dest(KEY6, dest(1))
    assert table.wanted == [dest(1).address]


def test_weights_are_kept_as_dpvs_keeps_them(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1, 40000))
    assert table.maps.dests[1].weight == -25536


def test_codes_of_what_is_not_there(table: Table) -> None:
    refused(DpvsError.INVAL, lambda: table.services.edit(SERVICE))
    refused(DpvsError.INVAL, lambda: table.services.delete(KEY))
    refused(DpvsError.INVAL, lambda: table.services.zero(KEY))
    refused(DpvsError.INVAL, lambda: table.services.add_dest(KEY, dest(1)))
    refused(DpvsError.NOSERV, lambda: table.services.add_laddr(KEY, LADDR))
    table.services.add(SERVICE)
    refused(DpvsError.NOTEXIST, lambda: table.services.edit_dest(KEY, dest(1)))
    refused(DpvsError.NOTEXIST, lambda: table.services.delete_dest(KEY, dest(1)))
    refused(DpvsError.NOTEXIST, lambda: table.services.delete_laddr(KEY, LADDR))


def test_editing_keeps_servers_and_local_addresses(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    table.services.add_laddr(KEY, LADDR)
    table.services.edit(replace(SERVICE, scheduler="rr", conn_timeout_s=7, flags=ServiceFlags.HASHED))
    installed = table.maps.services[0]
    assert (installed.service.scheduler, installed.service.conn_timeout_s) == ("rr", 7)
    assert installed.service.flags == 0
    assert installed.laddrs == [LADDR.address]
    assert len(installed.schedule) == 1


@pytest.mark.parametrize("full", ["maps", "records"])
@pytest.mark.parametrize(
    "change",
    [
        lambda services: services.add(replace(SERVICE, key=replace(KEY, port=81))),
        lambda services: services.add_dest(KEY, dest(9)),
    ],
    ids=["service", "server"],
)
def test_no_room_changes_nothing(table: Table, change: Callable[[Services], None], full: str) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    before = table.state()
    (table.maps if full == "maps" else table.records).full = True
    refused(DpvsError.NOROOM, lambda: change(table.services))
    assert table.state() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda services: services.edit(replace(SERVICE, scheduler="rr")),
        lambda services: services.edit_dest(KEY, dest(1, 9)),
        lambda services: services.delete_dest(KEY, dest(1)),
        lambda services: services.add_laddr(KEY, LADDR),
    ],
    ids=["edit", "edit-dest", "delete-dest", "add-laddr"],
)
def test_a_change_that_cannot_be_journaled_is_undone(table: Table, change: Callable[[Services], None]) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    before = table.state()
    table.records.full = True
    refused(DpvsError.NOROOM, lambda: change(table.services))
    assert table.state() == before
    table.records.full = False
    change(table.services)
    assert table.state() != before


def test_what_a_removed_server_carried_stays_with_the_service(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    (entry,) = table.services
    table.maps.traffic[1] = Traffic(5, 10, 100, 20, 200)
    table.services.delete_dest(KEY, dest(1))
    assert entry.retired == Traffic(5, 10, 100, 20, 200)
    assert not table.wanted
    table.services.zero(None)
    assert entry.retired == Traffic()


def test_zeroing_does_not_touch_what_the_data_plane_counts(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    table.maps.traffic[1] = Traffic(5, 10, 100, 20, 200)
    table.services.zero(KEY)
    (entry,) = table.services
    assert entry.newest_dests()[0].zeroed == Traffic(5, 10, 100, 20, 200)
    table.maps.traffic[1] = Traffic(6, 11, 110, 20, 200)
    table.services.delete_dest(KEY, dest(1))
    assert entry.retired == Traffic(1, 1, 10, 0, 0)


def test_flush_leaves_nothing(table: Table) -> None:
    for port in (80, 81):
        key = replace(KEY, port=port)
        table.services.add(replace(SERVICE, key=key))
        table.services.add_dest(key, dest(1))
        table.services.add_laddr(key, LADDR)
    table.services.flush()
    assert table.state() == Table().state()


def test_a_restart_finds_everything_in_its_order(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add(replace(SERVICE, key=replace(KEY, port=81)))
    for number in (3, 1, 2):
        table.services.add_dest(KEY, dest(number))
    table.services.add_laddr(KEY, LADDR)
    table.services.delete_dest(KEY, dest(1))
    before = table.state()
    table.wanted.clear()
    table.records.kept = dict(reversed(table.records.kept.items()))
    again = table.another()
    records = table.records
    again.adopt(records.of(Kind.SERVICE), records.of(Kind.DEST), records.of(Kind.LADDR))
    assert table.state() == before
    entries = list(again)
    assert [entry.service.key.port for entry in entries] == [80, 81]
    assert [each.dest for each in entries[0].newest_dests()] == [dest(2), dest(3)]
    again.add_dest(KEY, dest(7))
    assert entries[0].newest_dests()[0].dest == dest(7)


def test_what_a_crash_left_of_a_deleted_service_is_dropped(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    table.services.add_laddr(KEY, LADDR)
    records = table.records
    records.delete(Kind.SERVICE, 0)
    table.another().adopt({}, records.of(Kind.DEST), records.of(Kind.LADDR))
    assert not records.kept


def test_the_agents_messages(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.put_dest(KEY, dest(1, 5))
    table.services.put_dest(KEY, replace(dest(1, 6), max_conn=9))
    (entry,) = table.services
    assert entry.newest_dests()[0].dest == replace(dest(1, 6), max_conn=9)
    table.services.weigh_dest(KEY, replace(dest(1, 0), inhibited=True))
    assert entry.newest_dests()[0].dest == replace(dest(1, 0), max_conn=9, inhibited=True)


def test_servers_change_together(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    table.services.add_dest(KEY, dest(2))
    table.services.change_dests(KEY, [dest(2, 7), dest(3)], [dest(1), dest(9)])
    (entry,) = table.services
    assert [each.dest for each in entry.newest_dests()] == [dest(3), dest(2, 7)]
    assert sorted(table.wanted) == [dest(2).address, dest(3).address]
    assert sorted(record.dest.port for record in table.records.of(Kind.DEST).values()) == [80, 80]
    assert {record.dest for record in table.records.of(Kind.DEST).values()} == {dest(2, 7), dest(3)}


def test_what_removed_servers_carried_stays_in_the_service(table: Table) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    (entry,) = table.services
    (first,) = entry.dests.values()
    table.maps.traffic[first.id] = Traffic(conns=5)
    table.services.change_dests(KEY, [dest(2)], [dest(1)])
    assert entry.retired == Traffic(conns=5)


@pytest.mark.parametrize(
    ("put", "delete", "code"),
    [
        ([dest(3), replace(dest(4), forwarding=ForwardingMode.NAT)], [dest(1)], DpvsError.NOTSUPP),
        ([dest(3), replace(dest(4), min_conn=2, max_conn=1)], [], DpvsError.INVAL),
        ([dest(3), dest(3, 2)], [], DpvsError.INVAL),
        ([dest(1, 3)], [dest(1)], DpvsError.INVAL),
    ],
)
def test_one_bad_server_changes_none(table: Table, put: list[Dest], delete: list[Dest], code: DpvsError) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    before = table.state()
    refused(code, lambda: table.services.change_dests(KEY, put, delete))
    assert table.state() == before


@pytest.mark.parametrize("full", ["maps", "records"])
def test_no_room_for_one_of_several_servers_changes_none(table: Table, full: str) -> None:
    table.services.add(SERVICE)
    table.services.add_dest(KEY, dest(1))
    table.services.add_dest(KEY, dest(2))
    before = table.state()
    (entry,) = table.services
    shown = [each.dest for each in entry.newest_dests()]
    getattr(table, full).full = True
    refused(DpvsError.NOROOM, lambda: table.services.change_dests(KEY, [dest(2, 9), dest(3)], [dest(1)]))
    assert table.state() == before
    assert [each.dest for each in entry.newest_dests()] == shown


def test_changing_servers_of_no_service(table: Table) -> None:
    refused(DpvsError.NOSERV, lambda: table.services.change_dests(KEY, [dest(1)], []))
