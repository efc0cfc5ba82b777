"""What should be in dpvs and how it gets there, without dpvs and with one that fails in every way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from xdpvs.api.errors import ApiError, ConnectionFailed, DpvsError, ShortReply
from xdpvs.keepalived.vrrp.dpvs import DpvsHoldings
from xdpvs.keepalived.vrrp.holdings import Deed, HeldAddress, HeldRoute, Holdings, Job
from xdpvs.model.address import IPAddress
from xdpvs.model.counters import DaemonStatus
from xdpvs.model.network import Address, Route
from xdpvs.model.vrrp import VirtualAddress, VirtualRoute

A = HeldAddress("dpdk0", VirtualAddress(ip_address("192.0.2.100"), 32))
B = HeldAddress("dpdk0", VirtualAddress(ip_address("2001:db8::100"), 128))
R = HeldRoute(VirtualRoute(ip_address("198.51.100.0"), 24, ip_address("192.0.2.1"), "dpdk0"))


def drained(holdings: Holdings, now: float = 0.0) -> list[str]:
    """All jobs, each done at once."""
    done = []
    while (job := holdings.next_job(now)) is not None:
        holdings.begin(job)
        holdings.succeeded(job)
        done.append(f"{job.deed.value} {job.held}" + (f" x{job.repeat}" if job.deed is Deed.ANNOUNCE else ""))
    return done


def test_addresses_are_added_then_announced_and_removed() -> None:
    holdings = Holdings()
    holdings.hold("X", [A, B])
    holdings.announce([A.vip.address], 5)
    assert not holdings.is_settled()
    assert drained(holdings) == [f"add {A}", f"add {B}", f"announce {A} x5"]
    assert holdings.is_settled()
    holdings.release("X", [A, B])
    assert drained(holdings) == [f"remove {A}", f"remove {B}"]
    assert holdings.lines() == []


def test_what_another_instance_holds_too_stays() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    holdings.hold("Y", [A])
    drained(holdings)
    holdings.release("X", [A])
    assert drained(holdings) == []
    holdings.release("Y", [A])
    assert drained(holdings) == [f"remove {A}"]


def test_what_comes_and_goes_before_its_turn_is_never_asked_for() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    holdings.announce([A.vip.address], 5)
    holdings.release("X", [A])
    assert drained(holdings) == []


def test_what_is_released_while_it_is_being_added_is_removed_again() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    job = Job(Deed.ADD, A)
    holdings.begin(job)
    holdings.release("X", [A])
    holdings.succeeded(job)
    assert drained(holdings) == [f"remove {A}"]


def test_what_is_held_while_it_is_being_removed_is_added_again() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    drained(holdings)
    holdings.release("X", [A])
    job = Job(Deed.REMOVE, A)
    holdings.begin(job)
    holdings.hold("X", [A])
    holdings.succeeded(job)
    assert drained(holdings) == [f"add {A}"]


def test_removals_come_first() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    drained(holdings)
    holdings.hold("X", [B])
    holdings.release("X", [A])
    assert drained(holdings) == [f"remove {A}", f"add {B}"]


def test_failures_are_told_once_and_tried_again_less_and_less_often() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    job = Job(Deed.ADD, A)
    assert holdings.failed(job, "no such device", 0.0) == f"cannot add {A}: no such device"
    assert holdings.next_job(0.9) is None
    assert holdings.next_job(1.0) == job
    assert holdings.failed(job, "no such device", 1.0) is None
    assert holdings.next_retry() == 3.0
    for _ in range(10):
        holdings.failed(job, "no such device", 10.0)
    assert holdings.next_retry() == 40.0
    holdings.retry_all()
    assert holdings.next_job(10.0) == job
    assert holdings.succeeded(job) == f"add {A}: done, after 12 failures"


def test_announcements_wait_for_the_address() -> None:
    holdings = Holdings()
    holdings.hold("X", [A])
    holdings.announce([A.vip.address], 3)
    holdings.announce([A.vip.address], 5)
    holdings.failed(Job(Deed.ADD, A), "busy", 0.0)
    assert holdings.next_job(0.5) is None
    assert drained(holdings, 1.0) == [f"add {A}", f"announce {A} x5"]


def test_everything_is_put_back_after_a_loss() -> None:
    holdings = Holdings()
    holdings.hold("X", [A, R])
    drained(holdings)
    holdings.hold("Y", [B])
    drained(holdings)
    holdings.release("Y", [B])
    assert holdings.lose() == 2
    assert drained(holdings) == [f"add {A}", f"add {R}", f"announce {A} x5"]


class FakeDpvs:
    """A daemon whose behaviour a test changes."""

    def __init__(self) -> None:
        self.deeds: list[str] = []
        self.generation = 1
        self.error: Exception | None = None
        self.refuse: dict[str, int] = {}
        self.knows_status = True
        self.hangs = threading.Event()
        self.hangs.set()

    def _do(self, deed: str) -> None:
        self.hangs.wait(10)
        if self.error is not None:
            raise self.error
        self.deeds.append(deed)
        if deed in self.refuse:
            raise ApiError(self.refuse[deed])

    def add_address(self, address: Address) -> None:
        """Record."""
        self._do(f"add {address.address}")

    def del_address(self, address: Address) -> None:
        """Record."""
        self._do(f"del {address.address}")

    def add_route(self, route: Route) -> None:
        """Record."""
        self._do(f"add route {route.destination} via {route.gateway} from {route.source}")

    def del_route(self, route: Route) -> None:
        """Record."""
        self._do(f"del route {route.destination}")

    def add_route6(self, route: Route) -> None:
        """Record."""
        self._do(f"add route6 {route.destination} via {route.gateway}")

    def del_route6(self, route: Route) -> None:
        """Record."""
        self._do(f"del route6 {route.destination}")

    def announce(self, address: IPAddress) -> None:
        """Record."""
        self._do(f"announce {address}")

    def get_status(self) -> DaemonStatus:
        """The generation."""
        self.hangs.wait(10)
        if self.error is not None:
            raise self.error
        if not self.knows_status:
            raise ShortReply(0, 16, header=True)
        return DaemonStatus("fake", self.generation)


class Clock:
    """Time that a test moves forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(test: Callable[[FakeDpvs, DpvsHoldings, Clock, list[bool]], Awaitable[None]]) -> None:
    """Run a test with a fake daemon; at its end everything is closed."""

    async def body() -> None:
        dpvs, clock, reachable = FakeDpvs(), Clock(), list[bool]()
        held = DpvsHoldings(lambda: dpvs, clock, reachable.append)
        held.start()
        try:
            await test(dpvs, held, clock, reachable)
        finally:
            dpvs.hangs.set()
            await held.close(0.0)

    asyncio.run(body())


