"""Devices, addresses, routes and neighbours in the maps.

Device ids are the caller's; ports are the first of them, in the order the data plane was opened with. Neighbours are
BPF's table as much as ours: they are read here and changed only through the program neighbour_update, which claims
slots by the same rules as XDP does.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xdpvs.bpf import layout
from xdpvs.bpf.errors import BpfError, MapFull
from xdpvs.bpf.layout import AddressFamily, Maps, NeighbourFlags, NeighbourState
from xdpvs.bpf.maps import mapped
from xdpvs.bpf.structure import pack_address, unpack_address
from xdpvs.bpf.testrun import call
from xdpvs.dataplane.ticks import age_s, now_ticks
from xdpvs.model.address import IPAddress, family_of

VLANS = 4096
NO_FLAGS = layout.DeviceFlags(0)
NO_ROUTE_FLAGS = layout.RouteFlags(0)
NO_NEIGHBOUR_FLAGS = NeighbourFlags(0)


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device as BPF sees it. port is the id of its port (its own for a port), ifindex the port's netdev.

    kni_peer is the ifindex of the hidden end of its KNI's veth, 0 where the netdev itself is the KNI.
    """

    device_id: int
    port: int
    ifindex: int
    mac: bytes
    mtu: int = 1500
    vlan: int = 0
    flags: layout.DeviceFlags = NO_FLAGS
    kni_peer: int = 0

    @property
    def kind(self) -> layout.DeviceKind:
        """A VLAN has a tag, a port has none."""
        return layout.DeviceKind.VLAN if self.vlan else layout.DeviceKind.PORT


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """Where a prefix leads; without gateway it is on the link. mtu is never 0."""

    device_id: int
    mtu: int
    gateway: IPAddress | None = None
    flags: layout.RouteFlags = NO_ROUTE_FLAGS


@dataclass(frozen=True, slots=True)
class NeighbourEntry:
    """A slot of the neighbour table. address is None for a client's MAC that packets go back to (reverse)."""

    index: int
    device_id: int
    address: IPAddress | None
    mac: bytes
    state: NeighbourState
    flags: NeighbourFlags
    confirmed_s: float
    """Seconds since the MAC was last confirmed."""


@dataclass(frozen=True, slots=True)
class NeighbourEvent:
    """What BPF noticed: a frame wants a neighbour, one was learned, or someone else claims an address of ours."""

    kind: layout.EventKind
    device_id: int
    address: IPAddress
    mac: bytes


def decode_event(sample: bytes) -> NeighbourEvent:
    """An event of the ring buffer; ValueError for one from a newer program."""
    event = layout.Event.from_bytes(sample)
    address = unpack_address(event.addr, event.af)
    return NeighbourEvent(layout.EventKind(event.kind), event.device, address, event.mac)


