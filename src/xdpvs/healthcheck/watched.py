"""A service of the list with the checks of its servers, and what became of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from xdpvs.healthcheck.check_loop import CheckLoop
from xdpvs.healthcheck.listing import ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.rules import CheckRule
from xdpvs.healthcheck.service import ServiceHealth
from xdpvs.model.check import Endpoint, Outcome, Verdict
from xdpvs.probing.prober import Prober

LATE_BUCKETS_S = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)


@dataclass(slots=True)
class CheckNumbers:
    """Of all checks together; late counts starts by how late they were, the last bucket without a bound."""

    good: int = 0
    bad: int = 0
    undecided: int = 0
    late: list[int] = field(default_factory=lambda: [0] * (len(LATE_BUCKETS_S) + 1))
    late_sum_s: float = 0.0

    def started(self, late_s: float) -> None:
        """An attempt was started so long after it was due."""
        self.late_sum_s += max(0.0, late_s)
        for index, bound in enumerate(LATE_BUCKETS_S):
            if late_s <= bound:
                self.late[index] += 1
                return
        self.late[-1] += 1


News = Callable[[ServiceId, ServerKey, bool, str], None]
"""A verdict that is new, with the reason of the last check."""


class Watched:
    """Keeps a ServiceHealth and its loops together. news hears of verdicts."""

    def __init__(
        self, health: ServiceHealth, rule: CheckRule, prober: Prober, numbers: CheckNumbers, news: News
    ) -> None:
        self.health = health
        self.rule = rule
        self._prober = prober
        self._numbers = numbers
        self._news = news
        self._loops: dict[ServerKey, CheckLoop] = {}

    def follow(self, listed: ListedService, rule: CheckRule, asked_at: float, now: float) -> None:
        """Make servers and checks those of the list, asked for at asked_at, and the rule.

        Checks that stay the same go on undisturbed.
        """
        health = self.health
        health.update(listed, asked_at)
        present = {server.key for server in listed.servers}
        for key in [key for key in health.servers if key not in present]:
            self._stop(key)
            health.remove(key)
        changed = (rule.check, rule.interval_s, rule.timeout_s) != (
            self.rule.check,
            self.rule.interval_s,
            self.rule.timeout_s,
        )
        self.rule = rule
        health.retry_s = rule.retry_report_s
        if changed:
            self.stop()
        for listed_server in listed.servers:
            server = health.servers.get(listed_server.key)
            if server is None:
                health.add(listed, listed_server, rule.checker(listed.serves(listed_server)), now)
            else:
                rule.adjust(server.checker)
            if listed_server.key not in self._loops and rule.check is not None:
                self._start(listed_server.key)

    def stop(self) -> None:
        """End all checks."""
        for key in list(self._loops):
            self._stop(key)

    def _stop(self, key: ServerKey) -> None:
        loop = self._loops.pop(key, None)
        if loop is not None:
            loop.close()

    def _start(self, key: ServerKey) -> None:
        rule = self.rule
        assert rule.check is not None
        self._loops[key] = CheckLoop(
            self._prober,
            rule.check,
            Endpoint(key[0], key[1]),
            rule.interval_s,
            rule.timeout_s,
            # Spread evenly, so that thousands of checks do not come at once.
            rule.first_delay_s + random.uniform(0, rule.spread_s),
            lambda outcome: self._ended(key, outcome),
            self._numbers.started,
        )

    def _ended(self, key: ServerKey, outcome: Outcome) -> None:
        server = self.health.servers.get(key)
        if server is None:
            return
        if outcome.timed_out:
            server.checker_numbers.failed_up += 1
        if outcome.verdict is Verdict.UNDECIDED:
            # This host's fault says nothing about the server.
            server.checker_numbers.failed_down += 1
            self._numbers.undecided += 1
            return
        good = outcome.verdict is Verdict.GOOD
        if good:
            self._numbers.good += 1
        else:
            self._numbers.bad += 1
        verdict = self.health.result(key, good, self._prober.reactor.loop.time())
        if verdict is not None:
            self._news(self.health.id, key, verdict, outcome.reason)
