"""HTTP/1.1 to one server over connections that stay: h11's machine in asyncio's transports.

A report must cost little: when thousands of servers die at once there are thousands of reports, and checks go on. httpx
takes several milliseconds of CPU for a request, this a few tenths of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import h11

MAX_BODY = 1 << 28


class HttpTrouble(Exception):
    """No answer; the text says why. early: the connection ended before any of it came."""

    def __init__(self, text: str, *, early: bool = False) -> None:
        super().__init__(text)
        self.early = early


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; redirects are answers, too."""

    status: int
    body: bytes


class HttpClient:
    """A server by its base URL, http or https; tls is for the latter. Any number of requests at a time."""

    def __init__(self, url: str, headers: Mapping[str, str], tls: ssl.SSLContext | None) -> None:
        split = urlsplit(url)
        self._host = split.hostname or ""
        self._tls = tls if split.scheme == "https" else None
        self._port = split.port or (443 if split.scheme == "https" else 80)
        self._headers = [("Host", split.netloc), *headers.items()]
        self._idle: list[_Connection] = []
        self._resolving: asyncio.Future[list[str]] | None = None

    async def request(self, method: str, target: str, body: bytes, timeout_s: float) -> Response:
        """HttpTrouble if there is no whole answer within timeout_s."""
        headers = [*self._headers, ("Content-Length", str(len(body)))] if body else self._headers
        request = h11.Request(method=method, target=target, headers=headers)
        try:
            async with asyncio.timeout(timeout_s):
                while self._idle:
                    connection = self._idle.pop()
                    if not connection.usable:
                        continue
                    try:
                        return await self._exchange(connection, request, body)
                    except HttpTrouble as error:
                        # The server may have given up the idle connection just then. All requests here may be repeated.
                        if not error.early:
                            raise
                return await self._exchange(await self._connect(), request, body)
        except TimeoutError:
            raise HttpTrouble(f"no answer within {timeout_s:g} s") from None

    async def close(self) -> None:
        """Close idle connections."""
        while self._idle:
            self._idle.pop().abort()

    async def _exchange(self, connection: _Connection, request: h11.Request, body: bytes) -> Response:
        response = await connection.exchange(request, body)
        if connection.usable:
            self._idle.append(connection)
        return response

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        problem = "no address"
        for address in await self._addresses():
            try:
                _, connection = await loop.create_connection(
                    _Connection,
                    address,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls else None,
                )
            except ssl.SSLCertVerificationError as error:
                problem = f"certificate: {error.verify_message}"
            except OSError as error:
                problem = _reason(error)
            else:
                return connection
        raise HttpTrouble(f"{self._host} port {self._port}: {problem}")

    async def _addresses(self) -> list[str]:
        if self._resolving is None:
            self._resolving = _resolve(self._host, self._port)
            self._resolving.add_done_callback(self._resolved)
        try:
            return await asyncio.shield(self._resolving)
        except OSError as error:
            raise HttpTrouble(f"{self._host}: {error.strerror or error}") from None

    def _resolved(self, resolving: asyncio.Future[list[str]]) -> None:
        self._resolving = None
        if not resolving.cancelled():
            # Whoever asked may have gone.
            resolving.exception()


def _resolve(host: str, port: int) -> asyncio.Future[list[str]]:
    """In a thread nobody waits for at the end: a resolver that does not answer must not keep the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | OSError) -> None:
        if future.done():
            return
        if isinstance(found, OSError):
            future.set_exception(found)
        else:
            future.set_result(found)

    def work() -> None:
        found: list[str] | OSError
        try:
            found = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as error:
            found = error
        except UnicodeError:
            found = OSError(f"no host name: {host!r}")
        with contextlib.suppress(RuntimeError):  # The loop has ended.
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=work, daemon=True).start()
    return future


def _reason(error: OSError) -> str:
    # asyncio puts words of its own, with the address, where the kernel's are wanted; OpenSSL's numbers are no errno.
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return os.strerror(error.errno).lower() if error.errno else str(error) or "the connection was closed"


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._machine = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._status = 0
        self._body = bytearray()
        self.usable = False
        """Whether it can take a request."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(_reason(exc) if isinstance(exc, OSError) else "the connection was closed")

    def data_received(self, data: bytes) -> None:
        self._take(data)

    def eof_received(self) -> None:
        self.usable = False
        if self._status:
            # The end of the body, perhaps.
            self._take(b"")

    def abort(self) -> None:
        """Close at once."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, request: h11.Request, body: bytes) -> Response:
        """Send a request and wait for its answer."""
        assert self._transport is not None
        self.usable = False
        self._status, self._body = 0, bytearray()
        self._answer = asyncio.get_running_loop().create_future()
        data = self._machine.send(request) or b""
        if body:
            data += self._machine.send(h11.Data(body)) or b""
        data += self._machine.send(h11.EndOfMessage()) or b""
        self._transport.write(data)
        try:
            return await self._answer
        except BaseException:
            self.abort()
            raise
        finally:
            self._answer = None

    def _take(self, data: bytes) -> None:
        try:
            self._machine.receive_data(data)
            while self._turn():
                pass
        except h11.RemoteProtocolError as error:
            self._fail(f"no HTTP: {error}")
            self.abort()

    def _turn(self) -> bool:
        """Take one event; whether there may be more."""
        match self._machine.next_event():
            case h11.Response(status_code=status):
                self._status = status
            case h11.Data(data=data):
                self._body += data
                if len(self._body) > MAX_BODY:
                    self._fail(f"the answer is longer than {MAX_BODY} bytes")
                    self.abort()
                    return False
            case h11.EndOfMessage():
                self._finish()
                return False
            case h11.InformationalResponse():
                pass
            case _:
                return False
        return True

    def _finish(self) -> None:
        if self._machine.our_state is h11.DONE and self._machine.their_state is h11.DONE:
            self._machine.start_next_cycle()
            self.usable = True
        else:
            self.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Response(self._status, bytes(self._body)))

    def _fail(self, reason: str) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(HttpTrouble(reason, early=not self._status))
