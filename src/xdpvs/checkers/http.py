"""HTTP: one request, and what is wanted of its response."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import h11

from xdpvs.checkers.body import BodyJudge
from xdpvs.checkers.http_head import MAX_HEAD, HeadReader
from xdpvs.checkers.http_request import encode_request
from xdpvs.checkers.machine import GOOD, Command, Extend, Machine, Send, bad
from xdpvs.model.check import Endpoint, HttpCheck
from xdpvs.packet.proxy_proto import preamble

_END = h11.EndOfMessage()


class HttpMachine(Machine):
    """Decides as soon as status and body leave no doubt; with read_to_end not before the response is whole.

    Raises ValueError for a request that cannot be worded and for a pattern that is none.
    """

    __slots__ = ("_body", "_check", "_head", "_parser", "_request", "awaited")

    def __init__(self, check: HttpCheck, endpoint: Endpoint) -> None:
        self._check = check
        self._request = encode_request(check, endpoint)
        self._body = BodyJudge(check)
        self._head = HeadReader()
        self._parser: h11.Connection | None = None
        self.awaited = "connection"
        request_of(check.method)

    @property
    def opening(self) -> bytes:
        return preamble(self._check.proxy)

    def connected(self) -> Sequence[Command]:
        self.awaited = "response"
        return (*self._extension(), Send(self._request))

    def received(self, data: bytes) -> Sequence[Command]:
        if self._parser is not None:
            return self._parse(self._parser, data) or self._extension()
        self._head.add(data)
        if self._head.failure:
            return bad(self._head.failure)
        return self._judge_head(self._head.status) if self._head.status else self._extension()

    def closed(self) -> Sequence[Command]:
        verdict = self._parse(self._parser, b"") if self._parser is not None else ()
        return verdict or Machine.closed(self)

    def _extension(self) -> Sequence[Command]:
        return (Extend(),) if self._check.read_to_end else ()

    def _judge_head(self, status: int) -> Sequence[Command]:
        if not any(low <= status <= high for low, high in self._check.status):
            return bad(f"status {status}")
        if self._body.decided and not self._check.read_to_end:
            return GOOD
        self.awaited = "body"
        self._parser = _parser_of(self._check.method)
        return self._parse(self._parser, bytes(self._head.seen)) or self._extension()

    def _parse(self, parser: h11.Connection, data: bytes) -> Sequence[Command]:
        """The verdict, or nothing while it takes more. No data: the server closed."""
        try:
            parser.receive_data(data)
            while True:
                event = parser.next_event()
                if event is h11.NEED_DATA:
                    return ()
                verdict = self._judge(event)
                if verdict:
                    return verdict
        except (h11.RemoteProtocolError, ValueError) as error:
            return bad(f"broken response: {error}")

    def _judge(self, event: object) -> Sequence[Command]:
        body = self._body
        if isinstance(event, h11.Data):
            body.add(event.data)
            if body.decided and not self._check.read_to_end:
                return bad(body.failure) if body.failure else GOOD
        elif isinstance(event, h11.EndOfMessage):
            body.end()
            return bad(body.failure) if body.failure else GOOD
        elif not isinstance(event, h11.InformationalResponse | h11.Response):
            return Machine.closed(self)
        return ()


def _parser_of(method: str) -> h11.Connection:
    # h11 words requests its own way, as HTTP/1.1; it is told of one only so that it knows what may answer.
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD)
    parser.send(request_of(method))
    parser.send(_END)
    return parser


@functools.lru_cache(maxsize=16)
def request_of(method: str) -> h11.Request:
    """Any request with that method. Raises ValueError if it is none."""
    try:
        return h11.Request(method=method, target="/", headers=[("Host", "x")])
    except h11.LocalProtocolError as error:
        raise ValueError(f"no HTTP method {method!r}") from error
