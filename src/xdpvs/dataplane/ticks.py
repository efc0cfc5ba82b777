"""The data plane's clock: ticks of 2^23 ns (8.4 ms) of CLOCK_MONOTONIC, which wrap after 417 days."""

from __future__ import annotations

import time

from xdpvs.bpf.layout import TICK_SHIFT

TICK_NS = 1 << TICK_SHIFT
WRAP = 1 << 32


def now_ticks() -> int:
    """The present, as BPF would store it."""
    return (time.monotonic_ns() >> TICK_SHIFT) % WRAP


def age_s(then: int, now: int) -> float:
    """Seconds since a tick; a tick that is a little ahead of now (BPF on another CPU) is 0 old."""
    difference = (now - then) % WRAP
    return 0.0 if difference >= WRAP // 2 else difference * TICK_NS / 1e9
