"""What the agent knows beyond the daemon: operators' weights, versions, who took a server down. No I/O, no clock.

The daemon is observed, never remembered: each look at a service is compared with the last one. What differs and was
not done here was done by an operator with another tool, so it renews the version. A version stands for the operator's
list of servers; health reports do not change it, and are refused if it is not the one they were made for.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xdpvs.model.address import IPAddress
from xdpvs.model.service import Dest, Laddr, Service, ServiceKey
from xdpvs.model.table import TableEntry

ServerKey = tuple[IPAddress, int]

UNKNOWN_WEIGHT = 1
"""The operator's weight of a server that was down when it was first seen: what upstream's checkers make up, too."""
_MADE_UP = (1, 100)
"""Weights upstream's checkers give a server they found down with weight 0 (A and C: 1, B: 100)."""
_REMEMBERED = 8
_WEIGHT_BITS = 0xFFFF


class Reporter(enum.Enum):
    """Whose health report was the last about a server: with a version (generations B, C and ours) or without (A)."""

    VERSIONED = "versioned"
    UNVERSIONED = "unversioned"


class Shown(enum.Enum):
    """Which weight a listing shows: the operator's or the daemon's as the checker expects it, or the daemon's."""

    BY_REPORTER = "by reporter"
    DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server: the operator's weight, and how the daemon had it when last looked at.

    replaced are weights the operator has given up and those checkers made up, newest first: no report may bring any
    back.
    """

    weight: int
    seen: Dest
    reporter: Reporter | None = None
    replaced: tuple[int, ...] = ()

    def shown_weight(self, shown: Shown = Shown.BY_REPORTER) -> int:
        """The weight for a listing."""
        return self.weight if shown is Shown.BY_REPORTER and self.reporter is Reporter.VERSIONED else self.seen.weight

    def ordered(self, weight: int) -> ServerState:
        """The operator wants another weight."""
        if weight == self.weight:
            return self
        return replace(self, weight=weight, replaced=_remembering(self.weight, self.replaced, weight))

    def reported(self, report: ServerReport, by: Reporter) -> ServerState:
        """A report has been carried out. A weight that was made up will come again: A repeats each verdict."""
        made_up = not report.inhibited and report.weight is not None and report.weight != self.seen.weight
        replaced = _remembering(report.weight or 0, self.replaced, self.weight) if made_up else self.replaced
        return replace(self, reporter=by, replaced=replaced)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service as last looked at; servers in the daemon's order."""

    service: Service
    version: int
    servers: Mapping[ServerKey, ServerState] = field(default_factory=dict)
    laddrs: tuple[Laddr, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerReport:
    """One item of a health report; weight None: the operator's when up, 0 when down."""

    server: ServerKey
    weight: int | None
    inhibited: bool


class MissingServer(Exception):
    """A report about a server the service does not have."""

    def __init__(self, server: ServerKey) -> None:
        super().__init__(f"{server[0]} port {server[1]}: no such server")
        self.server = server


class Snapshot:
    """All services. now_ms is Unix time in milliseconds, from which versions are made; they only grow."""

    def __init__(self, services: Iterable[ServiceState] = (), last_version: int = 0) -> None:
        self._services = {plain_key(state.service.key): state for state in services}
        self._last_version = max([last_version, *(state.version for state in self._services.values())])

    @property
    def last_version(self) -> int:
        """The newest version ever given."""
        return self._last_version

    def services(self) -> list[ServiceState]:
        """All services."""
        return list(self._services.values())

    def get(self, key: ServiceKey) -> ServiceState | None:
        """One service."""
        return self._services.get(key)

    def _renew(self, now_ms: int) -> int:
        self._last_version = max(now_ms, self._last_version + 1)
        return self._last_version

    # Looking

    def observe(self, entry: TableEntry, now_ms: int) -> bool:
        """Take in a service as the daemon has it; whether anything differs from the last look."""
        service = entry.status.service
        key = plain_key(service.key)
        known = self._services.get(key)
        before = {} if known is None else known.servers
        laddrs = _with_devices([status.laddr for status in entry.laddrs], () if known is None else known.laddrs)
        servers = {server_key(dest): _observed(before.get(server_key(dest)), dest) for dest in dests_of(entry)}
        if known is None or _operator_changed(before, servers):
            state = ServiceState(service, self._renew(now_ms), servers, laddrs)
        else:
            state = ServiceState(service, known.version, servers, laddrs)
        # The order of servers is the daemon's business, and no change.
        self._services[key] = state
        return state != known

    def forget(self, key: ServiceKey) -> bool:
        """A service is gone."""
        return self._services.pop(key, None) is not None

    # The operator's changes through this agent

    def ordered(self, key: ServiceKey, dests: Sequence[Dest], now_ms: int) -> None:
        """The operator has put these servers, with these weights, among the service's."""
        state = self._services[key]
        servers = dict(state.servers)
        for dest in map(normal, dests):
            known = servers.get(server_key(dest))
            if known is None:
                servers[server_key(dest)] = ServerState(dest.weight, dest)
                continue
            reporter = known.reporter if dest.inhibited and known.seen.inhibited else None
            servers[server_key(dest)] = replace(known.ordered(dest.weight), seen=dest, reporter=reporter)
        self._services[key] = replace(state, servers=servers, version=self._renew(now_ms))

    def removed(self, key: ServiceKey, gone: Iterable[ServerKey], now_ms: int) -> None:
        """The operator has removed servers."""
        state = self._services[key]
        unwanted = set(gone)
        servers = {server: each for server, each in state.servers.items() if server not in unwanted}
        self._services[key] = replace(state, servers=servers, version=self._renew(now_ms))

    # Health reports

    def judge(self, key: ServiceKey, reports: Iterable[ServerReport], *, versioned: bool) -> list[Dest]:
        """What a report makes of the daemon's servers, those that change only.

        Servers that are not there: left out with a version, MissingServer without.
        """
        servers = self._services[key].servers
        wanted: dict[ServerKey, Dest] = {}
        for report in reports:
            known = servers.get(report.server)
            if known is not None:
                weight = _reported_weight(known, report, versioned=versioned)
                wanted[report.server] = replace(known.seen, weight=weight, inhibited=report.inhibited)
            elif not versioned:
                raise MissingServer(report.server)
        return [dest for server, dest in wanted.items() if dest != servers[server].seen]

    def reported(self, key: ServiceKey, dests: Iterable[Dest], reports: Iterable[ServerReport], by: Reporter) -> None:
        """A report was carried out: dests are what `judge` wanted."""
        state = self._services[key]
        servers = dict(state.servers)
        for dest in map(normal, dests):
            servers[server_key(dest)] = replace(servers[server_key(dest)], seen=dest)
        for report in reports:
            if report.server in servers:
                servers[report.server] = servers[report.server].reported(report, by)
        self._services[key] = replace(state, servers=servers)


def _remembering(weight: int, replaced: Sequence[int], current: int) -> tuple[int, ...]:
    """Weights that are none of the operator's any more, the newest first."""
    return (weight, *(each for each in replaced if each not in (weight, current)))[:_REMEMBERED]


def plain_key(key: ServiceKey) -> ServiceKey:
    """What names a service that has an address: neither fwmark nor match."""
    if int(key.address) or key.port:
        return ServiceKey(key.family, key.protocol, key.address, key.port)
    return key


def server_key(dest: Dest) -> ServerKey:
    """What names a server within a service."""
    return dest.address, dest.port


def normal(dest: Dest) -> Dest:
    """A server with its weight as the API shows it: the 16 bits the daemon keeps, which it takes for signed."""
    weight = dest.weight & _WEIGHT_BITS
    return dest if weight == dest.weight else replace(dest, weight=weight)


def dests_of(entry: TableEntry) -> list[Dest]:
    """The servers of a look."""
    return [normal(status.dest) for status in entry.dests]


def _observed(known: ServerState | None, dest: Dest) -> ServerState:
    """A server after a look. (0, inhibited) is how checkers hold servers down: no word of the operator's."""
    held = dest.inhibited and dest.weight == 0
    if known is None:
        return ServerState(UNKNOWN_WEIGHT if held else dest.weight, dest)
    if dest == known.seen:
        return known
    if (dest.weight, dest.inhibited) == (known.seen.weight, known.seen.inhibited):
        return replace(known, seen=dest)
    reporter = known.reporter if dest.inhibited and known.seen.inhibited else None
    ordered = known if held else known.ordered(dest.weight)
    return replace(ordered, seen=dest, reporter=reporter)


def _with_devices(laddrs: Sequence[Laddr], before: Iterable[Laddr]) -> tuple[Laddr, ...]:
    """The daemon's whole table lists local addresses without their devices."""
    devices = {laddr.address: laddr.device for laddr in before}
    return tuple(each if each.device else replace(each, device=devices.get(each.address, "")) for each in laddrs)


def _operator_changed(before: Mapping[ServerKey, ServerState], after: Mapping[ServerKey, ServerState]) -> bool:
    if before.keys() != after.keys():
        return True
    return any(before[server].seen != state.seen for server, state in after.items())


def _reported_weight(known: ServerState, report: ServerReport, *, versioned: bool) -> int:
    if report.inhibited:
        return (report.weight or 0) & _WEIGHT_BITS
    if report.weight is None:
        return known.weight
    weight = report.weight & _WEIGHT_BITS
    if not versioned and weight in known.replaced:
        return known.weight
    shown_as_down = known.seen.inhibited and known.shown_weight() == 0
    return known.weight if shown_as_down and weight in _MADE_UP else weight
