"""Says once what dpvs refuses, and once that it is accepted at last."""

from __future__ import annotations

import logging
from collections.abc import Hashable

_log = logging.getLogger(__name__)


class Reporter:
    """Standing failures by what they are about. Many alike are summed up rather than said one by one."""

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._standing: dict[Hashable, dict[str, str]] = {}
        self._suppressed: dict[str, int] = {}

    def failed(self, owner: Hashable, name: str, subject: str, reason: str) -> None:
        """Something of a service was refused; name is the virtual server's."""
        standing = self._standing.setdefault(owner, {})
        if standing.get(subject) == reason:
            return
        standing[subject] = reason
        kind = f"{subject.split(' ')[0]}: {reason}"
        self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
        if self._suppressed[kind] <= self._limit:
            _log.error("VS %s: dpvs refuses %s: %s", name, subject, reason)

    def settled(self, owner: Hashable, name: str) -> None:
        """Everything of a service is as it should be."""
        standing = self._standing.pop(owner, None)
        if standing:
            _log.info("VS %s: dpvs now has %s", name, ", ".join(standing))

    def end_of_pass(self) -> None:
        """Say how many like refusals were not shown."""
        for kind, count in self._suppressed.items():
            if count > self._limit:
                _log.error("dpvs refuses %d more: %s", count - self._limit, kind)
        self._suppressed.clear()

    def __len__(self) -> int:
        return len(self._standing)

    def lines(self) -> list[str]:
        """What stands, for a dump."""
        return [f"{subject}: {reason}" for each in self._standing.values() for subject, reason in each.items()]
