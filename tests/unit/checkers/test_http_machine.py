"""HTTP requests as keepalived words them, and responses of all sorts."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.probing_machine import Trace, converse, split
from xdpvs.checkers.body import MAX_KEPT
from xdpvs.checkers.http import HttpMachine
from xdpvs.checkers.http_head import MAX_HEAD
from xdpvs.checkers.machine import Finish
from xdpvs.model.check import BodyRegex, Endpoint, HttpCheck, HttpVersion, Verdict
from xdpvs.model.service import ProxyProtocol

SERVER = Endpoint(ip_address("192.0.2.1"), 8080)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: z\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.0 200 OK\n\nhello"
HELLO_MD5 = hashlib.md5(b"hello").hexdigest()


def _sent(check: HttpCheck, endpoint: Endpoint = SERVER) -> bytes:
    return Trace(HttpMachine(check, endpoint)).sent


def _verdict(check: HttpCheck, *pieces: bytes) -> Verdict | None:
    return converse(HttpMachine(check, SERVER), pieces).verdict


def _reason(check: HttpCheck, *pieces: bytes) -> str:
    trace = converse(HttpMachine(check, SERVER), pieces)
    assert trace.verdict == Verdict.BAD
    return trace.reason


@pytest.mark.parametrize(
    ("version", "request_text"),
    [
        (HttpVersion.HTTP_1_0, "GET /x HTTP/1.0|User-Agent: KeepAliveClient|Host: 192.0.2.1:8080||"),
        (
            HttpVersion.HTTP_1_0C,
            "GET /x HTTP/1.0|User-Agent: KeepAliveClient|Connection: close|Host: 192.0.2.1:8080||",
        ),
        (HttpVersion.HTTP_1_1, "GET /x HTTP/1.1|User-Agent: KeepAliveClient|Connection: close|Host: 192.0.2.1:8080||"),
    ],
)
def test_the_request_is_worded_as_keepalived_words_it(version: HttpVersion, request_text: str) -> None:
    assert _sent(HttpCheck(path="/x", version=version)) == request_text.replace("|", "\r\n").encode()


def test_the_host_header_of_an_ipv6_server_has_brackets() -> None:
    assert b"\r\nHost: [2001:db8::1]:80\r\n" in _sent(HttpCheck(), Endpoint(ip_address("2001:db8::1"), 80))
    assert b"\r\nHost: [fe80::1]:80\r\n" in _sent(HttpCheck(), Endpoint(ip_address("fe80::1%eth9"), 80))


def test_headers_of_the_check_take_the_place_of_ours() -> None:
    headers = (("host", "a.example"), ("X-One", "1"), ("X-One", "2"), ("user-agent", "me"))
    assert _sent(HttpCheck(headers=headers)) == (
        b"GET / HTTP/1.1\r\nConnection: close\r\nhost: a.example\r\nX-One: 1\r\nX-One: 2\r\nuser-agent: me\r\n\r\n"
    )


def test_a_request_may_have_a_body() -> None:
    sent = _sent(HttpCheck(method="POST", host="a.example", user_agent="", request_body=b"\r\nbody"))
    assert sent == b"POST / HTTP/1.1\r\nConnection: close\r\nHost: a.example\r\nContent-Length: 6\r\n\r\n\r\nbody"
    assert b"Content-Length: 0\r\n" in _sent(HttpCheck(method="PUT"))


def test_the_proxy_preamble_goes_before_the_request() -> None:
    assert _sent(HttpCheck(proxy=ProxyProtocol.V1)).startswith(b"PROXY UNKNOWN\r\nGET / ")


@pytest.mark.parametrize(
    "check",
    [
        HttpCheck(path="/\r\nX: y"),
        HttpCheck(host="a\nb"),
        HttpCheck(headers=(("A", "b\0"),)),
        HttpCheck(method="G ET"),
        HttpCheck(regex=BodyRegex("(")),
    ],
)
def test_what_cannot_be_asked_is_refused(check: HttpCheck) -> None:
    with pytest.raises(ValueError, match=r"line break|no HTTP method|no regular expression"):
        HttpMachine(check, SERVER)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.GOOD), (204, Verdict.GOOD), (302, Verdict.GOOD), (404, Verdict.BAD)],
)
def test_status_ranges_decide_at_the_head(status: int, verdict: Verdict) -> None:
    check = HttpCheck(status=((200, 299), (302, 302)))
    head = b"HTTP/1.1 %d Whatever\r\nContent-Length: 99\r\n\r\n" % status
    trace = converse(HttpMachine(check, SERVER), [head], close=False)
    assert trace.verdict == verdict


def test_informational_responses_are_passed_over() -> None:
    assert _verdict(HttpCheck(), b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK) == Verdict.GOOD
    assert _verdict(HttpCheck(md5=HELLO_MD5), b"HTTP/1.1 100 Continue\r\n\r\n" + OK) == Verdict.GOOD
    assert _reason(HttpCheck(), b"HTTP/1.1 101 Switching Protocols\r\n\r\n") == "status 101"


@pytest.mark.parametrize("response", [OK, CHUNKED, UNTIL_CLOSE])
@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        (HttpCheck(md5=HELLO_MD5), Verdict.GOOD),
        (HttpCheck(md5=HELLO_MD5.upper()), Verdict.GOOD),
        (HttpCheck(md5="0" * 32), Verdict.BAD),
        (HttpCheck(body_prefix=b"hell"), Verdict.GOOD),
        (HttpCheck(body_prefix=b"hello!"), Verdict.BAD),
        (HttpCheck(body_prefix=b"help"), Verdict.BAD),
        (HttpCheck(regex=BodyRegex("l+o$")), Verdict.GOOD),
        (HttpCheck(regex=BodyRegex("L+O", re.IGNORECASE)), Verdict.GOOD),
        (HttpCheck(regex=BodyRegex("L+O")), Verdict.BAD),
        (HttpCheck(regex=BodyRegex("x", negate=True)), Verdict.GOOD),
        (HttpCheck(regex=BodyRegex("e", negate=True)), Verdict.BAD),
        (HttpCheck(regex=BodyRegex("l", min_offset=4)), Verdict.BAD),
        (HttpCheck(regex=BodyRegex("lo", max_offset=3)), Verdict.GOOD),
        (HttpCheck(regex=BodyRegex("lo", max_offset=2)), Verdict.BAD),
        (HttpCheck(md5=HELLO_MD5, body_prefix=b"h", regex=BodyRegex("o"), read_to_end=True), Verdict.GOOD),
        (HttpCheck(read_to_end=True), Verdict.GOOD),
    ],
)
def test_body_conditions_hold_in_every_framing(response: bytes, check: HttpCheck, verdict: Verdict) -> None:
    assert _verdict(check, response) == verdict


def test_the_answer_to_head_has_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    trace = converse(HttpMachine(HttpCheck(method="HEAD", read_to_end=True), SERVER), [head], close=False)
    assert trace.verdict == Verdict.GOOD


def test_a_prefix_decides_as_soon_as_it_is_there() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    machine = HttpMachine(HttpCheck(body_prefix=b"he"), SERVER)
    assert converse(machine, [head, b"h", b"ello"], close=False).verdict == Verdict.GOOD
    machine = HttpMachine(HttpCheck(body_prefix=b"he"), SERVER)
    assert converse(machine, [head, b"x"], close=False).verdict == Verdict.BAD


def test_only_reading_to_the_end_extends_the_time() -> None:
    pieces = [OK[:20], OK[20:-1], OK[-1:]]
    assert converse(HttpMachine(HttpCheck(read_to_end=True), SERVER), pieces).extensions == 3
    assert converse(HttpMachine(HttpCheck(md5=HELLO_MD5), SERVER), pieces).extensions == 0


@pytest.mark.parametrize(
    ("check", "pieces", "reason"),
    [
        (HttpCheck(), [b"SSH-2.0-OpenSSH\r\n"], "no HTTP response: 'SSH-2.0-OpenSSH\\r'"),
        (HttpCheck(), [b"HTTP/1.1 abc\r\n\r\n"], "no HTTP response: 'HTTP/1.1 abc\\r'"),
        (HttpCheck(), [b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"], "no HTTP response: 'HTTP/1.1 200 OK\\r'"),
        (HttpCheck(), [b"HTTP/1.1 200 OK\r\n"], "closed before the response was complete"),
        (HttpCheck(), [], "closed before the response was complete"),
        (
            HttpCheck(),
            [b"HTTP/1.1 200 OK\r\nA: " + b"x" * MAX_HEAD],
            "the response's head has no end within 65536 bytes",
        ),
        (HttpCheck(), [b"HTTP/1.1 503 Busy\r\n\r\n"], "status 503"),
        (HttpCheck(md5="0" * 32), [OK], f"the body's digest is {HELLO_MD5}"),
        (HttpCheck(regex=BodyRegex("z")), [OK], "the body does not match 'z'"),
        (HttpCheck(body_prefix=b"x"), [OK], "the body begins 'h'"),
    ],
)
def test_failures_have_a_reason(check: HttpCheck, pieces: list[bytes], reason: str) -> None:
    assert _reason(check, *pieces) == reason


def test_a_body_cut_short_is_broken() -> None:
    assert _reason(HttpCheck(md5=HELLO_MD5), OK[:-1]).startswith("broken response: ")
    assert _reason(HttpCheck(read_to_end=True), CHUNKED[:-4]).startswith("broken response: ")


def test_no_response_in_time() -> None:
    trace = Trace(HttpMachine(HttpCheck(read_to_end=True), SERVER))
    trace.hear(OK[:-1])
    trace.take(trace.machine.timed_out)
    assert trace.finish == Finish(Verdict.BAD, "no body in time", timed_out=True)


def test_a_huge_body_is_digested_and_searched_without_being_kept() -> None:
    piece = b"x" * (1 << 16)
    count = 4 * MAX_KEPT // len(piece)
    digest = hashlib.md5(piece * count).hexdigest()
    machine = HttpMachine(HttpCheck(md5=digest, regex=BodyRegex("y", negate=True)), SERVER)
    trace = Trace(machine)
    trace.hear(b"HTTP/1.0 200 OK\r\n\r\n")
    for _ in range(count):
        trace.hear(piece)
    assert len(machine._body._kept) == MAX_KEPT
    trace.take(machine.closed)
    assert trace.verdict == Verdict.GOOD


CHECKS = st.builds(
    HttpCheck,
    md5=st.sampled_from(["", HELLO_MD5]),
    body_prefix=st.sampled_from([b"", b"he", b"x"]),
    regex=st.sampled_from([None, BodyRegex("lo"), BodyRegex("lo", negate=True, max_offset=2)]),
    read_to_end=st.booleans(),
)
RESPONSES = st.one_of(
    st.sampled_from([OK, CHUNKED, UNTIL_CLOSE, b"HTTP/1.1 100 Continue\r\n\r\n" + OK, OK + OK, CHUNKED + b"junk"]),
    st.binary(max_size=200),
    st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\n" + junk),
    st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + junk),
    st.binary(max_size=60).map(lambda junk: b"HTTP/1.1 200 OK\r\nContent-Length: " + junk + b"\r\n\r\nhello"),
)


@given(check=CHECKS, response=RESPONSES, data=st.data())
def test_no_verdict_depends_on_how_a_response_is_split(check: HttpCheck, response: bytes, data: st.DataObject) -> None:
    pieces = data.draw(split(response))
    apart, together = (converse(HttpMachine(check, SERVER), parts) for parts in (pieces, [response]))
    assert apart.verdict == together.verdict
    assert apart.verdict is not None


@given(cut=st.integers(1, 2 * MAX_HEAD), size=st.integers(MAX_HEAD - 3, MAX_HEAD + 3))
def test_the_bound_of_a_head_does_not_depend_on_splits(cut: int, size: int) -> None:
    start, end = b"HTTP/1.1 200 OK\r\nA: ", b"\r\n\r\n"
    response = start + b"x" * (size - len(start) - len(end)) + end + b"body" * 100
    expected = Verdict.GOOD if size <= MAX_HEAD else Verdict.BAD
    assert _verdict(HttpCheck(), response[:cut], *([response[cut:]] if response[cut:] else [])) == expected


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n", b"\r\n\n"])
def test_lines_may_end_without_a_carriage_return(end: bytes) -> None:
    head = b"HTTP/1.1 200 OK\nContent-Length: 5" + end
    assert _verdict(HttpCheck(), head) == Verdict.GOOD
    assert _verdict(replace(HttpCheck(), md5=HELLO_MD5), head + b"hello") == Verdict.GOOD
