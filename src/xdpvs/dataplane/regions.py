"""Room in an array map for runs of entries that are built aside, swapped in and freed later."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass

GRACE_S = 0.1
"""An XDP run that read the old value of a service may still walk its old region; none runs this long."""


class RegionsFull(Exception):
    """No hole is large enough."""


@dataclass(frozen=True, slots=True)
class Region:
    """length entries from base on."""

    base: int
    length: int


EMPTY = Region(0, 0)


class Regions:
    """First-fit allocation. Holes are kept in order and joined; what is freed stays out of use for GRACE_S."""

    def __init__(self, capacity: int) -> None:
        self._holes = [(0, capacity)]
        self._freed: deque[tuple[float, Region]] = deque()

    def reserve(self, region: Region) -> None:
        """Take a region found in the map; ValueError if part of it is taken already."""
        if not region.length:
            return
        index = bisect_left(self._holes, (region.base + 1,)) - 1
        base, length = self._holes[index] if index >= 0 else (0, 0)
        if region.base + region.length > base + length:
            raise ValueError(f"{region} overlaps another region")
        rest = [
            (base, region.base - base),
            (region.base + region.length, base + length - region.base - region.length),
        ]
        self._holes[index : index + 1] = [hole for hole in rest if hole[1]]

    def allocate(self, length: int, now: float) -> Region:
        """A region nobody reads; RegionsFull if there is none."""
        self._collect(now)
        if not length:
            return EMPTY
        for index, (base, size) in enumerate(self._holes):
            if size >= length:
                rest = [(base + length, size - length)] if size > length else []
                self._holes[index : index + 1] = rest
                return Region(base, length)
        raise RegionsFull(f"no room for {length} entries")

    def free(self, region: Region, now: float) -> None:
        """Give a region back once no XDP run can be reading it."""
        if region.length:
            self._freed.append((now + GRACE_S, region))

    def _collect(self, now: float) -> None:
        while self._freed and self._freed[0][0] <= now:
            _, region = self._freed.popleft()
            self._join(region)

    def _join(self, region: Region) -> None:
        base, length = region.base, region.length
        index = bisect_left(self._holes, (base,))
        if index < len(self._holes) and self._holes[index][0] == base + length:
            length += self._holes.pop(index)[1]
        if index and sum(self._holes[index - 1]) == base:
            base, before = self._holes.pop(index - 1)
            length += before
        insort(self._holes, (base, length))
