"""What a scheduler hands to the data plane."""

from __future__ import annotations

import enum
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

from xdpvs.model.service import Dest


class ScheduleKind(enum.IntEnum):
    """How BPF walks the entries; C: enum schedule_kind."""

    NONE = 0
    SEQUENCE = 1
    WLC = 2
    HASH = 3


@dataclass(frozen=True, slots=True)
class Schedule:
    """Entries are positions in the list of servers the schedule was built from."""

    kind: ScheduleKind
    entries: array[int]


def schedule(kind: ScheduleKind, entries: Iterable[int]) -> Schedule:
    """A schedule, of kind NONE if nothing can be chosen."""
    found = array("I", entries)
    return Schedule(kind if found else ScheduleKind.NONE, found)


def eligible(dests: Sequence[Dest]) -> list[int]:
    """Positions of the servers that may get connections."""
    return [position for position, dest in enumerate(dests) if dest.weight > 0 and not dest.inhibited]


def reduced_weights(dests: Sequence[Dest], positions: Sequence[int]) -> list[int]:
    """Weights of the named servers divided by their greatest common divisor."""
    weights = [dests[position].weight for position in positions]
    divisor = reduce(math.gcd, weights, 0)
    return [weight // divisor for weight in weights]


def scaled_weights(weights: Sequence[int], limit: int) -> list[int]:
    """Weights shrunk so that they add up to at most limit, each staying at least 1: ratios suffer, not servers."""
    total = sum(weights)
    if total <= limit:
        return list(weights)
    spare = limit - len(weights)
    if spare < 0:
        raise ValueError(f"{len(weights)} servers do not fit {limit} entries")
    return [1 + weight * spare // total for weight in weights]
