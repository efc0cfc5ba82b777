"""The snapshot: whose change renews a version, which weight is the operator's, and what reports do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from xdpvs.agent.snapshot import (
    MissingServer,
    Reporter,
    ServerKey,
    ServerReport,
    ServerState,
    ServiceState,
    Shown,
    Snapshot,
    server_key,
)
from xdpvs.model.address import Family
from xdpvs.model.service import Dest, DestStatus, ForwardingMode, Laddr, LaddrStatus, Service, ServiceKey, ServiceStatus
from xdpvs.model.table import TableEntry

KEY = ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80)
SERVICE = Service(KEY, "wrr")
HELD: dict[str, Any] = {"weight": 0, "inhibited": True}


def dest(number: int = 1, weight: int = 100, inhibited: bool = False) -> Dest:
    """A FullNAT server."""
    return Dest(
        Family.INET, IPv4Address(f"198.51.100.{number}"), 80, ForwardingMode.FULLNAT, weight, inhibited=inhibited
    )


ONE, TWO = server_key(dest(1)), server_key(dest(2))


class World:
    """A daemon's service, changed by anybody, and the snapshot that looks at it."""

    def __init__(self, *dests: Dest) -> None:
        self.service = SERVICE
        self.dests = {server_key(each): each for each in dests}
        self.laddrs: tuple[Laddr, ...] = ()
        self.snapshot = Snapshot()
        self.now = 1000
        self.look()

    def look(self) -> bool:
        """What every request does first."""
        self.now += 1
        dests = tuple(DestStatus(each) for each in self.dests.values())
        laddrs = tuple(LaddrStatus(each) for each in self.laddrs)
        return self.snapshot.observe(TableEntry(ServiceStatus(self.service), dests, laddrs), self.now)

    def by_other_tool(self, server: ServerKey = ONE, **changes: Any) -> None:
        """ipvsadm or keepalived edits a server."""
        self.dests[server] = replace(self.dests[server], **changes)

    def put(self, *dests: Dest) -> None:
        """The operator's PUT rs."""
        self.look()
        self.dests |= {server_key(each): each for each in dests}
        self.now += 1
        self.snapshot.ordered(KEY, dests, self.now)

    def report(self, *reports: ServerReport, by: Reporter = Reporter.VERSIONED) -> list[Dest]:
        """A health report whose version was right."""
        self.look()
        wanted = self.snapshot.judge(KEY, reports, versioned=by is Reporter.VERSIONED)
        self.dests |= {server_key(each): each for each in wanted}
        self.snapshot.reported(KEY, wanted, reports, by)
        return wanted

    @property
    def state(self) -> ServiceState:
        found = self.snapshot.get(KEY)
        assert found is not None
        return found

    @property
    def version(self) -> int:
        return self.state.version

    def server(self, server: ServerKey = ONE) -> ServerState:
        return self.state.servers[server]


def down(server: ServerKey = ONE, weight: int | None = 0) -> ServerReport:
    return ServerReport(server, weight, True)


def up(weight: int | None, server: ServerKey = ONE) -> ServerReport:
    return ServerReport(server, weight, False)


def test_looking_again_changes_nothing() -> None:
    world = World(dest(1), dest(2))
    before = world.state
    assert not world.look()
    assert world.state == before


def test_the_daemon_s_order_is_no_change() -> None:
    world = World(dest(1), dest(2))
    world.dests = dict(reversed(world.dests.items()))
    assert not world.look()


@pytest.mark.parametrize(
    "change",
    [
        lambda world: world.by_other_tool(weight=50),
        lambda world: world.by_other_tool(inhibited=True),
        lambda world: world.by_other_tool(**HELD),
        lambda world: world.by_other_tool(max_conn=9),
        lambda world: world.dests.pop(ONE),
        lambda world: world.dests.update({TWO: dest(2)}),
        lambda world: world.put(dest(1)),
        lambda world: world.put(dest(2)),
    ],
)
def test_any_change_of_servers_renews_the_version(change: Callable[[World], object]) -> None:
    world = World(dest(1))
    before = world.version
    change(world)
    world.look()
    assert world.version > before


def test_changes_of_the_service_alone_do_not() -> None:
    world = World(dest(1))
    before = world.version
    world.service = replace(SERVICE, scheduler="rr", conn_timeout_s=7)
    world.laddrs = (Laddr(Family.INET, IPv4Address("192.0.2.200")),)
    assert world.look(), "but they are worth saving"
    assert world.version == before
    assert world.state.service.scheduler == "rr"


def test_reports_do_not_renew_it_nor_touch_the_operator_s_weight() -> None:
    world = World(dest(1))
    before = world.version
    world.report(down())
    assert world.dests[ONE] == dest(1, **HELD)
    assert not world.look()
    world.report(up(100))
    assert world.dests[ONE] == dest(1)
    world.look()
    assert (world.version, world.server().weight) == (before, 100)


def test_versions_grow_even_if_the_clock_goes_back() -> None:
    world = World(dest(1))
    seen = [world.version]
    for weight in (5, 6, 7):
        world.now = 10
        world.by_other_tool(weight=weight)
        world.look()
        seen.append(world.version)
    assert seen == sorted(set(seen))


def test_a_service_made_anew_never_gets_an_old_version() -> None:
    world = World(dest(1))
    before = world.version
    assert world.snapshot.forget(KEY)
    assert not world.snapshot.forget(KEY)
    world.now = 0
    world.look()
    assert world.version > before


