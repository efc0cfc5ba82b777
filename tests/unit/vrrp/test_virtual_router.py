"""One instance: given an event, expect what it does. Times are seconds from the start."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from tests.support.vrrp import LOW, THEM, US, VIPS, datagram, hear, instance, kinds, notices, only, priorities, router
from xdpvs.model.vrrp import AuthType, GarpTiming, Notifications, VirtualAddress, VirtualRoute, VrrpState
from xdpvs.packet.vrrp import GROUP4, encode
from xdpvs.vrrp.advertising import advertisement
from xdpvs.vrrp.commands import AddRoutes, AddVips, AnnounceArp, Command, Level, Log, RemoveVips, SendAdvertisement
from xdpvs.vrrp.counters import Refusal
from xdpvs.vrrp.tracking import Kind, Tracked, Tracker
from xdpvs.vrrp.virtual_router import VirtualRouter

SKEW = (256 - 100) / 256
DOWN = 3 + SKEW
BACKUP, MASTER, FAULT, STOP = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT, VrrpState.STOP


def started(**settings: Any) -> VirtualRouter:
    """A backup since 0."""
    machine = router(**settings)
    machine.start(0.0)
    return machine


def master(**settings: Any) -> VirtualRouter:
    """A master since 10."""
    machine = started(**settings)
    if machine.state is BACKUP:
        machine.handle_timer(10.0)
    assert machine.state is MASTER
    return machine


def texts(commands: list[Command]) -> str:
    """The log lines."""
    return "\n".join(log.text for log in only(commands, Log))


# Start


@pytest.mark.parametrize("state", [BACKUP, MASTER])
def test_it_begins_as_a_backup_whatever_it_wishes(state: VrrpState) -> None:
    machine = router(initial_state=state)
    commands = machine.start(0.0)
    assert machine.state is BACKUP
    assert notices(commands) == ["VI_1 BACKUP"]
    assert texts(commands) == "(VI_1) Entering BACKUP STATE (init)"
    assert machine.next_timer() == DOWN


def test_the_owner_of_the_addresses_is_master_at_once() -> None:
    machine = router(priority=255)
    commands = machine.start(0.0)
    assert machine.state is MASTER
    assert priorities(commands) == [255]


def test_a_silent_link_makes_a_master_and_the_advert_comes_last() -> None:
    machine = started(routes=(VirtualRoute(ip_address("198.51.100.0"), 24),))
    assert machine.handle_timer(DOWN - 0.001) == []
    commands = machine.handle_timer(DOWN)
    assert kinds(commands) == ["AddVips", "AddRoutes", "AnnounceArp", "Notify", "SendAdvertisement"]
    assert only(commands, AddVips) == [AddVips("VI_1", "dpdk0", VIPS)]
    assert only(commands, AddRoutes)[0].routes[0].device == "dpdk0"
    assert texts(commands) == "(VI_1) Entering MASTER STATE"
    assert machine.next_timer() == DOWN + 1


def test_addresses_outside_the_advert_are_handled_alike() -> None:
    other = VirtualAddress(ip_address("2001:db8::1"), 128)
    machine = started(excluded_addresses=(other,))
    commands = machine.handle_timer(DOWN)
    assert only(commands, AddVips)[0].vips == (*VIPS, other)
    assert {a for each in only(commands, AnnounceArp) for a in each.addresses} >= {other.address}
    assert only(commands, SendAdvertisement)[0].advertisement.addresses == tuple(vip.address for vip in VIPS)


@pytest.mark.parametrize(
    ("version", "priority", "interval", "down"),
    [(2, 100, 1, 3 + 156 / 256), (2, 254, 2.4, 6 + 2 / 256),
     (3, 100, 0.2, 0.6 + 156 / 256 * 0.2), (3, 1, 1, 3 + 255 / 256)],
)  # fmt: skip
def test_the_master_down_interval(version: int, priority: int, interval: float, down: float) -> None:
    machine = started(version=version, priority=priority, advert_interval_s=interval)
    assert machine.next_timer() == pytest.approx(down)


# Backup


@pytest.mark.parametrize("priority", [100, 101, 255])
def test_an_advert_of_the_same_or_a_higher_priority_restarts_the_timer(priority: int) -> None:
    machine = started()
    assert hear(machine, priority, 2.0) == []
    assert machine.next_timer() == 2.0 + DOWN
    assert (machine.master, machine.master_priority) == (THEM, priority)


def test_a_lower_one_is_ignored_so_the_timer_runs_out() -> None:
    machine = started()
    assert "received lower priority (99)" in texts(hear(machine, 99, 2.0))
    assert machine.next_timer() == DOWN
    assert hear(machine, 99, 3.0) == []  # said once


def test_nopreempt_follows_a_lower_one() -> None:
    machine = started(nopreempt=True)
    hear(machine, 1, 2.0)
    assert machine.next_timer() == 2.0 + DOWN


def test_preempt_delay_follows_a_lower_one_for_a_while() -> None:
    machine = started(preempt_delay_s=5.0)
    hear(machine, 99, 1.0)
    hear(machine, 99, 3.0)
    assert machine.next_timer() == 3.0 + DOWN
    hear(machine, 99, 6.0)
    assert machine.next_timer() == 3.0 + DOWN


def test_a_better_master_meanwhile_ends_the_delay() -> None:
    machine = started(preempt_delay_s=5.0)
    hear(machine, 99, 1.0)
    hear(machine, 101, 3.0)
    hear(machine, 99, 5.0)
    hear(machine, 99, 7.0)
    assert machine.next_timer() == 7.0 + DOWN


def test_a_leaving_master_shortens_the_wait_to_the_skew() -> None:
    machine = started()
    commands = hear(machine, 0, 2.0)
    assert texts(commands) == "(VI_1) Backup received priority 0 advertisement"
    assert machine.next_timer() == 2.0 + SKEW
    assert machine.counters.zero_received == 1


def test_version_3_learns_the_masters_interval() -> None:
    machine = started(version=3, advert_interval_s=1.0)
    hear(machine, 150, 1.0, advert_interval_s=0.1)
    assert machine.next_timer() == pytest.approx(1.0 + 0.3 + SKEW * 0.1)
    commands = machine.handle_timer(2.0)
    assert only(commands, SendAdvertisement)[0].advertisement.interval_cs == 100
    assert machine.next_timer() == 3.0


# Master


def test_an_advert_every_interval() -> None:
    machine = master(garp=GarpTiming(master_delay_s=0))
    assert priorities(machine.handle_timer(11.0)) == [100]
    assert machine.next_timer() == 12.0


def test_a_higher_priority_takes_over_and_addresses_go_before_the_news() -> None:
    machine = master()
    commands = hear(machine, 150, 10.5)
    assert machine.state is BACKUP
    assert kinds(commands) == ["RemoveVips", "Notify"]
    assert only(commands, RemoveVips) == [RemoveVips("VI_1", "dpdk0", VIPS)]
    assert "(VI_1) Master received advert from 192.0.2.13 with higher priority 150, ours 100" in texts(commands)
    assert machine.next_timer() == 10.5 + DOWN
    assert (machine.counters.became_master, machine.counters.released_master) == (1, 1)


def test_higher_prio_send_advert_says_goodbye_first() -> None:
    machine = master(higher_prio_send_advert=True)
    assert kinds(hear(machine, 150, 10.5)) == ["SendAdvertisement", "RemoveVips", "Notify"]


def test_the_interval_of_who_takes_over_is_learned_so_that_it_is_not_taken_back() -> None:
    machine = master(version=3, advert_interval_s=0.1)
    hear(machine, 150, 10.5, advert_interval_s=2.0)
    assert machine.next_timer() == pytest.approx(10.5 + 6 + SKEW * 2)


def test_equal_priorities_are_decided_by_the_source_address() -> None:
    machine = master()
    assert priorities(hear(machine, 100, 10.5, LOW)) == [100]
    assert machine.state is MASTER
    hear(machine, 100, 10.6, THEM)
    assert machine.state is BACKUP


def test_our_own_address_from_elsewhere_is_warned_of() -> None:
    machine = master()
    commands = hear(machine, 100, 10.5, US)
    assert "with our IP address" in texts(commands)
    assert machine.state is MASTER
    assert priorities(commands) == []


def test_a_lower_priority_is_answered_by_advert_and_arp() -> None:
    timing = GarpTiming(master_delay_s=0, lower_prio_repeat=3, lower_prio_delay_s=2.0)
    machine = master(garp=timing)
    commands = hear(machine, 99, 10.5)
    assert kinds(commands) == ["SendAdvertisement", "AnnounceArp", "Notify"]
    assert notices(commands) == ["VI_1 MASTER_RX_LOWER_PRI"]
    assert only(commands, AnnounceArp)[0].repeat == 3
    assert machine.next_timer() == 11.5  # the next advert is an interval after this one
    machine.handle_timer(11.5)
    assert only(machine.handle_timer(12.5), AnnounceArp)[0].repeat == 3


def test_lower_prio_no_advert_leaves_the_rhythm() -> None:
    machine = master(lower_prio_no_advert=True, garp=GarpTiming(master_delay_s=0))
    assert priorities(hear(machine, 99, 10.5)) == []
    assert machine.next_timer() == 11.0


def test_a_flood_of_lower_adverts_is_not_answered_by_a_flood_of_arp() -> None:
    machine = master(garp=GarpTiming(master_delay_s=0, lower_prio_delay_s=5))
    bursts = [burst for n in range(100) for burst in only(hear(machine, 99, 10.5 + n / 1000), AnnounceArp)]
    assert len(bursts) == 1
    assert len(only(machine.handle_timer(20.0), AnnounceArp)) == 1


def test_priority_0_from_another_is_answered_at_once() -> None:
    machine = master()
    assert priorities(hear(machine, 0, 10.5)) == [100]
    assert machine.state is MASTER


def test_two_owners_are_reported_and_ours_gives_way() -> None:
    machine = router(priority=255)
    machine.start(0.0)
    commands = hear(machine, 255, 0.5)
    assert next(log.level for log in only(commands, Log)) is Level.ERROR
    assert machine.priority == 254
    assert machine.state is BACKUP


def test_arp_again_after_a_delay_and_while_master() -> None:
    timing = GarpTiming(master_delay_s=0.5, master_repeat=4, master_refresh_s=2.0, master_refresh_repeat=2)
    machine = started(garp=timing, priority=255)
    assert only(machine.handle_timer(0.5), AnnounceArp)[0].repeat == 4
    repeats = [burst.repeat for n in range(1, 5) for burst in only(machine.handle_timer(n), AnnounceArp)]
    assert repeats == [2, 2]


def test_no_arp_is_sent_any_more_after_the_addresses_are_gone() -> None:
    machine = master(garp=GarpTiming(master_delay_s=0.8))
    hear(machine, 150, 10.5)
    assert only(machine.handle_timer(11.0), AnnounceArp) == []


# Hindrances and priority


def tracking(*items: Tracked) -> Tracker:
    """A tracker of these, interfaces up."""
    tracker = Tracker(items)
    for item in items:
        if item.kind is Kind.INTERFACE:
            tracker.set(item.kind, item.name, True)
    return tracker


def test_an_interface_that_fails_ends_a_master_with_priority_0_first() -> None:
    machine = router(tracker=tracking(Tracked(Kind.INTERFACE, "eth1")))
    machine.start(0.0)
    machine.handle_timer(10.0)
    commands = machine.set_tracked(Kind.INTERFACE, "eth1", False, 11.0)
    assert machine.state is FAULT
    assert kinds(commands) == ["SendAdvertisement", "RemoveVips", "Notify"]
    assert priorities(commands) == [0]
    assert "(VI_1) sent 0 priority" in texts(commands)
    assert "Entering FAULT STATE (interface eth1 down)" in texts(commands)
    assert machine.next_timer() is None
    assert hear(machine, 150, 12.0) == []
    commands = machine.set_tracked(Kind.INTERFACE, "eth1", True, 20.0)
    assert notices(commands) == ["VI_1 BACKUP"]
    assert machine.next_timer() == 20.0 + DOWN


def test_an_owner_is_master_at_once_after_a_fault() -> None:
    machine = router(priority=255, tracker=tracking(Tracked(Kind.INTERFACE, "eth1")))
    machine.start(0.0)
    machine.set_tracked(Kind.INTERFACE, "eth1", False, 1.0)
    machine.set_tracked(Kind.INTERFACE, "eth1", True, 2.0)
    assert machine.state is MASTER


def test_a_lost_source_address_still_says_goodbye() -> None:
    machine = master()
    commands = machine.set_source(None, 11.0)
    assert machine.state is FAULT
    assert [command.source for command in only(commands, SendAdvertisement)] == [US]
    machine.set_source(US, 12.0)
    assert machine.state is BACKUP


def test_it_waits_in_fault_without_a_source_address() -> None:
    machine = VirtualRouter(instance(), Tracker(()))
    commands = machine.start(0.0)
    assert machine.state is FAULT
    assert notices(commands) == ["VI_1 FAULT"]
    assert "(no source address)" in texts(commands)


def test_a_script_without_result_keeps_it_silently_in_fault() -> None:
    machine = router(tracker=Tracker([Tracked(Kind.SCRIPT, "check")]))
    assert machine.start(0.0) == []
    assert machine.state is FAULT
    assert notices(machine.set_tracked(Kind.SCRIPT, "check", True, 1.0)) == ["VI_1 BACKUP"]


def test_a_script_that_fails_first_is_told() -> None:
    machine = router(tracker=Tracker([Tracked(Kind.SCRIPT, "check")]))
    machine.start(0.0)
    commands = machine.set_tracked(Kind.SCRIPT, "check", False, 1.0)
    assert notices(commands) == ["VI_1 FAULT"]
    assert "script check failed" in texts(commands)


def test_weights_change_the_priority_and_the_wait() -> None:
    item = Tracked(Kind.SCRIPT, "check", -30)
    machine = router(tracker=Tracker([item]), notifications=Notifications(priority_changes=True))
    machine.start(0.0)
    assert machine.set_tracked(Kind.SCRIPT, "check", True, 1.0) == []
    commands = machine.set_tracked(Kind.SCRIPT, "check", False, 1.0)
    assert machine.priority == 70
    assert notices(commands) == ["VI_1 BACKUP_PRIORITY"]
    assert "Changing effective priority from 100 to 70" in texts(commands)
    assert machine.next_timer() == pytest.approx(3 + 186 / 256)


def test_a_priority_stays_within_1_and_254() -> None:
    machine = router(priority=200, tracker=Tracker([Tracked(Kind.FILE, "f", 100)]))
    machine.start(0.0)
    for number, expected in ((1, 254), (-2, 1), (0, 200)):
        machine.set_tracked(Kind.FILE, "f", number, 1.0)
        assert machine.priority == expected


def test_an_owners_priority_never_changes() -> None:
    machine = router(priority=255, tracker=Tracker([Tracked(Kind.FILE, "f", -1)]))
    machine.start(0.0)
    machine.set_tracked(Kind.FILE, "f", 100, 1.0)
    assert machine.priority == 255


# What is not believed


@pytest.mark.parametrize(
    ("settings", "theirs", "ttl", "reason"),
    [
        ({}, {}, 254, Refusal.TTL),
        ({}, {"version": 3}, 255, Refusal.VERSION),
        ({"version": 3}, {"version": 2}, 255, Refusal.VERSION),
        ({}, {"auth_type": 1, "auth_password": "x"}, 255, Refusal.AUTH_TYPE),
        ({}, {"auth_type": 3}, 255, Refusal.AUTH_TYPE_UNKNOWN),
        ({"auth_type": 1, "auth_password": "a"}, {"auth_password": "b"}, 255, Refusal.AUTH),
        ({}, {"advert_interval_s": 2}, 255, Refusal.INTERVAL),
        ({}, {"addresses": VIPS[:1]}, 255, Refusal.ADDRESSES),
        ({}, {"addresses": (VIPS[0], VirtualAddress(THEM, 32))}, 255, Refusal.ADDRESSES),
        ({}, {"unicast_peers": (US,)}, 255, Refusal.CAST),
        ({"unicast_peers": (THEM,)}, {"unicast_peers": ()}, 255, Refusal.CAST),
        ({"unicast_peers": (LOW,), "check_unicast_source": True}, {}, 255, Refusal.SOURCE),
    ],
)
@pytest.mark.parametrize("is_master", [False, True])
def test_forged_and_foreign_adverts_are_counted_and_have_no_effect(
    settings: dict[str, Any], theirs: dict[str, Any], ttl: int, reason: Refusal, is_master: bool
) -> None:
    def typed(changes: dict[str, Any]) -> dict[str, Any]:
        kind = changes.get("auth_type")
        return changes | ({"auth_type": AuthType(kind)} if kind in (1, 2) else {})

    machine = master(**typed(settings)) if is_master else started(**typed(settings))
    state, timer = machine.state, machine.next_timer()
    packet = datagram(replace(machine.config, **typed(theirs)), 250, ttl=ttl)
    commands = machine.receive(packet, 10.2)
    assert machine.counters.refused[reason] == 1
    assert (machine.state, machine.next_timer()) == (state, timer)
    assert [log.level for log in only(commands, Log)] == [Level.WARNING]
    assert kinds(commands) == []
    assert machine.receive(packet, 10.3) == []
    assert machine.counters.refused[reason] == 2
    assert "and 1 more" in texts(machine.receive(packet, 100.0))
    assert machine.counters.received == 0


@pytest.mark.parametrize("version", [2, 3])
def test_a_broken_checksum_and_a_wrong_length_are_counted(version: int) -> None:
    machine = started(version=version)
    good = datagram(machine.config, 250)
    machine.receive(replace(good, payload=good.payload[:-1] + bytes([good.payload[-1] ^ 1])), 1.0)
    machine.receive(replace(good, payload=good.payload + b"\0"), 1.0)
    machine.receive(replace(good, payload=bytes([0x12]) + good.payload[1:]), 1.0)
    machine.receive(replace(good, payload=bytes([version << 4 | 2]) + good.payload[1:]), 1.0)
    refused = {reason: count for reason, count in machine.counters.refused.items() if count}
    assert refused == {Refusal.CHECKSUM: 1, Refusal.LENGTH: 1, Refusal.VERSION: 1, Refusal.TYPE: 1}


def test_version_3_refuses_an_interval_of_zero() -> None:
    machine = started(version=3)
    advert = replace(advertisement(machine.config, 250), interval_cs=0)
    machine.receive(replace(datagram(machine.config, 250), payload=encode(advert, THEM, GROUP4)), 1.0)
    assert machine.counters.refused[Refusal.INTERVAL] == 1


def test_unicast_accepts_any_ttl() -> None:
    machine = started(unicast_peers=(THEM,))
    machine.receive(datagram(machine.config, 150, ttl=3), 1.0)
    assert machine.counters.received == 1


def test_skip_check_adv_addr_spares_the_known_master() -> None:
    machine = started(skip_check_adv_addr=True)
    hear(machine, 150, 1.0, addresses=VIPS[:1])
    assert machine.counters.refused[Refusal.ADDRESSES] == 1
    hear(machine, 150, 1.0)
    hear(machine, 150, 2.0, addresses=VIPS[:1])
    assert machine.next_timer() == 2.0 + DOWN


def test_the_old_unicast_checksum_is_answered_alike() -> None:
    machine = started(version=3, unicast_peers=(THEM,))
    old = encode(advertisement(machine.config, 150), THEM, GROUP4)
    machine.receive(replace(datagram(machine.config, 150), payload=old), 1.0)
    assert machine.counters.received == 1
    sent = only(machine.handle_timer(10.0), SendAdvertisement)[0]
    assert (sent.destinations, sent.checksum_destination) == ((THEM,), GROUP4)


def test_old_unicast_checksum_never_refuses_it() -> None:
    machine = started(version=3, unicast_peers=(THEM,), old_unicast_checksum=False)
    old = encode(advertisement(machine.config, 150), THEM, GROUP4)
    machine.receive(replace(datagram(machine.config, 150), payload=old), 1.0)
    assert machine.counters.refused[Refusal.CHECKSUM] == 1


# The end


def test_a_master_that_stops_lets_the_others_know_first() -> None:
    machine = master()
    commands = machine.stop(11.0)
    assert kinds(commands) == ["SendAdvertisement", "RemoveVips", "Notify"]
    assert priorities(commands) == [0]
    assert notices(commands) == ["VI_1 STOP"]
    assert machine.next_timer() is None
    assert machine.counters.zero_sent == 1


def test_a_backup_that_stops_says_nothing() -> None:
    machine = started()
    assert kinds(machine.stop(1.0)) == ["Notify"]
    assert machine.state is STOP


def test_dont_release_vrrp_leaves_addresses_and_the_others_alone() -> None:
    machine = master()
    assert kinds(machine.stop(11.0, release=False)) == ["Notify"]
