"""The application: routes from the table of endpoints, bound to their handlers, with errors in go-openapi's form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from xdpvs.agent import docs_page
from xdpvs.agent.auth import BearerToken
from xdpvs.agent.bindings import check_handlers, handlers
from xdpvs.agent.endpoints import ENDPOINTS
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.http import Dispatch, Limits, error_response
from xdpvs.agent.http_counts import CountRequests, HttpCounts
from xdpvs.agent.node import Node
from xdpvs.agent.openapi import document
from xdpvs.agent.table import Table

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of; metrics blocks, and is all of `/metrics`.

    settle, too, may block: it is called before the answer to a change.
    """

    table: Table
    node: Node
    health: HealthCounts
    http: HttpCounts
    metrics: Callable[[], bytes]
    version: str
    settle: Callable[[], None] = lambda: None
    token: str = ""
    strict: bool = False
    limits: Limits = Limits()


def create(parts: Parts) -> ASGIApp:
    """The ASGI application."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    bound = handlers(parts.table, parts.node, parts.health)
    check_handlers(bound)
    dispatch = Dispatch(parts.limits, parts.settle, strict=parts.strict)
    for endpoint in ENDPOINTS:
        app.add_api_route(
            endpoint.path,
            dispatch.route(endpoint, bound[endpoint.operation]),
            methods=[endpoint.method],
            include_in_schema=False,
            response_model=None,
        )
    described = document(parts.version, token=bool(parts.token))

    async def openapi(_request: Request) -> Response:
        return JSONResponse(described)

    for path, answer in (
        ("/openapi.json", openapi),
        ("/swagger.json", openapi),
        ("/v2/docs", docs_page.page),
        ("/v2/docs/{part}", docs_page.part),
        ("/metrics", _metrics(parts.metrics)),
    ):
        app.router.routes.append(Route(path, answer, methods=["GET"]))
    app.add_exception_handler(HTTPException, _framework_error)
    inner: ASGIApp = _OneSlash(app)
    if parts.token:
        inner = BearerToken(inner, parts.token)
    return CountRequests(inner, parts.http)


def _metrics(render: Callable[[], bytes]) -> Callable[[Request], Awaitable[Response]]:
    """In a thread of its own: neither many scrapes nor a slow one take any from the API."""
    limiter: list[anyio.CapacityLimiter] = []

    async def answer(_request: Request) -> Response:
        if not limiter:
            limiter.append(anyio.CapacityLimiter(1))
        body = await anyio.to_thread.run_sync(partial(render), limiter=limiter[0])
        return Response(body, media_type=None, headers={"Content-Type": _METRICS_TYPE})

    return answer


async def _framework_error(request: Request, error: Exception) -> Response:
    """What the router says, in go-openapi's words."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = _allowed(request)
        message = f"method {request.method} is not allowed, but [{' '.join(allowed)}] are"
        return error_response(405, 405, message, {"Allow": ", ".join(allowed)})
    if error.status_code == 404:
        return error_response(404, 404, f"path {request.url.path} was not found")
    return error_response(error.status_code, error.status_code, str(error.detail))


def _allowed(request: Request) -> list[str]:
    """The methods of all routes of a path."""
    methods: set[str] = set()
    for route in request.app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return sorted(methods)


class _OneSlash:
    """One slash at the end of a path is nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.startswith("/v2/") and path.endswith("/"):
            scope["path"] = path[:-1]
        await self._app(scope, receive, send)
