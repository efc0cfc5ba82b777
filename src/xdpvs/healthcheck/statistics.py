"""What is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

LATE_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


@dataclass(slots=True)
class Statistics:
    """Upstream's six numbers: what came good and bad, how much of it was passed on, what failed."""

    up: int = 0
    down: int = 0
    up_notices: int = 0
    down_notices: int = 0
    failed_up: int = 0
    failed_down: int = 0

    def count(self, up: bool) -> None:
        """A change or a result."""
        if up:
            self.up += 1
        else:
            self.down += 1

    def notice(self, up: bool) -> None:
        """Something passed on."""
        if up:
            self.up_notices += 1
        else:
            self.down_notices += 1

    def fail(self, up: bool) -> None:
        """A report or an action that failed."""
        if up:
            self.failed_up += 1
        else:
            self.failed_down += 1

    def text(self) -> str:
        """As upstream's page shows them."""
        numbers = (self.up, self.down, self.up_notices, self.down_notices, self.failed_up, self.failed_down)
        return ",".join(map(str, numbers))


@dataclass(slots=True)
class CheckNumbers:
    """Of all checks together; late counts starts by how late they were, the last bucket without a bound."""

    good: int = 0
    bad: int = 0
    undecided: int = 0
    late: list[int] = field(default_factory=lambda: [0] * (len(LATE_BUCKETS_S) + 1))
    late_sum_s: float = 0.0

    @property
    def finished(self) -> int:
        """All that came to an end."""
        return self.good + self.bad + self.undecided

    def started(self, late_s: float) -> None:
        """An attempt was started so long after it was due."""
        self.late_sum_s += max(0.0, late_s)
        for index, bound in enumerate(LATE_BUCKETS_S):
            if late_s <= bound:
                self.late[index] += 1
                return
        self.late[-1] += 1


@dataclass(slots=True)
class Traffic:
    """What was said to the agent."""

    fetches: int = 0
    failed_fetches: int = 0
    skipped: int = 0
    """Entries of lists that could not be used."""
    reports_taken: int = 0
    reports_stale: int = 0
    reports_failed: int = 0


@dataclass(slots=True)
class Ended:
    """What was watched once, and is not any more."""

    addresses: int = 0
    services: int = 0
    servers: int = 0
