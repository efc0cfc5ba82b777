"""The data plane as the daemon's parts see it, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdpvs.bpf.errors import MapFull
from xdpvs.bpf.layout import NeighbourFlags, NeighbourState
from xdpvs.dataplane.network import DeviceEntry, NeighbourEntry, RouteEntry
from xdpvs.dataplane.stats import Traffic
from xdpvs.model.address import IPAddress
from xdpvs.model.service import Dest, Service
from xdpvs.sched.schedule import Schedule

NO_FLAGS = NeighbourFlags(0)


@dataclass
class FakeRecords:
    """A journal; full makes the next put fail."""

    kept: dict[tuple[int, int], Any] = field(default_factory=dict)
    full: bool = False

    def put(self, kind: int, id: int, value: Any) -> None:
        if self.full:
            raise MapFull("the journal is full")
        self.kept[kind, id] = value

    def delete(self, kind: int, id: int) -> bool:
        return self.kept.pop((kind, id), None) is not None

    def of(self, kind: int) -> dict[int, Any]:
        """Records of a kind by id."""
        return {key[1]: value for key, value in self.kept.items() if key[0] == kind}


@dataclass
class Installed:
    """What a service has in the maps; schedule as ids of servers."""

    service: Service
    schedule: list[int]
    laddrs: list[IPAddress]


@dataclass
class FakeBalancer:
    """Services and servers; full makes the next new service or server fail."""

    services: dict[int, Installed] = field(default_factory=dict)
    dests: dict[int, Dest] = field(default_factory=dict)
    traffic: dict[int, Traffic] = field(default_factory=dict)
    full: bool = False
    ids: Iterator[int] = field(default_factory=itertools.count)

    def _new(self) -> int:
        if self.full:
            raise MapFull("no more of them")
        return next(self.ids)

    def new_service_id(self) -> int:
        return self._new()

    def new_dest_id(self) -> int:
        return self._new()

    def put_dest(self, dest_id: int, service_id: int, dest: Dest) -> None:
        self.dests[dest_id] = dest

    def remove_dest(self, dest_id: int) -> None:
        del self.dests[dest_id]

    def put_service(
        self,
        service_id: int,
        service: Service,
        schedule: Schedule,
        dest_ids: Sequence[int],
        laddrs: Sequence[IPAddress],
    ) -> None:
        entries = [dest_ids[position] for position in schedule.entries]
        self.services[service_id] = Installed(service, entries, list(laddrs))

    def remove_service(self, service_id: int) -> None:
        self.services.pop(service_id)

    def read(self, ids: Sequence[int]) -> dict[int, Traffic]:
        """Counters of servers."""
        return {index: self.traffic.get(index, Traffic()) for index in ids}


@dataclass
class FakeNetwork:
    """Layer 3; full_routes makes the next new route fail."""

    device_entries: dict[int, DeviceEntry] = field(default_factory=dict)
    address_entries: dict[tuple[int, IPAddress], int] = field(default_factory=dict)
    route_entries: dict[tuple[IPAddress, int], RouteEntry] = field(default_factory=dict)
    neighbour_entries: dict[tuple[int, IPAddress], NeighbourEntry] = field(default_factory=dict)
    full_routes: bool = False

    def put_device(self, entry: DeviceEntry) -> None:
        self.device_entries[entry.device_id] = entry

    def remove_device(self, device_id: int) -> None:
        self.device_entries.pop(device_id, None)

    def put_address(self, device_id: int, address: IPAddress, prefix_length: int) -> None:
        self.address_entries[device_id, address] = prefix_length

    def remove_address(self, device_id: int, address: IPAddress) -> bool:
        return self.address_entries.pop((device_id, address), None) is not None

    def addresses(self) -> Iterator[tuple[int, IPAddress, int]]:
        for (device_id, address), prefix_length in self.address_entries.items():
            yield device_id, address, prefix_length

    def put_route(self, destination: IPAddress, prefix_length: int, entry: RouteEntry) -> None:
        if self.full_routes:
            raise MapFull("no more routes")
        self.route_entries[destination, prefix_length] = entry

    def remove_route(self, destination: IPAddress, prefix_length: int) -> bool:
        return self.route_entries.pop((destination, prefix_length), None) is not None

    def routes(self) -> Iterator[tuple[IPAddress, int, RouteEntry]]:
        for (destination, prefix_length), entry in self.route_entries.items():
            yield destination, prefix_length, entry

    def neighbours(self, reverse: bool = False) -> list[NeighbourEntry]:
        return list(self.neighbour_entries.values())

    def update_neighbour(
        self,
        device_id: int,
        address: IPAddress,
        *,
        mac: bytes | None = None,
        state: NeighbourState = NeighbourState.NONE,
        set_flags: NeighbourFlags = NO_FLAGS,
        clear_flags: NeighbourFlags = NO_FLAGS,
    ) -> int:
        old = self.neighbour_entries.get((device_id, address))
        flags = ((old.flags if old else NO_FLAGS) & ~clear_flags) | set_flags
        shown = mac or (old.mac if old else bytes(6))
        now = state or (old.state if old else NeighbourState.NONE)
        entry = NeighbourEntry(0, device_id, address, shown, NeighbourState(now), flags, 0.0)
        self.neighbour_entries[device_id, address] = entry
        return 0

    def remove_neighbour(self, device_id: int, address: IPAddress) -> bool:
        return self.neighbour_entries.pop((device_id, address), None) is not None

    def remove_reverse(self, entry: NeighbourEntry) -> bool:
        return True


@dataclass
class FakeHost:
    """The host's side of devices; broken makes the next KNI fail."""

    knis: dict[str, str] = field(default_factory=dict)
    groups: set[tuple[str, bytes]] = field(default_factory=set)
    broken: Exception | None = None

    def create_kni(self, name: str, peer_name: str, mac: bytes, mtu: int) -> int:
        if self.broken:
            raise self.broken
        self.knis[name] = peer_name
        return 100 + len(self.knis)

    def delete_kni(self, name: str) -> None:
        del self.knis[name]

    def join(self, device: str, group: bytes) -> None:
        self.groups.add((device, group))

    def leave(self, device: str, group: bytes) -> None:
        self.groups.discard((device, group))
