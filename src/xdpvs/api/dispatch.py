"""From a request's bytes to a reply's, by the table and a handler for each message; no I/O."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.api.framing import reply_bytes
from xdpvs.api.ids import Kind
from xdpvs.api.messages import MESSAGES, XDPVS_BATCH, Message, decode_error

Handler = Callable[[Any], Any]
"""From the decoded request to what the message's reply is made of: a value, None for no body, an iterator of body
parts for something long, or an awaitable of any of them. ApiError is a refusal."""

Pending = Awaitable[Any] | Iterator[bytes]

_log = logging.getLogger(__name__)


class HandlerMismatch(Exception):
    """The handlers are not exactly those of the table."""


def handled_messages() -> dict[tuple[Kind, int], Message[Any, Any]]:
    """Messages that need a handler: all but fixed answers, and batches, which use the others'."""
    return {what: message for what, message in MESSAGES.items() if message.fixed is None and message is not XDPVS_BATCH}


def check_handlers(handlers: Mapping[Message[Any, Any], Handler]) -> None:
    """HandlerMismatch unless each message that needs a handler has one, and no other has."""
    needed = set(handled_messages().values())
    missing = sorted(message.id.name for message in needed - set(handlers))
    extra = sorted(message.id.name for message in set(handlers) - needed)
    if missing or extra:
        raise HandlerMismatch(f"messages without handler: {missing}; handlers without message: {extra}")


class Dispatcher:
    """Runs requests. `run` either has the reply at once, or something to await or to iterate for it."""

    def __init__(self, handlers: Mapping[Message[Any, Any], Handler]) -> None:
        check_handlers(handlers)
        self._handlers = dict(handlers)

    def run(self, message: Message[Any, Any], body: bytes) -> bytes | tuple[Any, Pending]:
        """The reply, or (request, what its value is still to come from)."""
        if message.fixed is not None:
            return reply_bytes(message.id, message.kind, message.fixed.code, message.fixed.body)
        try:
            request = message.decode_request(body)
        except ValueError as error:
            return self.malformed(message, error)
        try:
            result = self._handlers[message](request)
            if isinstance(result, (Awaitable, Iterator)):
                return request, result
            return self.reply(message, request, result)
        except Exception as error:
            return self.failure(message, error)

    def reply(self, message: Message[Any, Any], request: Any, result: Any) -> bytes:
        """The reply with a handler's value."""
        body = b"" if result is None else message.encode_reply(request, result)
        return reply_bytes(message.id, message.kind, DpvsError.OK, body)

    def malformed(self, message: Message[Any, Any], error: ValueError) -> bytes:
        """The reply for a request that does not decode: the client's fault, so not worth a log line."""
        return reply_bytes(message.id, message.kind, decode_error(error))

    def failure(self, message: Message[Any, Any], error: Exception) -> bytes:
        """The reply for a request that failed."""
        return reply_bytes(message.id, message.kind, failure_code(message, error))

    async def run_set(self, number: int, body: bytes) -> int:
        """One item of a batch: its code."""
        message = MESSAGES.get((Kind.SET, number))
        if message is None or message is XDPVS_BATCH:
            return DpvsError.NOTSUPP
        if message.fixed is not None:
            return message.fixed.code
        try:
            request = message.decode_request(body)
        except ValueError as error:
            return decode_error(error)
        try:
            result = self._handlers[message](request)
            if isinstance(result, Awaitable):
                await result
        except Exception as error:
            return failure_code(message, error)
        return DpvsError.OK


def failure_code(message: Message[Any, Any], error: Exception) -> int:
    """What the client is told; what is our own fault is logged as well."""
    if isinstance(error, ApiError):
        return error.code
    _log.error("%s failed", message.id.name, exc_info=error)
    return DpvsError.SYSCALL
