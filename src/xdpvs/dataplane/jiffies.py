"""How the kernel's jiffies and CLOCK_MONOTONIC go together.

The data plane stamps connections by jiffies, which BPF reads without a call, in units of the monotonic clock. The
length of a jiffy is a build option of the kernel nobody publishes everywhere, so it is measured: from one change of the
counter to another.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from xdpvs.bpf.layout import ClockReading
from xdpvs.bpf.testrun import call

RATES_HZ = (100, 250, 300, 1000)
"""What CONFIG_HZ may be (kernel/Kconfig.hz)."""

_MEASURE_S = 0.06
_NS = 1_000_000_000
_WRAP = 1 << 64


@dataclass(frozen=True, slots=True)
class Jiffies:
    """monotonic_ns = jiffies * jiffy_ns + offset_ns, modulo 2^64."""

    jiffy_ns: int
    offset_ns: int


def relation(first: ClockReading, second: ClockReading) -> Jiffies:
    """From two readings taken right after the counter changed, several jiffies apart."""
    length = (second.monotonic_ns - first.monotonic_ns) / (second.jiffies - first.jiffies)
    rate = min(RATES_HZ, key=lambda hz: abs(_NS / hz - length))
    jiffy_ns = (_NS + rate // 2) // rate
    return Jiffies(jiffy_ns, (second.monotonic_ns - second.jiffies * jiffy_ns) % _WRAP)


def measure(clock_read: int, sleep: Callable[[float], None] = time.sleep) -> Jiffies:
    """Measure with the program clock_read (its descriptor); takes about 80 ms."""
    first = _next_change(clock_read)
    sleep(_MEASURE_S)
    return relation(first, _next_change(clock_read))


def _next_change(clock_read: int) -> ClockReading:
    reading = _read(clock_read)
    start = reading.jiffies
    while reading.jiffies == start:
        reading = _read(clock_read)
    return reading


def _read(clock_read: int) -> ClockReading:
    reading = ClockReading()
    call(clock_read, reading)
    return reading
