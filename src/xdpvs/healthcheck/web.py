"""The HTTP server of status and metrics. A failed listen is logged and nothing else: checks matter more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from xdpvs.healthcheck.metrics import registry
from xdpvs.healthcheck.options import Options, listen_address
from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.status import conf_check_text, conf_text, page, statistics_text

_log = logging.getLogger(__name__)
PROMETHEUS = "/metrics/prometheus"


class _Server(uvicorn.Server):
    """Signals are the process's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def application(runner: Runner, options: Options) -> Starlette:
    """All pages."""
    metrics = registry(runner)

    async def statistics(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        if "openmetrics" in accept or "version=0.0.4" in accept:
            return await prometheus(request)
        return PlainTextResponse(statistics_text(runner))

    async def prometheus(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics), headers={"Content-Type": content_type})

    async def conf(_request: Request) -> Response:
        return PlainTextResponse(conf_text(runner))

    async def conf_check(_request: Request) -> Response:
        return PlainTextResponse(await asyncio.to_thread(conf_check_text, options.config_file))

    async def overview(_request: Request) -> Response:
        return HTMLResponse(page(runner))

    routes = [
        Route(PROMETHEUS, prometheus),
        Route(options.metrics_uri, statistics),
        Route(options.conf_uri, conf),
        Route("/", overview),
    ]
    if options.config_file:
        routes.append(Route(options.conf_check_uri, conf_check))
    return Starlette(routes=routes)


async def serve(runner: Runner, options: Options) -> None:
    """Serve until cancelled."""
    if not options.status_address:
        return
    try:
        host, port = listen_address(options.status_address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except (OSError, ValueError) as error:
        _log.error("no status page: listen on %s: %s", options.status_address, error)
        return
    config = uvicorn.Config(
        application(runner, options), log_config=None, access_log=False, lifespan="off", ws="none", server_header=False
    )
    server = _Server(config)
    _log.info("status page at http://%s:%d/", host, listening.getsockname()[1])
    try:
        await server.serve([listening])
    finally:
        listening.close()
