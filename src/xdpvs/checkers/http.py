"""HTTP: one request, and what is wanted of its response. The parsing is h11's."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import h11

from xdpvs.checkers.body import BodyJudge
from xdpvs.checkers.http_request import encode_request
from xdpvs.checkers.machine import GOOD, Command, Extend, Machine, Send, bad
from xdpvs.model.check import Endpoint, HttpCheck
from xdpvs.packet.proxy_proto import preamble

MAX_HEAD = 1 << 16
"""Bytes of a response's head, informational responses before it included."""

_END = h11.EndOfMessage()


class HttpMachine(Machine):
    """Decides as soon as status and body leave no doubt; with read_to_end not before the response is whole.

    Raises ValueError for a request that cannot be worded and for a pattern that is none.
    """

    __slots__ = ("_body", "_check", "_head_left", "_method", "_parser", "_request", "awaited")

    def __init__(self, check: HttpCheck, endpoint: Endpoint) -> None:
        self._check = check
        self._request = encode_request(check, endpoint)
        self._method = _request_of(check.method)
        self._body = BodyJudge(check)
        self._parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD)
        self._head_left = MAX_HEAD
        self.awaited = "connection"

    @property
    def opening(self) -> bytes:
        return preamble(self._check.proxy)

    def connected(self) -> Sequence[Command]:
        self.awaited = "response"
        # h11 words requests its own way, as HTTP/1.1; it is told of one only so that it knows what may answer.
        self._parser.send(self._method)
        self._parser.send(_END)
        return (*self._extension(), Send(self._request))

    def received(self, data: bytes) -> Sequence[Command]:
        if self._head_left:
            # Cut here, so that the size allowed does not depend on how the pieces came.
            head, data = data[: self._head_left], data[self._head_left :]
            self._head_left -= len(head)
            verdict = self._parse(head)
            if verdict:
                return verdict
            if self._head_left == 0 and self._parser.their_state is h11.SEND_RESPONSE:
                return bad(f"the response's head has no end within {MAX_HEAD} bytes")
        return (self._parse(data) if data else ()) or self._extension()

    def closed(self) -> Sequence[Command]:
        return self._parse(b"") or Machine.closed(self)

    def _extension(self) -> Sequence[Command]:
        return (Extend(),) if self._check.read_to_end else ()

    def _parse(self, data: bytes) -> Sequence[Command]:
        """The verdict, or nothing while it takes more. No data: the server closed."""
        try:
            self._parser.receive_data(data)
            while True:
                event = self._parser.next_event()
                if event is h11.NEED_DATA:
                    return ()
                verdict = self._judge(event)
                if verdict:
                    return verdict
        except (h11.RemoteProtocolError, ValueError) as error:
            return bad(
                f"no HTTP response: {error}" if self.awaited == "response" else f"broken {self.awaited}: {error}"
            )

    def _judge(self, event: object) -> Sequence[Command]:
        if isinstance(event, h11.InformationalResponse):
            return ()
        if isinstance(event, h11.Response):
            self._head_left = 0
            self.awaited = "body"
            code = event.status_code
            if not any(low <= code <= high for low, high in self._check.status):
                return bad(f"status {code}")
        elif isinstance(event, h11.Data):
            self._body.add(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._body.end()
            return bad(self._body.failure) if self._body.failure else GOOD
        else:
            return Machine.closed(self)
        if self._body.failure:
            return bad(self._body.failure)
        return GOOD if self._body.decided and not self._check.read_to_end else ()


@functools.lru_cache(maxsize=16)
def _request_of(method: str) -> h11.Request:
    try:
        return h11.Request(method=method, target="/", headers=[("Host", "x")])
    except h11.LocalProtocolError as error:
        raise ValueError(f"no HTTP method {method!r}") from error
