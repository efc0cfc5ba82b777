"""Indices into tables that BPF counts in: longest unused first, so that late packets count for nobody new."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

QUARANTINE_S = 1.0


class IdsExhausted(Exception):
    """Every index is in use, or still has connections."""


class Ids:
    """Indices 0 … capacity − 1. idle tells whether the data plane has no more use for one that was released."""

    def __init__(self, capacity: int, idle: Callable[[int], bool]) -> None:
        self._capacity = capacity
        self._idle = idle
        self._used: set[int] = set()
        self._released: deque[tuple[float, int]] = deque()
        self._next = 0
        self._waiting: set[int] = set()
        self.end = 0
        """One behind the highest index ever used."""

    def take(self, index: int) -> None:
        """Mark an index as used that an earlier run handed out."""
        self._used.add(index)
        self.end = max(self.end, index + 1)

    def park(self, indices: Iterable[int], now: float) -> None:
        """Indices an earlier run left with connections and without owner."""
        for index in indices:
            if index not in self._used and index not in self._waiting:
                self._waiting.add(index)
                self._released.append((now, index))
                self.end = max(self.end, index + 1)

    def __contains__(self, index: int) -> bool:
        return index in self._used

    def allocate(self, now: float) -> int:
        """An index nobody uses: a fresh one, else the one released longest ago that is idle."""
        while self._next < self._capacity:
            index = self._next
            self._next += 1
            if index not in self._used and index not in self._waiting:
                self.take(index)
                return index
        return self._recycled(now)

    def _recycled(self, now: float) -> int:
        for _ in range(len(self._released)):
            since, index = self._released[0]
            if now - since < QUARANTINE_S:
                break
            self._released.rotate(-1)
            if self._idle(index):
                self._released.pop()
                self._waiting.discard(index)
                self._used.add(index)
                return index
        raise IdsExhausted(f"all {self._capacity} are in use or still have connections")

    def release(self, index: int, now: float) -> None:
        """The owner has no more use for it; connections may still."""
        if index in self._used:
            self._used.discard(index)
            self._waiting.add(index)
            self._released.append((now, index))
