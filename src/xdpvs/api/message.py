"""What a message is, and the constructors the parts of the table are written with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from xdpvs.api.errors import DpvsError
from xdpvs.api.ids import Kind, MessageId

Q = TypeVar("Q")
R = TypeVar("R")


class Fixed(NamedTuple):
    """An answer that is always the same."""

    code: DpvsError
    body: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Message(Generic[Q, R]):
    """One message with request type Q and reply type R; compared by identity, so that it can key the handlers.

    A handler may answer None to a GET: a reply without body. encode_reply also gets the request, whose parts some
    replies repeat.
    """

    id: MessageId
    kind: Kind
    encode_request: Callable[[Q], bytes]
    decode_request: Callable[[bytes], Q]
    encode_reply: Callable[[Q, R], bytes]
    decode_reply: Callable[[bytes], R]
    fixed: Fixed | None = None
    max_length: int = 1 << 20


LOADED: dict[tuple[Kind, int], Message[Any, Any]] = {}
"""The messages of all parts of the table that are loaded."""


def register(message: Message[Q, R]) -> Message[Q, R]:
    """Put a message into the table."""
    LOADED[message.kind, message.id] = message
    return message


def get_message(
    number: MessageId,
    request: tuple[Callable[[Q], bytes], Callable[[bytes], Q]],
    reply: tuple[Callable[[Q, R], bytes], Callable[[bytes], R]],
) -> Message[Q, R]:
    """A GET."""
    return register(Message(number, Kind.GET, *request, *reply))


def set_message(number: MessageId, encode: Callable[[Q], bytes], decode: Callable[[bytes], Q]) -> Message[Q, None]:
    """A SET, whose reply has no body."""
    return register(Message(number, Kind.SET, encode, decode, no_body, decode_nothing))


def no_body(_request: object, _value: object) -> bytes:
    """The body of a reply that has none."""
    return b""


def decode_nothing(_body: bytes) -> None:
    """A body that does not matter."""


def _same(body: bytes) -> bytes:
    return body


def _encode_same(_request: object, body: bytes) -> bytes:
    return body


def fixed_message(number: MessageId, kind: Kind, code: DpvsError, body: bytes = b"") -> Message[bytes, bytes]:
    """A message that is always answered alike."""
    return register(Message(number, kind, _same, _same, _encode_same, _same, Fixed(code, body)))


def _encode_empty(_request: None) -> bytes:
    return b""


ANY = (_encode_empty, decode_nothing)
"""A request whose body does not matter."""
