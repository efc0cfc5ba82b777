"""Sockets by scheme, and one HTTP server for each of them in one loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uvicorn
from starlette.types import ASGIApp

from xdpvs.agent.options import Options

_BACKLOG = 512
_SOCKET_MODE = 0o660


class ListenFailed(Exception):
    """An address that cannot be listened on, or a certificate that cannot be used."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens, its URL as upstream prints it, and its file if it is a unix one."""

    scheme: str
    socket: socket.socket
    url: str
    path: str = ""


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers: there may be several in one loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def open_listeners(options: Options) -> list[Listener]:
    """A listener for each scheme."""
    found: list[Listener] = []
    try:
        for scheme in options.schemes:
            found.append(_open(scheme, options))
    except ListenFailed:
        close_listeners(found)
        raise
    return found


def close_listeners(listeners: Sequence[Listener]) -> None:
    """Close the sockets and remove the unix one."""
    for listener in listeners:
        if listener.path:
            with contextlib.suppress(OSError):
                os.unlink(listener.path)
        listener.socket.close()


def _open(scheme: str, options: Options) -> Listener:
    if scheme == "unix":
        return Listener(scheme, _unix_socket(options.socket_path), f"unix://{options.socket_path}", options.socket_path)
    tls = scheme == "https"
    host = (options.tls.host or options.host) if tls else options.host
    listening = _tcp_socket(host, options.tls.port if tls else options.port)
    address, port = listening.getsockname()[:2]
    return Listener(
        scheme, listening, f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"
    )


def _tcp_socket(host: str, port: int) -> socket.socket:
    # Go listens on both families for the any-address.
    any_address = host in ("", "0.0.0.0", "::") and socket.has_dualstack_ipv6()
    try:
        if any_address:
            return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Of `localhost` Go takes the IPv4 address.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ListenFailed(f"listen on {host} port {port}: {error.strerror or error}") from None


def _unix_socket(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_dead(path)
        listening.bind(path)
        os.chmod(path, _SOCKET_MODE)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise ListenFailed(f"listen on {path}: {error.strerror or error}") from None
    return listening


def _remove_dead(path: str) -> None:
    """A socket nobody listens on is an earlier run's; anything else there stays, and is an error."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)


def _config(app: ASGIApp, listener: Listener, options: Options) -> uvicorn.Config:
    tls = options.tls
    secure = listener.scheme == "https"
    keep_alive_s = (tls.keep_alive_s if secure else 0) or options.keep_alive_s
    limit = (tls.listen_limit if secure else 0) or options.listen_limit
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=max(1, int(keep_alive_s)),
        timeout_graceful_shutdown=max(1, int(options.graceful_timeout_s)),
        # uvicorn counts the connection that asks as well.
        limit_concurrency=limit + 1 if limit else None,
        h11_max_incomplete_event_size=options.max_header_bytes,
        ssl_certfile=tls.certificate if secure else None,
        ssl_keyfile=tls.key if secure else None,
        ssl_ca_certs=(tls.ca or None) if secure else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if secure and tls.ca else ssl.CERT_NONE,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ListenFailed(f"certificate {tls.certificate} with key {tls.key}: {error.strerror or error}") from None
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


async def serve(app: ASGIApp, listeners: Sequence[Listener], options: Options, stderr: TextIO = sys.stderr) -> None:
    """Serve until SIGINT or SIGTERM. The lines on stderr are upstream's."""
    servers = [_Server(_config(app, listener, options)) for listener in listeners]
    loop = asyncio.get_running_loop()

    def stop() -> None:
        print("Shutting down... ", file=stderr, flush=True)
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    running = [
        asyncio.create_task(server.serve([listener.socket]))
        for server, listener in zip(servers, listeners, strict=True)
    ]
    for listener in listeners:
        print(f"Serving dpvs agent at {listener.url}", file=stderr, flush=True)
    await asyncio.gather(*running)
    for listener in listeners:
        print(f"Stopped serving dpvs agent at {listener.url}", file=stderr, flush=True)
