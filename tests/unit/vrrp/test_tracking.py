"""Weights, directions, hindrances; scripts' rise and fall; processes; when ARP is due."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.model.vrrp import GarpTiming, TrackProcess
from xdpvs.vrrp.commands import Level, Log
from xdpvs.vrrp.garp import GarpSchedule
from xdpvs.vrrp.log_limit import LogLimit
from xdpvs.vrrp.process_match import ProcessQuorum, matches
from xdpvs.vrrp.script_health import ScriptHealth
from xdpvs.vrrp.tracking import Kind, Tracked, Tracker, Value

A4, B4, A6 = ip_address("192.0.2.1"), ip_address("192.0.2.2"), ip_address("2001:db8::1")


@pytest.mark.parametrize(
    ("kind", "weight", "reverse", "value", "added", "hindered"),
    [
        (Kind.SCRIPT, 0, False, True, 0, False),
        (Kind.SCRIPT, 0, False, False, 0, True),
        (Kind.SCRIPT, 0, True, True, 0, True),
        (Kind.SCRIPT, 0, True, False, 0, False),
        (Kind.SCRIPT, 20, False, True, 20, False),
        (Kind.SCRIPT, 20, False, False, 0, False),
        (Kind.SCRIPT, -20, False, True, 0, False),
        (Kind.SCRIPT, -20, False, False, -20, False),
        (Kind.SCRIPT, 20, True, True, -20, False),
        (Kind.SCRIPT, 20, True, False, 0, False),
        (Kind.SCRIPT, -20, True, False, 20, False),
        (Kind.SCRIPT, -20, False, None, 0, False),
        (Kind.SCRIPT, 0, False, None, 0, False),
        (Kind.INTERFACE, 0, False, False, 0, True),
        (Kind.INTERFACE, -30, False, False, -30, False),
        (Kind.PROCESS, 0, False, False, 0, True),
        (Kind.FILE, 1, False, 5, 5, False),
        (Kind.FILE, 10, False, 3, 30, False),
        (Kind.FILE, 10, True, 3, -30, False),
        (Kind.FILE, 10, False, 100, 253, False),
        (Kind.FILE, 1, False, -254, -254, True),
        (Kind.FILE, 1, False, -253, -253, False),
        (Kind.FILE, 0, False, 0, 0, False),
        (Kind.FILE, 0, False, 1, 0, True),
        (Kind.FILE, 0, True, 0, 0, True),
    ],
)
def test_what_a_value_does(kind: Kind, weight: int, reverse: bool, value: Value, added: int, hindered: bool) -> None:
    tracker = Tracker([Tracked(kind, "x", weight, reverse)])
    tracker.set(kind, "x", value)
    assert tracker.weight() == added
    assert bool(tracker.hindrances()) is hindered
    assert tracker.is_pending() is (value is None and weight == 0)


def test_only_news_count() -> None:
    tracker = Tracker([Tracked(Kind.SCRIPT, "x")])
    assert tracker.set(Kind.SCRIPT, "x", True)
    assert not tracker.set(Kind.SCRIPT, "x", True)
    assert not tracker.set(Kind.SCRIPT, "other", True)
    assert tracker.set_hindrance("no source", True)
    assert not tracker.set_hindrance("no source", True)
    assert tracker.set_hindrance("no source", False)
    assert not tracker.set_hindrance("no source", False)


def test_a_reload_keeps_what_is_known_of_the_same_things() -> None:
    old = Tracker([Tracked(Kind.SCRIPT, "x"), Tracked(Kind.SCRIPT, "y")])
    old.set(Kind.SCRIPT, "x", False)
    old.set(Kind.SCRIPT, "y", False)
    new = Tracker([Tracked(Kind.SCRIPT, "x", -5)])
    new.adopt(old)
    assert new.weight() == -5


def test_one_result_decides_at_first() -> None:
    for success in (True, False):
        health = ScriptHealth(rise=3, fall=3)
        assert health.result(success)
        assert health.good is success


def test_rise_and_fall_count_results_in_a_row() -> None:
    health = ScriptHealth(rise=2, fall=3)
    health.result(True)
    assert [health.result(False) for _ in range(2)] == [False, False]
    assert not health.result(True)
    assert [health.result(False) for _ in range(3)] == [False, False, True]
    assert [health.result(each) for each in (True, False, True, True)] == [False, False, False, True]


def test_init_fail_needs_rise_successes() -> None:
    health = ScriptHealth(rise=2, init_fail=True)
    assert health.good is False
    assert [health.result(True), health.result(True)] == [False, True]


@given(st.lists(st.booleans()), st.integers(1, 4), st.integers(1, 4))
def test_health_follows_a_long_enough_row(results: list[bool], rise: int, fall: int) -> None:
    health = ScriptHealth(rise, fall)
    for result in results:
        health.result(result)
    for row, wanted in ((rise, True), (fall, False)):
        if len(results) >= row and all(result is wanted for result in results[-row:]):
            assert health.good is wanted


@pytest.mark.parametrize(
    ("process", "comm", "argv", "matched"),
    [
        (TrackProcess("p", "nginx"), "nginx", ["nginx: master process"], True),
        (TrackProcess("p", "nginx"), "python3", ["/usr/sbin/nginx", "-g"], True),
        (TrackProcess("p", "nginx"), "nginx2", ["nginx2"], False),
        (TrackProcess("p", "a_name_longer_than_comm"), "a_name_longer_t", [], True),
        (TrackProcess("p", "/usr/sbin/nginx"), "nginx", ["/usr/sbin/nginx"], True),
        (TrackProcess("p", "/usr/sbin/nginx"), "nginx", ["nginx"], False),
        (TrackProcess("p", "kworker", full_command=True), "kworker", [], False),
        (TrackProcess("p", "sleep", ("5",), "exact"), "sleep", ["sleep", "5"], True),
        (TrackProcess("p", "sleep", ("5",), "exact"), "sleep", ["sleep", "5", "6"], False),
        (TrackProcess("p", "sleep", ("5",), "initial"), "sleep", ["sleep", "5", "6"], True),
        (TrackProcess("p", "sleep", ("5",), "initial"), "sleep", ["sleep", "55"], False),
        (TrackProcess("p", "sleep", ("5",), "partial"), "sleep", ["sleep", "55"], True),
        (TrackProcess("p", "sleep", ("5",), "partial"), "sleep", ["sleep"], False),
        (TrackProcess("p", "sleep", (), "partial"), "sleep", ["sleep", "1"], True),
    ],
)
def test_which_processes_count(process: TrackProcess, comm: str, argv: list[str], matched: bool) -> None:
    assert matches(process, comm, argv) is matched


def test_a_quorum_with_delays() -> None:
    quorum = ProcessQuorum(TrackProcess("p", "x", quorum=2, quorum_max=3, terminate_delay_s=2.0, fork_delay_s=1.0))
    assert quorum.count(2, 0.0)
    assert [quorum.count(1, at) for at in (1.0, 2.0, 3.0)] == [False, False, True]
    assert quorum.good is False
    assert [quorum.count(3, at) for at in (4.0, 5.0)] == [False, True]
    assert [quorum.count(number, at) for number, at in ((4, 6.0), (3, 7.0), (4, 7.5), (4, 9.0))] == [False] * 4


def bursts(schedule: GarpSchedule, now: float) -> list[tuple[tuple[str, ...], int]]:
    """What is due, readable."""
    return [(tuple(str(a) for a in burst.addresses), burst.repeat) for burst in schedule.due(now)]


def test_packets_of_a_burst_can_be_spread() -> None:
    schedule = GarpSchedule(GarpTiming(master_delay_s=0, master_repeat=2, interval_s=0.1))
    schedule.begin((A4, B4, A6), 0.0)
    assert bursts(schedule, 0.0) == [(("192.0.2.1",), 1), (("2001:db8::1",), 2)]
    assert schedule.next_at() == pytest.approx(0.1)
    assert [b[0][0] for b in bursts(schedule, 0.35)] == ["192.0.2.2", "192.0.2.1", "192.0.2.2"]
    assert schedule.next_at() is None


def test_new_addresses_are_announced_and_removed_ones_no_more() -> None:
    timing = GarpTiming(master_delay_s=5, master_repeat=3)
    schedule = GarpSchedule(timing)
    schedule.begin((A4,), 0.0)
    bursts(schedule, 0.0)
    schedule.change(timing, (B4,), 1.0)
    assert bursts(schedule, 1.0) == [(("192.0.2.2",), 3)]
    assert bursts(schedule, 10.0) == [(("192.0.2.2",), 3)]


def test_a_line_is_not_repeated_within_a_minute() -> None:
    limit = LogLimit()
    assert limit.pass_on("a", Level.INFO, "x", 0.0) == [Log(Level.INFO, "x")]
    assert limit.pass_on("a", Level.INFO, "x", 59.0) == []
    assert limit.pass_on("b", Level.INFO, "y", 59.0) == [Log(Level.INFO, "y")]
    assert limit.pass_on("a", Level.INFO, "x", 60.0) == [Log(Level.INFO, "x (and 1 more of this kind)")]


def test_many_subjects_share_a_line() -> None:
    limit = LogLimit()
    lines = [line for n in range(1000) for line in limit.pass_on(f"source {n}", Level.INFO, "x", 0.0)]
    assert len(lines) == 65
    assert limit.pass_on("a new one", Level.INFO, "x", 61.0) == [Log(Level.INFO, "x")]
