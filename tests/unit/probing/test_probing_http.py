"""HTTP checks, plain and over TLS."""

from __future__ import annotations

import hashlib
import queue
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.support.probing import Handler, answering, read_head, run, silence, tcp_server
from xdpvs.model.check import Check, HttpCheck, Outcome, Verdict
from xdpvs.model.service import ProxyProtocol
from xdpvs.probing.prober import Prober
from xdpvs.probing.stream import MOST_EXTENSIONS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HELLO = HttpCheck(md5=hashlib.md5(b"hello").hexdigest())
TLS = replace(HELLO, tls=True)
VERIFIED = replace(TLS, tls_verify=True)


def _ask(handler: Handler, check: Check, timeout_s: float = 5.0) -> Outcome:
    """What the check says of a server with that handler."""
    outcomes: list[Outcome] = []
    with tcp_server(handler) as server:

        async def scenario(prober: Prober) -> None:
            outcomes.append(await prober.probe(check, server, timeout_s))

        run(scenario)
    return outcomes[0]


def _drip(response: bytes, pause_s: float) -> Handler:
    def handler(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_head(connection)
        for byte in response:
            connection.sendall(bytes([byte]))
            time.sleep(pause_s)

    return handler


def test_a_right_answer_is_good() -> None:
    assert _ask(answering(OK), HELLO).verdict == Verdict.GOOD
    assert _ask(answering(b"HTTP/1.0 200 OK\r\n\r\nhello"), HELLO).verdict == Verdict.GOOD


def test_a_wrong_status_and_garbage_are_bad() -> None:
    assert _ask(answering(b"HTTP/1.1 503 Busy\r\n\r\n"), HELLO).reason == "status 503"
    assert _ask(answering(b"\x16\x03\x01 what"), HELLO).reason.startswith("no HTTP response")


def test_a_server_that_drips_is_good_if_it_is_done_in_time() -> None:
    assert _ask(_drip(OK, 0.001), HELLO).verdict == Verdict.GOOD
    slow = _ask(_drip(OK, 0.05), HELLO, 0.2)
    assert (slow.verdict, slow.timed_out) == (Verdict.BAD, True)


def test_reading_to_the_end_gives_a_dripping_server_its_time() -> None:
    outcome = _ask(_drip(OK, 0.01), replace(HELLO, read_to_end=True), 0.25)
    assert outcome.verdict == Verdict.GOOD
    assert outcome.duration_s > 0.25


def test_but_not_for_ever() -> None:
    response = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000
    outcome = _ask(_drip(response, 0.02), HttpCheck(read_to_end=True), 0.1)
    assert (outcome.verdict, outcome.timed_out) == (Verdict.BAD, True)
    assert outcome.duration_s >= 0.1 * MOST_EXTENSIONS


def test_a_huge_body_is_digested() -> None:
    piece, count = bytes(range(256)) * 256, 256

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * len(piece)))
        for _ in range(count):
            connection.sendall(piece)

    assert _ask(handler, HttpCheck(md5=hashlib.md5(piece * count).hexdigest()), 30).verdict == Verdict.GOOD
    assert _ask(handler, HttpCheck(), 30).verdict == Verdict.GOOD


@pytest.mark.parametrize("tls", [False, True])
def test_a_long_request_is_sent_whole(tls: bool, certificates: Certificates) -> None:
    body = bytes(range(256)) * (1 << 14)

    def handler(connection: socket.socket) -> None:
        received = read_head(connection).partition(b"\r\n\r\n")[2]
        time.sleep(0.05)
        while len(received) < len(body):
            received += connection.recv(1 << 16)
        connection.sendall(OK if received == body else b"HTTP/1.1 400 Bad\r\n\r\n")

    check = HttpCheck(method="POST", request_body=body, tls=tls)
    assert _ask(certificates.serve(handler) if tls else handler, check, 30).verdict == Verdict.GOOD


