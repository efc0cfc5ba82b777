"""Weighted least connections: counts are live, so BPF scans and this only names the candidates."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, schedule

MAX_DESTS = 256
"""C: WLC_DESTS. Servers beyond it get no connections while they are beyond it."""


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """Candidates in list order: the first of equals is chosen, as in DPVS (src/ipvs/ip_vs_wlc.c)."""
    del flags
    return schedule(ScheduleKind.WLC, eligible(dests)[:MAX_DESTS])
