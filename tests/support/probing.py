"""A prober on a loop of its own, servers on loopback for it to ask, and a look at what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_address

from xdpvs.model.check import Endpoint
from xdpvs.probing.prober import Prober

Handler = Callable[[socket.socket], None]
Scenario = Callable[[Prober], Awaitable[None]]

LOCALHOST = "127.0.0.1"


def run(scenario: Scenario, *, max_open: int | None = None) -> None:
    """Run a scenario with a prober, close that, and see that no task is left."""

    async def main() -> None:
        with contextlib.closing(Prober(max_open=max_open)) as prober:
            await asyncio.wait_for(scenario(prober), 60)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def open_descriptors() -> set[str]:
    """Their numbers, without the one it takes to look."""
    found = set(os.listdir("/proc/self/fd"))
    return {number for number in found if os.path.exists(f"/proc/self/fd/{number}")}


def has_children() -> bool:
    """Whether a child process lives or waits to be reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def endpoint_of(bound: socket.socket) -> Endpoint:
    """Where a local socket is reached."""
    address, port = bound.getsockname()[:2]
    return Endpoint(ip_address(address), port)


@contextlib.contextmanager
def tcp_server(handler: Handler, address: str = LOCALHOST) -> Iterator[Endpoint]:
    """Runs handler for each connection, in a thread, and closes it afterwards. Ends when all handlers have."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            handler(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    with socket.create_server((address, 0), family=family, backlog=256) as listener:
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield endpoint_of(listener)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (acceptor, *threads):
                thread.join(30)
                assert not thread.is_alive()


@contextlib.contextmanager
def udp_server(answer: Callable[[bytes], bytes | None]) -> Iterator[Endpoint]:
    """Answers each datagram; None: silence."""

    def serve() -> None:
        while (received := server.recvfrom(65535))[0] != b"stop":
            reply = answer(received[0])
            if reply is not None:
                server.sendto(reply, received[1])

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOCALHOST, 0))
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield endpoint_of(server)
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"stop", server.getsockname())
            thread.join(30)


@contextlib.contextmanager
def nobody(kind: socket.SocketKind = socket.SOCK_STREAM, address: str = LOCALHOST) -> Iterator[Endpoint]:
    """A port where nobody listens, and nobody will: it is bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as bound:
        bound.bind((address, 0))
        where = endpoint_of(bound)
        if kind == socket.SOCK_DGRAM:
            bound.close()
        yield where


def silence(connection: socket.socket) -> None:
    """A handler that says nothing until the client goes away."""
    while connection.recv(65536):
        pass


def answering(response: bytes) -> Handler:
    """A handler that reads a request's head and says one thing."""

    def handler(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(response)

    return handler


def read_head(connection: socket.socket) -> bytes:
    """Up to the blank line, and what came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            break
        head += piece
    return head
