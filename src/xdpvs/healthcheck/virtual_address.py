"""A virtual address above its services (v1.10): when its action is due. No I/O; the time is a parameter."""

from __future__ import annotations

import math
from collections.abc import Iterable

from xdpvs.healthcheck.actions import verifies
from xdpvs.healthcheck.conf import AddressRule
from xdpvs.healthcheck.conf_values import DownPolicy
from xdpvs.healthcheck.statistics import Statistics


class AddressHealth:
    """The machine: `judge` with the services' states, `due` for the action, then `done` with how it went."""

    def __init__(self, rule: AddressRule) -> None:
        self.rule = rule
        self.up: bool | None = None
        """What the services say."""
        self.acted: bool | None = None
        """The last action that succeeded."""
        self.since = 0.0
        self.statistics = Statistics()
        self.retry_at: float | None = None
        self._acting: bool | None = None
        self._look_at = -math.inf

    @property
    def acting(self) -> bool | None:
        """The action that is under way."""
        return self._acting

    def with_action(self, rule: AddressRule) -> AddressHealth:
        """The same address with another action, which has not been taken yet."""
        made = AddressHealth(rule)
        made.up, made.since, made.statistics = self.up, self.since, self.statistics
        return made

    def judge(self, services: Iterable[bool | None], now: float) -> bool | None:
        """Whether the address is up. None while no service knows."""
        states = list(services)
        up: bool | None
        if not states:
            up = False
        elif all(state is None for state in states):
            up = None
        elif self.rule.down_policy is DownPolicy.ONE_OF:
            up = False not in states
        else:
            up = any(state is not False for state in states)
        if up is not None and up != self.up:
            self.since = now
            self.statistics.notice(up)
            self.retry_at = None
        self.up = up if up is not None else self.up
        return self.up

    def due(self, now: float) -> bool | None:
        """The action to take now: True for up, False for down."""
        if self.rule.disable or self._acting is not None or self.up is None or self.up == self.acted:
            return None
        if self.retry_at is not None and now < self.retry_at:
            return None
        self._acting = self.up
        return self.up

    def done(self, succeeded: bool, now: float) -> None:
        """The action that was due has ended."""
        up = bool(self._acting)
        self._acting = None
        if succeeded:
            self.acted = up
            self.statistics.count(up)
            self.retry_at = None
        else:
            self.statistics.fail(up)
            self.retry_at = now + self.rule.action_sync_s

    def look_due(self, now: float) -> bool:
        """Whether it is time to compare with the real interface (the Verdict action), `found` says what came of it."""
        if not verifies(self.rule.actioner) or self.rule.disable or self.acted is None or now < self._look_at:
            return False
        self._look_at = now + self.rule.action_sync_s
        return True

    def found(self, really_up: bool) -> None:
        """What the interface says (the Verdict action); an action follows if it is not as wanted."""
        if self._acting is None:
            self.acted = really_up
