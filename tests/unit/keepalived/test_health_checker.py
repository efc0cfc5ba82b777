"""One checker: when it runs, and how many failures decide."""

from __future__ import annotations

import pytest

from tests.support.keepalived import BAD, GOOD, TIMING, UNDECIDED, checker, dest
from xdpvs.keepalived.health.checker import CheckerMachine, Judgement
from xdpvs.model.check import FileCheck, HttpCheck, Outcome, ScriptCheck, Verdict

SERVER = dest("192.0.2.30")
URLS = (HttpCheck("/a"), HttpCheck("/b"))


def test_the_first_run_is_a_second_and_a_random_part_of_the_warm_up_away() -> None:
    machine = CheckerMachine(checker(SERVER, warmup_s=60))
    assert machine.first_due(100, 0.0) == 101
    assert machine.first_due(100, 0.5) == 131


def test_the_first_failure_decides_right_after_the_start() -> None:
    machine = CheckerMachine(checker(SERVER, retry=3))
    assert machine.finish(BAD, 100, 101) == Judgement(111, False, first=True, changed=True)
    assert not machine.up


def test_later_retry_and_one_more_failures_decide() -> None:
    machine = CheckerMachine(checker(SERVER, retry=2))
    assert machine.finish(GOOD, 0, 0) == Judgement(10, True, first=True)
    assert machine.finish(BAD, 10, 11) == Judgement(13)
    assert machine.finish(BAD, 13, 14) == Judgement(16)
    assert machine.up
    assert machine.finish(BAD, 16, 17) == Judgement(27, False, changed=True, retries=2)
    assert not machine.up


def test_a_success_in_between_starts_the_count_anew() -> None:
    machine = CheckerMachine(checker(SERVER, retry=1))
    for outcome in (GOOD, BAD, GOOD, BAD):
        machine.finish(outcome, 0, 0)
    assert machine.up


def test_while_down_every_failure_decides_and_one_success_recovers() -> None:
    machine = CheckerMachine(checker(SERVER, retry=5))
    machine.finish(BAD, 0, 0)
    assert machine.finish(BAD, 10, 10) == Judgement(20, False)
    assert machine.finish(GOOD, 20, 20) == Judgement(30, True, changed=True)
    assert machine.up


def test_alpha_is_down_until_the_first_success() -> None:
    machine = CheckerMachine(checker(SERVER, alpha=True))
    assert not machine.up
    assert machine.finish(BAD, 0, 0) == Judgement(10, False, first=True)
    assert machine.finish(GOOD, 10, 10) == Judgement(20, True, changed=True)


def test_a_fault_of_this_host_decides_nothing() -> None:
    machine = CheckerMachine(checker(SERVER))
    assert machine.finish(UNDECIDED, 0, 1) == Judgement(11)
    assert machine.up
    assert not machine.decided


def test_http_looks_at_one_url_a_run() -> None:
    machine = CheckerMachine(checker(SERVER, "HTTP_GET", *URLS))
    assert machine.check == URLS[0]
    assert machine.finish(GOOD, 0, 0) == Judgement(10)
    assert machine.check == URLS[1]
    assert machine.finish(GOOD, 10, 10) == Judgement(20, True, first=True)
    assert machine.check == URLS[0]


def test_http_stays_at_a_failing_url_and_then_wants_all_of_them_once_more() -> None:
    machine = CheckerMachine(checker(SERVER, "HTTP_GET", *URLS, retry=1, delay_before_retry_s=25))
    machine.finish(GOOD, 0, 0)
    machine.finish(GOOD, 0, 0)
    machine.finish(GOOD, 0, 0)
    assert machine.finish(BAD, 10, 10) == Judgement(35), "a retry comes after delay_before_retry"
    assert machine.finish(BAD, 35, 35) == Judgement(60, False, changed=True, retries=1), "the larger of the two"
    assert machine.check == URLS[1]
    assert machine.finish(GOOD, 60, 60) == Judgement(70)
    assert machine.check == URLS[0]
    assert machine.finish(GOOD, 70, 70) == Judgement(80)
    assert not machine.up
    assert machine.finish(GOOD, 80, 80) == Judgement(90, True, changed=True)


def test_fast_recovery_does_not_wait_between_urls_of_a_server_that_is_not_up() -> None:
    machine = CheckerMachine(checker(SERVER, "HTTP_GET", *URLS, fast_recovery=True))
    assert machine.finish(GOOD, 0, 1).due == 1
    assert machine.finish(GOOD, 1, 2).due == 12
    assert machine.finish(GOOD, 12, 12).due == 22, "up: no hurry"


@pytest.mark.parametrize(("weight", "expected"), [(7, 7), (None, None)])
def test_a_dynamic_script_says_the_weight(weight: int | None, expected: int | None) -> None:
    machine = CheckerMachine(checker(SERVER, "MISC_CHECK", ScriptCheck(("weigh",), dynamic=True)))
    machine.finish(Outcome(Verdict.GOOD, weight=weight), 0, 0)
    assert machine.weight == expected
    assert machine.sets_weight


def test_scripts_are_timed_from_their_start_but_never_run_twice_at_once() -> None:
    machine = CheckerMachine(checker(SERVER, "MISC_CHECK", ScriptCheck(("slow",))))
    assert machine.finish(GOOD, 100, 104).due == 110
    assert machine.finish(GOOD, 110, 125).due == 125


def test_a_missing_file_changes_nothing() -> None:
    machine = CheckerMachine(checker(SERVER, "FILE_CHECK", FileCheck("/nowhere")))
    machine.finish(Outcome(Verdict.GOOD, weight=None), 0, 0)
    assert machine.weight is None
    assert machine.checker.timing == TIMING
