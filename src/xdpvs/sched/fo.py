"""Weighted failover: the heaviest server takes everything."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, schedule


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """The heaviest server, the list's first of equals. One that is overloaded refuses; DPVS would take the next."""
    del flags
    positions = eligible(dests)
    heaviest = sorted(positions, key=lambda position: -dests[position].weight)[:1]
    return schedule(ScheduleKind.SEQUENCE, heaviest)
