"""DPVS's layer 3 as the operator wants it: addresses with their routes, on devices (DPVS src/inetaddr.c).

An address brings a host route to itself and, where it has a prefix, a route to that. Routes are records of their own:
an operator may remove them while the address stays. Codes are those of reference sockopt 9, 10 and 11.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from xdpvs.api.errors import DpvsError
from xdpvs.bpf.errors import MapFull
from xdpvs.bpf.layout import RouteFlags as PlaneRouteFlags
from xdpvs.daemon.devices import Device, Devices, HostSide
from xdpvs.daemon.logs import topic
from xdpvs.daemon.records import AddressRecord, DeviceRecord, Kind, RouteRecord
from xdpvs.daemon.refusal import no_room, refuse
from xdpvs.daemon.routes import Routes, is_local, masked
from xdpvs.daemon.services import Records
from xdpvs.dataplane.network import RouteEntry
from xdpvs.model.address import Family, IPAddress, any_address, full_prefix_length
from xdpvs.model.network import Address, AddressFlags, AddressScope, Route, RouteFlags, Vlan
from xdpvs.model.ordering import address_order, route4_order, route6_order
from xdpvs.packet.ethernet import multicast_mac
from xdpvs.packet.ndisc import link_local, solicited_node

OPTIMISTIC = AddressFlags(0x4)
TENTATIVE_S = 3.0
"""For so long a new IPv6 address shows as tentative; it is used at once (DPVS src/ipv6/ndisc.c)."""


class NetworkMaps(Protocol):
    """What of the data plane's Network is used here."""

    def put_address(self, device_id: int, address: IPAddress, prefix_length: int) -> None: ...
    def remove_address(self, device_id: int, address: IPAddress) -> bool: ...
    def addresses(self) -> Iterator[tuple[int, IPAddress, int]]: ...
    def put_route(self, destination: IPAddress, prefix_length: int, entry: RouteEntry) -> None: ...
    def remove_route(self, destination: IPAddress, prefix_length: int) -> bool: ...
    def routes(self) -> Iterator[tuple[IPAddress, int, RouteEntry]]: ...


@dataclass(slots=True)
class AddressEntry:
    """An address with its id in the journal; added and expires_at are on the caller's clock."""

    id: int
    address: Address
    added: float
    expires_at: float | None


def _ignore(*_arguments: object) -> None:
    """Nobody listens."""


