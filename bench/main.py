"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import checks, connections, forwarding, healthcheck, http, packets, report, restart, tables
from bench.build import TOP, Missing
from bench.rows import Group, Options, Result
from lab.objects import NotBuilt
from lab.process import CommandFailed
from lab.wait import DeadlinePassed
from xdpvs.bpf.errors import BpfError
from xdpvs.bpf.object import OBJECT_PATH

GROUPS: tuple[Group, ...] = tuple(
    module.GROUP for module in (packets, connections, forwarding, http, restart, tables, checks, healthcheck)
)

_EXPECTED = (Missing, NotBuilt, CommandFailed, DeadlinePassed, BpfError, RuntimeError, OSError)


def main(argv: Sequence[str]) -> int:
    """Measure, print, save. The exit status says whether the benchmark ran, not whether budgets were kept."""
    arguments = _parser().parse_args(argv)
    if os.geteuid() != 0:
        print("bench: needs root, for BPF and network namespaces", file=sys.stderr)
        return 1
    options = Options(quick=arguments.quick, object_path=arguments.object)
    results = []
    busy = _busy_share()
    print(f"Without us the machine is {busy:.0%} busy.")
    print(report.HEADER)
    for group in GROUPS:
        rows = {row.name: row for row in group.rows}
        wanted = {name for name in rows if not arguments.only or _chosen(name, group.name, arguments.only)}
        if not wanted:
            continue
        for result in _measured(group, options):
            results.append(result)
            if result.row in wanted:
                print(report.line(rows[result.row], result), flush=True)
    if not results:
        print(f"bench: no row is called {' or '.join(arguments.only)}", file=sys.stderr)
        return 1
    report.save(arguments.json, GROUPS, results, quick=arguments.quick, busy=busy)
    return 0


def _busy_share(period_s: float = 1.0) -> float:
    """How much of the CPUs others use: a table made on a busy machine says little about absolute times."""
    before = _cpu_times()
    time.sleep(period_s)
    spent = [after - then for then, after in zip(before, _cpu_times(), strict=True)]
    idle = spent[3] + spent[4]  # idle and waiting for I/O, proc(5)
    return 1 - idle / sum(spent)


def _cpu_times() -> list[int]:
    return [int(word) for word in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="Measure what xdpvs costs, against its budgets.")
    parser.add_argument("--quick", action="store_true", help="smaller tables and fewer rounds, in less than a minute")
    parser.add_argument("--only", action="append", metavar="ROW", help="a row or group, or how their names begin")
    parser.add_argument("--json", type=Path, default=TOP / "bench.json", help="where to save (default: bench.json)")
    parser.add_argument("--object", type=Path, default=OBJECT_PATH, help="the data plane to measure")
    return parser


def _chosen(row: str, group: str, only: Sequence[str]) -> bool:
    return any(row.startswith(word) or group.startswith(word) for word in only)


def _measured(group: Group, options: Options) -> Iterator[Result]:
    """The group's results, and for rows that got none the reason."""
    missing = {row.name: None for row in group.rows}
    why = "the measurement ended without it"
    try:
        for result in group.measure(options):
            missing.pop(result.row, None)
            yield result
    except _EXPECTED as error:
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for name in missing:
        yield Result(name, why_not=why)
