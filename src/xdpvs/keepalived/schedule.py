"""When which check runs: one heap and one timer for all of them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from xdpvs.keepalived.health.checker import CheckerMachine
from xdpvs.keepalived.health.server import ServerState
from xdpvs.keepalived.health.virtual_server import VirtualServerMachine
from xdpvs.probing.prober import Attempt


class CheckRun:
    """A check's place in the schedule, and its attempt while one runs."""

    __slots__ = ("attempt", "check", "ended", "owner", "server", "started", "turn")

    def __init__(self, owner: VirtualServerMachine, server: ServerState, check: CheckerMachine) -> None:
        self.owner = owner
        self.server = server
        self.check = check
        self.attempt: Attempt | None = None
        self.started = 0.0
        self.turn = 0
        self.ended = False


class Schedule:
    """arm() says when a check is due; `due` is called with it then. A later arm() replaces an earlier one."""

    def __init__(self, loop: asyncio.AbstractEventLoop, due: Callable[[CheckRun], None]) -> None:
        self._loop = loop
        self._due = due
        self._heap: list[tuple[float, int, CheckRun]] = []
        self._turns = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, run: CheckRun, at: float) -> None:
        """Run a check when the loop's clock says `at`."""
        run.turn = next(self._turns)
        heapq.heappush(self._heap, (at, run.turn, run))
        self._set_timer()

    def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        head = self._heap[0][0] if self._heap else None
        if self._timer is not None:
            if self._timer.when() == head:
                return
            self._timer.cancel()
            self._timer = None
        if head is not None:
            self._timer = self._loop.call_at(head, self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._heap and self._heap[0][0] <= now:
            _, turn, run = heapq.heappop(self._heap)
            if turn == run.turn and not run.ended:
                self._due(run)
        self._set_timer()
