"""Connections in pages: a listing is one walk through the table, kept between the requests of its client.

A client that goes away leaves its walk behind; it is dropped after IDLE_S. Pages are filled in slices of the table,
with the loop's other work in between.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from xdpvs.api.requests import ConnPage
from xdpvs.model.conn import Conn, SocketPair

ENTRY_SIZE = 104
IDLE_S = 20.0
SLICE_S = 0.005


class ConnReadings(Protocol):
    """What of the data plane's ConnTable is used here."""

    def wire_entries(self) -> Iterator[bytes]: ...
    def find(self, pair: SocketPair) -> Conn | None: ...
    def laddr_counts(self) -> Iterator[Counter[tuple[int, int]]]: ...


@dataclass(slots=True)
class _Walk:
    parts: Iterator[bytes]
    rest: bytes = b""
    over: bool = False
    touched: float = 0.0


class ConnPages:
    """Walks by cursor; `cursors` of them may be under way at once, 1 … cursors."""

    def __init__(self, table: ConnReadings, cursors: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._cursors = cursors
        self._clock = clock
        self._walks: dict[int, _Walk] = {}
        self._last = 0

    async def page(self, cursor: int, limit: int) -> ConnPage:
        """The next page of a walk, or with cursor 0 the first of a new one; an unknown cursor's walk is over."""
        self.expire()
        if not cursor:
            cursor = self._free_cursor()
            self._walks[cursor] = _Walk(self._table.wire_entries())
        walk = self._walks.get(cursor)
        if walk is None:
            return ConnPage(b"")
        records = await self._fill(walk, limit * ENTRY_SIZE)
        walk.touched = self._clock()
        if walk.over and not walk.rest:
            self._walks.pop(cursor, None)
            return ConnPage(records)
        return ConnPage(records, True, cursor)

    async def _fill(self, walk: _Walk, size: int) -> bytes:
        found = bytearray(walk.rest)
        deadline = self._clock() + SLICE_S
        while len(found) < size and not walk.over:
            part = next(walk.parts, None)
            if part is None:
                walk.over = True
                break
            found += part
            if self._clock() > deadline:
                await asyncio.sleep(0)
                deadline = self._clock() + SLICE_S
        walk.rest = bytes(found[size:])
        return bytes(found[:size])

    def _free_cursor(self) -> int:
        if len(self._walks) >= self._cursors:
            del self._walks[min(self._walks, key=lambda cursor: self._walks[cursor].touched)]
        while True:
            self._last = self._last % self._cursors + 1
            if self._last not in self._walks:
                return self._last

    def expire(self) -> None:
        """Drop walks whose clients have gone: each keeps the table mapped."""
        over = [cursor for cursor, walk in self._walks.items() if walk.touched and self._idle(walk)]
        for cursor in over:
            del self._walks[cursor]

    def _idle(self, walk: _Walk) -> bool:
        return self._clock() - walk.touched > IDLE_S


class LaddrConns:
    """Connections per service and local address, counted anew at most every FRESH_S."""

    FRESH_S = 1.0

    def __init__(self, table: ConnReadings, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._clock = clock
        self._counts: Counter[tuple[int, int]] = Counter()
        self._by_laddr: Counter[int] = Counter()
        self._counted: float | None = None

    async def refresh(self, *, any_conns: bool) -> None:
        """Count, if the last time is long ago; without connections there is nothing to walk through."""
        if self._counted is not None and self._clock() - self._counted < self.FRESH_S:
            return
        counts: Counter[tuple[int, int]] = Counter()
        deadline = self._clock() + SLICE_S
        for part in self._table.laddr_counts() if any_conns else ():
            counts.update(part)
            if self._clock() > deadline:
                await asyncio.sleep(0)
                deadline = self._clock() + SLICE_S
        self._counts = counts
        self._by_laddr = Counter()
        for (_, laddr_id), count in counts.items():
            self._by_laddr[laddr_id] += count
        self._counted = self._clock()

    def of(self, service_id: int, laddr_id: int) -> int:
        """A service's connections from a local address."""
        return self._counts[service_id, laddr_id]

    def of_laddr(self, laddr_id: int) -> int:
        """Everybody's connections from a local address."""
        return self._by_laddr[laddr_id]