async def until(condition: Callable[[], object]) -> None:
    """Wait for something, with a deadline."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def later(held: DpvsHoldings, clock: Clock, seconds: float = 1.0) -> None:
    """Let time pass, and the worker notice."""
    clock.now += seconds
    held.announce([], 0)


def test_they_reach_the_daemon() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        held.hold("X", [A, B, R, HeldRoute(VirtualRoute(ip_address("2001:db8:1::"), 48, None, "dpdk0"))])
        held.announce([A.vip.address], 2)
        await until(lambda: len(dpvs.deeds) == 6)
        assert dpvs.deeds == [
            "add 192.0.2.100", "add 2001:db8::100", "add route 198.51.100.0 via 192.0.2.1 from 0.0.0.0",
            "add route6 2001:db8:1:: via ::", "announce 192.0.2.100", "announce 192.0.2.100",
        ]  # fmt: skip
        held.release("X", [A])
        await until(lambda: dpvs.deeds[-1] == "del 192.0.2.100")
        assert reachable == []

    run(test)


def test_what_exists_or_is_gone_already_is_fine() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        dpvs.refuse = {"add 192.0.2.100": DpvsError.EXIST, "del 192.0.2.100": DpvsError.NOTEXIST}
        held.hold("X", [A])
        await until(lambda: held.holdings.is_settled())
        held.release("X", [A])
        await until(lambda: held.holdings.lines() == [])

    run(test)


def test_a_refusal_is_tried_again() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        dpvs.refuse = {"add 192.0.2.100": DpvsError.NODEV}
        held.hold("X", [A])
        await until(lambda: "no such device" in held.holdings.lines()[0])
        dpvs.refuse = {}
        await later(held, clock)
        await until(lambda: held.holdings.is_settled())
        assert reachable == []

    run(test)


def test_a_daemon_that_is_away_is_waited_for() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        dpvs.error = ConnectionFailed(2, setting=True)
        held.hold("X", [A])
        await until(lambda: reachable == [False])
        dpvs.error = None
        await later(held, clock)
        await until(lambda: dpvs.deeds == ["add 192.0.2.100"])
        assert reachable == [False, True]

    run(test)


def test_another_generation_means_that_all_is_lost() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        held.hold("X", [A])
        await until(lambda: held.generation == 1 and held.holdings.is_settled())
        await later(held, clock)
        dpvs.generation = 2
        await later(held, clock)
        await until(lambda: dpvs.deeds.count("announce 192.0.2.100") == 5)
        assert dpvs.deeds.count("add 192.0.2.100") == 2

    run(test)


def test_a_daemon_that_came_back_with_its_state_is_left_alone() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        held.hold("X", [A])
        await until(lambda: held.generation == 1 and held.holdings.is_settled())
        dpvs.error = ConnectionFailed(111, setting=False)
        await later(held, clock)
        await until(lambda: reachable == [False])
        dpvs.error = None
        await later(held, clock)
        await until(lambda: reachable == [False, True])
        assert dpvs.deeds == ["add 192.0.2.100"]

    run(test)


def test_a_real_dpvs_that_was_away_has_lost_all() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        dpvs.knows_status = False
        held.hold("X", [A])
        await until(lambda: dpvs.deeds == ["add 192.0.2.100"])
        await later(held, clock)
        dpvs.error = ConnectionFailed(111, setting=False)
        await later(held, clock)
        await until(lambda: reachable == [False])
        dpvs.error = None
        await later(held, clock)
        await until(lambda: dpvs.deeds.count("add 192.0.2.100") == 2)

    run(test)


def test_a_daemon_that_hangs_blocks_nothing_but_itself() -> None:
    async def test(dpvs: FakeDpvs, held: DpvsHoldings, clock: Clock, reachable: list[bool]) -> None:
        dpvs.hangs.clear()
        held.hold("X", [A])
        held.release("X", [A])
        held.hold("X", [B])
        await asyncio.sleep(0.02)
        dpvs.hangs.set()
        await until(lambda: dpvs.deeds == ["add 2001:db8::100"])

    run(test)
