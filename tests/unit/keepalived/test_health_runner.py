"""The runner with a prober that answers when told: which checks run when, and what dpvs is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.support.keepalived import BAD, GOOD, dest, key, server, service, virtual_server
from xdpvs.keepalived.health_runner import HealthRunner, Outlets
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.check import Check, Endpoint, Outcome
from xdpvs.model.keepalived import KeepalivedConfig, VirtualServer
from xdpvs.model.service import ServiceKey

KEY = key()
RS1, RS2 = "192.0.2.30", "192.0.2.130"


class FakeAttempt:
    """An attempt that is under way."""

    def __init__(self, prober: FakeProber, where: str, done: Callable[[Outcome], None]) -> None:
        self.where = where
        self.done = done
        self._prober = prober

    def cancel(self) -> None:
        """Forget it."""
        self._prober.running.remove(self)


@dataclass
class FakeProber:
    """Keeps attempts until the test ends them."""

    running: list[FakeAttempt] = field(default_factory=list)

    def start(self, check: Check, endpoint: Endpoint, timeout_s: float, done: Callable[[Outcome], None]) -> FakeAttempt:
        """Begin one."""
        attempt = FakeAttempt(self, str(endpoint.address), done)
        self.running.append(attempt)
        return attempt

    def finish(self, where: str, outcome: Outcome) -> None:
        """End the attempt at an address."""
        attempt = next(each for each in self.running if each.where == where)
        self.running.remove(attempt)
        attempt.done(outcome)

    def targets(self) -> list[str]:
        """Where attempts are under way."""
        return sorted(each.where for each in self.running)


class Bench:
    """A runner and what it said to the world."""

    def __init__(self) -> None:
        self.prober = FakeProber()
        self.wanted: dict[ServiceKey, Wanted | None] = {}
        self.orders: list[Mapping[ServiceKey, Wanted | None]] = []
        self.lines: list[str] = []
        prober: Any = self.prober
        self.runner = HealthRunner(
            prober,
            Outlets(self._want, lambda program: None, self.lines.append, lambda subject, body: None, lambda: 0.0),
        )

    def _want(self, services: Mapping[ServiceKey, Wanted | None]) -> None:
        self.orders.append(services)
        self.wanted.update(services)

    def load(self, *virtual_servers: VirtualServer) -> None:
        self.runner.load(KeepalivedConfig(virtual_servers=virtual_servers))

    def dests(self, where: ServiceKey = KEY) -> list[str]:
        """Addresses of the servers wanted for a service."""
        found = self.wanted[where]
        assert found is not None
        return [str(each.address) for each in found.dests.values()]

    async def until(self, *targets: str) -> None:
        """Wait until these attempts are under way."""
        async with asyncio.timeout(5):
            while self.prober.targets() != sorted(targets):
                await asyncio.sleep(0.005)


Scenario = Callable[[Bench], Awaitable[None]]


def play(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a scenario in a loop, with checks that begin at once."""
    monkeypatch.setattr("xdpvs.keepalived.health.checker.START_DELAY_S", 0.0)

    async def run() -> None:
        bench = Bench()
        await scenario(bench)
        bench.runner.stop()
        assert bench.prober.running == []

    asyncio.run(run())


def quick(address: str, **timing: Any) -> Any:
    """A server whose checks follow each other closely."""
    return server(address, **{"delay_loop_s": 0.01, "retry": 0, **timing})


def test_a_failing_server_leaves_and_the_check_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        bench.load(virtual_server(quick(RS1), quick(RS2)))
        assert bench.dests() == [RS1, RS2]
        await bench.until(RS1, RS2)
        bench.prober.finish(RS1, BAD)
        assert bench.dests() == [RS2]
        await bench.until(RS1, RS2)
        bench.prober.finish(RS1, GOOD)
        assert sorted(bench.dests()) == sorted([RS1, RS2])

    play(scenario, monkeypatch)


