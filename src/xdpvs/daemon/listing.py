"""Services and servers as listings show them: what was asked for, with what was counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from xdpvs.daemon.records import NO_TRAFFIC
from xdpvs.daemon.services import DestEntry, ServiceEntry, Services, since_zeroed
from xdpvs.dataplane.stats import ConnCounts, LaddrCounts, Traffic
from xdpvs.model.address import IPAddress
from xdpvs.model.ordering import service_order
from xdpvs.model.service import NO_STATS, DestStatus, LaddrStatus, ServiceStatus, Stats
from xdpvs.model.table import TableEntry

NO_COUNTS = ConnCounts()


class Readings(Protocol):
    """What of the data plane's Counters is used here."""

    def dests(self, ids: Sequence[int]) -> dict[int, Traffic]: ...
    def conns(self, ids: Sequence[int]) -> dict[int, ConnCounts]: ...
    def laddrs(self, ids: Sequence[int]) -> dict[int, LaddrCounts]: ...


class Rates(Protocol):
    """What of the estimator is used here."""

    def of(self, dest_id: int) -> tuple[int, int, int, int, int]: ...


ConnsOfLaddr = Callable[[int, int], int]
"""From (service id, local address id) to live connections."""


class Listing:
    """Reads the counters of many servers at once."""

    def __init__(
        self,
        services: Services,
        readings: Readings,
        rates: Rates,
        laddr_id: Callable[[IPAddress], int | None],
        conns_of_laddr: ConnsOfLaddr,
    ) -> None:
        self._services = services
        self._readings = readings
        self._rates = rates
        self._laddr_id = laddr_id
        self._conns_of_laddr = conns_of_laddr

    def ordered(self) -> list[ServiceEntry]:
        """All services in DPVS's order."""
        return service_order(self._services, lambda entry: entry.service.key)

    def services(self) -> list[ServiceStatus]:
        """All services."""
        return [self.service(entry) for entry in self.ordered()]

    def service(self, entry: ServiceEntry) -> ServiceStatus:
        """One service. Its own counters are what removed servers had carried: tools add the present ones'."""
        stats = NO_STATS if entry.retired == NO_TRAFFIC else _stats(entry.retired, (0, 0, 0, 0, 0))
        return ServiceStatus(entry.service, len(entry.dests), len(entry.laddrs), stats)

    def dests(self, entry: ServiceEntry) -> list[DestStatus]:
        """A service's servers."""
        ids = [dest.id for dest in entry.dests.values()]
        return self._dests(entry, self._readings.dests(ids), self._readings.conns(ids))

    def _dests(
        self, entry: ServiceEntry, traffic: dict[int, Traffic], conns: dict[int, ConnCounts]
    ) -> list[DestStatus]:
        return [self._dest(dest, traffic[dest.id], conns[dest.id]) for dest in entry.newest_dests()]

    def _dest(self, entry: DestEntry, traffic: Traffic, conns: ConnCounts) -> DestStatus:
        dest = entry.dest
        limit = dest.max_conn
        overloaded = bool(limit) and conns.active + conns.inactive >= limit
        if traffic == NO_TRAFFIC:
            return DestStatus(dest, overloaded, conns.active, conns.inactive)
        stats = _stats(since_zeroed(traffic, entry.zeroed), self._rates.of(entry.id))
        return DestStatus(dest, overloaded, conns.active, conns.inactive, 0, stats)

    def laddrs(self, entry: ServiceEntry) -> list[LaddrStatus]:
        """A service's local addresses, oldest first."""
        ids = {local.laddr.address: self._laddr_id(local.laddr.address) for local in entry.laddrs.values()}
        counts = self._readings.laddrs([index for index in ids.values() if index is not None])
        found = []
        for local in entry.laddrs.values():
            index = ids[local.laddr.address]
            conflicts = 0 if index is None else counts[index].conflicts
            conns = 0 if index is None else self._conns_of_laddr(entry.id, index)
            found.append(LaddrStatus(local.laddr, conflicts, conns))
        return found

    def table(self) -> Iterator[TableEntry]:
        """Everything, each service as it is when its turn comes; what is added meanwhile may be missing."""
        entries = self.ordered()
        ids = [dest.id for entry in entries for dest in entry.dests.values()]
        traffic, conns = self._readings.dests(ids), self._readings.conns(ids)
        return (self._table_entry(entry, traffic, conns) for entry in entries)

    def _table_entry(
        self, entry: ServiceEntry, traffic: dict[int, Traffic], conns: dict[int, ConnCounts]
    ) -> TableEntry:
        dests = [
            self._dest(dest, traffic.get(dest.id, NO_TRAFFIC), conns.get(dest.id, NO_COUNTS))
            for dest in entry.newest_dests()
        ]
        return TableEntry(self.service(entry), tuple(dests), tuple(self.laddrs(entry)))


def _stats(traffic: Traffic, rates: tuple[int, int, int, int, int]) -> Stats:
    cps, in_pps, in_bps, out_pps, out_bps = rates
    return Stats(
        traffic.conns,
        traffic.in_packets,
        traffic.in_bytes,
        traffic.out_packets,
        traffic.out_bytes,
        cps,
        in_pps,
        in_bps,
        out_pps,
        out_bps,
    )
