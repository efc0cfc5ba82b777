"""Round robin."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, schedule


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """Each server once. The list's first one comes last, as the pointer of DPVS starts on it (src/ipvs/ip_vs_rr.c)."""
    del flags
    positions = eligible(dests)
    if positions and positions[0] == 0:
        positions = [*positions[1:], 0]
    return schedule(ScheduleKind.SEQUENCE, positions)
