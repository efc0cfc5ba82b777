"""Sends numbered datagrams at a steady rate to an echo server and prints how many were sent and answered.

A script without imports from the benchmark: `udp_count.py ADDRESS PORT RATE SECONDS`.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time

LATE_S = 1.0


def count(address: str, port: int, rate: int, seconds: float) -> tuple[int, int]:
    """Datagrams sent and different ones answered."""
    answered: set[int] = set()
    total = int(rate * seconds)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, selectors.DefaultSelector() as selector:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        client.connect((address, port))
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
        started = time.monotonic()
        for number in range(total):
            due = started + number / rate
            while (left := due - time.monotonic()) > 0:
                if selector.select(left):
                    _receive(client, answered)
            client.send(b"%d" % number)
        end = time.monotonic() + LATE_S
        while len(answered) < total and selector.select(max(0.0, end - time.monotonic())):
            _receive(client, answered)
    return total, len(answered)


def _receive(client: socket.socket, answered: set[int]) -> None:
    try:
        answered.add(int(client.recv(2048).split()[-1]))
    except (BlockingIOError, ConnectionError):
        return


if __name__ == "__main__":
    print(*count(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
