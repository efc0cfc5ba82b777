"""Checkers, services and addresses as traces."""

from __future__ import annotations

import itertools
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.healthcheck.checker import EagerChecker, SteadyChecker
from xdpvs.healthcheck.conf import AddressRule
from xdpvs.healthcheck.conf_values import DownPolicy
from xdpvs.healthcheck.listing import ListedServer, ListedService, ServiceId
from xdpvs.healthcheck.service import Report, ReportedServer, ServiceHealth
from xdpvs.healthcheck.virtual_address import AddressHealth
from xdpvs.model.address import Protocol

SERVICE = ServiceId(ip_address("2001::2"), 80, Protocol.TCP)
FIRST = (ip_address("192.0.2.1"), 80)
SECOND = (ip_address("192.0.2.2"), 80)


def listed(*servers: ListedServer, version: str | None = "7") -> ListedService:
    """The service as the agent lists it."""
    return ListedService(SERVICE, servers, version)


def up(key: tuple[object, int], weight: int = 100, operator: int | None = None) -> ListedServer:
    """A server in service."""
    return ListedServer(key[0], key[1], weight, False, operator)  # type: ignore[arg-type]


def down(key: tuple[object, int], weight: int = 0, operator: int | None = None) -> ListedServer:
    """A server held down."""
    return ListedServer(key[0], key[1], weight, True, operator)  # type: ignore[arg-type]


def health(service: ListedService, *, eager: bool = True) -> ServiceHealth:
    """A service whose list was just seen."""
    made = ServiceHealth(SERVICE, retry_s=15, report_first=not eager)
    made.update(service)
    for server in service.servers:
        made.add(service, server, EagerChecker(service.serves(server), 1) if eager else SteadyChecker(1, 1), 0.0)
    return made


@pytest.mark.parametrize(
    ("start", "retry", "results", "news"),
    [
        (True, 1, "FF", [None, False]),
        (True, 1, "FGFF", [None, None, None, False]),
        (True, 0, "F", [False]),
        (False, 1, "FG", [None, True]),
        (None, 1, "F", [False]),
        (None, 1, "G", [True]),
        (True, 2, "FFGFFF", [None, None, None, None, None, False]),
    ],
)
def test_one_success_recovers_and_retry_failures_are_forgiven(
    start: bool | None, retry: int, results: str, news: list[bool | None]
) -> None:
    checker = EagerChecker(start, retry)
    assert [checker.result(each == "G") for each in results] == news


def test_the_newer_checker_wants_equal_results_both_ways() -> None:
    checker = SteadyChecker(1, 2)
    assert [checker.result(good) for good in (True, True, True, True)] == [None, None, True, None]
    assert [checker.result(good) for good in (False, True, False, False, False)] == [None, None, None, False, None]


@given(st.lists(st.booleans(), max_size=40))
def test_verdicts_alternate(results: list[bool]) -> None:
    checker = EagerChecker(True, 1)
    news = [verdict for good in results if (verdict := checker.result(good)) is not None]
    assert all(a != b for a, b in itertools.pairwise(news))


def test_nothing_is_reported_while_all_is_well() -> None:
    service = health(listed(up(FIRST), up(SECOND)))
    service.result(FIRST, True, 1.0)
    assert service.due(1.0) is None


def test_a_verdict_is_reported_once_with_the_version_seen() -> None:
    service = health(listed(up(FIRST), up(SECOND)))
    service.result(FIRST, False, 1.0)
    assert service.due(1.0) is None
    service.result(FIRST, False, 4.0)
    assert service.due(4.0) == Report(SERVICE, "7", (ReportedServer(FIRST, False, 0),))
    assert service.due(4.1) is None
    service.accepted(0.0)
    assert service.due(5.0) is None


def test_verdicts_that_come_meanwhile_go_together_afterwards() -> None:
    service = health(listed(up(FIRST), up(SECOND), up((ip_address("192.0.2.3"), 80))))
    for key in service.servers:
        service.servers[key].checker.result(False)
    service.result(FIRST, False, 1.0)
    first = service.due(1.0)
    assert first is not None
    assert len(first.servers) == 1
    for key in list(service.servers)[1:]:
        service.result(key, False, 2.0)
    assert service.due(2.0) is None
    service.accepted(0.0)
    second = service.due(2.0)
    assert second is not None
    assert [each.key for each in second.servers] == list(service.servers)[1:]


