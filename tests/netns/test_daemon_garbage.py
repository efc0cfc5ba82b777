"""Nonsense on the control socket of the real daemon, while others use it."""

from __future__ import annotations

import contextlib
import random
import socket

import pytest

from lab.balancer import Balancer
from lab.topology import ONE_ARM
from tests.support.daemon import PLACES, add_service, configure
from xdpvs.api.framing import REQUEST_HEADER, VERSION

GET = 0
PLAN = PLACES[ONE_ARM.name]


def write(balancer: Balancer, data: bytes, *, wait: bool) -> None:
    """Send raw bytes and go away, at once or when the daemon has hung up or answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client, contextlib.suppress(OSError):
        client.settimeout(0.2)
        client.connect(str(balancer.socket))
        client.sendall(data)
        if wait:
            client.recv(65536)


@pytest.mark.topology(ONE_ARM)
def test_the_daemon_survives_and_goes_on_answering(balancer: Balancer) -> None:
    configure(balancer, PLAN)
    add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
    before = balancer.ipvsadm("-S", "-n")
    chance = random.Random(20)
    stuck = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(8)]
    for client in stuck:
        client.connect(str(balancer.socket))
        client.sendall(b"\1\2\3")
    for number in range(300):
        # Lookups only: a change that happens to be well-formed would be obeyed.
        kind, length = chance.choice([GET, 7]), chance.choice([0, 8, 64, 1 << 40])
        header = REQUEST_HEADER.pack(chance.choice([VERSION, 0]), chance.randrange(200, 1100), kind, length)
        body = chance.randbytes(chance.choice([0, 3, 64, 700, 20000]))
        write(balancer, chance.choice([b"", header]) + body, wait=number % 10 == 0)
        if number % 100 == 0:
            assert balancer.ipvsadm("-S", "-n") == before
    for client in stuck:
        client.close()
    assert balancer.ipvsadm("-S", "-n") == before
    assert "Traceback" not in balancer.process.output()
    assert balancer.process.running()
