"""TCP and SMTP conversations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.probing_machine import Trace, converse, split
from xdpvs.checkers.machine import Finish, Send
from xdpvs.checkers.smtp import MAX_REPLY, SmtpMachine
from xdpvs.checkers.tcp import TcpMachine
from xdpvs.model.check import SmtpCheck, TcpCheck, Verdict
from xdpvs.model.service import ProxyProtocol

BANNER, HELO, QUIT = b"220 mx ready\r\n", b"250 hello\r\n", b"221 bye\r\n"


def test_tcp_is_good_when_connected_and_ends_by_reset() -> None:
    assert TcpMachine(TcpCheck()).connected() == (Finish(Verdict.GOOD, reset=True),)


def test_what_tcp_sends_is_not_thrown_away_by_a_reset() -> None:
    assert TcpMachine(TcpCheck(send=b"x")).connected() == (Send(b"x"), Finish(Verdict.GOOD, reset=False))
    assert TcpMachine(TcpCheck(proxy=ProxyProtocol.V1)).connected() == (Finish(Verdict.GOOD, reset=False),)


@pytest.mark.parametrize(
    ("proxy", "opening"),
    [
        (ProxyProtocol.OFF, b""),
        (ProxyProtocol.V1, b"PROXY UNKNOWN\r\n"),
        (ProxyProtocol.V2, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        (ProxyProtocol.V1_INSECURE, b""),
        (ProxyProtocol.V2_INSECURE, b""),
    ],
)
def test_a_proxy_preamble_comes_first(proxy: ProxyProtocol, opening: bytes) -> None:
    assert TcpMachine(TcpCheck(proxy=proxy)).opening == opening


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(b"PONG", Verdict.GOOD), (b"PONG and more", Verdict.GOOD), (b"PING", Verdict.BAD), (b"PON", Verdict.BAD)],
)
def test_tcp_compares_exactly_what_it_expects(answer: bytes, verdict: Verdict) -> None:
    assert converse(TcpMachine(TcpCheck(b"ping", b"PONG")), [answer]).verdict == verdict


@given(answer=st.one_of(st.binary(min_size=1, max_size=8), st.just(b"PONG")), data=st.data())
def test_tcp_does_not_depend_on_how_the_answer_is_split(answer: bytes, data: st.DataObject) -> None:
    pieces = data.draw(split(answer))
    check = TcpCheck(b"ping", b"PONG")
    assert converse(TcpMachine(check), pieces).verdict == converse(TcpMachine(check), [answer]).verdict


def test_silence_and_refusal_are_told_apart() -> None:
    trace = Trace(TcpMachine(TcpCheck(receive=b"x")))
    trace.take(trace.machine.timed_out)
    assert trace.finish == Finish(Verdict.BAD, "no answer in time", timed_out=True)
    machine = TcpMachine(TcpCheck())
    assert machine.failed("connection refused") == (Finish(Verdict.BAD, "connection refused"),)
    assert machine.timed_out() == (Finish(Verdict.BAD, "no connection in time", timed_out=True),)


def test_smtp_says_helo_and_quit_in_turn() -> None:
    trace = Trace(SmtpMachine(SmtpCheck(helo_name="lb.example")))
    assert trace.sent == b""
    trace.hear(BANNER)
    assert trace.sent == b"HELO lb.example\r\n"
    trace.hear(HELO)
    assert trace.sent == b"HELO lb.example\r\nQUIT\r\n"
    trace.hear(QUIT)
    assert trace.verdict == Verdict.GOOD
    assert trace.extensions == 2


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"554 go away\r\n"], "banner is '554 go away\\r', not 220"),
        ([BANNER, b"500 what\r\n"], "reply to HELO is '500 what\\r', not 250"),
        ([BANNER, HELO, b"421 no\r\n"], "reply to QUIT is '421 no\\r', not 221"),
        ([BANNER], "closed before the reply to HELO was complete"),
        ([b"220-" + b"x" * MAX_REPLY], f"banner has no end within {MAX_REPLY} bytes"),
        ([b"2200 no code\r\n"], "banner is '2200 no code\\r', not 220"),
    ],
)
def test_smtp_names_the_reply_that_was_wrong(pieces: list[bytes], reason: str) -> None:
    trace = converse(SmtpMachine(SmtpCheck()), pieces)
    assert (trace.verdict, trace.reason) == (Verdict.BAD, reason)


def test_an_smtp_reply_may_have_several_lines() -> None:
    trace = converse(SmtpMachine(SmtpCheck()), [b"220-one\r\n220-two\r\n220 three\r\n", b"250-a\r\n250 b\r\n", QUIT])
    assert trace.verdict == Verdict.GOOD


@given(
    replies=st.lists(st.one_of(st.sampled_from([BANNER, HELO, QUIT, b"250-x\r\n", b"\n"]), st.binary()), max_size=6),
    data=st.data(),
)
def test_smtp_does_not_depend_on_how_replies_are_split(replies: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(replies)
    pieces = data.draw(split(whole))
    assert converse(SmtpMachine(SmtpCheck()), pieces).verdict == converse(SmtpMachine(SmtpCheck()), [whole]).verdict


@given(st.integers(MAX_REPLY - 12, MAX_REPLY + 4), st.integers(1, MAX_REPLY))
def test_the_bound_of_an_smtp_reply_does_not_depend_on_splits(size: int, cut: int) -> None:
    whole = b"220 " + b"x" * (size - 6) + b"\r\n" + HELO + QUIT
    split_there = converse(SmtpMachine(SmtpCheck()), [whole[:cut], whole[cut:]])
    assert split_there.verdict == converse(SmtpMachine(SmtpCheck()), [whole]).verdict