class Network:
    """Owner of the maps of layer 3. neighbour_program is the descriptor of neighbour_update."""

    def __init__(self, maps: Maps, neighbour_program: int, clock: Callable[[], int] = now_ticks) -> None:
        self._maps = maps
        self._program = neighbour_program
        self._clock = clock
        self._neighbours: memoryview | None = None

    # Devices

    def put_device(self, entry: DeviceEntry) -> None:
        """Write a device, then what leads to it: frames find it complete or not at all."""
        self._maps.devices[entry.device_id] = layout.Device(
            kind=int(entry.kind),
            flags=int(entry.flags),
            ifindex=entry.ifindex,
            port=entry.port,
            vlan=entry.vlan,
            mtu=entry.mtu,
            mac=entry.mac,
            kni=entry.kni_peer,
        )
        if entry.kni_peer:
            self._maps.kni_ports[entry.device_id] = entry.kni_peer
            self._maps.kni_devices.put(entry.kni_peer, entry.device_id)
        if entry.kind is layout.DeviceKind.PORT:
            self._maps.tx_ports[entry.device_id] = entry.ifindex
        self._maps.vlan_devices[entry.port * VLANS + entry.vlan] = entry.device_id + 1

    def remove_device(self, device_id: int) -> None:
        """Take a device away; its addresses, routes and neighbours are removed by who put them."""
        device = self._maps.devices[device_id]
        if device.kind == layout.DeviceKind.NONE:
            return
        self._maps.vlan_devices[device.port * VLANS + device.vlan] = 0
        if device.kni:
            self._maps.kni_devices.delete(device.kni)
            self._maps.kni_ports.delete(device_id)
        if device.kind == layout.DeviceKind.PORT:
            self._maps.tx_ports.delete(device_id)
        self._maps.devices[device_id] = layout.Device()

    def devices(self) -> dict[int, DeviceEntry]:
        """All devices, after a restart those of the earlier run."""
        size = self._maps.devices.value.size
        data = memoryview(self._maps.devices.read(0, layout.MAX_DEVICES))
        found = {}
        for index in range(layout.MAX_DEVICES):
            device = layout.Device.from_bytes(data[index * size : (index + 1) * size])
            if device.kind != layout.DeviceKind.NONE:
                found[index] = DeviceEntry(
                    index,
                    device.port,
                    device.ifindex,
                    device.mac,
                    device.mtu,
                    device.vlan,
                    layout.DeviceFlags(device.flags),
                    device.kni,
                )
        return found

    # Addresses

    def put_address(self, device_id: int, address: IPAddress, prefix_length: int) -> None:
        """Answer for an address on a device."""
        self._maps.addresses.put(_address_key(device_id, address), prefix_length)

    def remove_address(self, device_id: int, address: IPAddress) -> bool:
        """Stop answering; False if we did not."""
        return self._maps.addresses.delete(_address_key(device_id, address))

    def addresses(self) -> Iterator[tuple[int, IPAddress, int]]:
        """(device id, address, prefix length) of all."""
        for key, prefix_length in self._maps.addresses.items():
            yield key.device, unpack_address(key.addr, key.af), prefix_length

    # Routes

    def put_route(self, destination: IPAddress, prefix_length: int, entry: RouteEntry) -> None:
        """Write the route of a prefix; the table has one route for each."""
        flags = entry.flags | (layout.RouteFlags.GATEWAY if entry.gateway is not None else NO_ROUTE_FLAGS)
        gateway = bytes(16) if entry.gateway is None else pack_address(entry.gateway)
        route = layout.Route(gateway=gateway, device=entry.device_id, flags=int(flags), mtu=entry.mtu)
        if destination.version == 4:
            self._maps.routes4.put(_route4_key(destination, prefix_length), route)
        else:
            self._maps.routes6.put(_route6_key(destination, prefix_length), route)

    def remove_route(self, destination: IPAddress, prefix_length: int) -> bool:
        """Forget a prefix; False if there was no route."""
        if destination.version == 4:
            return self._maps.routes4.delete(_route4_key(destination, prefix_length))
        return self._maps.routes6.delete(_route6_key(destination, prefix_length))

    def routes(self) -> Iterator[tuple[IPAddress, int, RouteEntry]]:
        """(destination, prefix length, route) of both families."""
        for key4, route in self._maps.routes4.items():
            yield unpack_address(key4.addr, AddressFamily.INET4), key4.prefix_length, _route_entry(route, 4)
        for key6, route in self._maps.routes6.items():
            yield unpack_address(key6.addr, AddressFamily.INET6), key6.prefix_length, _route_entry(route, 6)

    # Neighbours

    def neighbours(self, reverse: bool = False) -> list[NeighbourEntry]:
        """The table; with reverse also the MACs that clients' packets go back to."""
        size = self._maps.neighbours.value.size
        data = self._mapped_neighbours()
        tags = data.cast("Q")[:: size // 8].tolist()
        now = self._clock()
        found = []
        for index, tag in enumerate(tags):
            if tag >> 32 != layout.SlotKind.LIVE:
                continue
            slot = layout.Neighbour.from_bytes(data[index * size : (index + 1) * size])
            if reverse or not slot.flags & NeighbourFlags.REVERSE:
                found.append(_neighbour_entry(index, slot, now))
        return found

    def _mapped_neighbours(self) -> memoryview:
        """The table, mapped once: it is small, and looked at every second."""
        if self._neighbours is None:
            slots = layout.MAX_NEIGHBOURS + layout.NEIGHBOUR_WINDOW
            size = slots * self._maps.neighbours.value.size
            length = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
            self._neighbours = memoryview(mapped(self._maps.neighbours.fd, 0, length))[:size]
        return self._neighbours

    def update_neighbour(
        self,
        device_id: int,
        address: IPAddress,
        *,
        mac: bytes | None = None,
        state: NeighbourState = NeighbourState.NONE,
        set_flags: NeighbourFlags = NO_NEIGHBOUR_FLAGS,
        clear_flags: NeighbourFlags = NO_NEIGHBOUR_FLAGS,
    ) -> int:
        """Claim a neighbour's slot or change it, and return its index. A MAC comes with its state.

        Without MAC the state may not be taken back to one before REACHABLE: XDP may have learned it meanwhile.
        """
        args = layout.NeighbourArgs(
            addr=pack_address(address),
            device=device_id,
            af=int(family_of(address)),
            state=int(state),
            set_flags=int(set_flags),
            clear_flags=int(clear_flags),
        )
        if mac is not None:
            args.mac, args.set_mac = mac, 1
        call(self._program, args)
        if args.index < 0:
            raise MapFull(f"no room for neighbour {address}, or device {device_id} is unknown")
        return args.index

    def remove_neighbour(self, device_id: int, address: IPAddress) -> bool:
        """Free a neighbour's slot; connections that use it look for their next hop again. False if there was none."""
        return self._remove(device_id, pack_address(address), int(family_of(address)))

    def remove_reverse(self, entry: NeighbourEntry) -> bool:
        """Free the slot of a client's MAC."""
        return self._remove(entry.device_id, entry.mac.ljust(16, b"\0"), int(AddressFamily.MAC))

    def _remove(self, device_id: int, addr: bytes, family: int) -> bool:
        args = layout.NeighbourArgs(addr=addr, device=device_id, af=family, remove=1)
        call(self._program, args)
        return args.index >= 0


def _address_key(device_id: int, address: IPAddress) -> layout.AddressKey:
    return layout.AddressKey(addr=pack_address(address), device=device_id, af=int(family_of(address)))


def _checked_prefix(destination: IPAddress, prefix_length: int) -> bytes:
    if not 0 <= prefix_length <= destination.max_prefixlen:
        raise BpfError(f"{destination}/{prefix_length} is no prefix")
    return destination.packed


def _route4_key(destination: IPAddress, prefix_length: int) -> layout.Route4Key:
    return layout.Route4Key(prefix_length=prefix_length, addr=_checked_prefix(destination, prefix_length))


def _route6_key(destination: IPAddress, prefix_length: int) -> layout.Route6Key:
    return layout.Route6Key(prefix_length=prefix_length, addr=_checked_prefix(destination, prefix_length))


def _route_entry(route: layout.Route, version: int) -> RouteEntry:
    flags = layout.RouteFlags(route.flags)
    family = AddressFamily.INET4 if version == 4 else AddressFamily.INET6
    gateway = unpack_address(route.gateway, family) if flags & layout.RouteFlags.GATEWAY else None
    return RouteEntry(route.device, route.mtu, gateway, flags & ~layout.RouteFlags.GATEWAY)


def _neighbour_entry(index: int, slot: layout.Neighbour, now: int) -> NeighbourEntry:
    return NeighbourEntry(
        index,
        slot.device,
        None if slot.af == AddressFamily.MAC else unpack_address(slot.addr, slot.af),
        slot.dmac,
        NeighbourState(slot.state),
        NeighbourFlags(slot.flags),
        age_s(slot.updated, now),
    )