class Layer3:
    """Addresses and routes. announce tells the link about an address, changed that next hops may be others."""

    def __init__(
        self,
        maps: NetworkMaps,
        devices: Devices,
        host: HostSide,
        records: Records,
        *,
        clock: Callable[[], float] = time.monotonic,
        announce: Callable[[Device, IPAddress], None] = _ignore,
        changed: Callable[[], None] = _ignore,
        link_local: bool = True,
    ) -> None:
        self._maps = maps
        self._devices = devices
        self._host = host
        self._records = records
        self._clock = clock
        self._announce = announce
        self._changed = changed
        self._link_local = link_local
        self._ids = itertools.count(1)
        self._addresses: dict[tuple[str, IPAddress, int], AddressEntry] = {}
        self._counts: Counter[tuple[str, IPAddress]] = Counter()
        self._joined: Counter[tuple[str, bytes]] = Counter()
        self.table = Routes(self._install)

    # Devices

    def add_port(self, device: Device, known: bool) -> None:
        """A port at the start; one that is new gets its link-local address."""
        self._devices.add_port(device)
        if not known:
            self.add_link_local(device)

    def add_link_local(self, device: Device) -> None:
        """The address every device owns from the start (eui64), unless addr_gen_mode is none."""
        if not self._link_local:
            return
        flags = AddressFlags.PERMANENT | AddressFlags.LINKLOCAL
        address = link_local(device.mac)
        self.add_address(
            Address(Family.INET6, address, 64, device.name, any_address(Family.INET6), AddressScope.LINK, flags)
        )

    def add_vlan(self, vlan: Vlan) -> None:
        """VLAN_ADD."""
        device = self._devices.add_vlan(vlan)
        try:
            self.add_link_local(device)
        except Exception:
            self._devices.delete_vlan(device)
            raise

    def delete_vlan(self, vlan: Vlan) -> Device:
        """VLAN_DEL: takes the device's addresses and routes along."""
        device = self._devices.vlan_to_delete(vlan)
        self.flush_addresses(device.name)
        for family in (Family.INET, Family.INET6):
            self._flush_routes(family, device.name)
        self._devices.delete_vlan(device)
        self._changed()
        return device

    # Addresses

    def addresses_of(self, device: str) -> list[Address]:
        """Addresses of a device, oldest first."""
        return [entry.address for entry in self._of(device)]

    def _of(self, device: str) -> list[AddressEntry]:
        """Oldest first: the table keeps the order of adding."""
        return [entry for entry in self._addresses.values() if entry.address.device == device]

    def is_local(self, address: IPAddress) -> bool:
        """Whether an address is on any device."""
        return any(entry.address.address == address for entry in self._addresses.values())

    def devices_of(self, address: IPAddress) -> list[Device]:
        """Devices that have an address."""
        names = [entry.address.device for entry in self._addresses.values() if entry.address.address == address]
        return [device for name in names if (device := self._devices.find(name)) is not None]

    def _find(self, address: Address) -> AddressEntry | None:
        return self._addresses.get(_key(address))

    def add_address(self, address: Address) -> None:
        """IFADDR_ADD."""
        if address.family not in (Family.INET, Family.INET6) or not int(address.address):
            raise refuse(DpvsError.INVAL)
        if address.prefix_length > full_prefix_length(address.address):
            raise refuse(DpvsError.INVAL)
        device = self._devices.get(address.device)
        if self._find(address) is not None:
            raise refuse(DpvsError.EXIST)
        now = self._clock()
        lifetime = address.valid_lifetime_s
        entry = AddressEntry(next(self._ids), _normal(address), now, now + lifetime if lifetime else None)
        with _room(), ExitStack() as undo:
            self._put_address(device, entry, undo)
            self._add_automatic_routes(device, address, undo)
            undo.callback(self._records.delete, Kind.ADDRESS, entry.id)
            self._record_address(entry)
            undo.pop_all()
        self._announce(device, address.address)
        self._changed()

    def _put_address(self, device: Device, entry: AddressEntry, undo: ExitStack) -> None:
        address = entry.address
        self._enter(entry)
        undo.callback(self._leave_table, entry)
        if self._counts[device.name, address.address] > 1:
            return
        undo.callback(self._maps.remove_address, device.id, address.address)
        self._maps.put_address(device.id, address.address, address.prefix_length)
        for group in self._groups(address):
            undo.callback(self._leave, device, group)
            self._join(device, group)

    def _enter(self, entry: AddressEntry) -> None:
        self._addresses[_key(entry.address)] = entry
        self._counts[entry.address.device, entry.address.address] += 1

    def _leave_table(self, entry: AddressEntry) -> None:
        del self._addresses[_key(entry.address)]
        where = (entry.address.device, entry.address.address)
        self._counts[where] -= 1
        if not self._counts[where]:
            del self._counts[where]

    def _groups(self, address: Address) -> list[bytes]:
        if address.address.version == 4:
            return []
        return [multicast_mac(solicited_node(address.address))]

    def _join(self, device: Device, group: bytes) -> None:
        self._joined[device.netdev, group] += 1
        try:
            self._host.join(device.netdev, group)
        except OSError as error:
            topic("INET").warning("%s does not receive multicast %s: %s", device.netdev, group.hex(":"), error.strerror)

    def _leave(self, device: Device, group: bytes) -> None:
        where = (device.netdev, group)
        self._joined[where] -= 1
        if self._joined[where] <= 0:
            del self._joined[where]
            self._host.leave(*where)

    def leave_groups(self) -> None:
        """A clean stop has netdevs receive no more multicast for us."""
        for netdev, group in self._joined:
            self._host.leave(netdev, group)
        self._joined.clear()

    def _automatic_routes(self, device: Device, address: Address) -> list[Route]:
        nothing = any_address(address.family)
        full = full_prefix_length(address.address)
        routes = [
            Route(address.family, address.address, full, device.name, nothing, nothing, RouteFlags.LOCALIN),
        ]
        if address.prefix_length < full:
            net = masked(address.address, address.prefix_length)
            routes.append(
                Route(
                    address.family,
                    net,
                    address.prefix_length,
                    device.name,
                    nothing,
                    address.address,
                    RouteFlags.FORWARD,
                )
            )
        return routes

    def _add_automatic_routes(self, device: Device, address: Address, undo: ExitStack) -> None:
        for route in self._automatic_routes(device, address):
            if self.table.find(route) is None:
                route_id = self._add_route(route)
                undo.callback(self._remove_route, route_id, route)

    def delete_address(self, address: Address) -> None:
        """IFADDR_DEL."""
        device = self._devices.get(address.device)
        entry = self._find(address)
        if entry is None:
            raise refuse(DpvsError.NOTEXIST)
        self._drop_address(device, entry)
        self._changed()

    def _drop_address(self, device: Device, entry: AddressEntry) -> None:
        address = entry.address
        self._records.delete(Kind.ADDRESS, entry.id)
        self._leave_table(entry)
        if not self._counts[device.name, address.address]:
            self._maps.remove_address(device.id, address.address)
            for group in self._groups(address):
                self._leave(device, group)
        for route in self._automatic_routes(device, address):
            found = self.table.find(route)
            if found is None:
                continue
            heir = self._heir(device, route)
            if heir is None:
                self._remove_route(*found)
            elif found[1].source == address.address and not is_local(route):
                # Another address of the device is in the prefix: the route becomes that one's.
                self._remove_route(*found)
                self._add_route(heir)

    def _heir(self, device: Device, route: Route) -> Route | None:
        """The same prefix as another address of the device makes it."""
        if is_local(route) and not self._counts[device.name, route.destination]:
            return None
        for entry in self._of(device.name):
            for other in self._automatic_routes(device, entry.address):
                if (other.destination, other.prefix_length) == (route.destination, route.prefix_length):
                    return other
        return None

    def set_address(self, address: Address) -> None:
        """IFADDR_SET: lifetime, scope, broadcast."""
        self._devices.get(address.device)
        entry = self._find(address)
        if entry is None:
            raise refuse(DpvsError.NOTEXIST)
        before = (entry.address, entry.expires_at)
        lifetime = address.valid_lifetime_s
        kept = entry.address.flags & ~AddressFlags.PERMANENT
        entry.address = _normal(replace(address, flags=kept))
        entry.expires_at = self._clock() + lifetime if lifetime else None
        try:
            self._record_address(entry)
        except Exception:
            entry.address, entry.expires_at = before
            raise

    def flush_addresses(self, name: str) -> None:
        """IFADDR_FLUSH: both families."""
        device = self._devices.get(name)
        for entry in self._of(name):
            self._drop_address(device, entry)
        self._changed()

    def addresses(self, device: str = "") -> list[Address]:
        """IFADDR_SHOW: with what is left of lifetimes; newest first on a device, by hash without."""
        if device:
            self._devices.get(device)
            return [self._shown(entry) for entry in reversed(self._of(device))]
        return address_order(self._shown(entry) for entry in self._addresses.values())

    def _shown(self, entry: AddressEntry) -> Address:
        now = self._clock()
        address = entry.address
        if entry.expires_at is not None:
            left = max(1, math.ceil(entry.expires_at - now))
            return replace(address, valid_lifetime_s=left, preferred_lifetime_s=left)
        if address.family == Family.INET6 and now - entry.added < TENTATIVE_S:
            return replace(address, flags=address.flags | AddressFlags.TENTATIVE | OPTIMISTIC)
        return address

    def expire(self) -> float | None:
        """Drop addresses whose time is up; when the next one's is, None if none has one."""
        now = self._clock()
        timed = [(entry.expires_at, entry) for entry in self._addresses.values() if entry.expires_at is not None]
        over = [entry for expires_at, entry in timed if expires_at <= now]
        for entry in over:
            device = self._devices.find(entry.address.device)
            if device is not None:
                topic("INET").info("%s on %s has expired", entry.address.address, device.name)
                self._drop_address(device, entry)
        if over:
            self._changed()
        return min((expires_at for expires_at, _ in timed if expires_at > now), default=None)

    def source_for(self, device: Device, target: IPAddress) -> IPAddress:
        """Our address to ask a neighbour from: one in its subnet, else any of the device, else the unspecified one."""
        family = Family.INET if target.version == 4 else Family.INET6
        own = [address for address in self.addresses_of(device.name) if address.family == family]
        for address in own:
            if address.prefix_length < full_prefix_length(target) and masked(target, address.prefix_length) == masked(
                address.address, address.prefix_length
            ):
                return address.address
        if family == Family.INET6:
            own.sort(key=lambda address: not address.flags & AddressFlags.LINKLOCAL)
        return own[0].address if own else any_address(family)

    # Routes

    def add_route(self, route: Route) -> None:
        """ROUTE_ADD, ROUTE6: an IPv4 route that exists is left alone, an IPv6 one refused."""
        route = self._checked(route)
        if self.table.find(route) is not None:
            if route.family == Family.INET6:
                raise refuse(DpvsError.EXIST)
            return
        with _room():
            self._add_route(route)
        self._changed()

    def delete_route(self, route: Route) -> None:
        """ROUTE_DEL, ROUTE6: a missing IPv4 route is fine."""
        found = self.table.find(self._checked(route))
        if found is None:
            if route.family == Family.INET6:
                raise refuse(DpvsError.NOTEXIST)
            return
        self._remove_route(*found)
        self._changed()

    def _checked(self, route: Route) -> Route:
        if route.family not in (Family.INET, Family.INET6):
            raise refuse(DpvsError.INVAL)
        self._devices.get(route.device, DpvsError.INVAL)
        full = full_prefix_length(route.destination)
        if not 0 <= route.prefix_length <= full:
            raise refuse(DpvsError.INVAL)
        if is_local(route) and (route.prefix_length != full or not int(route.destination)):
            raise refuse(DpvsError.INVAL)
        destination = masked(route.destination, route.prefix_length)
        flags = route.flags
        if route.family == Family.INET and not int(destination) and not is_local(route):
            flags |= RouteFlags.DEFAULT
        return replace(route, destination=destination, flags=flags)

    def _add_route(self, route: Route) -> int:
        route_id = next(self._ids)
        self.table.add(route_id, route)
        try:
            self._records.put(Kind.ROUTE, route_id, RouteRecord(route))
        except Exception:
            self.table.remove(route_id, route)
            raise
        return route_id

    def _remove_route(self, route_id: int, route: Route) -> None:
        self._records.delete(Kind.ROUTE, route_id)
        self.table.remove(route_id, route)

    def flush_routes(self, family: Family, device: str) -> None:
        """ROUTE_FLUSH, ROUTE6_FLUSH."""
        self._devices.get(device, DpvsError.INVAL)
        self._flush_routes(family, device)
        self._changed()

    def _flush_routes(self, family: Family, device: str) -> None:
        for route_id, route in list(self.table.all(family, device)):
            self._remove_route(route_id, route)

    def routes(self, family: Family, device: str = "") -> list[Route]:
        """ROUTE_SHOW, ROUTE6_SHOW, in DPVS's order; the MTU is the device's where none was given."""
        if device:
            self._devices.get(device)
        shown = [self._with_mtu(route) for _, route in self.table.all(family, device)]
        return route4_order(shown) if family == Family.INET else route6_order(shown)

    def gateways(self) -> list[Route]:
        """Routes that lead over a gateway."""
        both = [route for family in (Family.INET, Family.INET6) for _, route in self.table.all(family)]
        return [route for route in both if int(route.gateway)]

    def _with_mtu(self, route: Route) -> Route:
        device = self._devices.find(route.device)
        return route if route.mtu or device is None else replace(route, mtu=device.mtu)

    def _install(self, destination: IPAddress, prefix_length: int, route: Route | None) -> None:
        device = None if route is None else self._devices.find(route.device)
        if route is None or device is None:
            self._maps.remove_route(destination, prefix_length)
            return
        flags = PlaneRouteFlags(0)
        if route.flags & RouteFlags.KNI_HOST:
            flags |= PlaneRouteFlags.KNI
        elif route.flags & RouteFlags.LOCALIN:
            flags |= PlaneRouteFlags.LOCAL
        gateway = route.gateway if int(route.gateway) else None
        mtu = min(route.mtu or device.mtu, device.mtu)
        self._maps.put_route(destination, prefix_length, RouteEntry(device.id, mtu, gateway, flags))

    # The journal

    def _record_address(self, entry: AddressEntry) -> None:
        self._records.put(Kind.ADDRESS, entry.id, AddressRecord(entry.address, entry.expires_at))

    def adopt(
        self, devices: dict[int, DeviceRecord], addresses: dict[int, AddressRecord], routes: dict[int, RouteRecord]
    ) -> None:
        """Take over what the journal has, put it into the maps again, and remove what it does not name from them."""
        self._devices.adopt(devices)
        self._adopt_addresses(addresses)
        self._adopt_routes(routes)
        self._ids = itertools.count(max((*addresses, *routes), default=0) + 1)
        keep = {(device.id, entry.address.address) for device in self._devices for entry in self._of(device.name)}
        for device_id, address, _ in list(self._maps.addresses()):
            if (device_id, address) not in keep:
                self._maps.remove_address(device_id, address)
        prefixes = self.table.prefixes()
        for destination, prefix_length, _ in list(self._maps.routes()):
            if (destination, prefix_length) not in prefixes:
                self._maps.remove_route(destination, prefix_length)
        self._changed()

    def _adopt_addresses(self, records: dict[int, AddressRecord]) -> None:
        for record_id, record in sorted(records.items()):
            device = self._devices.find(record.address.device)
            if device is None:
                self._records.delete(Kind.ADDRESS, record_id)
                continue
            entry = AddressEntry(record_id, record.address, -math.inf, record.expires_at)
            with ExitStack() as undo:
                self._put_address(device, entry, undo)
                undo.pop_all()

    def _adopt_routes(self, records: dict[int, RouteRecord]) -> None:
        for record_id, record in sorted(records.items()):
            if self._devices.find(record.route.device) is None:
                self._records.delete(Kind.ROUTE, record_id)
            else:
                self.table.add(record_id, record.route)


@contextmanager
def _room() -> Iterator[None]:
    """A full table is the operator's to hear of."""
    try:
        yield
    except MapFull as error:
        raise no_room(error) from error


def _normal(address: Address) -> Address:
    """An address as DPVS stores it: one lifetime for both, and permanent without one."""
    flags = address.flags & (AddressFlags.SAPOOL | AddressFlags.LINKLOCAL)
    if not address.valid_lifetime_s:
        flags |= AddressFlags.PERMANENT
    return replace(address, flags=flags, preferred_lifetime_s=address.valid_lifetime_s)


def _key(address: Address) -> tuple[str, IPAddress, int]:
    return address.device, address.address, address.prefix_length
