"""One server's checks, again and again at fixed times."""

from __future__ import annotations

import random
from collections.abc import Callable

from xdpvs.model.check import Check, Endpoint, Outcome
from xdpvs.probing.attempt import Attempt
from xdpvs.probing.prober import Prober


class CheckLoop:
    """Starts an attempt every interval_s, on absolute times: lateness never adds up.

    An attempt that is still running when the next is due takes its place. late is told how late each start was.
    """

    __slots__ = (
        "_attempt",
        "_check",
        "_done",
        "_due",
        "_endpoint",
        "_interval_s",
        "_late",
        "_prober",
        "_timeout_s",
        "_timer",
    )

    def __init__(
        self,
        prober: Prober,
        check: Check,
        endpoint: Endpoint,
        interval_s: float,
        timeout_s: float,
        delay_s: float,
        done: Callable[[Outcome], None],
        late: Callable[[float], None],
    ) -> None:
        self._prober = prober
        self._check = check
        self._endpoint = endpoint
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._done = done
        self._late = late
        self._attempt: Attempt | None = None
        self._due = prober.reactor.loop.time() + delay_s
        self._timer = prober.call_at(self._due, self._start)

    @property
    def running(self) -> bool:
        """Whether an attempt is under way."""
        return self._attempt is not None

    def close(self) -> None:
        """No more of it; a running attempt is given up."""
        self._timer.cancel()
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None

    def _start(self) -> None:
        now = self._prober.reactor.loop.time()
        self._late(now - self._due)
        self._due += self._interval_s
        if self._due <= now:
            # The process was stopped, or the machine asleep: what was missed is not made up for.
            # On average an interval, so that a machine that is too busy is not asked for more.
            self._due = now + random.uniform(0.5, 1.5) * self._interval_s
        self._timer = self._prober.call_at(self._due, self._start)
        if self._attempt is None:
            self._attempt = self._prober.start(self._check, self._endpoint, self._timeout_s, self._ended)

    def _ended(self, outcome: Outcome) -> None:
        self._attempt = None
        self._done(outcome)
