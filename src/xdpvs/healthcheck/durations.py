"""Durations as Go writes them: `3s`, `500ms`, `1m0s`."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_S = float(1 << 63) * 1e-9


def parse_duration(text: str) -> float:
    """Seconds. ValueError for what Go's time.ParseDuration refuses, and for what is negative."""
    if text in ("0", "+0"):
        return 0.0
    rest = text.removeprefix("+")
    seconds, at = 0.0, 0
    while found := _PART.match(rest, at):
        seconds += float(found[1]) * _UNITS[found[2]]
        at = found.end()
    if at == 0 or at != len(rest) or seconds >= _MAX_S:
        raise ValueError(f"{text!r} is no duration such as 3s, 500ms or 1m30s")
    return seconds


def format_duration(seconds: float) -> str:
    """As Go's Duration.String, to the microsecond."""
    micros = round(seconds * 1e6)
    if micros == 0:
        return "0s"
    if micros < 1_000:
        return f"{micros}µs"
    if micros < 1_000_000:
        return f"{_decimal(micros, 1_000)}ms"
    minutes, micros = divmod(micros, 60_000_000)
    hours, minutes = divmod(minutes, 60)
    tail = f"{_decimal(micros, 1_000_000)}s"
    if hours:
        return f"{hours}h{minutes}m{tail}"
    return f"{minutes}m{tail}" if minutes else tail


def _decimal(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    digits = str(part).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
