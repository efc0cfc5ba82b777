"""The table for a reader, and bench.json for programs."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from bench.rows import Group, Result, Row


def number(value: float) -> str:
    """Three digits, or all of them before the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def budget_text(row: Row) -> str:
    """The budget as a bound."""
    if row.budget is None:
        return "-"
    return f"{'≥' if row.at_least else '≤'} {number(row.budget)}"


def line(row: Row, result: Result) -> str:
    """One line of the table."""
    head = f"{row.title:42}"
    if result.value is None:
        return f"{head} not measured: {result.why_not}"
    verdict = "" if row.budget is None else "ok" if row.keeps(result.value) else "OVER" if not row.at_least else "UNDER"
    dpvs = "-" if row.dpvs is None else number(row.dpvs)
    best = f"  best {number(result.details['best_ns'])}" if "best_ns" in result.details else ""
    return f"{head} {number(result.value):>8} {row.unit:12} {budget_text(row):>9} {verdict:6} {dpvs:>6}{best}"


HEADER = f"{'':42} {'here':>8} {'':12} {'budget':>9} {'':6} {'DPVS':>6}"


def save(path: Path, groups: Sequence[Group], results: Sequence[Result], *, quick: bool, busy: float) -> None:
    """Write everything, rows with their meaning included, in one step."""
    rows = {row.name: row for group in groups for row in group.rows}
    lines = [
        {
            "row": result.row,
            "title": row.title,
            "value": result.value,
            "unit": row.unit,
            "budget": row.budget,
            "budget_is": "at least" if row.at_least else "at most",
            "kept": None if result.value is None else row.keeps(result.value),
            "dpvs": row.dpvs,
            "meaning": row.meaning,
            "why_not": result.why_not,
            "details": dict(result.details),
        }
        for result in results
        if (row := rows[result.row])
    ]
    machine = {"kernel": platform.release(), "cpus": os.cpu_count(), "busy_without_us": round(busy, 3)}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"quick": quick, "machine": machine, "rows": lines}, indent=2) + "\n")
    temporary.replace(path)