def test_recovery_brings_back_the_operators_weight() -> None:
    service = health(listed(down(FIRST, 0, operator=70)))
    service.result(FIRST, True, 1.0)
    report = service.due(1.0)
    assert report is not None
    assert report.servers == (ReportedServer(FIRST, True, 70),)


def test_a_weight_changed_while_the_server_is_down_is_the_one_that_comes_back() -> None:
    service = health(listed(up(FIRST)))
    service.result(FIRST, False, 1.0)
    service.result(FIRST, False, 2.0)
    service.due(2.0)
    service.accepted(0.0)
    service.update(listed(down(FIRST, 0, operator=50), version="8"))
    service.result(FIRST, True, 3.0)
    report = service.due(3.0)
    assert report == Report(SERVICE, "8", (ReportedServer(FIRST, True, 50),))


def test_a_conflict_adopts_the_new_version_and_reports_again() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.conflicted(listed(up(FIRST, 40, operator=40), version="9"), 2.1)
    assert service.due(2.1) == Report(SERVICE, "9", (ReportedServer(FIRST, False, 0),))
    assert service.servers[FIRST].weight == 40


def test_endless_conflicts_are_slowed_down() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    sent = 0
    for version in range(8, 20):
        if service.due(3.0) is not None:
            sent += 1
            service.conflicted(listed(up(FIRST), version=str(version)), 3.0)
    assert sent == 4
    assert service.due(17.9) is None
    assert service.due(18.0) is not None


def test_a_failed_report_is_tried_again_later() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.failed(2.5)
    assert service.due(17.4) is None
    assert service.due(17.5) is not None


def test_a_listing_of_the_past_is_stale() -> None:
    service = health(listed(up(FIRST), version="8"))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.conflicted(listed(up(FIRST), version="10"), 3.0)
    assert service.stale(listed(up(FIRST), version="9"), asked_at=2.9)
    assert not service.stale(listed(up(FIRST), version="10"), asked_at=2.9)
    assert not service.stale(listed(up(FIRST), version="9"), asked_at=3.1), "the agent's clock was set back"


def test_a_listing_asked_for_before_a_report_was_taken_does_not_undo_it() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.accepted(2.2)
    service.update(listed(up(FIRST)), 2.1)
    assert service.due(2.3) is None
    service.update(listed(up(FIRST)), 2.4)
    assert service.due(2.5) is not None, "somebody has put it back"


def test_an_older_version_in_a_conflict_is_what_the_agent_has() -> None:
    service = health(listed(up(FIRST), version="10"))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.conflicted(listed(up(FIRST), version="3"), 2.1)
    report = service.due(2.1)
    assert report is not None
    assert report.version == "3"


