"""A service of the list with the checks of its servers, and what became of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from xdpvs.healthcheck.check_loop import CheckLoop
from xdpvs.healthcheck.listing import ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.rules import CheckRule
from xdpvs.healthcheck.service import ServiceHealth
from xdpvs.healthcheck.statistics import CheckNumbers
from xdpvs.model.check import Outcome, Verdict
from xdpvs.probing.prober import Prober

_GOLDEN = (5**0.5 - 1) / 2
# Multiples of the golden section, modulo 1, lie evenly spread however many there are: thousands of checks do not come
# at once, and the next one falls into the widest gap.
_PHASES = ((number * _GOLDEN) % 1 for number in itertools.count())

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

    @property
    def running(self) -> int:
        """Checks that are under way."""
        return sum(loop.running for loop in self._loops.values())

    def follow(self, listed: ListedService, rule: CheckRule, asked_at: float, now: float) -> int:
        """Make servers and checks those of the list and the rule; how many servers are gone.

        Checks that stay the same go on undisturbed.
        """
        health = self.health
        health.update(listed, asked_at)
        present = {server.key for server in listed.servers}
        gone = [key for key in health.servers if key not in present]
        for key in gone:
            self._stop(key)
            health.remove(key)
        before, self.rule = self.rule, rule
        health.retry_s = rule.retry_report_s
        if not rule.checks_like(before):
            self.stop()
        for listed_server in listed.servers:
            key = listed_server.key
            server = health.servers.get(key)
            if server is None:
                health.add(listed, listed_server, rule.checker(listed.serves(listed_server)), now)
            elif rule.check is None and before.check is not None:
                health.forget_results(key, rule.checker(listed.serves(listed_server)))
            else:
                rule.adjust(server.checker)
            if key not in self._loops and rule.check is not None:
                self._start(key)
        return len(gone)

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
            rule.way.endpoint(*key),
            rule.interval_s,
            rule.timeout_s,
            rule.first_delay_s + next(_PHASES) * rule.spread_s,
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
