"""Waiting for a condition, with a deadline instead of a sleep."""

from __future__ import annotations

import time
from collections.abc import Callable


class DeadlinePassed(Exception):
    """What was waited for did not happen in time."""


def wait_until(condition: Callable[[], object], deadline_s: float = 5.0, what: str = "") -> None:
    """Return as soon as condition() is true, asked every 20 ms; raise DeadlinePassed after deadline_s."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise DeadlinePassed(f"not within {deadline_s:g} s: {what or getattr(condition, '__name__', 'condition')}")
        time.sleep(0.02)
