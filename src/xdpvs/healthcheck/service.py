"""One service: the verdicts about its servers, and the reports they make. No I/O; the time is a parameter.

A report goes out when the verdict about a server differs from what the agent has, one at a time for each service, with
the version the agent showed. Verdicts that come meanwhile wait for its answer. An agent that has another version by
then answers with its list (270): that is taken over, and what still differs is reported anew, so that an operator's
change is never overwritten. What fails is tried again after `retry_s`, and holds up no verdict about other servers.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

from xdpvs.healthcheck.checker import Checker
from xdpvs.healthcheck.listing import ListedServer, ListedService, ServerKey, ServiceId
from xdpvs.healthcheck.statistics import Statistics

UNKNOWN_WEIGHT = 1
"""For agents without versions, which keep no operator's weight of a server that is down: upstream's value, too."""
AWAY_RETRY_S = 5.0
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
    """When the agent took a report of it; a listing asked for before says nothing about it."""

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
        self.failures = 0
        """Reports in a row that came to nothing."""
        self._conflicts = 0
        self._hold_until: float | None = None
        self._conflict_at: float | None = None
        # Kept as things change, for with thousands of servers nothing may look at all of them at every verdict.
        self._down: set[ServerKey] = set()
        self._judged = False
        self._telling: dict[ServerKey, None] = {}
        self._later: list[tuple[float, tuple[ServerKey, ...]]] = []

    # What the agent says

    def stale(self, listed: ListedService, asked_at: float) -> bool:
        """Whether a listing is older than what is known: asked for before a conflict that showed a newer version.

        Older numbers alone say nothing: the agent's clock may have been set back, or its state lost.
        """
        if self._conflict_at is None or asked_at >= self._conflict_at:
            return False
        return listed.version is not None and self.version is not None and int(listed.version) < int(self.version)

    def update(self, listed: ListedService, asked_at: float = math.inf) -> None:
        """Take over what the agent has of known servers. Servers are added and removed by the caller."""
        self.version = listed.version
        apart = {key for _, keys in self._later for key in keys}
        reporting = {each.key for each in self._sent.servers} if self._sent else set()
        for each in listed.servers:
            server = self.servers.get(each.key)
            if server is None:
                continue
            weight = listed.operator_weight(each)
            if weight is not None:
                server.weight = weight
            if each.key not in reporting and server.reported_at <= asked_at:
                server.known_up = listed.serves(each)
                if each.key not in apart:
                    self._note(server)

    def _note(self, server: Server) -> None:
        if server.differs:
            self._telling[server.key] = None
        else:
            self._telling.pop(server.key, None)

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
        self._count(added)
        self._note(added)
        return added

    def _count(self, server: Server) -> None:
        up = server.checker.up
        self._judged |= up is not None
        if up is False:
            self._down.add(server.key)
        else:
            self._down.discard(server.key)

    def remove(self, key: ServerKey) -> None:
        """A server that is gone from the list; nothing is undone."""
        self.servers.pop(key, None)
        self._telling.pop(key, None)
        self._down.discard(key)

    def forget_results(self, key: ServerKey, checker: Checker) -> None:
        """A server is not checked any more: another checker, and no verdict until that has results."""
        server = self.servers[key]
        server.checker = checker
        server.checked = False
        self._count(server)
        self._note(server)

    # What checks say

    def result(self, key: ServerKey, good: bool, now: float) -> bool | None:
        """Take a result of a check; the verdict if it is news."""
        server = self.servers[key]
        before = server.checker.up
        verdict = server.checker.result(good)
        first, server.checked = not server.checked, True
        server.checker_numbers.count(good)
        if server.checker.up != before:
            server.since = now
            self._count(server)
        if verdict is not None:
            server.checker_numbers.notice(verdict)
            self.statistics.notice(verdict)
        if verdict is not None or first:
            self._note(server)
        return verdict

    def judge(self, now: float, *, first_sync: bool = False) -> bool | None:
        """Whether the service is up: one server that is not down is enough. None until something is known."""
        if not (first_sync or self.up is not None or self._judged):
            return None
        up = len(self._down) < len(self.servers)
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
        if self._sent is not None or (self._hold_until is not None and now < self._hold_until):
            return None
        self._hold_until = None
        self._note_again(now)
        servers = tuple(self._differing())
        self._telling.clear()
        if not servers:
            return None
        self._sent = Report(self.id, self.version, servers)
        return self._sent

    def next_timer(self) -> float | None:
        """When `due` is to be asked again, if nothing else happens."""
        if self._sent is not None:
            return None
        waiting = [self._later[0][0]] if self._later else []
        if self._hold_until is not None:
            waiting.append(self._hold_until)
        return min(waiting, default=None)

    def _differing(self) -> Iterator[ReportedServer]:
        for key in self._telling:
            server = self.servers[key]
            if server.differs:
                up = bool(server.checker.up)
                weight = UNKNOWN_WEIGHT if server.weight is None else server.weight
                yield ReportedServer(server.key, up, weight if up else 0, guessed=up and server.weight is None)

    def accepted(self, now: float) -> None:
        """200: the agent has it."""
        same = self._sent is not None and self._sent.version == self.version
        for server, up in self._reported():
            # If the operator was at it right after the report, nobody knows what came of it: tell the agent again.
            server.known_up = up if same else None
            server.confirmed = True
            server.reported_at = now
            self._note(server)
        self._sent = None
        self._conflicts = self.failures = 0

    def conflicted(self, listed: ListedService, now: float) -> None:
        """270: the agent has another version. The caller adds and removes servers by it afterwards."""
        for server, _ in self._reported():
            self._note(server)
        self._sent = None
        self.failures = 0
        self._conflicts += 1
        self._conflict_at = now
        if self._conflicts > _QUICK_CONFLICTS:
            self._hold_until = now + self.retry_s
        self.update(listed)

    def failed(self, now: float, *, unanswered: bool = False) -> None:
        """A refusal, or no answer: an agent that is away may be back any moment."""
        self.failures += 1
        wait_s = min(self.retry_s, AWAY_RETRY_S) if unanswered else self.retry_s
        for _, up in self._reported():
            self.statistics.fail(up)
        if self._sent is not None:
            heapq.heappush(self._later, (now + wait_s, tuple(each.key for each in self._sent.servers)))
        self._sent = None

    def retry_now(self) -> None:
        """The agent is back: what came to nothing may be sent again at once."""
        self._hold_until = None
        self._note_again(math.inf)

    def _note_again(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            for key in heapq.heappop(self._later)[1]:
                if (server := self.servers.get(key)) is not None:
                    self._note(server)

    def _reported(self) -> Iterator[tuple[Server, bool]]:
        """What the report under way says, of servers that are still there."""
        for each in self._sent.servers if self._sent else ():
            if (server := self.servers.get(each.key)) is not None:
                yield server, each.up
