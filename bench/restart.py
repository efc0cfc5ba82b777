"""The daemon killed and started again while packets flow."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.http import VIP, Load, put_service, wrk
from bench.rows import Group, Options, Result, Row
from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import ONE_ARM

CONNECTIONS = 32
RATE = 1000
SECONDS, QUICK_SECONDS = 10, 5

ROWS = (
    Row(
        "restart-lost",
        "datagrams lost, daemon killed and restarted",
        "packets",
        "of 1000 a second through a UDP service, while HTTP loads the machine",
        budget=0,
    ),
    Row(
        "restart-reset",
        "HTTP connections broken by it",
        "errors",
        "wrk's errors of 32 keep-alive connections",
        budget=0,
    ),
    Row(
        "restart-http",
        "HTTP requests/s, with a restart by without",
        "x",
        "in the same run; the daemon starting takes CPU from the load",
    ),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a stretch of load saw."""

    http: Load
    sent: int
    answered: int


def _measure(options: Options) -> Iterator[Result]:
    seconds = QUICK_SECONDS if options.quick else SECONDS
    with Lab(ONE_ARM) as lab, Balancer(lab) as balancer:
        put_service(balancer)
        _put_echo(balancer)
        lab.client.curl(f"http://{VIP}/")
        calm = _load(lab, seconds, None)
        killed = _load(lab, seconds, balancer)
        if not balancer.process.running():
            raise RuntimeError("the daemon did not come back")
    details = {
        "sent": killed.sent,
        "lost_without_restart": calm.sent - calm.answered,
        "errors_without_restart": calm.http.errors,
        "requests_per_s": killed.http.requests_per_s,
    }
    yield Result("restart-lost", killed.sent - killed.answered, details=details)
    yield Result("restart-reset", killed.http.errors, details=details)
    yield Result("restart-http", killed.http.requests_per_s / calm.http.requests_per_s, details=details)


def _put_echo(balancer: Balancer) -> None:
    service = f"{VIP}:53"
    balancer.ipvsadm("-A", "-u", service, "-s", "rr")
    for server in ("192.0.2.30", "192.0.2.130"):
        balancer.ipvsadm("-a", "-u", service, "-r", f"{server}:53", "-b")
    balancer.ipvsadm("-P", "-u", service, "-z", "192.0.2.241", "-F", "dpdk0")


def _load(lab: Lab, seconds: int, balancer: Balancer | None) -> Seen:
    """Load for so many seconds; the daemon, if one is given, is killed a quarter into it and started again."""
    with ThreadPoolExecutor() as pool:
        http = pool.submit(wrk, lab, f"http://{VIP}/", CONNECTIONS, seconds)
        datagrams = pool.submit(_datagrams, lab, seconds)
        time.sleep(seconds / 4)
        if balancer is not None:
            balancer.kill9()
            time.sleep(seconds / 8)
            balancer.start()
        return _seen(http, datagrams)


def _seen(http: Future[Load], datagrams: Future[tuple[int, int]]) -> Seen:
    return Seen(http.result(), *datagrams.result())


def _datagrams(lab: Lab, seconds: int) -> tuple[int, int]:
    script = Path(__file__).with_name("udp_count.py")
    argv = [sys.executable, "-I", str(script), VIP, "53", str(RATE), str(seconds)]
    sent, answered = lab.client.run(*argv, timeout_s=seconds + 20).stdout.split()
    return int(sent), int(answered)


GROUP = Group("restart", ROWS, _measure)
