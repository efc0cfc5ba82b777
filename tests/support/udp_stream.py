"""Sends numbered datagrams at a steady pace and prints how many were sent and how many of them were answered.

A script without imports from the tests: `udp_stream.py ADDRESS PORT SECONDS INTERVAL_MS`. An answer ends with what was
sent, as the lab's UDP echo has it. The last ones have a second to come back.
"""

from __future__ import annotations

import socket
import struct
import sys
import time

GRACE_S = 1.0


def stream(address: str, port: int, duration_s: float, interval_s: float) -> tuple[int, int]:
    """(sent, answered)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answered: set[int] = set()
    sent = 0
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.connect((address, port))
        start = time.monotonic()
        while (now := time.monotonic()) < start + duration_s + GRACE_S:
            due = start + sent * interval_s
            if now >= due and due < start + duration_s:
                client.send(struct.pack("!I", sent))
                sent += 1
                continue
            client.settimeout(max(0.0005, min(due - now, 0.05)))
            try:
                answered.add(struct.unpack("!I", client.recv(2048)[-4:])[0])
            except (TimeoutError, BlockingIOError):
                continue
    return sent, len(answered)


if __name__ == "__main__":
    print(*stream(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]) / 1000))
