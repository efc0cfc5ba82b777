"""Weighted round robin, interleaved as LVS does it.

The threshold goes from the greatest weight down by the weights' greatest common divisor; each pass over the list takes
the servers whose weight reaches it. DPVS starts behind the list's first server in a pass that takes everyone
(src/ipvs/ip_vs_wrr.c), which is the end of the cycle: the sequence here is rotated to start there.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, reduced_weights, scaled_weights, schedule

MAX_LENGTH = 65536
"""Entries of one service. Weights that add up to more, in lowest terms, are scaled down."""


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """One cycle of the interleaving."""
    del flags
    positions = eligible(dests)
    if not positions:
        return schedule(ScheduleKind.SEQUENCE, ())
    weights = scaled_weights(reduced_weights(dests, positions), MAX_LENGTH)
    cycle = interleaved(positions, weights)
    first_pass = len(positions) - (positions[0] == 0)
    start = len(cycle) - first_pass
    return schedule(ScheduleKind.SEQUENCE, cycle[start:] + cycle[:start])


def interleaved(positions: Sequence[int], weights: Sequence[int]) -> list[int]:
    """The cycle from its greatest threshold on; passes shrink to the servers that still take part, so it is linear."""
    heaviest_first = sorted(range(len(positions)), key=lambda index: -weights[index])
    cycle: list[int] = []
    taking: list[int] = []
    joined = 0
    for threshold in range(max(weights), 0, -1):
        before = joined
        while joined < len(heaviest_first) and weights[heaviest_first[joined]] >= threshold:
            joined += 1
        if joined > before:
            taking = [positions[index] for index in sorted(heaviest_first[:joined])]
        cycle += taking
    return cycle
