"""What a handler returns or raises, and its form on the wire.

Upstream's "string" responses carry an empty JSON string; here a refusal's string says what was wrong. Errors found
before a handler runs are objects with `code` and `message`, as go-openapi's. Which of the two a client gets matters:
generation B of healthcheck takes any object for a service.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

UNEXPECTED = 270
INVALID_FRONTEND = 460
INVALID_BACKEND = 461


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON value; with `empty` neither body nor Content-Type."""

    status: int
    body: object = ""
    empty: bool = False


OK = Answer(200)
CREATED = Answer(201)
NOTHING = Answer(200, empty=True)


class Refused(Exception):
    """A handler's refusal, answered as a JSON string."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Malformed(Exception):
    """A request that is wrong in itself, answered as `{"code","message"}`; nothing was done."""

    def __init__(self, message: str, status: int = 400, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = status if code is None else code
        self.message = message


def encoded(value: object) -> bytes:
    """A JSON value as upstream writes it: no blanks, a newline."""
    return _json(value) + b"\n"


def encoded_error(code: int, message: str) -> bytes:
    """A framework error, which ends without a newline."""
    return _json({"code": code, "message": message})


def _json(value: object) -> bytes:
    # What a client sent may come back in a message, unpaired surrogates too.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
