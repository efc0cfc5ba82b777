"""Expiry: drives the program sweep over the connection table, downwards, in slices.

One full pass a second is what the timeouts' precision wants (design: decision 8). step() does a bounded piece and
returns, so that the event loop runs between; due() says how many slots the time since the last pass calls for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from xdpvs.bpf.layout import CONN_WINDOW, SWEEP_SLOTS, SweepArgs
from xdpvs.bpf.testrun import call


@dataclass(frozen=True, slots=True)
class Pass:
    """What one full pass saw. live counts connections, not slots; busy_s is time inside the program."""

    live: int = 0
    expired: int = 0
    freed: int = 0
    busy_s: float = 0.0


class Sweeper:
    """Position in the table, and the results of the last full pass."""

    def __init__(self, program: int, conn_slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._program = program
        self._size = conn_slots + CONN_WINDOW
        self._clock = clock
        self._left = self._size
        self._live = self._expired = self._freed = 0
        self._busy = 0.0
        self.last_pass = Pass()
        self.passes = 0
        self.expired = 0

    @property
    def size(self) -> int:
        """Slots of a full pass."""
        return self._size

    def step(self, budget_slots: int) -> Pass | None:
        """Look at budget_slots, in whole runs of SWEEP_SLOTS; the finished pass when the table's start is reached."""
        started = self._clock()
        looked = 0
        while looked < budget_slots and self._left:
            count = self._left % SWEEP_SLOTS or SWEEP_SLOTS  # whole blocks, which are passed by if empty
            args = SweepArgs(last=self._left - 1, count=count)
            call(self._program, args)
            self._left -= count
            looked += count
            self._live += args.live
            self._expired += args.expired
            self._freed += args.freed
        self._busy += self._clock() - started
        if self._left:
            return None
        self.last_pass = Pass(self._live, self._expired, self._freed, self._busy)
        self.passes += 1
        self.expired += self._expired
        self._left = self._size
        self._live = self._expired = self._freed = 0
        self._busy = 0.0
        return self.last_pass

    def due(self, elapsed_s: float, period_s: float = 1.0) -> int:
        """Slots to look at after elapsed_s so that a pass takes period_s."""
        return min(self._size, int(self._size * elapsed_s / period_s))
