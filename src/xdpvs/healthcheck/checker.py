"""When a server counts as down and when as up again: the two rules upstream has had."""

from __future__ import annotations

from typing import Protocol


class Checker(Protocol):
    """Takes the results of one server's checks; `up` is what they say so far, None before they say anything."""

    up: bool | None

    def result(self, good: bool) -> bool | None:
        """Take a result. True and False are a verdict that is new, None is no news."""
        ...


class EagerChecker:
    """Generation A: up after one good result, down after `retry` + 1 bad ones in a row, or one if it was not up.

    It starts from what the agent says.
    """

    __slots__ = ("_failed", "retry", "up")

    def __init__(self, up: bool | None, retry: int) -> None:
        self.up = up
        self.retry = retry
        self._failed = 0

    def result(self, good: bool) -> bool | None:
        self._failed = 0 if good else self._failed + 1
        up = good or (self.up is True and self._failed <= self.retry)
        if up == self.up:
            return None
        self.up = up
        return up


class SteadyChecker:
    """Generation C: a verdict when that many equal results have come in a row, once for each row of them."""

    __slots__ = ("_count", "_last", "down_retry", "up", "up_retry")

    def __init__(self, down_retry: int, up_retry: int) -> None:
        self.up: bool | None = None
        self.down_retry = down_retry
        self.up_retry = up_retry
        self._last: bool | None = None
        self._count = 0

    def result(self, good: bool) -> bool | None:
        self._count = self._count + 1 if good == self._last else 1
        self._last = good
        if self._count != (self.up_retry if good else self.down_retry) + 1:
            return None
        self.up = good
        return good
