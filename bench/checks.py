"""What health checks cost, and how well thousands of them keep their time, against servers on loopback.

`python -m bench.checks [SECONDS [CHECKS]]` prints it; the servers are a process of their own, so that the CPU time is
that of the checks alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from pathlib import Path

from bench import report
from bench.rows import Group, Options, Result, Row
from xdpvs.model.check import Check, Endpoint, HttpCheck, Outcome, PingCheck, TcpCheck, UdpCheck, Verdict
from xdpvs.probing.open_files import raise_open_files_limit
from xdpvs.probing.prober import Prober

CHECKS = 5000
INTERVAL_S = 1.0
TIMEOUT_S = 1.0
BUDGET_US = 200.0
LATE_MS = 100.0

_LOOPBACK = IPv4Address("127.0.0.1")
_KINDS: dict[str, tuple[str, Check]] = {
    "tcp": ("a TCP connection", TcpCheck()),
    "udp": ("a UDP datagram and its reply", UdpCheck(send=b"bench", require_reply=True)),
    "ping": ("an ICMP echo of 64 bytes", PingCheck()),
    "http": ("an HTTP/1.1 request and its status", HttpCheck()),
}


def measure(options: Options) -> Iterator[Result]:
    """Each kind alone in bursts of a hundred, then thousands of TCP checks at an interval of a second."""
    raise_open_files_limit()
    with _servers() as endpoints:
        for kind, (_, check) in _KINDS.items():
            spent, failed = asyncio.run(_burst(check, endpoints[kind], 1000 if options.quick else 5000))
            yield Result(f"check-{kind}-cpu", spent * 1e6, details={"failed": failed})
        yield from steady(endpoints["tcp"], 5 if options.quick else 20)


def steady(endpoint: Endpoint, seconds: float, checks: int = CHECKS) -> Iterator[Result]:
    """Many TCP checks, each every second, their starts spread over it."""
    clock = asyncio.run(_steady(_KINDS["tcp"][1], endpoint, seconds, checks))
    late = sorted(clock.late_s)
    failed = clock.outcomes.total() - clock.outcomes[Verdict.GOOD]
    details: dict[str, float] = {"checks": len(late), "failed": failed}
    details["not_started"] = int(checks * seconds / INTERVAL_S) - len(late)
    yield Result("checks-core", clock.cpu_s / clock.spent_s * 100, details=details)
    # Where others keep the process from running, its checks are late for no fault of theirs.
    details = {"worst_ms": round(late[-1] * 1000), "kept_waiting_percent": clock.kept_waiting_s / clock.spent_s * 100}
    yield Result("checks-late-p99", late[int(len(late) * 0.99)] * 1000, details=details)


class _Clock:
    """Starts checks on time, and keeps how late each was."""

    def __init__(self, prober: Prober, check: Check, endpoint: Endpoint) -> None:
        self.late_s: list[float] = []
        self.outcomes: Counter[Verdict] = Counter()
        self.cpu_s = 0.0
        self.kept_waiting_s = 0.0
        self.spent_s = 0.0
        self._prober = prober
        self._check = check
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()

    async def run(self, seconds: float, checks: int) -> None:
        began, cpu, queued = self._loop.time(), time.process_time(), _queued_s()
        self._end = began + seconds
        for number in range(checks):
            due = began + INTERVAL_S * number / checks
            self._call_at(due)
        await asyncio.sleep(seconds)
        self.cpu_s, self.spent_s = time.process_time() - cpu, self._loop.time() - began
        self.kept_waiting_s = _queued_s() - queued
        await asyncio.sleep(TIMEOUT_S)

    def _start(self, due: float) -> None:
        now = self._loop.time()
        if now > self._end:
            return
        self.late_s.append(now - due)
        self._prober.start(self._check, self._endpoint, TIMEOUT_S, self._done)
        if due + INTERVAL_S < self._end:
            self._call_at(due + INTERVAL_S)

    def _call_at(self, due: float) -> None:
        self._prober.call_at(due, functools.partial(self._start, due))

    def _done(self, outcome: Outcome) -> None:
        self.outcomes[outcome.verdict] += 1


async def _steady(check: Check, endpoint: Endpoint, seconds: float, checks: int) -> _Clock:
    with contextlib.closing(Prober()) as prober:
        clock = _Clock(prober, check, endpoint)
        await clock.run(seconds, checks)
    return clock


async def _burst(check: Check, endpoint: Endpoint, count: int, at_once: int = 100) -> tuple[float, int]:
    """CPU seconds of one check, and how many failed."""
    left = failed = 0
    all_done = asyncio.Event()

    def done(outcome: Outcome) -> None:
        nonlocal left, failed
        left -= 1
        failed += outcome.verdict != Verdict.GOOD
        if not left:
            all_done.set()

    with contextlib.closing(Prober()) as prober:
        cpu = time.process_time()
        for _ in range(count // at_once):
            left = at_once
            all_done.clear()
            for _ in range(at_once):
                prober.start(check, endpoint, TIMEOUT_S, done)
            await all_done.wait()
        return (time.process_time() - cpu) / count, failed


def _queued_s() -> float:
    """Time this process was ready to run and did not (sched-stats.rst in the kernel's documentation)."""
    return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, Endpoint]]:
    argv = [sys.executable, str(Path(__file__).with_name("check_servers.py"))]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            tcp, http, udp = (int(word) for word in process.stdout.readline().split())
            ports = {"tcp": tcp, "http": http, "udp": udp, "ping": 0}
            yield {kind: Endpoint(_LOOPBACK, port) for kind, port in ports.items()}
        finally:
            process.stdin.close()


GROUP = Group(
    "checks",
    (
        *(Row(f"check-{kind}-cpu", title, "µs CPU", f"{title}, everything included", BUDGET_US)
          for kind, (title, _) in _KINDS.items()),
        Row("checks-core", f"{CHECKS} TCP checks every second", "% of a core", "user and kernel time", 100.0),
        Row("checks-late-p99", "and how late they start, p99", "ms", "after the moment they were due", LATE_MS),
    ),
    measure,
)  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Print the table; with seconds and a number of checks, only the run of many."""
    rows = {row.name: row for row in GROUP.rows}
    raise_open_files_limit()
    print(report.HEADER)
    with _servers() as endpoints:
        if argv:
            results = steady(endpoints["tcp"], float(argv[0]), int(argv[1]) if len(argv) > 1 else CHECKS)
        else:
            results = measure(Options(quick=False, object_path=Path()))
        for result in results:
            print(report.line(rows[result.row], result), dict(result.details), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
