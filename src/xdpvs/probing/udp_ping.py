"""Ping, then UDP with the time that is left."""

from __future__ import annotations

from typing import Protocol

from xdpvs.model.check import Check, Endpoint, Outcome, UdpPingCheck, Verdict
from xdpvs.probing.attempt import Attempt, Done, Owner


class Starter(Owner, Protocol):
    """A prober, for an attempt that is made of others."""

    def start(self, check: Check, endpoint: Endpoint, timeout_s: float, done: Done) -> Attempt: ...


class UdpPingAttempt(Attempt):
    """Two attempts, one after the other; the parts keep their own deadlines."""

    __slots__ = ("_check", "_endpoint", "_part", "_starter")

    counted = False
    timed = False

    def __init__(self, starter: Starter, check: UdpPingCheck, endpoint: Endpoint, timeout_s: float, done: Done) -> None:
        super().__init__(starter, timeout_s, done)
        self._starter = starter
        self._check = check
        self._endpoint = endpoint
        self._part: Attempt | None = None

    def _open(self) -> Outcome | None:
        self._part = self._starter.start(self._check.ping, self._endpoint, self._timeout_s, self._pinged)
        return None

    def _pinged(self, outcome: Outcome) -> None:
        self._part = None
        if outcome.verdict == Verdict.GOOD:
            left = max(self._timeout_s - outcome.duration_s, 0.0)
            self._part = self._starter.start(self._check.udp, self._endpoint, left, self._answered)
        else:
            self.settle(outcome)

    def _answered(self, outcome: Outcome) -> None:
        self._part = None
        self.settle(outcome)

    def _release(self) -> None:
        if self._part is not None:
            self._part.cancel()
            self._part = None
