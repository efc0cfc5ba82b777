"""Services, servers and local addresses in the maps.

A change is built aside and swapped in: schedule and local addresses are written where nobody reads, then one update of
the service's value switches to them, and the old entries are reused only after a grace. A packet sees the service as
it was or as it is. Ids are the caller's to keep (in the journal); after a restart it puts everything again with the
same ids, which changes nothing where nothing has changed, and calls `retain` to drop what the journal does not know.
"""

from __future__ import annotations

import struct
import time
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from xdpvs.bpf import layout
from xdpvs.bpf.errors import MapFull
from xdpvs.bpf.layout import Maps
from xdpvs.bpf.structure import pack_address
from xdpvs.dataplane.ids import Ids, IdsExhausted
from xdpvs.dataplane.journal import Journal
from xdpvs.dataplane.regions import EMPTY, Region, Regions, RegionsFull
from xdpvs.model.address import IPAddress
from xdpvs.model.service import NO_MATCH, Dest, Service, ServiceKey
from xdpvs.sched.schedule import Schedule

LADDR_RECORD = 0xFF01
"""The journal's kind of our own: which id an address has, because connections outlive services."""

_ROOM = 8
"""Schedules are given room for a multiple of so many entries, so that what one gives back fits the next: holes of every
size, left behind while services grow server by server, would be looked through for each new schedule."""

_LADDR = struct.Struct("<16sI")
_COUNTS = struct.Struct("<3Q")


@dataclass(frozen=True, slots=True)
class LaddrRecord:
    """An address that has an id."""

    address: IPAddress


@dataclass(frozen=True, slots=True)
class _Installed:
    """What a service has in the maps; schedule is the room, which may be more than the entries in use.

    key and value are bytes, a third of the structures' memory.
    """

    key: bytes
    value: bytes
    schedule: Region = EMPTY
    schedule_length: int = 0
    laddrs4: Region = EMPTY
    laddrs6: Region = EMPTY
    laddr_ids: tuple[int, ...] = ()


def programmable(key: ServiceKey) -> bool:
    """Whether the data plane knows services of this form: address and port, neither fwmark nor match."""
    return not key.fwmark and key.match == NO_MATCH


def service_key(key: ServiceKey) -> layout.ServiceKey:
    """The key of the map of services."""
    return layout.ServiceKey(addr=pack_address(key.address), port=key.port, proto=key.protocol, af=int(key.family))


def _packed_laddrs(laddrs: Sequence[IPAddress], ids: Sequence[int], version: int) -> bytes:
    return b"".join(
        [
            _LADDR.pack(pack_address(address), index)
            for address, index in zip(laddrs, ids, strict=True)
            if address.version == version
        ]
    )


def _vip_key(key: bytes) -> bytes:
    structure = layout.ServiceKey.from_bytes(key)
    structure.port = 0
    return bytes(structure)


_structure = layout.ServiceKey.from_bytes


