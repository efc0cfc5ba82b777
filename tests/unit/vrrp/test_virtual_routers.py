"""A whole configuration: who gets a packet, what is refused, reload, startup delay."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from tests.support.vrrp import THEM, US, VIPS, datagram, instance, kinds, notices, only, priorities
from xdpvs.model.address import Family
from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig
from xdpvs.model.vrrp import (
    AuthType,
    GarpTiming,
    Track,
    Tracking,
    VirtualAddress,
    VirtualRoute,
    VrrpInstance,
    VrrpState,
    VrrpSyncGroup,
)
from xdpvs.vrrp.commands import AddRoutes, AddVips, AnnounceArp, Log, RemoveRoutes, RemoveVips
from xdpvs.vrrp.inspection import Datagram
from xdpvs.vrrp.rules import problems, settled
from xdpvs.vrrp.tracking import Kind
from xdpvs.vrrp.virtual_routers import VirtualRouters

BACKUP, MASTER, FAULT = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT
NEW_VIP = VirtualAddress(ip_address("192.0.2.102"), 32)


def file(*instances: VrrpInstance, **globals_: Any) -> KeepalivedConfig:
    """A file of these instances."""
    return KeepalivedConfig(globals=GlobalDefs(**globals_), instances=instances)


def tell(machines: VirtualRouters, now: float) -> None:
    """All interfaces are up and have an address."""
    for router in machines.routers:
        machines.set_tracked(Kind.INTERFACE, router.config.interface, True, now)
        machines.set_source(router.config.interface, router.config.family, (US,), now)


def running(*instances: VrrpInstance) -> VirtualRouters:
    """Masters since 10."""
    machines = VirtualRouters(file(*instances))
    tell(machines, 0.0)
    machines.start(0.0)
    machines.handle_timer(10.0)
    machines.handle_timer(15.0)  # ARP again
    assert {router.state for router in machines.routers} == {MASTER}
    return machines


def test_a_packet_goes_to_the_instance_of_its_interface_and_vrid() -> None:
    first, second = instance("A"), instance("B", interface="eth1")
    machines = running(first, second)
    machines.receive("eth1", Family.INET, datagram(second, 150), 11.0)
    assert [router.state for router in machines.routers] == [MASTER, BACKUP]


def test_unknown_vrids_and_stumps_are_counted() -> None:
    machines = running(instance())
    other = datagram(instance(virtual_router_id=99), 150)
    assert machines.receive("eth0", Family.INET, other, 11.0) == []
    assert machines.receive("eth7", Family.INET, datagram(instance(), 150), 11.0) == []
    assert len(machines.receive("eth0", Family.INET, Datagram(b"\x21", THEM, US, 255), 11.0)) == 1
    assert (machines.unknown_vrids, machines.too_short) == (2, 1)


def test_log_unknown_vrids() -> None:
    machines = VirtualRouters(file(instance(), log_unknown_vrids=True))
    commands = machines.receive("eth0", Family.INET, datagram(instance(virtual_router_id=99), 150), 1.0)
    assert [log.text for log in only(commands, Log)] == ["Unknown VRID(99) received on interface(eth0). ignoring..."]


def test_startup_delay() -> None:
    machines = VirtualRouters(file(instance(priority=255), vrrp_startup_delay_s=5.0))
    tell(machines, 0.0)
    assert machines.start(0.0) == []
    assert machines.receive("eth0", Family.INET, datagram(instance(), 150), 1.0) == []
    assert machines.next_timer() == 5.0
    assert notices(machines.handle_timer(5.0)) == ["VI_1 MASTER"]


def test_stop_during_the_startup_delay() -> None:
    machines = VirtualRouters(file(instance(), vrrp_startup_delay_s=5.0))
    tell(machines, 0.0)
    machines.start(0.0)
    assert notices(machines.stop(1.0)) == ["VI_1 STOP"]


def test_only_masters_own_addresses() -> None:
    machines = running(instance(excluded_addresses=(NEW_VIP,)))
    assert machines.owned() == {*(vip.address for vip in VIPS), NEW_VIP.address}
    machines.receive("eth0", Family.INET, datagram(instance(), 150), 11.0)
    assert machines.owned() == frozenset()


def test_ipv6_adverts_come_from_the_link_local_address() -> None:
    vip = VirtualAddress(ip_address("fe80::100"), 128)
    machines = VirtualRouters(file(instance(family=Family.INET6, version=3, addresses=(vip,))))
    machines.set_source("eth0", Family.INET6, (ip_address("2001:db8::1"), ip_address("fe80::1")), 0.0)
    assert machines.routers[0].source == ip_address("fe80::1")
    machines.set_source("eth0", Family.INET6, (ip_address("2001:db8::1"),), 0.0)
    assert machines.routers[0].tracker.hindrances()[0] == "no source address"


def test_a_configured_source_may_be_missing_unless_it_is_tracked() -> None:
    for tracked in (False, True):
        machines = VirtualRouters(file(instance(source_address=THEM, track_source_address=tracked)))
        tell(machines, 0.0)
        machines.start(0.0)
        assert machines.routers[0].source == THEM
        assert (machines.routers[0].state is FAULT) is tracked


def test_dont_track_primary() -> None:
    machines = VirtualRouters(file(instance(track_interface_itself=False)))
    machines.set_source("eth0", Family.INET, (US,), 0.0)
    machines.start(0.0)
    assert machines.routers[0].state is BACKUP


# Reload


def reload(machines: VirtualRouters, *instances: VrrpInstance, **globals_: Any) -> list[Any]:
    """Reload at 20."""
    commands = machines.reload(file(*instances, **globals_), 20.0)
    tell(machines, 20.0)
    return commands + machines.resume(20.0)


def test_a_reload_without_change_only_sends_an_advert() -> None:
    machines = running(instance(), instance("B", virtual_router_id=8))
    commands = reload(machines, instance(), instance("B", virtual_router_id=8))
    assert kinds(commands) == ["SendAdvertisement", "SendAdvertisement"]


def test_a_reload_changes_only_the_addresses_that_differ() -> None:
    route = VirtualRoute(ip_address("198.51.100.0"), 24)
    machines = running(instance(routes=(route,)))
    other_route = replace(route, metric=5)
    commands = reload(machines, instance(addresses=(VIPS[0], NEW_VIP), routes=(other_route,)))
    assert kinds(commands) == [
        "SendAdvertisement", "RemoveRoutes", "RemoveVips", "AddVips", "AddRoutes", "AnnounceArp"
    ]  # fmt: skip
    assert only(commands, RemoveVips)[0].vips == (VIPS[1],)
    assert only(commands, AddVips)[0].vips == (NEW_VIP,)
    assert only(commands, RemoveRoutes)[0].routes[0].metric == 0
    assert only(commands, AddRoutes)[0].routes[0].metric == 5
    assert only(commands, AnnounceArp)[0].addresses == (NEW_VIP.address,)
    assert machines.routers[0].state is MASTER


def test_another_device_moves_all_addresses() -> None:
    machines = running(instance())
    commands = reload(machines, instance(dpdk_interface="dpdk1"))
    assert [(c.device, c.vips) for c in only(commands, RemoveVips)] == [("dpdk0", VIPS)]
    assert [(c.device, c.vips) for c in only(commands, AddVips)] == [("dpdk1", VIPS)]


def test_a_new_name_hands_the_addresses_over_without_a_gap() -> None:
    machines = running(instance("OLD"))
    commands = reload(machines, instance("NEW"))
    assert kinds(commands) == ["SendAdvertisement", "AddVips", "RemoveVips"]
    assert (only(commands, AddVips)[0].instance, only(commands, RemoveVips)[0].instance) == ("NEW", "OLD")


def test_a_removed_instance_leaves_with_priority_0() -> None:
    machines = running(instance(), instance("B", virtual_router_id=8))
    commands = reload(machines, instance())
    assert priorities(commands) == [0, 100]
    assert notices(commands) == ["B FAULT"]
    assert only(commands, RemoveVips)[0].instance == "B"
    assert [router.name for router in machines.routers] == ["VI_1"]


def test_a_new_instance_begins_as_at_start() -> None:
    machines = running(instance())
    commands = reload(machines, instance(), instance("B", virtual_router_id=8))
    assert notices(commands) == ["B BACKUP"]
    assert [router.state for router in machines.routers] == [MASTER, BACKUP]


def test_another_priority_and_timing_apply_at_once() -> None:
    machines = running(instance())
    commands = reload(machines, instance(priority=50, advert_interval_s=2.0, garp=GarpTiming(master_refresh_s=7.0)))
    assert priorities(commands) == [50]
    assert machines.next_timer() == 22.0
    machines.handle_timer(22.0)
    assert only(machines.handle_timer(27.0), AnnounceArp)


def test_a_backup_stays_one_and_keeps_the_learned_interval() -> None:
    config = instance(version=3, advert_interval_s=1.0)
    machines = VirtualRouters(file(config))
    tell(machines, 0.0)
    machines.start(0.0)
    machines.receive("eth0", Family.INET, datagram(replace(config, advert_interval_s=0.1), 150), 1.0)
    reload(machines, replace(config, priority=200))
    assert machines.routers[0].state is BACKUP
    assert machines.next_timer() == pytest.approx(20 + 0.3 + 56 / 256 * 0.1)


def test_counters_survive_a_reload() -> None:
    machines = running(instance())
    sent = machines.routers[0].counters.sent
    reload(machines, instance())
    assert machines.routers[0].counters.sent == sent + 1


def test_something_tracked_anew_that_fails_ends_a_master() -> None:
    machines = running(instance())
    commands = reload(machines, instance(tracking=Tracking(interfaces=(Track("eth9"),))))
    assert machines.routers[0].state is FAULT
    assert priorities(commands) == [100, 0]


def test_a_group_that_stays_is_not_told_again() -> None:
    config = file(instance("A"), instance("B", virtual_router_id=8))
    grouped = replace(config, sync_groups=(VrrpSyncGroup("G", ("A", "B")),))
    machines = VirtualRouters(grouped)
    tell(machines, 0.0)
    machines.start(0.0)
    machines.handle_timer(10.0)
    machines.reload(grouped, 20.0)
    tell(machines, 20.0)
    assert notices(machines.resume(20.0)) == []
    assert machines.groups[0].state is MASTER


# Rules


@pytest.mark.parametrize(
    ("config", "part"),
    [
        (file(instance(), instance("B")), "virtual_router_id 7 on eth0 is that of VI_1"),
        (file(instance(), instance(virtual_router_id=8)), "there is another one of this name"),
        (file(instance(interface="")), "no interface"),
        (file(instance(virtual_router_id=0)), "virtual_router_id 0"),
        (file(instance(priority=256)), "priority 256"),
        (file(instance(addresses=(), version=3)), "no virtual_ipaddress"),
        (file(instance(auth_type=AuthType.AH)), "AH is not supported"),
        (file(instance(addresses=(*VIPS, VirtualAddress(ip_address("2001:db8::1"), 128)))), "mixes families"),
        (file(instance(unicast_peers=(ip_address("2001:db8::1"),))), "unicast_peer of the other family"),
        (file(instance(source_address=ip_address("2001:db8::1"))), "of the other family"),
        (file(instance(strict=True, unicast_peers=(THEM,))), "strict mode"),
    ],
)
def test_what_cannot_be_used_is_named(config: KeepalivedConfig, part: str) -> None:
    (line,) = problems(config)
    assert part in line
    assert line.startswith("vrrp_instance ")


def test_the_same_vrid_on_another_interface_or_family_is_fine() -> None:
    other = instance("B", interface="eth1")
    six = instance("C", family=Family.INET6, version=3, addresses=(VirtualAddress(ip_address("fe80::1"), 128),))
    assert problems(file(instance(), other, six)) == ()


def test_strict_mode_resets_what_the_rfc_does_not_know() -> None:
    config = settled(instance(strict=True, auth_type=AuthType.PASS, auth_password="x", preempt_delay_s=3.0))
    assert (config.auth_type, config.preempt_delay_s, config.lower_prio_no_advert) == (AuthType.NONE, 0.0, True)
    assert config.garp.lower_prio_repeat == 0


def test_version_3_has_no_authentication_and_nopreempt_no_delay() -> None:
    assert settled(instance(version=3, auth_type=AuthType.PASS)).auth_type is AuthType.NONE
    assert settled(instance(nopreempt=True, preempt_delay_s=3.0)).preempt_delay_s == 0.0
