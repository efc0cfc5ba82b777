"""The client of the control socket: blocking, one connection per request, a method per message.

Errors: ApiError (the daemon refused), TransportError (no usable answer); both know the line upstream's tools print.
Functions that take a client should be given this class or a fake with the methods they use. Model types are imported
for the type checker only: a CLI should not load those it does not touch.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from xdpvs.api import messages as m
from xdpvs.api.errors import (
    ApiError,
    ConnectionFailed,
    CorruptReply,
    SendFailed,
    ShortReply,
    TransportError,
    WrongVersion,
)
from xdpvs.api.framing import MAX_PATH, REPLY_HEADER, VERSION, ipc_path, request_bytes
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.layout import text
from xdpvs.api.messages import Message
from xdpvs.api.requests import (
    AddressFilter,
    ConnRequest,
    ConnSliceRequest,
    ConnsRequest,
    DestRequest,
    DestsRequest,
    DestsSwap,
    LaddrRequest,
    LaddrsRequest,
    LldpRequest,
    RouteChange,
    ServiceRequest,
    ServicesRequest,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.model.address import IPAddress
    from xdpvs.model.conn import Conn, SocketPair
    from xdpvs.model.counters import DaemonStatus, DropCounter, Ipv6Stats
    from xdpvs.model.device import (
        BondStatus,
        HardwareMulticast,
        LcoreInfo,
        LcoreMask,
        LcoreStats,
        LinkCounters,
        LinkDetails,
        LinkSettings,
        MulticastAddress,
        PortList,
    )
    from xdpvs.model.memory import MemoryPool, MemoryRing, MemorySegment, MemoryZone
    from xdpvs.model.network import Address, AddressStatus, Link, LinkStats, Neighbour, Route, Vlan
    from xdpvs.model.service import (
        AclEntry,
        DaemonInfo,
        Dest,
        DestStatus,
        Laddr,
        LaddrStatus,
        Service,
        ServiceKey,
        ServiceStatus,
    )
    from xdpvs.model.table import TableEntry

Q = TypeVar("Q")
R = TypeVar("R")

TIMEOUT_S = 30.0
_CHUNK = 1 << 20
# A sixteenth of what the daemon takes at once.
_BATCH_BYTES = 1 << 20


class Client:
    """A daemon's socket, `DPVS_IPC_FILE` or DPVS's default unless given."""

    def __init__(self, path: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.path = ipc_path() if path is None else path
        self.timeout_s = timeout_s

    # The daemon

    def get_info(self) -> DaemonInfo:
        """Version and number of services."""
        return self.call(m.GET_INFO, None)

    def get_version(self) -> str:
        """The daemon's name and version."""
        return self.call(m.GET_VERSION, None)

    def get_drops(self) -> list[DropCounter]:
        """Packets not forwarded, by reason (xdpvs only)."""
        return self.call(m.XDPVS_GET_DROPS, None)

    def get_status(self) -> DaemonStatus:
        """The daemon as a whole (xdpvs only)."""
        return self.call(m.XDPVS_GET_STATUS, None)

    def get_ipv6_stats(self) -> Ipv6Stats:
        """IPv6 counters."""
        return self.call(m.IP6_STATS, None)

    # Services

    def get_services(self, count: int, index: int = 0) -> list[ServiceStatus]:
        """At most `count` services; DPVS insists on the exact number (GET_INFO has it)."""
        return self.call(m.GET_SERVICES, ServicesRequest(count, index))

    def get_service(self, key: ServiceKey, index: int = 0) -> ServiceStatus:
        """One service."""
        return self.call(m.GET_SERVICE, ServiceRequest(key, index))

    def add_service(self, service: Service) -> None:
        """Add a service."""
        self.call(m.ADD, service)

    def edit_service(self, service: Service) -> None:
        """Replace all of a service but its key."""
        self.call(m.EDIT, service)

    def del_service(self, key: ServiceKey) -> None:
        """Delete a service and all that belongs to it."""
        self.call(m.DEL, key)

    def flush(self) -> None:
        """Delete all services."""
        self.call(m.FLUSH, None)

    def zero(self, key: ServiceKey | None = None) -> None:
        """Reset the counters of one service, or of all."""
        self.call(m.ZERO, key)

    def get_table(self) -> list[TableEntry]:
        """Everything at once (xdpvs only; DPVS closes: ShortReply.unanswered)."""
        return self.call(m.XDPVS_GET_TABLE, None)

    def batch(self, changes: Sequence[tuple[Message[Any, Any], Any]]) -> list[int]:
        """Apply SETs in order, each attempted, and return their codes (xdpvs only, as get_table).

        As many requests as it takes; if one of them fails, those before it have been carried out.
        """
        codes: list[int] = []
        for part in _parts(changes):
            try:
                applied: list[int] = self.call(m.XDPVS_BATCH, part)
            except ShortReply as error:
                if not codes:
                    raise
                # Not `unanswered`: the message is known here, and who tried the changes singly would repeat some.
                raise TransportError(error.line, error.code) from error
            codes += applied
        return codes

    # Servers

    def get_dests(self, key: ServiceKey, num: int, index: int = 0) -> list[DestStatus]:
        """At most `num` servers of a service; DPVS insists on the exact number (ServiceStatus has it)."""
        return self.call(m.GET_DESTS, DestsRequest(key, num, index))

    def add_dest(self, key: ServiceKey, dest: Dest) -> None:
        """Add a server."""
        self.call(m.ADDDEST, DestRequest(key, dest))

    def edit_dest(self, key: ServiceKey, dest: Dest) -> None:
        """Replace a server's weight, forwarding, limits and inhibition."""
        self.call(m.EDITDEST, DestRequest(key, dest))

    def del_dest(self, key: ServiceKey, dest: Dest) -> None:
        """Delete a server."""
        self.call(m.DELDEST, DestRequest(key, dest))

    def change_dests(self, key: ServiceKey, put: Sequence[Dest], delete: Sequence[Dest] = ()) -> None:
        """Add or replace, and remove, several servers: all or none (xdpvs only). Removing a missing one is no error."""
        self.call(m.XDPVS_CHANGE_DESTS, DestsSwap(key, tuple(put), tuple(delete)))

    # Local addresses, access lists

    def add_laddr(self, key: ServiceKey, laddr: Laddr) -> None:
        """Give a service a local address."""
        self.call(m.LADDR_ADD, LaddrRequest(key, laddr))

    def del_laddr(self, key: ServiceKey, laddr: Laddr) -> None:
        """Take a local address from a service."""
        self.call(m.LADDR_DEL, LaddrRequest(key, laddr))

    def flush_laddrs(self, key: ServiceKey) -> None:
        """Take all local addresses from a service."""
        self.call(m.LADDR_FLUSH, key)

    def get_laddrs(self, key: ServiceKey, index: int = 0) -> list[LaddrStatus]:
        """A service's local addresses (without their devices)."""
        return self.call(m.LADDR_GETALL, LaddrsRequest(key, index))

    def get_denied(self) -> list[AclEntry]:
        """The deny (black) lists of all services."""
        return self.call(m.BLKLST_GETALL, None)

    def add_denied(self, entry: AclEntry) -> None:
        """Deny a client."""
        self.call(m.BLKLST_ADD, entry)

    def del_denied(self, entry: AclEntry) -> None:
        """Deny a client no more."""
        self.call(m.BLKLST_DEL, entry)

    def get_allowed(self) -> list[AclEntry]:
        """The allow (white) lists of all services."""
        return self.call(m.WHTLST_GETALL, None)

    def add_allowed(self, entry: AclEntry) -> None:
        """Allow a client."""
        self.call(m.WHTLST_ADD, entry)

    def del_allowed(self, entry: AclEntry) -> None:
        """Allow a client no more."""
        self.call(m.WHTLST_DEL, entry)

    # Connections

    def get_conns(self, templates: bool = False) -> Iterator[Conn]:
        """All connections, or the persistence templates instead."""
        from xdpvs.api.structs_conn import decode_conns

        for records in self.iter_conn_pages(templates):
            yield from decode_conns(records)

    def iter_conn_pages(self, templates: bool = False) -> Iterator[bytes]:
        """All connections as packed records (structs_conn.RAW_CONN), page by page.

        Asks by our own message, and by DPVS's where the daemon does not know it.
        """
        request = ConnSliceRequest(templates)
        while True:
            try:
                page = self.call(m.XDPVS_GET_CONNS, request)
            except ShortReply as error:
                if error.unanswered and request.cursor == 0:
                    break
                raise
            yield page.records
            if not page.more:
                return
            request = ConnSliceRequest(templates, page.cursor)
        yield from self._dpvs_conn_pages(templates)

    def _dpvs_conn_pages(self, templates: bool) -> Iterator[bytes]:
        request = ConnsRequest(templates)
        while True:
            page = self.call(m.GET_CONN_ALL, request)
            yield page.records
            if not page.more:
                return
            request = ConnsRequest(templates, True, page.cursor)

    def get_conn(self, pair: SocketPair, template: bool = False) -> Conn:
        """One connection."""
        return self.call(m.GET_CONN_SPECIFIED, ConnRequest(pair, template))

    # Addresses

    def get_addresses(self, request: AddressFilter | None = None) -> list[AddressStatus]:
        """Addresses of a device or of all."""
        return self.call(m.IFADDR_SHOW, AddressFilter() if request is None else request)

    def add_address(self, address: Address) -> None:
        """Put an address on a device."""
        self.call(m.IFADDR_ADD, address)

    def del_address(self, address: Address) -> None:
        """Take an address off a device."""
        self.call(m.IFADDR_DEL, address)

    def set_address(self, address: Address) -> None:
        """Change an address' lifetimes, scope and broadcast."""
        self.call(m.IFADDR_SET, address)

    def flush_addresses(self, device: str) -> None:
        """Take all addresses of both families off a device."""
        self.call(m.IFADDR_FLUSH, device)

    def get_multicast_addresses(self, device: str) -> list[MulticastAddress]:
        """IP multicast addresses joined on a device."""
        return self.call(m.IFMADDR_SHOW, device)

    def announce(self, address: IPAddress) -> None:
        """Announce a local address: gratuitous ARP, for IPv6 (xdpvs only) an unsolicited advertisement."""
        self.call(m.GRATARP if address.version == 4 else m.XDPVS_ANNOUNCE, address)

    # Routes

    def get_routes(self, device: str = "") -> list[Route]:
        """IPv4 routes."""
        return self.call(m.ROUTE_SHOW, device)

    def add_route(self, route: Route) -> None:
        """Add an IPv4 route."""
        self.call(m.ROUTE_ADD, route)

    def del_route(self, route: Route) -> None:
        """Delete an IPv4 route."""
        self.call(m.ROUTE_DEL, route)

    def set_route(self, route: Route) -> None:
        """Always refused, here and by DPVS."""
        self.call(m.ROUTE_SET, m.ROUTE_ADD.encode_request(route))

    def flush_routes(self, device: str) -> None:
        """Delete a device's IPv4 routes."""
        self.call(m.ROUTE_FLUSH, device)

    def get_routes6(self, device: str = "") -> list[Route]:
        """IPv6 routes; an unknown device gives CorruptReply, as its reply has no body."""
        return self.call(m.ROUTE6_SHOW, device)

    def add_route6(self, route: Route) -> None:
        """Add an IPv6 route."""
        self.call(m.ROUTE6_ADD_DEL, RouteChange(True, route))

    def del_route6(self, route: Route) -> None:
        """Delete an IPv6 route."""
        self.call(m.ROUTE6_ADD_DEL, RouteChange(False, route))

    def flush_routes6(self, device: str) -> None:
        """Delete a device's IPv6 routes."""
        self.call(m.ROUTE6_FLUSH, device)

    # Neighbours, VLANs

    def get_neighbours(self, device: str = "") -> list[Neighbour]:
        """Neighbours of both families."""
        return self.call(m.NEIGH_SHOW, device)

    def add_neighbour(self, neighbour: Neighbour) -> None:
        """Add or replace a static neighbour."""
        self.call(m.NEIGH_ADD, neighbour)

    def del_neighbour(self, neighbour: Neighbour) -> None:
        """Delete a neighbour."""
        self.call(m.NEIGH_DEL, neighbour)

    def get_vlans(self, like: Vlan) -> list[Vlan]:
        """VLANs by name, or of a real device (protocol and id filter where not 0)."""
        return self.call(m.VLAN_SHOW, like)

    def add_vlan(self, vlan: Vlan) -> None:
        """Add a VLAN device."""
        self.call(m.VLAN_ADD, vlan)

    def del_vlan(self, vlan: Vlan) -> None:
        """Delete a VLAN device, by name or by real device and id."""
        self.call(m.VLAN_DEL, vlan)

    # Devices

    def get_ports(self) -> PortList:
        """All devices."""
        return self.call(m.GET_PORT_LIST, None)

    def get_link(self, name: str) -> Link:
        """A device."""
        return self.call(m.GET_PORT_BASIC, name)

    def get_link_stats(self, name: str) -> LinkStats:
        """A device's counters."""
        return self.call(m.GET_PORT_STATS, name)

    def get_link_counters(self, name: str) -> LinkCounters | None:
        """A device's driver counters, None where it has none."""
        return self.call(m.GET_PORT_XSTATS, name)

    def get_link_details(self, name: str) -> LinkDetails:
        """A device's limits, queues and multicast list."""
        return self.call(m.GET_PORT_EXT_INFO, name)

    def get_bond(self, name: str) -> BondStatus:
        """A bond's state."""
        return self.call(m.GET_BOND_STATUS, name)

    def get_hardware_multicasts(self, name: str) -> list[HardwareMulticast]:
        """Multicast MACs of a device."""
        return self.call(m.GET_MADDR, name)

    def set_link(self, settings: LinkSettings) -> None:
        """Change a device."""
        self.call(m.SET_PORT, settings)

    def get_lldp(self, device: str, node: int = 0) -> str:
        """LLDP text of a device."""
        return self.call(m.LLDP_SHOW, LldpRequest(device, node))

    # Lcores

    def get_lcore_mask(self) -> LcoreMask:
        """Which lcores there are."""
        return self.call(m.GET_LCORE_MASK, None)

    def get_lcore(self, lcore: int) -> LcoreInfo:
        """An lcore's queues."""
        return self.call(m.GET_LCORE_BASIC, lcore)

    def get_lcore_stats(self, lcore: int) -> LcoreStats:
        """An lcore's counters."""
        return self.call(m.GET_LCORE_STATS, lcore)

    # DPDK's memory

    def get_memory_segments(self) -> list[MemorySegment]:
        """Hugepage segments."""
        return self.call(m.EAL_MEM_SEG, None)

    def get_memory_zones(self) -> list[MemoryZone]:
        """Memory zones."""
        return self.call(m.EAL_MEM_ZONE, None)

    def get_memory_rings(self) -> list[MemoryRing]:
        """Rings."""
        return self.call(m.EAL_MEM_RING, None)

    def get_memory_pools(self) -> list[MemoryPool]:
        """Mempools."""
        return self.call(m.EAL_MEM_POOL, None)

    # Any message

    def call(self, message: Message[Q, R], request: Q) -> R:
        """One request of the table and its decoded reply."""
        body = self.call_raw(message.id, message.kind, message.encode_request(request))
        try:
            return message.decode_reply(body)
        except ValueError as error:
            raise CorruptReply(message.id, str(error)) from error

    def call_raw(self, number: MessageId | int, kind: Kind, body: bytes) -> bytes:
        """One request as bytes, for messages without structures here; the successful reply's body."""
        with self._connect(kind) as connection:
            self._send(connection, request_bytes(number, kind, body))
            return self._receive(connection)

    def _connect(self, kind: Kind) -> socket.socket:
        setting = kind == Kind.SET
        if len(self.path.encode()) > MAX_PATH:
            raise ConnectionFailed(errno.ENAMETOOLONG, setting=setting)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Not settimeout(): with it, connecting while the daemon's backlog is full would fail at once.
        seconds = int(self.timeout_s)
        timeout = struct.pack("ll", seconds, int((self.timeout_s - seconds) * 1_000_000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
        try:
            connection.connect(self.path)
        except OSError as error:
            connection.close()
            raise ConnectionFailed(error.errno or errno.ETIMEDOUT, setting=setting) from error
        return connection

    def _send(self, connection: socket.socket, request: bytes) -> None:
        try:
            connection.sendall(request)
        except BlockingIOError as error:
            raise SendFailed(0, len(request), header=False) from error
        except OSError:
            # The daemon may have answered, or closed on purpose, before it read all: the reply tells.
            return

    def _receive(self, connection: socket.socket) -> bytes:
        header = _read(connection, REPLY_HEADER.size)
        if len(header) < REPLY_HEADER.size:
            raise ShortReply(len(header), REPLY_HEADER.size, header=True)
        version, number, _kind, code, reason, length = REPLY_HEADER.unpack(header)
        if code:
            raise ApiError(code, number, text(reason))
        body = _read(connection, length)
        if len(body) < length:
            raise ShortReply(len(body), length, header=False)
        if version != VERSION:
            raise WrongVersion
        return body


def _parts(changes: Sequence[tuple[Message[Any, Any], Any]]) -> Iterator[list[tuple[int, bytes]]]:
    """The items of a batch in order, in requests of a bearable size; one without items for no changes."""
    items: list[tuple[int, bytes]] = []
    size = 0
    for message, request in changes:
        body = message.encode_request(request)
        if items and size + len(body) > _BATCH_BYTES:
            yield items
            items, size = [], 0
        items.append((message.id, body))
        size += len(body)
    if items or not changes:
        yield items


def _read(connection: socket.socket, size: int) -> bytes:
    # Not one recv_into(size): a corrupt length must not allocate.
    chunks: list[bytes] = []
    missing = size
    try:
        while missing and (chunk := connection.recv(min(missing, _CHUNK))):
            chunks.append(chunk)
            missing -= len(chunk)
    except OSError:
        pass
    return b"".join(chunks)
