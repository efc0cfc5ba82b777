"""Attempts of health checks, many at a time on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from xdpvs.model.check import Check, Endpoint, Outcome

Done = Callable[[Outcome], None]


class Attempt:
    """One running attempt; it ends by one call of its `done`, or by cancel."""

    __slots__ = ()

    def cancel(self) -> None:
        """End it at once; done is not called any more. Harmless after the end."""
        raise NotImplementedError


class Prober:
    """Runs attempts. done is always called later from the event loop, never from within start."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, max_open: int | None = None) -> None:
        """loop: the running one. max_open: attempts with a descriptor of their own at one time; the rest wait."""
        raise NotImplementedError

    def start(self, check: Check, endpoint: Endpoint, timeout_s: float, done: Done) -> Attempt:
        """Begin an attempt that ends timeout_s after it got its socket or process at the latest."""
        raise NotImplementedError

    async def probe(self, check: Check, endpoint: Endpoint, timeout_s: float) -> Outcome:
        """start, waited for; cancelling this cancels the attempt."""
        raise NotImplementedError

    def close(self) -> None:
        """Cancel every attempt and release everything. Processes are killed with their groups."""
        raise NotImplementedError
