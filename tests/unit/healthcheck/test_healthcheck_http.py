"""The HTTP client against servers that behave in every way, on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
import trustme

from tests.support.healthcheck import closed_port
from xdpvs.healthcheck import http_client
from xdpvs.healthcheck.http_client import HttpClient, HttpTrouble, Response

T = TypeVar("T")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Counts connections; `serve` is what each is for."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self.connections = 0
        self.requests: list[bytes] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """One request's head and, where it has a length, body."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line.split()[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
        body = await reader.readexactly(length)
        self.requests.append(head + body)
        return body


def against(
    serve: Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    play: Callable[[HttpClient, Server], Awaitable[T]],
    *,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> T:
    """Run a play with a client of a server."""

    @asynccontextmanager
    async def listening() -> AsyncIterator[tuple[HttpClient, Server]]:
        server = Server(lambda reader, writer: serve(server, reader, writer))
        listener = await asyncio.start_server(server.accept, "127.0.0.1", 0, ssl=server_tls)
        async with listener:
            port = listener.sockets[0].getsockname()[1]
            client = HttpClient(f"{'https' if client_tls else 'http'}://{host}:{port}", {"X": "y"}, client_tls)
            try:
                yield client, server
            finally:
                await client.close()

    async def run() -> T:
        async with listening() as (client, server):
            return await play(client, server)

    return asyncio.run(run())


async def echo(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests with their bodies, on one connection."""
    while True:
        try:
            body = await server.request(reader)
        except asyncio.IncompleteReadError:
            return
        writer.write(b"HTTP/1.1 270 Whatever\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_a_connection_serves_many_requests() -> None:
    async def play(client: HttpClient, server: Server) -> None:
        for number in range(3):
            body = b"%d" % number
            assert await client.request("PUT", "/a?b=c", body, 5) == Response(270, body)
        assert await client.request("GET", "/", b"", 5) == Response(270, b"")
        assert server.connections == 1
        assert server.requests[0].startswith(b"PUT /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nX: y\r\n" in server.requests[0]

    against(echo, play)


def test_requests_at_a_time_have_a_connection_each() -> None:
    async def play(client: HttpClient, server: Server) -> None:
        bodies = [b"%d" % number for number in range(20)]
        found = await asyncio.gather(*(client.request("PUT", "/", body, 5) for body in bodies))
        assert [each.body for each in found] == bodies
        assert 1 <= server.connections <= 20

    against(echo, play)


def test_an_idle_connection_that_the_server_gave_up_is_replaced() -> None:
    async def once(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(OK)

    async def play(client: HttpClient, server: Server) -> None:
        for _ in range(3):
            assert (await client.request("GET", "/", b"", 5)).body == b"ok"
        assert server.connections == 3

    against(once, play)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b"", "the connection was closed"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "no HTTP: peer closed connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000, "no HTTP"),
    ],
)
def test_answers_that_are_none(answer: bytes, complaint: str) -> None:
    async def serve(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(answer)

    async def play(client: HttpClient, _server: Server) -> None:
        with pytest.raises(HttpTrouble, match=complaint):
            await client.request("GET", "/", b"", 5)

    against(serve, play)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\nuntil the end",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"d\r\nuntil the end\r\n0\r\n\r\n",
    ],
)
def test_bodies_of_every_form(answer: bytes) -> None:
    async def serve(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(answer)

    async def play(client: HttpClient, _server: Server) -> None:
        for _ in range(2):
            assert await client.request("GET", "/", b"", 5) == Response(200, b"until the end")

    against(serve, play)


def test_a_server_that_is_silent_or_trickles_is_given_up_in_time() -> None:
    async def trickle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async def play(client: HttpClient, server: Server) -> None:
        with pytest.raises(HttpTrouble, match=r"no answer within 0\.3 s"):
            await client.request("GET", "/", b"", 0.3)
        with pytest.raises(HttpTrouble, match="no answer"):
            await client.request("GET", "/", b"", 0.1)
        assert server.connections == 2, "what was left halfway is not used again"

    against(trickle, play)


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "MAX_BODY", 1000)

    async def serve(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.request(reader)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 5000)

    async def play(client: HttpClient, _server: Server) -> None:
        with pytest.raises(HttpTrouble, match="longer than 1000 bytes"):
            await client.request("GET", "/", b"", 5)

    against(serve, play)


def test_nobody_there() -> None:
    async def play() -> None:
        client = HttpClient(f"http://127.0.0.1:{closed_port()}", {}, None)
        with pytest.raises(HttpTrouble, match=r"127\.0\.0\.1 port \d+: .*refused"):
            await client.request("GET", "/", b"", 5)

    asyncio.run(play())


def test_names_are_looked_up_and_a_resolver_that_hangs_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host == "slow.example":
            hanging.wait(30)
        if host == "none.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", ("127.0.0.2", port)), (0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    async def play(client: HttpClient, _server: Server) -> None:
        # The first address refuses, the second one serves.
        assert (await client.request("GET", "/", b"", 5)).status == 270
        with pytest.raises(HttpTrouble, match=r"none\.example: Name or service not known"):
            await HttpClient("http://none.example:80", {}, None).request("GET", "/", b"", 5)
        with pytest.raises(HttpTrouble, match="no answer within"):
            await HttpClient("http://slow.example:80", {}, None).request("GET", "/", b"", 0.1)

    against(echo, play, host="agent.example")
    hanging.set()


def test_https_wants_a_certificate_it_can_trust() -> None:
    authority = trustme.CA()
    server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async def play(client: HttpClient, _server: Server) -> Response:
        return await client.request("PUT", "/", b"body", 5)

    assert against(echo, play, server_tls=server_tls, client_tls=trusting, host="localhost") == Response(270, b"body")
    with pytest.raises(HttpTrouble, match="certificate: unable to get local issuer"):
        against(echo, play, server_tls=server_tls, client_tls=ssl.create_default_context(), host="localhost")
    with pytest.raises(HttpTrouble, match="certificate: IP address mismatch"):
        against(echo, play, server_tls=server_tls, client_tls=trusting, host="127.0.0.1")
