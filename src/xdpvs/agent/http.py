"""From an HTTP request to a handler's Call, and back: media types, sizes, parameters, and nothing of the API itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from xdpvs.agent.answer import Answer, Malformed, Refused, encoded, encoded_error
from xdpvs.agent.body import Body, parse_body
from xdpvs.agent.call import Call, Handler
from xdpvs.agent.endpoints import Endpoint

JSON = "application/json"

_log = logging.getLogger("xdpvs.agent.http")
_requests = logging.getLogger("xdpvs.agent.request")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what clients can make the agent do at once."""

    body_bytes: int = 4 << 20
    body_timeout_s: float = 30.0
    threads: int = 32
    waiting: int = 512


class Dispatch:
    """Runs handlers in worker threads. With `strict`, keys that nobody knows are errors instead of log lines."""

    def __init__(self, limits: Limits, settle: Callable[[], None] = lambda: None, *, strict: bool) -> None:
        self._limits = limits
        self._settle = settle
        self._strict = strict
        self._threads: anyio.CapacityLimiter | None = None
        self._waiting = 0

    def route(self, endpoint: Endpoint, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """What the framework calls for an endpoint."""

        async def handle(request: Request) -> Response:
            begun = time.monotonic()
            response = await self._answer(endpoint, handler, request)
            _requests.info(
                "%s: %s %s from %s: %d in %.1f ms",
                endpoint.operation,
                request.method,
                request.url.path,
                request.client.host if request.client else "a socket",
                response.status_code,
                (time.monotonic() - begun) * 1000,
            )
            return response

        return handle

    async def _answer(self, endpoint: Endpoint, handler: Handler, request: Request) -> Response:
        if self._waiting >= self._limits.waiting:
            return error_response(503, 503, "too many requests are waiting")
        self._waiting += 1
        try:
            call = await self._call(endpoint, request)
            # Made here, for it belongs to the loop.
            self._threads = self._threads or anyio.CapacityLimiter(self._limits.threads)
            run = handler if request.method == "GET" else partial(self._change, handler)
            return to_response(await anyio.to_thread.run_sync(run, call, limiter=self._threads))
        except Malformed as error:
            return error_response(error.status, error.code, error.message)
        except Refused as error:
            return to_response(Answer(error.status, error.message))
        except ClientDisconnect:
            return error_response(400, 400, "the client has gone")
        except Exception:
            _log.exception("%s %s failed", request.method, endpoint.path)
            return error_response(500, 500, "internal error, see the agent's log")
        finally:
            self._waiting -= 1

    def _change(self, handler: Handler, call: Call) -> Answer:
        try:
            return handler(call)
        finally:
            self._settle()

    async def _call(self, endpoint: Endpoint, request: Request) -> Call:
        raw = await self._read(request)
        if raw:
            require_json(request.headers.get("content-type", ""))
        require_acceptable(request.headers.get("accept", ""))
        query = {each.name: each.read(request.query_params.get(each.name)) for each in endpoint.query}
        body = self._body(endpoint, raw) if raw and endpoint.body is not None else None
        return Call(dict(request.path_params), query, body)

    def _body(self, endpoint: Endpoint, raw: bytes) -> Body:
        assert endpoint.body is not None
        body, unknown = parse_body(endpoint.body, raw, endpoint.body_name)
        if unknown:
            fields = ", ".join(sorted(set(unknown))[:_NAMED])
            if self._strict:
                raise Malformed(f"{fields} in body: unknown field")
            _log.warning("%s: unknown field in body ignored: %s", endpoint.operation, fields[:_SHOWN])
        return body

    async def _read(self, request: Request) -> bytes:
        """The body, as far as it is allowed to go."""
        limit = self._limits.body_bytes
        too_large = Malformed(f"the body has more than {limit} bytes", 413)
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise too_large
        found = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_timeout_s):
                async for chunk in request.stream():
                    found += chunk
                    if len(found) > limit:
                        raise too_large
        except TimeoutError:
            raise Malformed("the body did not arrive in time", 408) from None
        return bytes(found)


_NAMED = 5
_SHOWN = 200


def require_json(content_type: str) -> None:
    """415 for a body that is something else."""
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise Malformed(f'unsupported media type "{content_type[:_SHOWN]}", only [{JSON}] are allowed', 415)


def require_acceptable(accept: str) -> None:
    """406 where the client takes no JSON."""
    if not accept.strip():
        return
    for media_range in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in media_range.split(";"))
        refused = any(each.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for each in parameters)
        if kind in ("*/*", "application/*", JSON) and not refused:
            return
    raise Malformed(f"unsupported media type requested, only [{JSON}] are available", 406)


def to_response(answer: Answer) -> Response:
    """An answer on the wire."""
    if answer.empty:
        return Response(status_code=answer.status)
    return Response(encoded(answer.body), answer.status, media_type=JSON)


def error_response(status: int, code: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """A framework error on the wire."""
    return Response(encoded_error(code, message), status, headers, JSON)
