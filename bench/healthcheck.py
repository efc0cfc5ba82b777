"""The whole of healthcheck with 5,000 servers to check every second."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench.rows import Group, Options, Result, Row
from lab.balancer import installed
from lab.wait import wait_until

SERVICES, QUICK_SERVICES = 500, 50
SERVERS_EACH = 10
SECONDS, QUICK_SECONDS = 20.0, 4.0
SETTLE_S = 5.0
"""After the start, which is late for all at once."""
_LATE = "xdpvs_healthcheck_lateness_seconds"
_CHECKS = "xdpvs_healthcheck_checks"

ROWS = (
    Row("healthcheck-core", "healthcheck: 5000 checks a second", "% of a core", "user and kernel time", budget=100),
    Row(
        "healthcheck-late", "and how late they start, p99 at most", "ms", "bound of the histogram's bucket", budget=100
    ),
    Row("healthcheck-rate", "and how many were made", "checks/s", "finished, good or bad"),
    Row("healthcheck-rss", "and its memory", "MB", "resident"),
)


def _measure(options: Options) -> Iterator[Result]:
    services = QUICK_SERVICES if options.quick else SERVICES
    with _agent(services) as port, _healthcheck(port) as (pid, page):
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


@contextlib.contextmanager
def _agent(services: int) -> Iterator[int]:
    # -P: the script stands beside a module of ours called http.
    argv = [sys.executable, "-P", str(Path(__file__).with_name("check_agent.py")), str(services), str(SERVERS_EACH)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextlib.contextmanager
def _healthcheck(port: int) -> Iterator[tuple[int, str]]:
    """Its process id, and the page of its metrics."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        status = f"127.0.0.1:{free.getsockname()[1]}"
    flags = [f"-lb_iface_addr=127.0.0.1:{port}", "-check_interval=1s", f"-status-addr={status}"]
    with subprocess.Popen([str(installed("healthcheck")), *flags], stderr=subprocess.DEVNULL) as process:
        try:
            yield process.pid, f"http://{status}/metrics/prometheus"
        finally:
            process.terminate()


GROUP = Group("healthcheck", ROWS, _measure)
