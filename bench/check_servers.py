"""Servers for checks to ask: TCP, HTTP and UDP on loopback ports of their own, until standard input ends.

A script without imports from the benchmark; it prints the three ports.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

_RESPONSE = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
_BACKLOG = 4096


def _accept(listener: socket.socket) -> None:
    while True:
        listener.accept()[0].close()


def _answer(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.recv(4096)
                connection.send(_RESPONSE)
            except OSError:
                continue


def _echo(server: socket.socket) -> None:
    while True:
        data, sender = server.recvfrom(2048)
        server.sendto(data, sender)


def serve() -> None:
    """Start all three and wait."""
    tcp, http = (socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) for _ in range(2))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    for server, work in ((tcp, _accept), (http, _answer), (udp, _echo)):
        threading.Thread(target=work, args=(server,), daemon=True).start()
    print(*(server.getsockname()[1] for server in (tcp, http, udp)), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve()