def test_versions_and_weights_survive_a_restart() -> None:
    world = World(dest(1))
    world.report(down())
    before = world.state
    world.snapshot = Snapshot(world.snapshot.services(), world.snapshot.last_version)
    assert not world.look()
    assert world.state == before
    world.snapshot = Snapshot([], before.version + 50)
    world.look()
    assert world.version > before.version + 50


def test_an_operator_s_weight_by_another_tool_counts_while_the_server_is_down() -> None:
    world = World(dest(1))
    world.report(down())
    world.by_other_tool(weight=50)
    world.look()
    assert world.server().weight == 50
    world.report(down(), up(50))
    assert world.dests[ONE] == dest(1, 50)


def test_somebody_else_s_verdict_is_no_operator_s_weight() -> None:
    world = World(dest(1, 80))
    world.by_other_tool(**HELD)
    world.look()
    assert (world.server().weight, world.server().reporter) == (80, None)


def test_draining_by_another_tool_is_the_operator_s_wish() -> None:
    world = World(dest(1))
    world.report(down())
    world.by_other_tool(weight=0, inhibited=False)
    world.look()
    assert world.server().weight == 0


def test_a_server_first_seen_down_has_weight_1() -> None:
    world = World(dest(1, **HELD))
    assert world.server().weight == 1
    world.report(up(None))
    assert world.dests[ONE].weight == 1


@pytest.mark.parametrize(
    ("by", "listed"),
    [(Reporter.VERSIONED, 100), (Reporter.UNVERSIONED, 0)],
)
def test_each_generation_is_shown_what_its_own_agent_showed(by: Reporter, listed: int) -> None:
    world = World(dest(1))
    world.report(down(), by=by)
    assert world.server().shown_weight() == listed
    assert world.server().shown_weight(Shown.DAEMON) == 0
    world.report(up(100), by=by)
    assert world.server().shown_weight() == 100


def test_up_without_a_weight_is_the_operator_s() -> None:
    world = World(dest(1, 33))
    world.report(down())
    world.report(up(None))
    assert world.dests[ONE] == dest(1, 33)


def test_a_report_without_a_version_cannot_bring_back_an_old_weight() -> None:
    world = World(dest(1, 100))
    world.put(dest(1, 50))
    assert world.report(up(100), by=Reporter.UNVERSIONED) == []
    assert world.dests[ONE].weight == 50
    world.report(up(70), by=Reporter.UNVERSIONED)
    assert world.dests[ONE].weight == 70, "otherwise it is taken at its word"
    assert world.server().weight == 50


def test_a_weight_wanted_again_is_not_an_old_one() -> None:
    world = World(dest(1, 100))
    world.put(dest(1, 50))
    world.put(dest(1, 100))
    world.report(down(), by=Reporter.UNVERSIONED)
    world.report(up(100), by=Reporter.UNVERSIONED)
    assert world.dests[ONE].weight == 100


@pytest.mark.parametrize("made_up", [1, 100])
def test_a_restarted_checker_s_made_up_weight_is_the_operator_s(made_up: int) -> None:
    world = World(dest(1, 40))
    world.report(down(), by=Reporter.UNVERSIONED)
    for _ in range(2):
        world.report(up(made_up), by=Reporter.UNVERSIONED)
        assert world.dests[ONE].weight == 40, "repeated, too"
    world.put(dest(1, made_up))
    world.report(up(made_up), by=Reporter.UNVERSIONED)
    assert world.dests[ONE].weight == made_up, "unless the operator comes to want it"


def test_a_server_that_is_not_there() -> None:
    world = World(dest(1))
    assert world.snapshot.judge(KEY, [down(TWO)], versioned=True) == []
    with pytest.raises(MissingServer, match=r"198\.51\.100\.2 port 80"):
        world.snapshot.judge(KEY, [down(), down(TWO)], versioned=False)


def test_a_plain_put_keeps_the_verdict_and_takes_the_weight() -> None:
    world = World(dest(1))
    world.report(down(), by=Reporter.UNVERSIONED)
    world.put(dest(1, 50, inhibited=True))
    assert not world.look()
    assert (world.server().weight, world.server().reporter) == (50, Reporter.UNVERSIONED)
    assert world.server().shown_weight() == 50, (
        "generation A sees weight and inhibition: Unknown, and adopts the weight"
    )


def test_large_weights_are_unsigned_here() -> None:
    world = World(dest(1, 65535 - 65536))
    assert world.server().weight == 65535
    assert not world.look()
    world.snapshot.ordered(KEY, [dest(1, 40000)], 2000)
    world.dests[ONE] = dest(1, 40000 - 65536)
    assert not world.look()


def test_local_addresses_keep_the_device_once_known() -> None:
    world = World(dest(1))
    laddr = Laddr(Family.INET, IPv4Address("192.0.2.200"), "dpdk0")
    world.laddrs = (laddr,)
    world.look()
    world.laddrs = (replace(laddr, device=""),)
    assert not world.look()
    assert world.state.laddrs == (laddr,)


def test_removed_servers_are_gone_and_the_version_is_another() -> None:
    world = World(dest(1), dest(2))
    before = world.version
    world.snapshot.removed(KEY, [ONE], world.now)
    del world.dests[ONE]
    assert world.version > before
    assert not world.look()
    assert list(world.state.servers) == [TWO]