def test_a_reload_of_the_same_asks_for_nothing_and_disturbs_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        bench.load(virtual_server(quick(RS1)))
        await bench.until(RS1)
        under_way = list(bench.prober.running)
        bench.load(virtual_server(quick(RS1)))
        assert bench.orders[-1] == {}
        assert bench.prober.running == under_way

    play(scenario, monkeypatch)


def test_what_a_reload_takes_out_is_not_checked_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        second = virtual_server(quick("192.0.2.31"), name="second", services=(service(port=81),))
        bench.load(virtual_server(quick(RS1), quick(RS2)), second)
        await bench.until(RS1, RS2, "192.0.2.31")
        bench.load(virtual_server(quick(RS2)))
        assert bench.orders[-1].keys() == {KEY, key(port=81)}
        assert bench.wanted[key(port=81)] is None
        assert bench.dests() == [RS2]
        assert bench.prober.targets() == [RS2]
        assert "VS second DOWN" in bench.lines

    play(scenario, monkeypatch)


def test_a_group_s_services_share_their_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        other = key("192.0.2.101")
        group = virtual_server(quick(RS1), quick(RS2), services=(service(), service("192.0.2.101")))
        bench.load(group)
        await bench.until(RS1, RS2)
        bench.prober.finish(RS1, BAD)
        assert bench.dests() == bench.dests(other) == [RS2]
        bench.load(replace(group, services=(service(),)))
        assert bench.wanted[other] is None

    play(scenario, monkeypatch)


def test_a_service_may_go_over_to_another_virtual_server(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(bench: Bench) -> None:
        both, one = (service(), service("192.0.2.101")), (service("192.0.2.101"),)
        bench.load(virtual_server(quick(RS1), name="a", services=one), virtual_server(quick(RS2), name="b"))
        bench.load(
            virtual_server(quick(RS1), name="a", services=both),
            virtual_server(quick(RS2), name="b", services=(service(port=81),)),
        )
        assert (bench.dests(), bench.dests(key(port=81))) == ([RS1], [RS2])
        assert "belongs" not in caplog.text

    play(scenario, monkeypatch)


def test_a_service_of_two_virtual_servers_is_the_first_one_s(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "xdpvs")

    async def scenario(bench: Bench) -> None:
        bench.load(virtual_server(quick(RS1)), virtual_server(quick(RS2), name="again"))
        assert bench.dests() == [RS1]
        assert "VS again: service [192.0.2.100]:tcp:80 belongs to VS [192.0.2.100]:tcp:80" in caplog.text
        bench.load(virtual_server(quick(RS2), name="again"))
        assert bench.dests() == [RS2], "it was waiting for it"
        bench.load(virtual_server(quick(RS1)), virtual_server(quick(RS2)))
        assert "is there twice" in caplog.text
        assert bench.dests() == [RS1]

    play(scenario, monkeypatch)


def test_ha_suspend_checks_only_what_this_node_owns(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(bench: Bench) -> None:
        suspended = quick(RS1)
        suspended = replace(suspended, checkers=tuple(replace(c, host_suspends=True) for c in suspended.checkers))
        bench.runner.set_owned(frozenset())
        bench.load(virtual_server(suspended, quick(RS2)))
        await bench.until(RS2)
        await asyncio.sleep(0.05)
        assert bench.prober.targets() == [RS2]
        bench.runner.set_owned(frozenset({KEY.address}))
        await bench.until(RS1, RS2)
        bench.runner.set_owned(None)
        bench.prober.finish(RS1, GOOD)
        await bench.until(RS1, RS2)

    play(scenario, monkeypatch)


def test_a_hundred_as_limit_is_no_limit() -> None:
    bench_service = replace(service(), limit_proportion=100)
    from xdpvs.keepalived.services.wanted import wanted_services

    config = virtual_server(server(RS1), services=(bench_service,))
    assert wanted_services(config, {})[KEY].service.limit_proportion == 0
    assert dest(RS1).weight == 1
