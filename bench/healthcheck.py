"""The whole of healthcheck with 5,000 servers to check every second, and with 10,000 that die at once."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.rows import Group, Options, Result, Row
from lab.balancer import installed
from lab.wait import DeadlinePassed, wait_until

SERVICES, QUICK_SERVICES = 500, 50
SERVERS_EACH = 10
DYING_SERVICES, QUICK_DYING_SERVICES = 1000, 100
DYING_INTERVAL_S = 2.0
SECONDS, QUICK_SECONDS = 20.0, 4.0
SETTLE_S = 5.0
"""After the start, which is late for all at once."""
_DYING_DEADLINE_S = 120.0
_LATE = "xdpvs_healthcheck_lateness_seconds"
_CHECKS = "xdpvs_healthcheck_checks"

ROWS = (
    Row("healthcheck-core", "healthcheck: 5000 checks a second", "% of a core", "user and kernel time", budget=100),
    Row(
        "healthcheck-late", "and how late they start, p99 at most", "ms", "bound of the histogram's bucket", budget=100
    ),
    Row("healthcheck-rate", "and how many were made", "checks/s", "finished, good or bad"),
    Row("healthcheck-rss", "and its memory", "MB", "resident"),
    Row(
        "healthcheck-dying",
        "10000 servers die at once: reported after",
        "s",
        f"two checks {DYING_INTERVAL_S:g} s apart, a report for each of 1000 services",
        budget=10,
    ),
)


def _measure(options: Options) -> Iterator[Result]:
    services = QUICK_SERVICES if options.quick else SERVICES
    with _agent(services) as agent, _healthcheck(agent.port, 1.0) as (pid, page):
        wait_until(lambda: _sum(page, "good") >= services * SERVERS_EACH, 30.0, "every server is checked")
        time.sleep(SETTLE_S)
        before, cpu, began = _buckets(page), _cpu_s(pid), time.monotonic()
        done = _sum(page)
        time.sleep(QUICK_SECONDS if options.quick else SECONDS)
        spent, used = time.monotonic() - began, _cpu_s(pid) - cpu
        yield Result("healthcheck-core", used / spent * 100, details={"bad": _sum(page, "bad")})
        yield Result("healthcheck-late", _p99(before, _buckets(page)) * 1e3)
        yield Result("healthcheck-rate", (_sum(page) - done) / spent)
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        yield Result("healthcheck-rss", pages * os.sysconf("SC_PAGESIZE") / 1e6)
    services = QUICK_DYING_SERVICES if options.quick else DYING_SERVICES
    with _agent(services) as agent, _healthcheck(agent.port, DYING_INTERVAL_S) as (_, page):
        wait_until(lambda: _sum(page, "good") >= services * SERVERS_EACH, 60.0, "every server is checked")
        yield Result("healthcheck-dying", agent.let_servers_die())


def _samples(page: str, name: str) -> Iterator[tuple[dict[str, str], str, float]]:
    text = httpx.get(page, trust_env=False, timeout=60).text
    for family in text_string_to_metric_families(text):
        if family.name == name:
            for sample in family.samples:
                yield sample.labels, sample.name, sample.value


def _sum(page: str, result: str = "") -> float:
    """Finished checks."""
    try:
        return sum(each for labels, _, each in _samples(page, _CHECKS) if not result or labels.get("result") == result)
    except httpx.HTTPError:
        return 0.0


def _buckets(page: str) -> dict[float, float]:
    return {float(labels["le"]): each for labels, name, each in _samples(page, _LATE) if name.endswith("_bucket")}


def _p99(before: dict[float, float], after: dict[float, float]) -> float:
    """Seconds: the smallest bound that 99 of 100 starts kept."""
    grown = {bound: after[bound] - before[bound] for bound in after}
    total = max(grown.values())
    return min(bound for bound, count in grown.items() if count >= 0.99 * total)


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class _Agent:
    """The stand-in, by its standard input and output."""

    def __init__(self, said: IO[str], told: IO[str]) -> None:
        self._said = said
        self._told = told
        self.port = int(said.readline())

    def let_servers_die(self) -> float:
        """All of them; the seconds until the last has been reported."""
        print(file=self._told, flush=True)
        ready, _, _ = select.select([self._said], [], [], _DYING_DEADLINE_S)
        if not ready:
            raise DeadlinePassed(f"not every server was reported within {_DYING_DEADLINE_S:g} s")
        return float(self._said.readline())


@contextlib.contextmanager
def _agent(services: int) -> Iterator[_Agent]:
    # -P: the script stands beside a module of ours called http.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("check_agent.py")), str(services), str(SERVERS_EACH)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield _Agent(process.stdout, process.stdin)
        finally:
            process.stdin.close()


@contextlib.contextmanager
def _healthcheck(port: int, interval_s: float) -> Iterator[tuple[int, str]]:
    """Its process id, and the page of its metrics."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        status = f"127.0.0.1:{free.getsockname()[1]}"
    flags = [f"-lb_iface_addr=127.0.0.1:{port}", f"-check_interval={interval_s}s", f"-status-addr={status}"]
    with subprocess.Popen([str(installed("healthcheck")), *flags], stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid, f"http://{status}/metrics/prometheus"
        finally:
            process.terminate()


GROUP = Group("healthcheck", ROWS, _measure)
