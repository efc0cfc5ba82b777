"""Services, servers and local addresses as the operator wants them (DPVS src/ipvs/ip_vs_service.c, ip_vs_dest.c).

Each change is made in the data plane, then written to the journal; what fails halfway is undone, so that a refused
command changes nothing. Codes are those of reference sockopt 6 and 7.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from xdpvs.api.errors import DpvsError
from xdpvs.bpf.errors import MapFull
from xdpvs.daemon.records import (
    NO_TRAFFIC,
    DestRecord,
    Kind,
    LaddrRecord,
    ServiceRecord,
)
from xdpvs.daemon.refusal import no_room, refuse, unsupported
from xdpvs.daemon.refusals import names_no_service, refused_dest, refused_key, refused_service
from xdpvs.dataplane.journal import RecordTooLarge
from xdpvs.dataplane.stats import Traffic
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.service import NO_MATCH, PROTOCOLS, Dest, Laddr, Service, ServiceFlags, ServiceKey
from xdpvs.sched.registry import SCHEDULERS, build
from xdpvs.sched.schedule import Schedule

DestKey = tuple[IPAddress, int]


class BalancerMaps(Protocol):
    """What of the data plane's Balancer is used here."""

    def new_service_id(self) -> int: ...
    def new_dest_id(self) -> int: ...
    def put_dest(self, dest_id: int, service_id: int, dest: Dest) -> None: ...
    def remove_dest(self, dest_id: int) -> None: ...
    def put_service(
        self,
        service_id: int,
        service: Service,
        schedule: Schedule,
        dest_ids: Sequence[int],
        laddrs: Sequence[IPAddress],
    ) -> None: ...
    def remove_service(self, service_id: int) -> None: ...


class Records(Protocol):
    """What of the journal is used here."""

    def put(self, kind: int, id: int, value: Any) -> None: ...
    def delete(self, kind: int, id: int) -> bool: ...


@dataclass(slots=True)
class DestEntry:
    """A server with its id in the data plane."""

    id: int
    sequence: int
    dest: Dest
    zeroed: Traffic = NO_TRAFFIC


@dataclass(slots=True)
class LaddrEntry:
    """A local address with its id in the journal, which is also its place in the order."""

    id: int
    laddr: Laddr


@dataclass(slots=True)
class ServiceEntry:
    """A service with all that belongs to it; dests and laddrs oldest first."""

    id: int
    sequence: int
    service: Service
    dests: dict[DestKey, DestEntry] = field(default_factory=dict)
    laddrs: dict[IPAddress, LaddrEntry] = field(default_factory=dict)
    retired: Traffic = NO_TRAFFIC

    def newest_dests(self) -> list[DestEntry]:
        """The servers in DPVS's order."""
        return list(reversed(self.dests.values()))


def table_key(key: ServiceKey) -> ServiceKey:
    """A key without what does not name the service: address and port win over fwmark and match."""
    if key.fwmark or (key.match is not NO_MATCH and key.match != NO_MATCH):
        return ServiceKey(key.family, key.protocol, key.address, key.port)
    return key


