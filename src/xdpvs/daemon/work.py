"""What the daemon does by itself, in the event loop: expiry, neighbours, lifetimes, rates, next hops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from xdpvs.bpf.ringbuf import RingBuffer
from xdpvs.daemon import estimator
from xdpvs.daemon.logs import topic
from xdpvs.daemon.state import State
from xdpvs.dataplane.resets import outgoing

_log = topic("DPVS")

SECOND = 1.0
SWEEP_SLICE = 65536
"""Slots per step of the sweep: about a millisecond, then the loop has its turn."""
SWEEP_SHARE = 20
"""The sweep may take one part in so many of a CPU: passes over millions of connections come less than once a second."""
REFRESH_SHARE = 10
"""Finding next hops may take one part in so many of the time."""


class Work:
    """Tasks over a state; start() in the running loop, stop() ends them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tasks: list[asyncio.Task[None]] = []
        self._events = RingBuffer(state.plane.maps.events)
        self._expired = RingBuffer(state.plane.maps.expired_conns)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._refresh: asyncio.TimerHandle | None = None
        self._refreshed, self._refresh_took = 0.0, 0.0
        self._packets = -1
        self._leftover = True
        self._estimated = -1

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._events.fileno(), self._read_events)
        self._state.settled = self._schedule_refresh
        for work in (self._sweep(), self._every(SECOND, self._second), self._every(estimator.PERIOD_S, self._estimate)):
            self._tasks.append(self._loop.create_task(work))

    async def stop(self) -> None:
        """End."""
        if self._loop is not None:
            self._loop.remove_reader(self._events.fileno())
        if self._refresh is not None:
            self._refresh.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._events.close()
        self._expired.close()

    async def _every(self, period_s: float, work: Callable[[], None]) -> None:
        while True:
            _guarded(work)
            await asyncio.sleep(period_s)

    # Neighbours and addresses

    def _read_events(self) -> None:
        for sample in self._events.consume():
            self._state.asking.event(sample)

    def _second(self) -> None:
        _guarded(self._state.watch.look)
        self._state.layer3.expire()
        self._state.asking.tick()
        self._state.conn_pages.expire()
        self._state.conn_slices.expire()

    def _schedule_refresh(self) -> None:
        """Soon after a change, but many changes at once cost one look."""
        if self._loop is None or self._refresh is not None:
            return
        due = self._refreshed + REFRESH_SHARE * self._refresh_took
        self._refresh = self._loop.call_later(max(0.0, due - time.monotonic()), self._run_refresh)

    def _run_refresh(self) -> None:
        self._refresh = None
        started = time.monotonic()
        _guarded(self._state.asking.refresh)
        self._refreshed = time.monotonic()
        self._refresh_took = self._refreshed - started

    # Connections

    async def _sweep(self) -> None:
        """A full pass a second while there is anything to expire or to clean up."""
        while True:
            started = time.monotonic()
            try:
                if self._leftover or self._moved():
                    await self._pass()
            except Exception:
                _log.exception("the sweep failed")
            busy = self._state.sweeper.last_pass.busy_s
            await asyncio.sleep(max(0.05, max(SECOND, SWEEP_SHARE * busy) - (time.monotonic() - started)))

    def _moved(self) -> bool:
        """Whether packets came since the last look, and left connections."""
        packets = self._state.received()
        if packets == self._packets:
            return False
        self._packets = packets
        return self._state.balancer.any_conns()

    async def _pass(self) -> None:
        sweeper = self._state.sweeper
        done = None
        while done is None:
            done = sweeper.step(SWEEP_SLICE)
            _guarded(self._reset_expired)
            await asyncio.sleep(0)
        # What expired in this pass is freed by the next, and made empty by the one after.
        self._leftover = bool(done.live or done.expired or done.freed)

    def _reset_expired(self) -> None:
        for sample in self._expired.consume():
            for reset in outgoing(self._state.plane.maps, sample):
                self._state.sockets.send_by_index(reset.ifindex, reset.frame)

    def _estimate(self) -> None:
        state = self._state
        packets = state.received()
        if packets == self._estimated and not state.estimator.moving:
            return
        self._estimated = packets
        dests = [dest.id for entry in state.services for dest in entry.dests.values()]
        state.estimator.sample(state.counters.dests(dests), time.monotonic())


def _guarded(work: Callable[[], None]) -> None:
    """One failing job must not end the daemon: connections depend on the others."""
    try:
        work()
    except Exception:
        _log.exception("%s failed", getattr(work, "__name__", "a job"))