def test_an_answer_to_half_a_request_counts() -> None:
    def handler(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)

    check = HttpCheck(method="POST", request_body=bytes(1 << 24), status=((413, 413),))
    assert _ask(handler, check).verdict == Verdict.GOOD


class Certificates:
    """An authority, and a server with its certificate for localhost names."""

    def __init__(self, path: Path) -> None:
        self.authority = trustme.CA()
        self.file = path / "ca.pem"
        self.authority.cert_pem.write_to_path(self.file)
        self.names: queue.Queue[str | None] = queue.Queue()

    def serve(self, handler: Handler, *identities: str) -> Handler:
        """The handler behind TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(identities or ("127.0.0.1",))).configure_cert(context)
        context.sni_callback = lambda _socket, name, _context: self.names.put(name)

        def wrapped(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                handler(secured)

        return wrapped


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    return certificates


def test_any_certificate_will_do(certificates: Certificates) -> None:
    assert _ask(certificates.serve(answering(OK), "wrong.example"), TLS).verdict == Verdict.GOOD
    assert certificates.names.get(timeout=5) is None


def test_a_certificate_is_verified_where_that_is_wanted(trusted: Certificates) -> None:
    assert _ask(trusted.serve(answering(OK)), VERIFIED).verdict == Verdict.GOOD
    named = trusted.serve(answering(OK), "www.example")
    assert _ask(named, replace(VERIFIED, host="www.example:8443")).verdict == Verdict.GOOD
    assert _ask(named, replace(VERIFIED, tls_sni="www.example")).verdict == Verdict.GOOD
    wrong = _ask(named, VERIFIED)
    assert wrong.verdict == Verdict.BAD
    assert wrong.reason.startswith("TLS: certificate: ")


def test_a_certificate_of_an_unknown_authority_is_bad(certificates: Certificates) -> None:
    outcome = _ask(certificates.serve(answering(OK)), VERIFIED)
    assert outcome.verdict == Verdict.BAD
    assert outcome.reason.startswith("TLS: certificate: ")


def test_the_server_is_told_the_name(certificates: Certificates) -> None:
    assert _ask(certificates.serve(answering(OK)), replace(TLS, tls_sni="www.example")).verdict == Verdict.GOOD
    assert certificates.names.get(timeout=5) == "www.example"


def test_the_proxy_preamble_comes_before_tls(certificates: Certificates) -> None:
    inner = certificates.serve(answering(OK))

    def handler(connection: socket.socket) -> None:
        assert connection.recv(15, socket.MSG_WAITALL) == b"PROXY UNKNOWN\r\n"
        inner(connection)

    assert _ask(handler, replace(TLS, proxy=ProxyProtocol.V1)).verdict == Verdict.GOOD


@pytest.mark.parametrize("response", [OK, b"HTTP/1.0 200 OK\r\n\r\nhello"])
def test_a_tls_server_may_drip_and_close_without_notice(certificates: Certificates, response: bytes) -> None:
    assert _ask(certificates.serve(_drip(response, 0.0)), TLS).verdict == Verdict.GOOD


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"garbage " * 100, b""])
def test_a_server_that_does_not_speak_tls_is_bad(answer: bytes) -> None:
    def handler(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(answer)

    outcome = _ask(handler, TLS)
    assert outcome.verdict == Verdict.BAD
    assert outcome.reason.startswith("TLS: ")


def test_a_server_may_be_silent_instead_of_shaking_hands() -> None:
    outcome = _ask(silence, TLS, 0.2)
    assert (outcome.verdict, outcome.reason, outcome.timed_out) == (Verdict.BAD, "no connection in time", True)


def test_a_request_that_cannot_be_worded_decides_nothing() -> None:
    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(HttpCheck(path="/\r\n"), server, 5)
        assert outcome.verdict == Verdict.UNDECIDED
        assert "line break" in outcome.reason

    with tcp_server(silence) as server:
        run(scenario)
