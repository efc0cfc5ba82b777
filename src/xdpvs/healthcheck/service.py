"""One service: the verdicts about its servers, and the reports they make. No I/O; the time is a parameter.

A report goes out when the verdict about a server differs from what the agent has, one at a time for each service, with
the version the agent showed. Verdicts that come meanwhile wait for its answer. An agent that has another version by
then answers with its list (270): that is taken over, and what still differs is reported anew, so that an operator's
change is never overwritten. What fails is tried again after `retry_s`.

Answers may overtake each other, so what the agent says counts by the time it was asked: a listing that was asked for
before a report arrived knows nothing of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from xdpvs.healthcheck.checker import Checker
from xdpvs.healthcheck.listing import ListedServer, ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.statistics import Statistics

UNKNOWN_WEIGHT = 1
"""For agents without versions, which keep no operator's weight of a server that is down: upstream's value, too."""
_QUICK_CONFLICTS = 3
"""So often a 270 is answered at once; an agent that answers nothing else is then left alone for a while."""


@dataclass(frozen=True, slots=True)
class ReportedServer:
    """A verdict; weight is the operator's when up."""

    key: ServerKey
    up: bool
    weight: int
    guessed: bool = False
    """Nobody knows the operator's weight: it is UNKNOWN_WEIGHT."""


@dataclass(frozen=True, slots=True)
class Report:
    """One request to the agent; version None: without (agent 1.9.6)."""

    service: ServiceId
    version: str | None
    servers: tuple[ReportedServer, ...]


@dataclass(slots=True)
class Server:
    """A server with its checker. known_up is what the agent has of it; weight is the operator's, None if unknown."""

    key: ServerKey
    checker: Checker
    since: float
    known_up: bool | None
    weight: int | None
    confirmed: bool
    """Whether the first verdict has been reported, where even a verdict that changes nothing has to be."""
    checker_numbers: Statistics
    checked: bool = False
    """Whether there was a result. Before that `checker.up` is hearsay, and nothing to tell the agent."""
    reported_at: float = -math.inf

    @property
    def differs(self) -> bool:
        """Whether the agent must be told."""
        up = self.checker.up
        return self.checked and up is not None and (up != self.known_up or not self.confirmed)


class ServiceHealth:
    """The machine. report_first: first verdicts are reported even when they are what the agent has (v1.10)."""

    def __init__(self, service: ServiceId, *, retry_s: float, report_first: bool) -> None:
        self.id = service
        self.retry_s = retry_s
        self.version: str | None = None
        self.servers: dict[ServerKey, Server] = {}
        self.statistics = Statistics()
        self.up: bool | None = None
        self.since = 0.0
        self._report_first = report_first
        self._sent: Report | None = None
        self._conflicts = 0
        self._updated_at = -math.inf
        self.failures = 0
        """Reports in a row that came to nothing."""
        self.retry_at: float | None = None

    # What the agent says

    def stale(self, listed: ListedService, asked_at: float) -> bool:
        """Whether a listing, asked for at that time, is older than what is known.

        An older version that was asked for later is none: the agent has lost its state, and counts anew.
        """
        if listed.version is None or self.version is None or asked_at >= self._updated_at:
            return False
        return int(listed.version) < int(self.version)

    def update(self, listed: ListedService, asked_at: float, now: float) -> None:
        """Take over what the agent has of known servers. Servers are added and removed by the caller."""
        self.version = listed.version
        self._updated_at = now
        reporting = {each.key for each in self._sent.servers} if self._sent else set()
        for each in listed.servers:
            server = self.servers.get(each.key)
            if server is None:
                continue
            weight = listed.operator_weight(each)
            if weight is not None:
                server.weight = weight
            if each.key not in reporting and asked_at >= server.reported_at:
                server.known_up = listed.serves(each)

    def add(self, listed: ListedService, server: ListedServer, checker: Checker, now: float) -> Server:
        """A server that is new in the list."""
        added = Server(
            server.key,
            checker,
            now,
            listed.serves(server),
            listed.operator_weight(server),
            not self._report_first,
            Statistics(),
        )
        self.servers[server.key] = added
        return added

    def remove(self, key: ServerKey) -> None:
        """A server that is gone from the list; nothing is undone."""
        self.servers.pop(key, None)

    def forget_results(self, key: ServerKey, checker: Checker) -> None:
        """A server is not checked any more: another checker, and no verdict until that has results."""
        server = self.servers[key]
        server.checker = checker
        server.checked = False

    # What checks say

    def result(self, key: ServerKey, good: bool, now: float) -> bool | None:
        """Take a result of a check; the verdict if it is news."""
        server = self.servers[key]
        before = server.checker.up
        verdict = server.checker.result(good)
        server.checked = True
        server.checker_numbers.count(good)
        if server.checker.up != before:
            server.since = now
        if verdict is None:
            return None
        server.checker_numbers.notice(verdict)
        self.statistics.notice(verdict)
        return verdict

    def judge(self, now: float, *, first_sync: bool = False) -> bool | None:
        """Whether the service is up: one server that is not down is enough. None until something is known."""
        known = first_sync or self.up is not None or any(s.checker.up is not None for s in self.servers.values())
        if not known:
            return None
        up = any(server.checker.up is not False for server in self.servers.values())
        if up != self.up:
            self.up, self.since = up, now
            self.statistics.count(up)
        return up

    # Reports

    @property
    def reporting(self) -> bool:
        """Whether a report is under way."""
        return self._sent is not None

    def due(self, now: float) -> Report | None:
        """The report to send now, if there is one and none is under way."""
        if self._sent is not None or (self.retry_at is not None and now < self.retry_at):
            return None
        servers = tuple(self._differing())
        if not servers:
            self.retry_at = None
            return None
        self.retry_at = None
        self._sent = Report(self.id, self.version, servers)
        return self._sent

    def _differing(self) -> Iterator[ReportedServer]:
        for server in self.servers.values():
            if server.differs:
                up = bool(server.checker.up)
                weight = UNKNOWN_WEIGHT if server.weight is None else server.weight
                yield ReportedServer(server.key, up, weight if up else 0, guessed=up and server.weight is None)

    def accepted(self, now: float) -> None:
        """200: the agent has it."""
        sent, self._sent = self._sent, None
        for each in sent.servers if sent else ():
            if (server := self.servers.get(each.key)) is not None:
                # If the operator was at it right after the report, nobody knows what came of it: tell him again.
                server.known_up = each.up if sent and sent.version == self.version else None
                server.confirmed = True
                server.reported_at = now
        self._conflicts = self.failures = 0

    def conflicted(self, now: float) -> None:
        """270: the agent has another version. The caller has it taken over, unless it is stale."""
        self._sent = None
        self.failures = 0
        self._conflicts += 1
        if self._conflicts > _QUICK_CONFLICTS:
            self.retry_at = now + self.retry_s

    def failed(self, now: float) -> None:
        """No usable answer, or a refusal."""
        for each in self._sent.servers if self._sent else ():
            self.statistics.fail(each.up)
        self._sent = None
        self.failures += 1
        self.retry_at = now + self.retry_s
