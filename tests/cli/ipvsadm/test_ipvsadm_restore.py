"""-R: lines in batches, with the errors and the exit status of lines one by one."""

from __future__ import annotations

import pytest

from tests.support.ipvsadm import FakeClient, run_fake
from xdpvs.api.ids import MessageId

ADD = "-A -t 192.0.2.1:80 -s rr\n"
SERVER = "-a -t 192.0.2.1:80 -r 198.51.100.1:80 -b\n"
LADDR = "-P -t 192.0.2.1:80 -z 198.51.100.200 -F dpdk1\n"
EXISTS = "[sockopt_msg_recv] errcode set in socket msg#10 header: already exist(-3)\nSuccess\n"


def numbers(fake: FakeClient) -> list[MessageId]:
    return [number for number, _ in fake.changes]


@pytest.mark.parametrize("old", [False, True], ids=["xdpvs", "dpvs"])
def test_lines_are_carried_out_in_order(old: bool) -> None:
    fake = FakeClient(old=old)
    outcome = run_fake("-R", fake, ADD + SERVER + LADDR)
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", "", 0)
    assert numbers(fake) == [MessageId.ADD, MessageId.ADDDEST, MessageId.IFADDR_ADD, MessageId.LADDR_ADD]
    assert fake.batches == ([] if old else [4])


@pytest.mark.parametrize("old", [False, True], ids=["xdpvs", "dpvs"])
def test_the_last_lines_status_counts(old: bool) -> None:
    refusals = {MessageId.ADD: -3, MessageId.IFADDR_ADD: -3}
    outcome = run_fake("-R", FakeClient(old=old, refusals=refusals), ADD + LADDR)
    assert outcome.stderr == EXISTS + "[sockopt_msg_recv] errcode set in socket msg#47 header: already exist(-3)\n"
    assert outcome.status == 0
    outcome = run_fake("-R", FakeClient(old=old, refusals=refusals), SERVER + ADD)
    assert (outcome.stderr, outcome.status) == (EXISTS, 253)


def test_a_line_may_name_the_program_and_be_padded() -> None:
    fake = FakeClient()
    run_fake("-R", fake, f"  ipvsadm {ADD}\n\t\r\n ipvsadm\n-C")
    assert numbers(fake) == [MessageId.ADD, MessageId.FLUSH]


def test_a_usage_error_ends_the_run_after_what_came_before() -> None:
    fake = FakeClient(refusals={MessageId.ADD: -3})
    outcome = run_fake("-R", fake, ADD + "-A -t nonsense\n" + SERVER)
    assert numbers(fake) == [MessageId.ADD]
    assert outcome.stderr == EXISTS + "illegal virtual server address[:port] specified\n"
    assert outcome.status == 2


def test_comments_are_not_known_here() -> None:
    outcome = run_fake("-R", FakeClient(), "# comment\n")
    assert (outcome.stderr, outcome.status) == ("Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n", 255)


def test_popt_errors_do_not_end_it() -> None:
    fake = FakeClient()
    outcome = run_fake("-R", fake, "-A --bogus\n" + ADD)
    assert (outcome.stderr, outcome.status) == ("--bogus: unknown option\n", 0)
    assert numbers(fake) == [MessageId.ADD]
    assert run_fake("-R", FakeClient(), ADD + "-A --bogus\n").status == 255


def test_restore_within_restore_is_refused() -> None:
    outcome = run_fake("-R", FakeClient(), "-R\n" + ADD)
    assert outcome.status == 255
    assert outcome.stderr.startswith("Try `ipvsadm -h'")


def test_listings_and_edits_come_after_what_stands_before_them() -> None:
    fake = FakeClient(refusals={MessageId.ADD: -3})
    outcome = run_fake("-R", fake, ADD + "-ln\n-E -t 192.0.2.1:80\n" + SERVER)
    assert outcome.stdout.startswith("IP Virtual Server version 1.9.5 (size=0)\n")
    assert outcome.stderr.startswith(EXISTS)
    assert numbers(fake) == [MessageId.ADD, MessageId.ADDDEST]
    assert outcome.status == 0


def test_nothing_to_restore() -> None:
    assert run_fake("-R", FakeClient(), "\n \n").status == 0
