"""Instances that change state together."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from tests.support.vrrp import THEM, US, Wire, datagram, hear, instance, kinds, notices, priorities
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.script import Command as Program
from xdpvs.model.vrrp import (
    GarpTiming,
    Track,
    Tracking,
    TrackScript,
    VrrpInstance,
    VrrpState,
    VrrpSyncGroup,
)
from xdpvs.vrrp.tracking import Kind
from xdpvs.vrrp.virtual_router import VirtualRouter
from xdpvs.vrrp.virtual_routers import VirtualRouters

BACKUP, MASTER, FAULT = VrrpState.BACKUP, VrrpState.MASTER, VrrpState.FAULT
DOWN = 3 + 156 / 256


def config(*instances: VrrpInstance, **group: Any) -> KeepalivedConfig:
    """A file whose instances are one group."""
    names = tuple(each.name for each in instances)
    script = TrackScript("check", Program(("/bin/true",)))
    return KeepalivedConfig(
        instances=instances, sync_groups=(VrrpSyncGroup("G", names, **group),), scripts={"check": script}
    )


def pair(**settings: Any) -> KeepalivedConfig:
    """Two instances on two interfaces."""
    return config(
        instance("IN", interface="eth0", virtual_router_id=1, **settings),
        instance("OUT", interface="eth1", virtual_router_id=2, **settings),
    )


def told(given: KeepalivedConfig) -> VirtualRouters:
    """Machines with interfaces up and sources, not started."""
    machines = VirtualRouters(given)
    for each in given.instances:
        machines.set_tracked(Kind.INTERFACE, each.interface, True, 0.0)
        machines.set_source(each.interface, each.family, (US,), 0.0)
    return machines


def members(machines: VirtualRouters) -> tuple[VirtualRouter, VirtualRouter]:
    """The two of a pair."""
    first, second = machines.routers
    return first, second


def states(machines: VirtualRouters) -> list[VrrpState]:
    """States of all, then of the group."""
    return [*(router.state for router in machines.routers), machines.groups[0].state]


def test_the_group_begins_together() -> None:
    machines = told(pair())
    assert notices(machines.start(0.0)) == ["IN BACKUP", "OUT BACKUP", "G BACKUP"]
    assert states(machines) == [BACKUP] * 3


def test_all_owners_are_master_at_once() -> None:
    machines = told(pair(priority=255))
    machines.start(0.0)
    assert states(machines) == [MASTER] * 3


def test_one_waits_for_the_other() -> None:
    machines = told(pair())
    machines.start(0.0)
    first, second = members(machines)
    hear(second, 150, 2.0)
    assert first.handle_timer(DOWN) == []
    assert states(machines) == [BACKUP] * 3
    assert first.next_timer() == 2 * DOWN
    commands = second.handle_timer(2.0 + DOWN)
    assert states(machines) == [MASTER] * 3
    assert notices(commands) == ["OUT MASTER", "IN MASTER", "G MASTER"]


def test_who_hears_a_master_no_longer_wants_to_be_one() -> None:
    machines = told(pair())
    machines.start(0.0)
    first, second = members(machines)
    hear(second, 150, 2.0)
    first.handle_timer(DOWN)
    hear(first, 150, 4.0)
    second.handle_timer(2.0 + DOWN)
    assert states(machines) == [BACKUP] * 3


def test_state_master_is_a_wish_that_shortens_the_wait() -> None:
    machines = told(pair(initial_state=MASTER))
    machines.start(0.0)
    assert machines.next_timer() == 1 + 2 / 256
    machines.handle_timer(1 + 2 / 256)
    assert states(machines) == [MASTER] * 3


def master_pair(**settings: Any) -> VirtualRouters:
    """A pair that is master since 10."""
    machines = told(pair(**settings))
    machines.start(0.0)
    machines.handle_timer(10.0)
    assert states(machines) == [MASTER] * 3
    return machines


def test_one_that_gives_way_takes_the_other_along_without_priority_0() -> None:
    machines = master_pair()
    commands = hear(members(machines)[0], 150, 10.5)
    assert states(machines) == [BACKUP] * 3
    assert notices(commands) == ["IN BACKUP", "OUT BACKUP", "G BACKUP"]
    assert priorities(commands) == []


def test_a_fault_of_one_is_a_fault_of_all() -> None:
    machines = master_pair()
    commands = machines.set_tracked(Kind.INTERFACE, "eth1", False, 11.0)
    assert states(machines) == [FAULT] * 3
    assert priorities(commands) == [0, 0]
    assert sorted(notices(commands)) == ["G FAULT", "IN FAULT", "OUT FAULT"]
    machines.set_tracked(Kind.INTERFACE, "eth0", False, 12.0)
    machines.set_tracked(Kind.INTERFACE, "eth1", True, 13.0)
    assert states(machines) == [FAULT] * 3
    commands = machines.set_tracked(Kind.INTERFACE, "eth0", True, 14.0)
    assert states(machines) == [BACKUP] * 3
    assert notices(commands) == ["IN BACKUP", "OUT BACKUP", "G BACKUP"]


def test_a_member_that_cannot_work_at_start_holds_all_back() -> None:
    given = pair()
    machines = VirtualRouters(given)
    machines.set_tracked(Kind.INTERFACE, "eth0", True, 0.0)
    for each in given.instances:
        machines.set_source(each.interface, each.family, (US,), 0.0)
    commands = machines.start(0.0)
    assert states(machines) == [FAULT] * 3
    assert "OUT FAULT" in notices(commands)
    assert "G FAULT" in notices(commands)


def test_what_a_group_tracks_hinders_all_members() -> None:
    given = config(*pair().instances, tracking=Tracking(scripts=(Track("check"),)))
    machines = told(given)
    assert notices(machines.start(0.0)) == []
    assert notices(machines.set_tracked(Kind.SCRIPT, "check", True, 1.0)) == ["IN BACKUP", "OUT BACKUP", "G BACKUP"]
    machines.set_tracked(Kind.SCRIPT, "check", False, 2.0)
    assert states(machines) == [FAULT] * 3


def test_weights_are_ignored_in_a_group_unless_allowed() -> None:
    track = Tracking(interfaces=(Track("eth2", -20),), scripts=(Track("check", -10),))
    first, second = pair().instances
    for allowed, priority in ((False, 100), (True, 70)):
        machines = told(config(first, second, tracking=track, tracking_weight=allowed))
        machines.set_tracked(Kind.INTERFACE, "eth2", True, 0.0)
        machines.start(0.0)
        machines.set_tracked(Kind.SCRIPT, "check", False, 1.0)
        machines.set_tracked(Kind.INTERFACE, "eth2", False, 1.0)
        assert machines.routers[0].priority == priority
        assert machines.routers[0].state is (BACKUP if allowed else FAULT)


def test_a_worse_master_heard_by_one_makes_all_announce_again() -> None:
    machines = master_pair(garp=GarpTiming(master_delay_s=0))
    commands = hear(members(machines)[0], 50, 11.0)
    assert kinds(commands) == ["SendAdvertisement", "AnnounceArp", "AnnounceArp", "Notify"]


def test_stop_tells_members_and_group() -> None:
    machines = master_pair()
    commands = machines.stop(11.0)
    assert priorities(commands) == [0, 0]
    assert notices(commands) == ["IN STOP", "OUT STOP", "G STOP"]


def test_two_nodes_with_groups_change_over_as_one() -> None:
    wire = Wire()
    low, high = ip_address("192.0.2.11"), ip_address("192.0.2.12")
    poor = config(*(instance(n, virtual_router_id=v, priority=100) for n, v in (("IN", 1), ("OUT", 2))))
    good = config(*(instance(n, virtual_router_id=v, priority=150) for n, v in (("IN", 1), ("OUT", 2))))
    wire.add("poor", poor, low)
    wire.run(10)
    assert wire.masters("IN") == wire.masters("OUT") == ["poor"]
    wire.add("good", good, high)
    wire.run(10)
    assert wire.masters("IN") == wire.masters("OUT") == ["good"]
    node = wire.nodes["good"]
    wire.do("good", node.set_hindrance("test", True, wire.now, ["OUT"]))
    wire.run(5)
    assert wire.masters("IN") == wire.masters("OUT") == ["poor"]


def test_a_new_member_of_a_group_of_masters_follows_them() -> None:
    machines = master_pair()
    third = instance("NEW", interface="eth0", virtual_router_id=3)
    machines.reload(config(*pair().instances, third), 20.0)
    machines.set_source("eth0", third.family, (US,), 20.0)
    machines.set_tracked(Kind.INTERFACE, "eth0", True, 20.0)
    machines.resume(20.0)
    assert [router.state for router in machines.routers] == [MASTER, MASTER, BACKUP]
    machines.handle_timer(20.0 + DOWN)
    assert states(machines) == [MASTER] * 4


def test_a_new_member_that_hears_a_better_master_takes_the_group_along() -> None:
    machines = master_pair()
    third = instance("NEW", interface="eth0", virtual_router_id=3)
    machines.reload(config(*pair().instances, third), 20.0)
    machines.set_source("eth0", third.family, (US,), 20.0)
    machines.set_tracked(Kind.INTERFACE, "eth0", True, 20.0)
    machines.resume(20.0)
    machines.receive("eth0", third.family, datagram(third, 150, THEM), 21.0)
    assert states(machines) == [BACKUP] * 4