def test_a_failed_report_holds_up_no_verdict_about_another_server() -> None:
    service = health(listed(up(FIRST), up(SECOND)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.failed(2.5)
    for moment in (3.0, 4.0):
        service.result(SECOND, False, moment)
    report = service.due(4.0)
    assert report is not None
    assert [each.key for each in report.servers] == [SECOND]
    service.accepted(0.0)
    assert service.next_timer() == 17.5


def test_an_agent_without_an_answer_is_asked_again_soon() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.failed(2.5, unanswered=True)
    assert service.next_timer() == 7.5
    assert service.due(7.5) is not None


def test_first_verdicts_are_reported_even_if_nothing_changes_in_the_newer_generation() -> None:
    service = health(listed(up(FIRST)), eager=False)
    service.result(FIRST, True, 1.0)
    assert service.due(1.0) is None
    service.result(FIRST, True, 2.0)
    report = service.due(2.0)
    assert report is not None
    service.accepted(0.0)
    assert service.due(3.0) is None


def test_a_service_is_up_while_one_server_is_not_down() -> None:
    service = health(listed(up(FIRST), up(SECOND)), eager=False)
    assert service.judge(0.0) is None
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    assert service.judge(2.0) is True
    for moment in (3.0, 4.0):
        service.result(SECOND, False, moment)
    assert service.judge(4.0) is False


@pytest.mark.parametrize(
    ("policy", "states", "expected"),
    [
        (DownPolicy.ALL_OF, [True, False], True),
        (DownPolicy.ALL_OF, [False, False], False),
        (DownPolicy.ALL_OF, [None, False], True),
        (DownPolicy.ONE_OF, [True, False], False),
        (DownPolicy.ONE_OF, [True, None], True),
        (DownPolicy.ALL_OF, [], False),
        (DownPolicy.ALL_OF, [None, None], None),
    ],
)
def test_down_policies(policy: DownPolicy, states: list[bool | None], expected: bool | None) -> None:
    assert AddressHealth(AddressRule(down_policy=policy)).judge(states, 0.0) is expected


def test_an_action_follows_a_change_and_is_repeated_until_it_succeeds() -> None:
    address = AddressHealth(AddressRule(action_sync_s=60))
    address.judge([True], 1.0)
    assert address.due(1.0) is True
    assert address.due(1.0) is None, "it is under way"
    address.done(False, 2.0)
    assert address.due(61.9) is None
    assert address.due(62.0) is True
    address.done(True, 62.0)
    assert address.due(63.0) is None
    address.judge([False], 64.0)
    assert address.due(64.0) is False
    address.done(True, 64.0)
    address.found(True)
    assert address.due(65.0) is False, "somebody put the address back"


def test_a_disabled_address_does_nothing() -> None:
    address = AddressHealth(AddressRule(disable=True))
    address.judge([True], 1.0)
    assert address.due(1.0) is None


def test_an_operator_right_behind_a_report_is_told_again() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    assert service.due(2.0) is not None
    service.update(listed(up(FIRST, 30, operator=30), version="8"), 2.1)
    service.accepted(2.3)
    assert service.due(2.3) == Report(SERVICE, "8", (ReportedServer(FIRST, False, 0),))


def test_what_nobody_has_checked_is_not_reported() -> None:
    service = health(listed(up(FIRST)))
    service.update(listed(down(FIRST)), 1.0)
    assert service.due(1.1) is None
    service.result(FIRST, True, 2.0)
    assert service.due(2.0) is not None


def test_a_server_that_is_not_checked_any_more_is_not_reported() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.forget_results(FIRST, EagerChecker(True, 1))
    assert service.due(2.0) is None


def test_a_weight_that_nobody_knows_is_upstreams_and_said_to_be_a_guess() -> None:
    service = health(listed(down(FIRST), version=None))
    service.result(FIRST, True, 1.0)
    assert service.due(1.0) == Report(SERVICE, None, (ReportedServer(FIRST, True, 1, guessed=True),))


def test_an_agent_without_versions_is_not_asked_for_a_weight_seen_before() -> None:
    service = health(listed(up(FIRST, 60), version=None))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.accepted(2.1)
    service.update(listed(down(FIRST), version=None), 3.0)
    service.result(FIRST, True, 4.0)
    assert service.due(4.0) == Report(SERVICE, None, (ReportedServer(FIRST, True, 60),))


def test_another_action_begins_anew() -> None:
    address = AddressHealth(AddressRule())
    address.judge([True], 1.0)
    address.due(1.0)
    address.done(True, 1.1)
    other = address.with_action(AddressRule(actioner="Blank", action_params={}))
    assert (other.up, other.acted, other.since) == (True, None, 1.0)
    assert other.due(2.0) is True


def test_only_the_verdict_action_looks_at_the_interface_and_not_all_the_time() -> None:
    for actioner, expected in (("KernelRouteAddDel", False), ("KernelRouteAddDelVerdict", True)):
        address = AddressHealth(AddressRule(actioner=actioner, action_sync_s=60))
        assert not address.look_due(0.0), "nothing was done yet"
        address.judge([True], 1.0)
        address.due(1.0)
        address.done(True, 1.0)
        assert address.look_due(2.0) is expected
        assert not address.look_due(61.9)
        assert address.look_due(62.0) is expected


def test_an_agent_that_is_back_may_be_told_at_once() -> None:
    service = health(listed(up(FIRST)))
    for moment in (1.0, 2.0):
        service.result(FIRST, False, moment)
    service.due(2.0)
    service.failed(2.5)
    assert service.due(3.0) is None
    service.retry_now()
    assert service.due(3.0) is not None
