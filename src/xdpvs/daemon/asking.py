"""The I/O around the neighbour machine: sends its questions, applies its decisions, hears what XDP noticed."""

from __future__ import annotations

import errno
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

from xdpvs.bpf.errors import BpfError, explain
from xdpvs.bpf.layout import MAX_NEIGHBOURS, EventKind, NeighbourFlags, NeighbourState
from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.logs import topic
from xdpvs.daemon.neighbours import (
    Claim,
    Command,
    Key,
    Neighbours,
    Release,
    Remove,
    SetState,
    Solicit,
    idle_reverse,
)
from xdpvs.daemon.network import Layer3
from xdpvs.dataplane.network import NeighbourEntry, NeighbourEvent, decode_event
from xdpvs.model.address import IPAddress
from xdpvs.model.network import RouteFlags
from xdpvs.packet import arp, ndisc
from xdpvs.packet.ethernet import Frame

NO_FLAGS = NeighbourFlags(0)
COLLECT_S = 10.0
COMPLAIN_S = 10.0
_log = topic("NEIGHBOUR")


class NeighbourTable(Protocol):
    """What of the data plane's Network is used here."""

    def neighbours(self, reverse: bool = False) -> list[NeighbourEntry]: ...
    def update_neighbour(
        self,
        device_id: int,
        address: IPAddress,
        *,
        mac: bytes | None = None,
        state: NeighbourState = NeighbourState.NONE,
        set_flags: NeighbourFlags = NO_FLAGS,
        clear_flags: NeighbourFlags = NO_FLAGS,
    ) -> int: ...
    def remove_neighbour(self, device_id: int, address: IPAddress) -> bool: ...
    def remove_reverse(self, entry: NeighbourEntry) -> bool: ...


class PortSockets:
    """Sends frames from ports, past XDP: what the daemon says is not looked at by its own program."""

    def __init__(self) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        try:
            self._socket = socket.socket(socket.AF_PACKET, kind, 0)
        except PermissionError as error:
            raise explain("opening a packet socket", errno.EPERM, "CAP_NET_RAW") from error

    def send(self, netdev: str, frame: Frame) -> None:
        """Send, or say in the log why not."""
        try:
            self._socket.sendto(frame.encode(), (netdev, 0))
        except OSError as error:
            _log.debug("cannot send from %s: %s", netdev, error.strerror)

    def send_by_index(self, ifindex: int, frame: Frame) -> None:
        """The same for a netdev known by its index."""
        try:
            self.send(socket.if_indextoname(ifindex), frame)
        except OSError:
            _log.debug("no netdev %d to send from", ifindex)

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()


