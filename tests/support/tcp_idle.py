"""Connects, says so, and waits for what happens: `tcp_idle.py ADDRESS PORT SECONDS [TALK]`.

Prints `connected`, then `reset`, `closed` or `nothing`. With TALK it sends a few bytes that many seconds later.
A script without imports from the tests.
"""

from __future__ import annotations

import socket
import sys
import time


def wait(address: str, port: int, seconds: float, talk_after: float) -> str:
    """The end of one connection, in a word."""
    with socket.create_connection((address, port), 3) as client:
        print("connected", flush=True)
        try:
            if talk_after:
                time.sleep(talk_after)
                client.sendall(b"GET ")
            client.settimeout(seconds)
            return "closed" if not client.recv(1) else "data"
        except TimeoutError:
            return "nothing"
        except ConnectionResetError:
            return "reset"


if __name__ == "__main__":
    numbers = [float(word) for word in sys.argv[3:]] + [0.0]
    print(wait(sys.argv[1], int(sys.argv[2]), numbers[0], numbers[1]), flush=True)
