"""The applier against a dpvs in memory: what it changes, and what it says when dpvs refuses, goes or comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from lab.wait import wait_until
from tests.support.keepalived import dest, key, laddr, service
from tests.support.keepalived_dpvs import FakeDpvs
from xdpvs.keepalived.health.server import dest_key
from xdpvs.keepalived.services import applier as applier_module
from xdpvs.keepalived.services.applier import Applier
from xdpvs.keepalived.services.link import DpvsLink
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.address import Family, Protocol
from xdpvs.model.network import Address
from xdpvs.model.service import AclEntry, Dest, ForwardingMode, Laddr, ServiceFlags, ServiceKey

KEY = key()
RS1, RS2 = dest("192.0.2.30"), dest("192.0.2.130")

Start = Callable[..., Applier]


def wanted(
    *dests: Dest, laddrs: tuple[Laddr, ...] = (), denied: tuple[AclEntry, ...] = (), scheduler: str = "rr"
) -> Wanted:
    """The service on KEY."""
    return Wanted("web", service(scheduler=scheduler), {dest_key(each): each for each in dests}, laddrs, denied)


def only(what: Wanted | None, where: ServiceKey = KEY) -> dict[ServiceKey, Wanted | None]:
    return {where: what}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Start]:
    """Starts appliers that poll often, and ends them."""
    monkeypatch.setattr(applier_module, "POLL_S", 0.01)
    monkeypatch.setattr(applier_module, "RETRY_MAX_S", 0.05)
    caplog.set_level(logging.INFO, "xdpvs.keepalived")
    running: list[Applier] = []

    def begin(
        dpvs: FakeDpvs, services: dict[ServiceKey, Wanted | None] | None = None, *, flush_first: bool = False
    ) -> Applier:
        applier = Applier(DpvsLink(dpvs), flush_first=flush_first)
        running.append(applier)
        if services:
            applier.want(services)
        applier.start()
        return applier

    yield begin
    for applier in running:
        assert applier.stop(release=False)


def settled(applier: Applier) -> None:
    wait_until(applier.settled, 5, "everything is applied")


def changes(dpvs: FakeDpvs) -> list[str]:
    """What was changed since the last call."""
    done, dpvs.changes = dpvs.changes, []
    return done


def test_a_new_service_comes_with_all_that_belongs_to_it(start: Start) -> None:
    dpvs = FakeDpvs()
    settled(start(dpvs, only(wanted(RS1, RS2, laddrs=(laddr(),)))))
    assert changes(dpvs) == [
        "IFADDR_ADD 192.0.2.200/32 dpdk0",
        "ADD 192.0.2.100:80",
        "LADDR_ADD 192.0.2.100:80 192.0.2.200",
        "XDPVS_CHANGE_DESTS 192.0.2.100:80 +192.0.2.30=1 +192.0.2.130=1",
    ]


def test_a_change_is_one_request_and_nothing_else_is_touched(start: Start) -> None:
    dpvs = FakeDpvs()
    applier = start(dpvs, {KEY: wanted(RS1), key(port=81): Wanted("other", service(port=81), {})})
    settled(applier)
    changes(dpvs)
    applier.want(only(wanted(RS2)))
    settled(applier)
    assert changes(dpvs) == ["XDPVS_CHANGE_DESTS 192.0.2.100:80 +192.0.2.130=1 -192.0.2.30"]
    applier.want(only(wanted(RS2, scheduler="wrr")))
    settled(applier)
    assert changes(dpvs) == ["EDIT 192.0.2.100:80"]
    applier.want(only(None))
    settled(applier)
    assert changes(dpvs) == ["DEL 192.0.2.100:80"]
    assert list(dpvs.services) == [key(port=81)]


def test_what_dpvs_has_already_is_kept_and_corrected(start: Start) -> None:
    dpvs = FakeDpvs()
    dpvs._add(service(scheduler="wlc"))
    dpvs.dests[KEY] = {dest_key(each): each for each in (RS1, dest("192.0.2.99"))}
    foreign = key("192.0.2.101")
    dpvs._add(service("192.0.2.101"))
    settled(start(dpvs, only(wanted(RS1, RS2))))
    assert changes(dpvs) == [
        "EDIT 192.0.2.100:80",
        "XDPVS_CHANGE_DESTS 192.0.2.100:80 +192.0.2.130=1 -192.0.2.99",
    ]
    assert foreign in dpvs.services, "somebody else's"


def test_the_last_word_counts(start: Start) -> None:
    dpvs = FakeDpvs()
    dpvs.away = True
    applier = start(dpvs)
    for weight in range(1, 50):
        applier.want(only(wanted(dest("192.0.2.30", weight))))
    dpvs.away = False
    settled(applier)
    assert changes(dpvs) == ["ADD 192.0.2.100:80", "XDPVS_CHANGE_DESTS 192.0.2.100:80 +192.0.2.30=49"]


def test_without_dpvs_it_waits_and_says_so_once(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    dpvs = FakeDpvs()
    dpvs.away = True
    applier = start(dpvs, only(wanted(RS1)))
    wait_until(lambda: "is not there (No such file or directory): waiting" in caplog.text, 5)
    dpvs.away = False
    settled(applier)
    assert KEY in dpvs.services
    assert caplog.text.count("waiting for it") == 1
    assert caplog.text.count("dpvs is there") == 1


def test_a_dpvs_that_lost_its_state_gets_everything_again(start: Start) -> None:
    dpvs = FakeDpvs()
    applier = start(dpvs, only(wanted(RS1, laddrs=(laddr(),))))
    settled(applier)
    changes(dpvs)
    dpvs.restart(clean=True)
    wait_until(lambda: len(changes(dpvs)) == 4, 5, "all of it is there again")
    settled(applier)
    dpvs.restart(clean=False)
    applier.want(only(wanted(RS1, RS2, laddrs=(laddr(),))))
    settled(applier)
    assert changes(dpvs) == ["XDPVS_CHANGE_DESTS 192.0.2.100:80 +192.0.2.130=1"], "a killed one has lost nothing"


def test_a_dpvs_that_was_away_is_compared(start: Start) -> None:
    dpvs = FakeDpvs(native=False)
    applier = start(dpvs, only(wanted(RS1)))
    settled(applier)
    assert changes(dpvs) == ["ADD 192.0.2.100:80", "ADDDEST 192.0.2.100:80 192.0.2.30"], "DPVS's own messages"
    dpvs.away = True
    wait_until(lambda: not applier.settled(), 5, "it is missed")
    dpvs.empty()
    dpvs.away = False
    settled(applier)
    assert changes(dpvs) == ["ADD 192.0.2.100:80", "ADDDEST 192.0.2.100:80 192.0.2.30"]
    applier.want(only(wanted(dest("192.0.2.30", 5))))
    settled(applier)
    assert changes(dpvs) == ["EDITDEST 192.0.2.100:80 192.0.2.30"]


def test_a_refused_feature_is_named_once_and_the_rest_goes_on(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    dpvs = FakeDpvs()
    sticky = key(port=81)
    persistent = service(port=81, flags=ServiceFlags.PERSISTENT, persistence_timeout_s=360)
    applier = start(dpvs, {sticky: Wanted("sticky", persistent, {dest_key(RS1): RS1}), KEY: wanted(RS1)})
    wait_until(lambda: KEY in dpvs.services and "sticky" in caplog.text, 5)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "VS sticky: dpvs refuses service [192.0.2.100]:tcp:81: not support: persistence"
    ]
    asked, polls = dpvs.requests, dpvs.polls
    wait_until(lambda: dpvs.polls > polls + 10, 5)
    assert dpvs.requests == asked, "another answer is not to be expected"
    dpvs.refused_flags = ServiceFlags(0)
    dpvs.restart(clean=False)
    settled(applier)
    assert "VS sticky: dpvs now has service [192.0.2.100]:tcp:81" in caplog.text


def test_good_servers_serve_although_others_are_refused(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    dpvs = FakeDpvs()
    start(dpvs, only(wanted(RS1, dest("192.0.2.31", forwarding=ForwardingMode.DIRECT_ROUTE), RS2)))
    wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2 and "refuses" in caplog.text, 5)
    assert "refuses server [192.0.2.31]:80 of [192.0.2.100]:tcp:80: not support: lb_kind DR" in caplog.text


def test_access_lists_that_are_refused_cost_nothing_else(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    dpvs = FakeDpvs()
    denied = tuple(
        AclEntry(Family.INET, Protocol.TCP, KEY.address, KEY.port, ip_address(f"198.51.100.{number}"))
        for number in range(3)
    )
    applier = start(dpvs, only(wanted(RS1, denied=denied)))
    wait_until(lambda: KEY in dpvs.dests and len(dpvs.dests[KEY]) == 1 and "refuses" in caplog.text, 5)
    assert caplog.text.count("refuses deny_address_group of [192.0.2.100]:tcp:80: not support") == 1
    dpvs.has_acls = True
    dpvs.restart(clean=False)
    settled(applier)
    assert dpvs.acls == set(denied)


def test_a_device_that_comes_later_is_tried_again(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    dpvs = FakeDpvs("dpdk1")
    applier = start(dpvs, only(wanted(RS1, laddrs=(laddr(),))))
    wait_until(lambda: "no such device: dpdk0" in caplog.text, 5)
    dpvs.devices.add("dpdk0")
    settled(applier)
    assert ("dpdk0", laddr().address) in dpvs.addresses


def test_a_local_address_goes_with_its_last_service(start: Start) -> None:
    dpvs = FakeDpvs()
    other = key(port=81)
    shared = {KEY: wanted(RS1, laddrs=(laddr(),)), other: Wanted("b", service(port=81), {}, (laddr(),))}
    applier = start(dpvs, {**shared})
    settled(applier)
    changes(dpvs)
    applier.want(only(wanted(RS1)))
    settled(applier)
    assert changes(dpvs) == ["LADDR_DEL 192.0.2.100:80 192.0.2.200"]
    applier.want(only(None, other))
    settled(applier)
    assert changes(dpvs) == ["DEL 192.0.2.100:81", "IFADDR_DEL 192.0.2.200/32 dpdk0"]


def test_a_local_address_that_others_use_stays(start: Start) -> None:
    dpvs = FakeDpvs()
    applier = start(dpvs, only(wanted(RS1, laddrs=(laddr(),))))
    settled(applier)
    foreign = key("192.0.2.101")
    dpvs._add(service("192.0.2.101"))
    dpvs.laddrs[foreign][laddr().address] = laddr()
    changes(dpvs)
    applier.want(only(None))
    settled(applier)
    assert changes(dpvs) == ["DEL 192.0.2.100:80"]


def test_what_somebody_else_deleted_comes_back_when_it_changes(start: Start) -> None:
    dpvs = FakeDpvs()
    applier = start(dpvs, only(wanted(RS1)))
    settled(applier)
    dpvs._delete(KEY)
    applier.want(only(wanted(RS1, RS2)))
    wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 5, "it is there again")


def test_stop_takes_back_what_is_ours(start: Start) -> None:
    dpvs = FakeDpvs()
    dpvs._add(service("192.0.2.101"))
    applier = start(dpvs, only(wanted(RS1, laddrs=(laddr(),))))
    settled(applier)
    changes(dpvs)
    assert applier.stop(release=True)
    assert changes(dpvs) == ["DEL 192.0.2.100:80", "IFADDR_DEL 192.0.2.200/32 dpdk0"]


def test_stop_without_release_leaves_all(start: Start) -> None:
    dpvs = FakeDpvs()
    applier = start(dpvs, only(wanted(RS1)))
    settled(applier)
    changes(dpvs)
    assert applier.stop(release=False)
    assert changes(dpvs) == []


def test_lvs_flush_and_its_counterpart_take_everything(start: Start) -> None:
    dpvs = FakeDpvs()
    dpvs._add(service("192.0.2.101"))
    applier = start(dpvs, only(wanted(RS1, laddrs=(laddr(),))), flush_first=True)
    settled(applier)
    assert list(dpvs.services) == [KEY]
    dpvs._add(service("192.0.2.101"))
    assert applier.stop(release=True, flush=True)
    assert (dpvs.services, dpvs.addresses) == ({}, {})


def test_an_address_without_a_pool_of_that_name_is_nothing_of_ours(start: Start) -> None:
    dpvs = FakeDpvs()
    vip = ip_address("192.0.2.200")
    dpvs.addresses["dpdk1", vip] = Address(Family.INET, vip, 32, "dpdk1")
    applier = start(dpvs, only(wanted(RS1)))
    settled(applier)
    assert applier.stop(release=True)
    assert list(dpvs.addresses) == [("dpdk1", vip)]
