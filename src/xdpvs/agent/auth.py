"""A bearer token before everything but the API's description, whose page is where a browser can enter it."""

from __future__ import annotations

import hmac
import os
import stat

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from xdpvs.agent.http import error_response

_OPEN = ("/openapi.json", "/swagger.json")
_OPEN_TREE = "/v2/docs"
_LEAST_BYTES = 8


class BadTokenFile(Exception):
    """A token file that is missing, open to others, or has no token."""


def read_token(path: str) -> str:
    """The token in a file: one line, readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, encoding="ascii") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise BadTokenFile(f"{path}: others may read or write it (chmod 600)")
            token = file.read().strip()
    except (OSError, UnicodeError) as error:
        raise BadTokenFile(f"{path}: {error.strerror if isinstance(error, OSError) else 'not ASCII'}") from None
    if len(token) < _LEAST_BYTES or any(character.isspace() for character in token):
        raise BadTokenFile(f"{path}: a token of at least {_LEAST_BYTES} characters without blanks is needed")
    return token


class BearerToken:
    """ASGI middleware: 401 without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it."""
        if scope["type"] == "http" and not self._passes(scope):
            response = error_response(
                401, 401, "the bearer token is missing or wrong", {"WWW-Authenticate": 'Bearer realm="dpvs-agent"'}
            )
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _passes(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path in _OPEN or path == _OPEN_TREE or path.startswith(f"{_OPEN_TREE}/"):
            return True
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            token.strip().encode("utf-8", "replace"), self._expected
        )
