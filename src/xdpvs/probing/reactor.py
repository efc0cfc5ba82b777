"""One epoll and one timer for all attempts, hooked into asyncio's event loop.

asyncio's own add_reader and call_later cost several microseconds a call, and each ready descriptor a callback of its
own; attempts come by the thousand a second, and most of them need just one event.
"""

from __future__ import annotations

import asyncio
import heapq
import select
from collections.abc import Callable
from typing import Protocol

READ = select.EPOLLIN
WRITE = select.EPOLLOUT

TICK_S = 0.01
"""How finely deadlines are told apart; they pass up to so much late, never early."""

_BATCH = 512


class Expiring(Protocol):
    """What has a deadline."""

    def expire(self) -> None: ...


class Timer:
    """One call to come."""

    __slots__ = ("_callback", "_reactor", "_slot")

    def __init__(self, reactor: Reactor, when: float, callback: Callable[[], None]) -> None:
        self._reactor = reactor
        self._callback = callback
        self._slot = reactor.set_deadline(when, self)

    def cancel(self) -> None:
        """Call it off; harmless afterwards."""
        self._reactor.clear_deadline(self._slot, self)

    def expire(self) -> None:
        """For the reactor."""
        try:
            self._callback()
        except Exception as error:
            self._reactor.loop.call_exception_handler({"message": "a timer's callback failed", "exception": error})


class Reactor:
    """Calls handlers of ready descriptors, and expire of what is overdue."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._fresh: set[int] = set()
        self._slots: dict[int, set[Expiring]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        loop.add_reader(self._epoll.fileno(), self._dispatch)

    def watch(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        """Call handler with the events that are ready, as long as they are."""
        self._epoll.register(fd, events)
        self._handlers[fd] = handler
        self._fresh.add(fd)

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of a watched descriptor."""
        self._epoll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Before the descriptor is closed. A child process may hold it a little longer, so closing is not enough."""
        del self._handlers[fd]
        self._epoll.unregister(fd)

    def set_deadline(self, when: float, item: Expiring) -> int:
        """Expire item at when, of the loop's clock; the result is for clear_deadline."""
        slot = int(when / TICK_S) + 1
        items = self._slots.get(slot)
        if items is None:
            items = self._slots[slot] = set()
            if not self._order or slot < self._order[0]:
                self._arm(slot)
            heapq.heappush(self._order, slot)
        items.add(item)
        return slot

    def clear_deadline(self, slot: int, item: Expiring) -> None:
        """Forget it; harmless if it has passed."""
        items = self._slots.get(slot)
        if items is not None:
            items.discard(item)

    def close(self) -> None:
        """Leave the loop. Whoever watches a descriptor closes it himself."""
        self.loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _dispatch(self) -> None:
        """One batch. A descriptor number reused within it has no event in it."""
        events = self._epoll.poll(0, _BATCH)
        self._fresh.clear()
        for fd, mask in events:
            handler = self._handlers.get(fd)
            if handler is not None and fd not in self._fresh:
                handler(mask)
            if self._epoll.closed:
                return

    def _arm(self, slot: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(slot * TICK_S, self._expire_due)

    def _expire_due(self) -> None:
        """Ready descriptors go first: where this process was kept from running, servers are not to blame."""
        self._timer = None
        for _ in range(len(self._handlers) // _BATCH + 1):
            self._dispatch()
            if self._epoll.closed:
                return
        now = int(self.loop.time() / TICK_S)
        while self._order and self._order[0] <= now:
            items = self._slots[self._order[0]]
            while items:
                items.pop().expire()
                if self._epoll.closed:
                    return
            del self._slots[heapq.heappop(self._order)]
        while self._order and not self._slots[self._order[0]]:
            del self._slots[heapq.heappop(self._order)]
        if self._order:
            self._arm(self._order[0])
