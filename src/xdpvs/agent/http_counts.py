"""The agent's own requests, counted by route, method and status."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
_PLAIN = frozenset({"/metrics", "/openapi.json", "/swagger.json", "/v2/docs"})
_OTHER = "other"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class HttpCounts:
    """Counters in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "xdpvs_agent_http_requests",
            "HTTP requests answered, by route template, method and status.",
            ["route", "method", "code"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "xdpvs_agent_http_request_duration_seconds",
            "Time from an HTTP request's headers to its answer's, by route template.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answered(self, route: str, method: str, code: int, seconds: float) -> None:
        """A request was answered. What no route has stays one series: paths and methods are the clients' to invent."""
        method = method if method in _METHODS else _OTHER
        self._requests.labels(route, method, str(code)).inc()
        self._durations.labels(route).observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """For the agent's registry."""
        yield from self._registry.collect()


class CountRequests:
    """ASGI middleware that counts."""

    def __init__(self, app: ASGIApp, counts: HttpCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note its status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.monotonic() - begun
                self._counts.answered(_route(scope), scope["method"], message["status"], seconds)
            await send(message)

        await self._app(scope, receive, noting)


def _route(scope: Scope) -> str:
    template = getattr(scope.get("route"), "path", None)
    if isinstance(template, str):
        return template
    return scope["path"] if scope["path"] in _PLAIN else _OTHER