class Asking:
    """Keeps neighbours. Servers' next hops are asked for with want(), routes' gateways come by themselves.

    used tells which entries connections go by; asking that is expensive, and done only when the table fills up.
    """

    def __init__(
        self,
        table: NeighbourTable,
        devices: Devices,
        send: Callable[[str, Frame], None],
        *,
        timeout_s: float = 60.0,
        used: Callable[[], set[int]] = set,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._devices = devices
        self._send = send
        self._used = used
        self._clock = clock
        self._collected = -COLLECT_S
        self._complained: dict[IPAddress, float] = {}
        self.machine = Neighbours(timeout_s)
        self._servers: Counter[IPAddress] = Counter()
        self._layer3: Layer3 | None = None
        self._stale = True
        self.known = 0
        """Neighbours when the table was last looked at: looking costs milliseconds, and status is asked for often."""

    def follow(self, layer3: Layer3) -> None:
        """Whose routes and addresses to use; known only after both exist."""
        self._layer3 = layer3

    # What is needed

    def want(self, address: IPAddress) -> None:
        """A server has this address."""
        self._servers[address] += 1
        if self._servers[address] == 1:
            self._stale = True

    def unwant(self, address: IPAddress) -> None:
        """One server less has it."""
        self._servers[address] -= 1
        if self._servers[address] <= 0:
            del self._servers[address]
            self._stale = True

    def routes_changed(self) -> None:
        """Next hops may be others than before."""
        self._stale = True

    def refresh(self) -> None:
        """Find next hops anew, if anything has changed; the new ones are asked for at once."""
        if not self._stale or self._layer3 is None:
            return
        self._stale = False
        self._run(self.machine.set_wanted(frozenset(self._needed(self._layer3)), self._clock()))

    def _needed(self, layer3: Layer3) -> Iterable[Key]:
        for address in self._servers:
            hop = layer3.table.next_hop(address)
            if hop is not None and (device := self._devices.find(hop[0])) is not None:
                yield device.id, hop[1]
        yield from self._gateways(layer3)

    def _gateways(self, layer3: Layer3) -> Iterable[Key]:
        for route in layer3.gateways():
            device = self._devices.find(route.device)
            if device is not None and not route.flags & RouteFlags.KNI_HOST:
                yield device.id, route.gateway

    # What happens

    def event(self, sample: bytes) -> None:
        """XDP noticed something."""
        try:
            event = decode_event(sample)
        except ValueError:
            return
        key = (event.device_id, event.address)
        if event.kind is EventKind.NEIGHBOUR_WANTED:
            self._run(self.machine.needed(key, self._clock()))
        elif event.kind is EventKind.NEIGHBOUR_LEARNED:
            self.machine.learned(key)
        else:
            self._conflict(event)

    def _conflict(self, event: NeighbourEvent) -> None:
        if self._clock() - self._complained.get(event.address, -COMPLAIN_S) < COMPLAIN_S:
            return
        self._complained[event.address] = self._clock()
        device = self._devices.by_id(event.device_id)
        name = device.name if device else str(event.device_id)
        _log.warning("%s on %s is claimed by %s too", event.address, name, event.mac.hex(":"))

    def tick(self) -> None:
        """About once a second."""
        self.refresh()
        entries = self._table.neighbours(reverse=True)
        self.known = sum(entry.address is not None for entry in entries)
        self._run(self.machine.poll(entries, self._clock()))
        self._collect(idle_reverse(entries, MAX_NEIGHBOURS))

    def _collect(self, idle: list[NeighbourEntry]) -> None:
        """Make room in a full table, but take no entry from under a connection."""
        if not idle or self._clock() - self._collected < COLLECT_S:
            return
        used = self._used()
        for entry in idle:
            if entry.index not in used:
                self._table.remove_reverse(entry)
        self._collected = self._clock()

    def forget_device(self, device_id: int) -> None:
        """A device goes: so do its neighbours."""
        for entry in self._table.neighbours(reverse=True):
            if entry.device_id != device_id:
                continue
            if entry.address is None:
                self._table.remove_reverse(entry)
            else:
                self._table.remove_neighbour(device_id, entry.address)
        self._stale = True

    def device_changed(self, device: Device) -> None:
        """MAC or MTU are others: write them into the entries, which frames are built from."""
        for entry in self._table.neighbours():
            if entry.device_id == device.id and entry.address is not None:
                self._table.update_neighbour(device.id, entry.address)

    # Doing it

    def _run(self, commands: Iterable[Command]) -> None:
        for command in commands:
            try:
                self._do(command)
            except BpfError as error:
                _log.error("%s", error)

    def _do(self, command: Command) -> None:
        device_id, address = command.key
        match command:
            case Solicit(_, mac):
                self._solicit(device_id, address, mac)
            case SetState(_, state):
                self._table.update_neighbour(device_id, address, state=state)
            case Claim():
                self._table.update_neighbour(device_id, address, set_flags=NeighbourFlags.WANTED)
            case Release():
                self._release(device_id, address)
            case Remove():
                self._table.remove_neighbour(device_id, address)

    def _release(self, device_id: int, address: IPAddress) -> None:
        if self._devices.by_id(device_id) is not None:
            self._table.update_neighbour(device_id, address, clear_flags=NeighbourFlags.WANTED)

    def _solicit(self, device_id: int, address: IPAddress, mac: bytes | None) -> None:
        device = self._devices.by_id(device_id)
        if device is None or self._layer3 is None:
            return
        source = self._layer3.source_for(device, address)
        if isinstance(address, IPv4Address) and isinstance(source, IPv4Address):
            frame = arp.request(device.mac, source, address, to=mac, vlan=device.vlan)
        elif isinstance(address, IPv6Address) and isinstance(source, IPv6Address):
            frame = ndisc.solicitation(device.mac, source, address, to=mac, vlan=device.vlan)
        else:
            return
        self._send(device.netdev, frame)

    def announce(self, device: Device, address: IPAddress) -> None:
        """Tell the link that an address is here."""
        if isinstance(address, IPv4Address):
            self._send(device.netdev, arp.announcement(device.mac, address, vlan=device.vlan))
        else:
            self._send(device.netdev, ndisc.announcement(device.mac, address, vlan=device.vlan))