class Balancer:
    """Owner of the maps services, vips, dests, schedules and laddrs."""

    def __init__(self, maps: Maps, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._maps = maps
        self._journal = journal
        self._clock = clock
        self._schedules = Regions(layout.MAX_SCHEDULE)
        self._laddr_regions = Regions(layout.MAX_LADDRS)
        self._service_ids = Ids(layout.MAX_SERVICES, lambda index: True)
        self._dest_ids = Ids(layout.MAX_DESTS, self._dest_idle)
        self._laddr_ids = Ids(layout.MAX_LADDR_IDS, lambda index: False)
        self._laddr_of: dict[IPAddress, int] = {}
        self._laddr_users: Counter[int] = Counter()
        self._installed: dict[int, _Installed] = {}
        self._vips: Counter[bytes] = Counter()
        self._adopt()

    def _adopt(self) -> None:
        """Learn what an earlier run left."""
        for index, record in self._journal.load(LADDR_RECORD, LaddrRecord).items():
            self._laddr_of[record.address] = index
            self._laddr_ids.take(index)
        for key, value in self._maps.services.items():
            self._adopt_service(key, value)
        counts = self._maps.dest_conns.read(0, layout.MAX_DESTS)
        busy = [index for index, (active, inactive, _) in enumerate(_COUNTS.iter_unpack(counts)) if active or inactive]
        self._dest_ids.park(busy, self._clock())
        for key, _ in list(self._maps.vips.items()):
            if bytes(key) not in self._vips:
                self._maps.vips.delete(key)
        for vip, count in self._vips.items():
            self._maps.vips.put(_structure(vip), count)

    def _adopt_service(self, key: layout.ServiceKey, value: layout.Service) -> None:
        laddrs4 = Region(value.laddr4_base, value.laddr4_length)
        laddrs6 = Region(value.laddr6_base, value.laddr6_length)
        schedule = Region(value.schedule_base, value.schedule_length)
        self._schedules.reserve(schedule)
        self._laddr_regions.reserve(laddrs4)
        self._laddr_regions.reserve(laddrs6)
        ids = tuple(self._region_laddr_ids(laddrs4) + self._region_laddr_ids(laddrs6))
        self._laddr_users.update(ids)
        self._installed[value.id] = _Installed(
            bytes(key), bytes(value), schedule, schedule.length, laddrs4, laddrs6, ids
        )
        self._vips[_vip_key(bytes(key))] += 1
        self._service_ids.take(value.id)

    def _region_laddr_ids(self, region: Region) -> list[int]:
        return [index for _, index in _LADDR.iter_unpack(self._maps.laddrs.read(region.base, region.length))]

    def _dest_idle(self, index: int) -> bool:
        counts = self._maps.dest_conns[index]
        return not counts.active and not counts.inactive

    # Ids

    def any_conns(self) -> bool:
        """Whether a connection lives, of present and of removed servers."""
        counts = memoryview(self._maps.dest_conns.read(0, self._dest_ids.end)).cast("Q")
        return any(counts[0::3]) or any(counts[1::3])

    def new_service_id(self) -> int:
        """An id for a service; its counters start from zero."""
        index = self._allocated(self._service_ids, "services")
        self._maps.service_counters[index] = layout.ServiceCounters()
        return index

    def new_dest_id(self) -> int:
        """An id for a server; never one that a deleted server's connections still use."""
        index = self._allocated(self._dest_ids, "servers")
        self._maps.dest_conns[index] = layout.DestConns()
        self._maps.dest_stats[index] = layout.TrafficStats()
        return index

    def _allocated(self, ids: Ids, what: str) -> int:
        try:
            return ids.allocate(self._clock())
        except IdsExhausted as error:
            raise MapFull(f"no more {what}: {error}") from error

    # Servers

    def put_dest(self, dest_id: int, service_id: int, dest: Dest) -> None:
        """Write a server; inhibited means weight 0. Put it before the schedule that names it."""
        self._dest_ids.take(dest_id)
        self._maps.dests[dest_id] = layout.Dest(
            addr=pack_address(dest.address),
            port=dest.port,
            af=int(dest.family),
            forwarding=int(dest.forwarding),
            weight=0 if dest.inhibited else dest.weight,
            max_conn=dest.max_conn,
            service=service_id,
        )

    def remove_dest(self, dest_id: int) -> None:
        """Forget a server no schedule names any more; its connections go on, and keep its id from being reused."""
        dest = self._maps.dests[dest_id]
        dest.weight = 0
        self._maps.dests[dest_id] = dest
        self._dest_ids.release(dest_id, self._clock())

    # Services

    def put_service(
        self,
        service_id: int,
        service: Service,
        schedule: Schedule,
        dest_ids: Sequence[int],
        laddrs: Sequence[IPAddress],
    ) -> None:
        """Write a service or change it. dest_ids has the order of the servers the schedule was built from."""
        self._service_ids.take(service_id)
        key = bytes(service_key(service.key))
        now = self._clock()
        old = self._installed.get(service_id)
        ids = tuple(self._laddr_id(address) for address in laddrs)
        try:
            new = self._built(service_id, service, schedule, dest_ids, laddrs, ids, key, old, now)
        except RegionsFull as error:
            raise MapFull(f"no room for another schedule or list of local addresses: {error}") from error
        if old is None or old.value != new.value or old.key != key:
            self._maps.services.put(_structure(key), layout.Service.from_bytes(new.value))
        self._installed[service_id] = new
        self._count_vip(old.key if old else None, key)
        self._laddr_users.update(ids)
        if old is not None:
            if old.key != key:
                self._maps.services.delete(_structure(old.key))
            self._discard(old, new, now)

    def _built(
        self,
        service_id: int,
        service: Service,
        schedule: Schedule,
        dest_ids: Sequence[int],
        laddrs: Sequence[IPAddress],
        laddr_ids: tuple[int, ...],
        key: bytes,
        old: _Installed | None,
        now: float,
    ) -> _Installed:
        """Regions written where nobody reads yet, and the value that will point at them."""
        entries = array("I", (dest_ids[position] for position in schedule.entries)).tobytes()
        addresses4, addresses6 = (_packed_laddrs(laddrs, laddr_ids, version) for version in (4, 6))
        was = old or _Installed(key, b"")
        made: list[tuple[Regions, Region]] = []
        try:
            chosen = self._schedule_region(was, entries, now, made)
            four = self._laddr_region(was.laddrs4, addresses4, now, made)
            six = self._laddr_region(was.laddrs6, addresses6, now, made)
        except RegionsFull:
            for regions, region in made:
                regions.free(region, now)
            raise
        value = layout.Service(
            id=service_id,
            flags=int(service.flags),
            schedule_kind=int(schedule.kind),
            schedule_base=chosen.base,
            schedule_length=len(schedule.entries),
            conn_timeout=service.conn_timeout_s,
            laddr4_base=four.base,
            laddr4_length=four.length,
            laddr6_base=six.base,
            laddr6_length=six.length,
        )
        return _Installed(key, bytes(value), chosen, len(schedule.entries), four, six, laddr_ids)

    def _schedule_region(self, was: _Installed, data: bytes, now: float, made: list[tuple[Regions, Region]]) -> Region:
        """The old region if it holds just this, else a new one that does."""
        table = self._maps.schedules
        length = len(data) // table.value.size
        if length == was.schedule_length and (not length or table.read(was.schedule.base, length) == data):
            return was.schedule
        try:
            region = self._schedules.allocate(-(-length // _ROOM) * _ROOM, now)
        except RegionsFull:
            region = self._schedules.allocate(length, now)
        made.append((self._schedules, region))
        table.write(region.base, data)
        return region

    def _laddr_region(self, before: Region, data: bytes, now: float, made: list[tuple[Regions, Region]]) -> Region:
        """The same for a list of local addresses."""
        table = self._maps.laddrs
        length = len(data) // table.value.size
        if length == before.length and (not length or table.read(before.base, length) == data):
            return before
        region = self._laddr_regions.allocate(length, now)
        made.append((self._laddr_regions, region))
        table.write(region.base, data)
        return region

    def _discard(self, old: _Installed, new: _Installed, now: float) -> None:
        """Give back what the new value does not use."""
        if old.schedule != new.schedule:
            self._schedules.free(old.schedule, now)
        for before, after in ((old.laddrs4, new.laddrs4), (old.laddrs6, new.laddrs6)):
            if before != after:
                self._laddr_regions.free(before, now)
        self._laddr_users.subtract(old.laddr_ids)

    def remove_service(self, service_id: int) -> None:
        """Forget a service; its connections go on."""
        old = self._installed.pop(service_id, None)
        if old is None:
            return
        now = self._clock()
        self._maps.services.delete(_structure(old.key))
        self._count_vip(old.key, None)
        self._discard(old, _Installed(old.key, b""), now)
        self._service_ids.release(service_id, now)

    def retain(self, service_ids: Collection[int], dest_ids: Iterable[int] = ()) -> None:
        """After a restart: drop services the journal does not name. dest_ids are the servers it does name."""
        for index in dest_ids:
            self._dest_ids.take(index)
        for index in [index for index in self._installed if index not in service_ids]:
            self.remove_service(index)

    def _count_vip(self, old: bytes | None, new: bytes | None) -> None:
        """Keep the number of services of an address and protocol; new before old, so that none drops to 0 between."""
        if old == new:
            return
        for key, change in ((new, 1), (old, -1)):
            if key is None:
                continue
            vip = _vip_key(key)
            self._vips[vip] += change
            if self._vips[vip] > 0:
                self._maps.vips.put(_structure(vip), self._vips[vip])
            else:
                del self._vips[vip]
                self._maps.vips.delete(_structure(vip))

    # Local addresses

    def laddr_id(self, address: IPAddress) -> int | None:
        """The id connections of this local address carry, None if it never had one."""
        return self._laddr_of.get(address)

    def _laddr_id(self, address: IPAddress) -> int:
        found = self._laddr_of.get(address)
        if found is not None:
            return found
        try:
            index = self._laddr_ids.allocate(self._clock())
        except IdsExhausted:
            raise MapFull(
                f"no more local addresses: {layout.MAX_LADDR_IDS} were used since the last clean start"
            ) from None
        self._maps.laddr_stats[index] = layout.LaddrStats()
        self._maps.laddr_ports[index] = 0
        self._journal.put(LADDR_RECORD, index, LaddrRecord(address))
        self._laddr_of[address] = index
        return index

    def recycle_laddr_ids(self, conns_by_laddr: Callable[[int], int]) -> int:
        """Forget ids no service names and no connection uses, as the caller has just counted; returns how many."""
        unused = [
            (address, index)
            for address, index in self._laddr_of.items()
            if self._laddr_users[index] <= 0 and conns_by_laddr(index) == 0
        ]
        for address, index in unused:
            del self._laddr_of[address]
            self._journal.delete(LADDR_RECORD, index)
        if unused:
            self._laddr_ids = Ids(layout.MAX_LADDR_IDS, lambda index: False)
            for index in self._laddr_of.values():
                self._laddr_ids.take(index)
        return len(unused)
