"""One checker: when it runs next, and how many failures make its server fail (DPVS keepalived check/check_*.c).

Right after the start the first failure decides; later retry + 1 failures in a row do, and one success recovers.
HTTP_GET looks at one url a run: after a failure at that url again until it is good, then at all of them once more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdpvs.model.check import Check, FileCheck, HttpCheck, Outcome, ScriptCheck, Verdict
from xdpvs.model.keepalived import Checker

START_DELAY_S = 1.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a finished attempt means: nothing yet (decided None), or that the server is good or bad.

    first: it is the first decision since the checker began; changed: it is another one than before.
    """

    due: float
    decided: bool | None = None
    first: bool = False
    changed: bool = False
    retries: int = 0


class CheckerMachine:
    """The state of one checker. `up` is its opinion; before the first decision it is what alpha says."""

    __slots__ = ("checker", "decided", "failed", "failures", "up", "url", "weight")

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        self.up = not checker.timing.alpha
        self.decided = False
        self.failures = 0
        self.url = 0
        self.failed = False
        """HTTP_GET only: the current url has failed and was not good since."""
        self.weight: int | None = None
        """Of dynamic scripts and files: what the last good run said."""

    @property
    def check(self) -> Check:
        """What the next run asks."""
        return self.checker.checks[self.url]

    @property
    def sets_weight(self) -> bool:
        """Whether `weight` replaces the server's; a file's is added to it."""
        return isinstance(self.check, ScriptCheck)

    def first_due(self, now: float, jitter: float) -> float:
        """The first run; jitter in [0, 1) spreads checks over the warm-up."""
        return now + START_DELAY_S + jitter * self.checker.timing.warmup_s

    def postponed(self, now: float) -> float:
        """The next run of a check that did not take place."""
        return now + self.checker.timing.delay_loop_s

    def finish(self, outcome: Outcome, started: float, now: float) -> Judgement:
        """Take an attempt's outcome in. Scripts are timed from their start, everything else from its end."""
        since = started if isinstance(self.check, ScriptCheck) else now
        if outcome.verdict is Verdict.UNDECIDED:
            return Judgement(self.postponed(now))
        if isinstance(self.check, (ScriptCheck, FileCheck)) and outcome.verdict is Verdict.GOOD:
            self.weight = outcome.weight
        judgement = self._good(since) if outcome.verdict is Verdict.GOOD else self._bad(since)
        return judgement if judgement.due > now else replace(judgement, due=now)

    def _good(self, since: float) -> Judgement:
        self.failures = 0
        if self.failed:
            self.failed, self.url = False, 0
            return Judgement(self._after_good(since))
        if self.url + 1 < len(self.checker.checks):
            self.url += 1
            return Judgement(self._after_good(since))
        self.url = 0
        return self._decide(True, since + self.checker.timing.delay_loop_s)

    def _after_good(self, since: float) -> float:
        unknown = not self.decided or not self.up
        return since if self.checker.fast_recovery and unknown else since + self.checker.timing.delay_loop_s

    def _bad(self, since: float) -> Judgement:
        timing = self.checker.timing
        if self.decided and self.up and self.failures < timing.retry:
            self.failures += 1
            return Judgement(since + timing.delay_before_retry_s)
        retries, self.failures = self.failures, 0
        due = since + timing.delay_loop_s
        if isinstance(self.check, HttpCheck):
            self.failed = True
            due = since + max(timing.delay_loop_s, timing.delay_before_retry_s)
        return self._decide(False, due, retries)

    def _decide(self, up: bool, due: float, retries: int = 0) -> Judgement:
        judgement = Judgement(due, up, not self.decided, self.up != up, retries)
        self.decided, self.up = True, up
        return judgement