class Services:
    """The table. traffic_of reads a server's counters; want and unwant say whose next hop is needed."""

    def __init__(
        self,
        maps: BalancerMaps,
        records: Records,
        *,
        traffic_of: Callable[[Sequence[int]], dict[int, Traffic]],
        want: Callable[[IPAddress], None] = lambda address: None,
        unwant: Callable[[IPAddress], None] = lambda address: None,
    ) -> None:
        self._maps = maps
        self._records = records
        self._traffic_of = traffic_of
        self._want = want
        self._unwant = unwant
        self._entries: dict[ServiceKey, ServiceEntry] = {}
        self._sequence = itertools.count(1)
        self._laddr_ids = itertools.count(1)

    # Looking

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[ServiceEntry]:
        """Oldest first."""
        return iter(self._entries.values())

    def find(self, key: ServiceKey) -> ServiceEntry | None:
        """The service a key names."""
        return self._entries.get(table_key(key))

    def _get(self, key: ServiceKey, missing: DpvsError = DpvsError.INVAL) -> ServiceEntry:
        entry = self.find(key)
        if entry is None:
            raise refuse(missing)
        return entry

    # Services

    def add(self, service: Service) -> None:
        """ADD."""
        _check_named(service.key)
        if service.flags & ServiceFlags.HASHED or self.find(service.key) is not None:
            raise refuse(DpvsError.EXIST)
        _check_service(service)
        with _room():
            entry = ServiceEntry(self._maps.new_service_id(), next(self._sequence), service)
            self._install(entry)
            try:
                self._record_service(entry)
            except Exception:
                self._maps.remove_service(entry.id)
                raise
        self._entries[table_key(service.key)] = entry

    def edit(self, service: Service) -> None:
        """EDIT: everything but the key is replaced; connections, servers and local addresses stay."""
        entry = self._get(service.key)
        if service.key.family == Family.INET6 and not 1 <= service.netmask <= 128:
            raise refuse(DpvsError.INVAL)
        wanted = replace(service, key=entry.service.key, flags=service.flags & ~ServiceFlags.HASHED)
        _check_service(wanted)
        before = entry.service
        with self._restoring(entry):
            entry.service = wanted
            try:
                self._install(entry)
                self._record_service(entry)
            except Exception:
                entry.service = before
                raise

    def delete(self, key: ServiceKey) -> None:
        """DEL: connections go on."""
        self._remove(self._get(key))

    def flush(self) -> None:
        """FLUSH."""
        for entry in list(self._entries.values()):
            self._remove(entry)

    def _remove(self, entry: ServiceEntry) -> None:
        # The record of the service first: what a crash leaves of the others then belongs to nobody.
        self._records.delete(Kind.SERVICE, entry.id)
        del self._entries[table_key(entry.service.key)]
        self._maps.remove_service(entry.id)
        for dest in entry.dests.values():
            self._forget_dest(dest)
        for laddr in entry.laddrs.values():
            self._records.delete(Kind.LADDR, laddr.id)

    # Servers

    def add_dest(self, key: ServiceKey, dest: Dest) -> None:
        """ADDDEST."""
        entry = self._get(key)
        dest = _normal(dest)
        place = _dest_key(dest)
        if place in entry.dests:
            raise refuse(DpvsError.EXIST)
        if dest.min_conn > dest.max_conn:
            raise refuse(DpvsError.NOTSUPP)
        _check_dest(key, dest)
        with self._restoring(entry):
            added = DestEntry(self._maps.new_dest_id(), next(self._sequence), dest)
            self._maps.put_dest(added.id, entry.id, dest)
            entry.dests[place] = added
            try:
                self._install(entry)
                self._record_dest(entry, added)
            except Exception:
                del entry.dests[place]
                self._install(entry)
                self._maps.remove_dest(added.id)
                raise
        self._want(dest.address)

    def edit_dest(self, key: ServiceKey, dest: Dest) -> None:
        """EDITDEST."""
        entry = self._get(key)
        dest = _normal(dest)
        found = entry.dests.get(_dest_key(dest))
        if found is None:
            raise refuse(DpvsError.NOTEXIST)
        if dest.min_conn > dest.max_conn:
            raise refuse(DpvsError.INVAL)
        _check_dest(key, dest)
        self._replace_dest(entry, found, dest)

    def _replace_dest(self, entry: ServiceEntry, found: DestEntry, dest: Dest) -> None:
        before = found.dest
        if dest == before:
            return
        with self._restoring(entry):
            found.dest = dest
            try:
                self._maps.put_dest(found.id, entry.id, dest)
                if (dest.weight, dest.inhibited) != (before.weight, before.inhibited):
                    self._install(entry)
                self._record_dest(entry, found)
            except Exception:
                found.dest = before
                self._maps.put_dest(found.id, entry.id, before)
                raise

    def weigh_dest(self, key: ServiceKey, dest: Dest) -> None:
        """The agent's edit: weight and inhibited only."""
        entry = self._get(key)
        found = entry.dests.get(_dest_key(dest))
        if found is None:
            raise refuse(DpvsError.NOTEXIST)
        weighed = _normal(replace(found.dest, weight=dest.weight, inhibited=dest.inhibited))
        self._replace_dest(entry, found, weighed)

    def put_dest(self, key: ServiceKey, dest: Dest) -> None:
        """The agent's add: an existing server is edited."""
        if _dest_key(dest) in self._get(key).dests:
            self.edit_dest(key, dest)
        else:
            self.add_dest(key, dest)

    def delete_dest(self, key: ServiceKey, dest: Dest) -> None:
        """DELDEST: its connections go on, what it carried stays in the service's own counters."""
        entry = self._get(key)
        found = entry.dests.get(_dest_key(dest))
        if found is None:
            raise refuse(DpvsError.NOTEXIST)
        before, retired = dict(entry.dests), entry.retired
        with self._restoring(entry):
            self._retire(entry, [found])
            try:
                self._install(entry)
                self._record_service(entry)
            except Exception:
                entry.dests, entry.retired = before, retired
                raise
        self._forget_dest(found)

    def change_dests(self, key: ServiceKey, put: Sequence[Dest], delete: Sequence[Dest]) -> None:
        """XDPVS_CHANGE_DESTS: all of it or nothing, and one new schedule for all."""
        entry = self._get(key, DpvsError.NOSERV)
        wanted = {_dest_key(dest): _normal(dest) for dest in put}
        unwanted = {_dest_key(dest) for dest in delete}
        if len(wanted) != len(put) or unwanted & wanted.keys():
            raise refuse(DpvsError.INVAL)
        for dest in wanted.values():
            if dest.min_conn > dest.max_conn:
                raise refuse(DpvsError.INVAL)
            _check_dest(key, dest)
        before, retired = dict(entry.dests), entry.retired
        former = {place: found.dest for place, found in before.items() if place in wanted}
        changed: list[DestEntry] = []
        removed = [found for place, found in before.items() if place in unwanted]
        with self._restoring(entry):
            try:
                for place, dest in wanted.items():
                    if former.get(place) == dest:
                        continue
                    if place not in entry.dests:
                        entry.dests[place] = DestEntry(self._maps.new_dest_id(), next(self._sequence), dest)
                    changed.append(found := entry.dests[place])
                    found.dest = dest
                    self._maps.put_dest(found.id, entry.id, dest)
                self._retire(entry, removed)
                self._install(entry)
                for found in changed:
                    self._record_dest(entry, found)
                if removed:
                    self._record_service(entry)
            except Exception:
                entry.dests, entry.retired = before, retired
                self._undo(entry, changed, former)
                raise
        for found in changed:
            if _dest_key(found.dest) not in former:
                self._want(found.dest.address)
        for found in removed:
            self._forget_dest(found)

    def _undo(self, entry: ServiceEntry, changed: Sequence[DestEntry], former: Mapping[DestKey, Dest]) -> None:
        """Servers as they were; the service's own dests are back already."""
        added = [found for found in changed if _dest_key(found.dest) not in former]
        for found in changed:
            if (dest := former.get(_dest_key(found.dest))) is not None:
                found.dest = dest
                self._maps.put_dest(found.id, entry.id, dest)
                # The record is there already: writing it again needs no room.
                with suppress(MapFull):
                    self._record_dest(entry, found)
        self._install(entry)
        for found in added:
            self._records.delete(Kind.DEST, found.id)
            self._maps.remove_dest(found.id)

    def _retire(self, entry: ServiceEntry, removed: Sequence[DestEntry]) -> None:
        """Take servers out of a service; what they carried stays in its own counters."""
        traffic = self._traffic_of([found.id for found in removed])
        for found in removed:
            del entry.dests[_dest_key(found.dest)]
            entry.retired = _sum(entry.retired, _difference(traffic[found.id], found.zeroed))

    def _forget_dest(self, dest: DestEntry) -> None:
        self._records.delete(Kind.DEST, dest.id)
        self._maps.remove_dest(dest.id)
        self._unwant(dest.dest.address)

    # Local addresses

    def add_laddr(self, key: ServiceKey, laddr: Laddr) -> None:
        """LADDR_ADD."""
        entry = self._get(key, DpvsError.NOSERV)
        if laddr.address in entry.laddrs:
            raise refuse(DpvsError.EXIST)
        with self._restoring(entry):
            added = LaddrEntry(next(self._laddr_ids), laddr)
            entry.laddrs[laddr.address] = added
            try:
                self._install(entry)
                self._records.put(Kind.LADDR, added.id, LaddrRecord(entry.id, laddr))
            except Exception:
                del entry.laddrs[laddr.address]
                raise

    def delete_laddr(self, key: ServiceKey, laddr: Laddr) -> None:
        """LADDR_DEL: its connections go on."""
        entry = self._get(key, DpvsError.NOSERV)
        if laddr.address not in entry.laddrs:
            raise refuse(DpvsError.NOTEXIST)
        self._drop_laddrs(entry, [laddr.address])

    def flush_laddrs(self, key: ServiceKey) -> None:
        """LADDR_FLUSH."""
        entry = self._get(key, DpvsError.NOSERV)
        self._drop_laddrs(entry, list(entry.laddrs))

    def _drop_laddrs(self, entry: ServiceEntry, addresses: Sequence[IPAddress]) -> None:
        before = dict(entry.laddrs)
        with self._restoring(entry):
            for address in addresses:
                del entry.laddrs[address]
            try:
                self._install(entry)
            except Exception:
                entry.laddrs = before
                raise
        for address in addresses:
            self._records.delete(Kind.LADDR, before[address].id)

    # Counters

    def zero(self, key: ServiceKey | None) -> None:
        """ZERO: the service's counters, or with None everybody's."""
        entries = list(self._entries.values()) if key is None else [self._get(key)]
        traffic = self._traffic_of([dest.id for entry in entries for dest in entry.dests.values()])
        for entry in entries:
            if entry.retired != NO_TRAFFIC:
                entry.retired = NO_TRAFFIC
                self._record_service(entry)
            for dest in entry.dests.values():
                if dest.zeroed != traffic[dest.id]:
                    dest.zeroed = traffic[dest.id]
                    self._record_dest(entry, dest)

    # Adoption

    def adopt(
        self, services: dict[int, ServiceRecord], dests: dict[int, DestRecord], laddrs: dict[int, LaddrRecord]
    ) -> tuple[list[int], list[int]]:
        """Take over what the journal has, and put it into the maps again; returns the ids of services and servers."""
        by_id = {}
        for service_id, record in sorted(services.items(), key=lambda item: item[1].sequence):
            entry = ServiceEntry(service_id, record.sequence, record.service, retired=record.retired)
            by_id[service_id] = self._entries[table_key(record.service.key)] = entry
        for dest_id, server in sorted(dests.items(), key=lambda item: item[1].sequence):
            if (owner := by_id.get(server.service_id)) is None:
                self._records.delete(Kind.DEST, dest_id)
                continue
            added = DestEntry(dest_id, server.sequence, server.dest, server.zeroed)
            owner.dests[_dest_key(server.dest)] = added
            self._maps.put_dest(dest_id, owner.id, server.dest)
            self._want(server.dest.address)
        for laddr_id, local in sorted(laddrs.items()):
            if (owner := by_id.get(local.service_id)) is None:
                self._records.delete(Kind.LADDR, laddr_id)
                continue
            owner.laddrs[local.laddr.address] = LaddrEntry(laddr_id, local.laddr)
        for entry in by_id.values():
            self._install(entry)
        sequences = [service.sequence for service in services.values()] + [dest.sequence for dest in dests.values()]
        self._sequence = itertools.count(max(sequences, default=0) + 1)
        self._laddr_ids = itertools.count(max(laddrs, default=0) + 1)
        return list(by_id), [dest.id for entry in by_id.values() for dest in entry.dests.values()]

    # Into the data plane and the journal

    def _install(self, entry: ServiceEntry) -> None:
        dests = entry.newest_dests()
        service = entry.service
        schedule = build(service.scheduler, service.flags, [each.dest for each in dests])
        self._maps.put_service(entry.id, service, schedule, [each.id for each in dests], list(entry.laddrs))

    def _record_service(self, entry: ServiceEntry) -> None:
        self._records.put(Kind.SERVICE, entry.id, ServiceRecord(entry.sequence, entry.service, entry.retired))

    def _record_dest(self, entry: ServiceEntry, dest: DestEntry) -> None:
        self._records.put(Kind.DEST, dest.id, DestRecord(dest.sequence, entry.id, dest.dest, dest.zeroed))

    @contextmanager
    def _restoring(self, entry: ServiceEntry) -> Iterator[None]:
        """Around a change of a service whose values are put back by the caller: the maps follow."""
        try:
            with _room():
                yield
        except Exception:
            self._install(entry)
            raise


@contextmanager
def _room() -> Iterator[None]:
    """A full table is the operator's to hear of."""
    try:
        yield
    except (MapFull, RecordTooLarge) as error:
        raise no_room(error) from error


def _check_named(key: ServiceKey) -> None:
    if names_no_service(key) or key.protocol not in PROTOCOLS:
        raise refuse(DpvsError.INVAL)


def _check_service(service: Service) -> None:
    if service.scheduler not in SCHEDULERS:
        raise refuse(DpvsError.NOTEXIST)
    if (why := refused_service(service)) is not None:
        raise unsupported(why)


def _check_dest(key: ServiceKey, dest: Dest) -> None:
    if (why := refused_key(key) or refused_dest(key, dest)) is not None:
        raise unsupported(why)


def _dest_key(dest: Dest) -> DestKey:
    return dest.address, dest.port


def _normal(dest: Dest) -> Dest:
    """The weight as DPVS keeps it: 16 bits, signed."""
    weight = (dest.weight & 0xFFFF ^ 0x8000) - 0x8000
    return dest if weight == dest.weight else replace(dest, weight=weight)


def _sum(a: Traffic, b: Traffic) -> Traffic:
    return Traffic(
        a.conns + b.conns,
        a.in_packets + b.in_packets,
        a.in_bytes + b.in_bytes,
        a.out_packets + b.out_packets,
        a.out_bytes + b.out_bytes,
    )


def _difference(a: Traffic, b: Traffic) -> Traffic:
    if b == NO_TRAFFIC:
        return a
    return Traffic(
        a.conns - b.conns,
        a.in_packets - b.in_packets,
        a.in_bytes - b.in_bytes,
        a.out_packets - b.out_packets,
        a.out_bytes - b.out_bytes,
    )


since_zeroed = _difference
