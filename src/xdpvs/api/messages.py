"""The one table of messages: id, direction, and how request and reply are encoded. Client and server are made of it.

A message with a `fixed` answer has no handler: DPVS's placeholders, and what this data plane cannot do. What is in the
table at all is answered; everything else is closed without a reply, except where `wrong_kind` says that DPVS registers
its ids as a range for both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from xdpvs.api import structs_conn as conn
from xdpvs.api import structs_daemon as daemon
from xdpvs.api import structs_dest as dest
from xdpvs.api import structs_device as device
from xdpvs.api import structs_ifaddr as ifaddr
from xdpvs.api import structs_laddr as laddr
from xdpvs.api import structs_link as link
from xdpvs.api import structs_route as route
from xdpvs.api import structs_service as service
from xdpvs.api import structs_table as table
from xdpvs.api.errors import DecodeError, DpvsError
from xdpvs.api.ids import Kind, MessageId

Q = TypeVar("Q")
R = TypeVar("R")


class Fixed(NamedTuple):
    """An answer that is always the same."""

    code: DpvsError
    body: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Message(Generic[Q, R]):
    """One message with request type Q and reply type R; compared by identity, so that it can key the handlers.

    A handler may answer None to a GET: a reply without body. encode_reply also gets the request, whose parts some
    replies repeat.
    """

    id: MessageId
    kind: Kind
    encode_request: Callable[[Q], bytes]
    decode_request: Callable[[bytes], Q]
    encode_reply: Callable[[Q, R], bytes]
    decode_reply: Callable[[bytes], R]
    fixed: Fixed | None = None
    max_length: int = 1 << 20


MESSAGES: dict[tuple[Kind, int], Message[Any, Any]] = {}


def _message(message: Message[Q, R]) -> Message[Q, R]:
    MESSAGES[message.kind, message.id] = message
    return message


def _get(
    number: MessageId,
    request: tuple[Callable[[Q], bytes], Callable[[bytes], Q]],
    reply: tuple[Callable[[Q, R], bytes], Callable[[bytes], R]],
) -> Message[Q, R]:
    return _message(Message(number, Kind.GET, *request, *reply))


def _set(number: MessageId, encode: Callable[[Q], bytes], decode: Callable[[bytes], Q]) -> Message[Q, None]:
    return _message(Message(number, Kind.SET, encode, decode, _no_body, _decode_nothing))


def _no_body(_request: object, _value: object) -> bytes:
    return b""


def _decode_nothing(_body: bytes) -> None:
    return None


def _same(body: bytes) -> bytes:
    return body


def _encode_same(_request: object, body: bytes) -> bytes:
    return body


def _fixed(number: MessageId, kind: Kind, code: DpvsError, body: bytes = b"") -> Message[bytes, bytes]:
    return _message(Message(number, kind, _same, _same, _encode_same, _same, Fixed(code, body)))


def _encode_empty(_request: None) -> bytes:
    return b""


def _info_request(_request: None) -> bytes:
    # C tools send twelve bytes; nobody reads them.
    return bytes(12)


ANY = (_encode_empty, _decode_nothing)
"""A request whose body does not matter."""

# Local addresses
LADDR_ADD = _set(MessageId.LADDR_ADD, laddr.encode_laddr_request, laddr.decode_laddr_request)
LADDR_DEL = _set(MessageId.LADDR_DEL, laddr.encode_laddr_request, laddr.decode_laddr_request)
LADDR_FLUSH = _set(MessageId.LADDR_FLUSH, laddr.encode_laddr_flush, laddr.decode_laddr_flush)
LADDR_GETALL = _get(
    MessageId.LADDR_GETALL,
    (laddr.encode_laddrs_request, laddr.decode_laddrs_request),
    (laddr.encode_laddrs_reply, laddr.decode_laddrs_reply),
)
_fixed(MessageId.LADDR_GET_MAX, Kind.GET, DpvsError.NOTSUPP)
AGENT_GET_LADDR = _get(
    MessageId.AGENT_GET_LADDR,
    (laddr.encode_agent_laddrs_request, laddr.decode_agent_laddrs_request),
    (laddr.encode_agent_laddrs_reply, laddr.decode_agent_laddrs_reply),
)
AGENT_ADD_LADDR = _set(MessageId.AGENT_ADD_LADDR, laddr.encode_laddrs_change, laddr.decode_laddrs_change)
AGENT_DEL_LADDR = _set(MessageId.AGENT_DEL_LADDR, laddr.encode_laddrs_change, laddr.decode_laddrs_change)

# Services and servers
FLUSH = _set(MessageId.FLUSH, *ANY)
ZERO = _set(MessageId.ZERO, service.encode_key, service.decode_zero)
ADD = _set(MessageId.ADD, service.encode_service, service.decode_service)
EDIT = _set(MessageId.EDIT, service.encode_service, service.decode_service)
DEL = _set(MessageId.DEL, service.encode_key, service.decode_service_key)
ADDDEST = _set(MessageId.ADDDEST, dest.encode_dest_request, dest.decode_dest_request)
EDITDEST = _set(MessageId.EDITDEST, dest.encode_dest_request, dest.decode_dest_request)
DELDEST = _set(MessageId.DELDEST, dest.encode_dest_request, dest.decode_dest_request)
GRATARP = _set(MessageId.GRATARP, ifaddr.encode_gratuitous_arp, ifaddr.decode_gratuitous_arp)
GET_VERSION = _get(MessageId.GET_VERSION, ANY, (service.encode_version, service.decode_version))
GET_INFO = _get(MessageId.GET_INFO, (_info_request, _decode_nothing), (service.encode_info, service.decode_info))
GET_SERVICES = _get(
    MessageId.GET_SERVICES,
    (service.encode_services_request, service.decode_services_request),
    (service.encode_services_reply, service.decode_services_reply),
)
GET_SERVICE = _get(
    MessageId.GET_SERVICE,
    (service.encode_service_request, service.decode_service_request),
    (service.encode_service_reply, service.decode_service_reply),
)
GET_DESTS = _get(
    MessageId.GET_DESTS,
    (dest.encode_dests_request, dest.decode_dests_request),
    (dest.encode_dests_reply, dest.decode_dests_reply),
)
AGENT_GET_SERVICES = _get(
    MessageId.AGENT_GET_SERVICES,
    (service.encode_services_request, service.decode_agent_services_request),
    (service.encode_services_reply, service.decode_services_reply),
)
_fixed(MessageId.SVC_MAX, Kind.GET, DpvsError.INVAL)
_fixed(MessageId.SVC_MAX, Kind.SET, DpvsError.INVAL)
AGENT_GET_DESTS = _get(
    MessageId.AGENT_GET_DESTS,
    (dest.encode_agent_dests_request, dest.decode_agent_dests_request),
    (dest.encode_agent_dests_reply, dest.decode_agent_dests_reply),
)
AGENT_ADD_DESTS = _set(MessageId.AGENT_ADD_DESTS, dest.encode_dests_change, dest.decode_dests_change)
AGENT_EDIT_DESTS = _set(MessageId.AGENT_EDIT_DESTS, dest.encode_dests_change, dest.decode_dests_change)
AGENT_DEL_DESTS = _set(MessageId.AGENT_DEL_DESTS, dest.encode_dests_change, dest.decode_dests_change)

# Routes
_ROUTE_DEVICE = (route.encode_route_device, route.decode_route_device)
_ROUTES = (route.encode_routes, route.decode_routes)
_ROUTES6 = (route.encode_routes6, route.decode_routes6)
ROUTE_ADD = _set(MessageId.ROUTE_ADD, route.encode_route, route.decode_route)
ROUTE_DEL = _set(MessageId.ROUTE_DEL, route.encode_route, route.decode_route)
ROUTE_SET = _fixed(MessageId.ROUTE_SET, Kind.SET, DpvsError.NOTSUPP)
ROUTE_FLUSH = _set(MessageId.ROUTE_FLUSH, *_ROUTE_DEVICE)
ROUTE_SHOW = _get(MessageId.ROUTE_SHOW, _ROUTE_DEVICE, _ROUTES)
ROUTE6_ADD_DEL = _set(MessageId.ROUTE6_ADD_DEL, route.encode_route6_change, route.decode_route6_change)
ROUTE6_FLUSH = _set(MessageId.ROUTE6_FLUSH, route.encode_route6_flush, route.decode_route6_device)
ROUTE6_SHOW = _get(MessageId.ROUTE6_SHOW, (route.encode_route6_show, route.decode_route6_device), _ROUTES6)
AGENT_ROUTE_GET = _get(MessageId.AGENT_ROUTE_GET, _ROUTE_DEVICE, _ROUTES)
AGENT_ROUTE_ADD = _set(MessageId.AGENT_ROUTE_ADD, route.encode_route, route.decode_route)
AGENT_ROUTE_DEL = _set(MessageId.AGENT_ROUTE_DEL, route.encode_route, route.decode_route)
AGENT_ROUTE6_GET = _get(MessageId.AGENT_ROUTE6_GET, (route.encode_route6_show, route.decode_route6_device), _ROUTES6)
AGENT_ROUTE6_ADD = _set(MessageId.AGENT_ROUTE6_ADD, route.encode_route, route.decode_agent_route)
AGENT_ROUTE6_DEL = _set(MessageId.AGENT_ROUTE6_DEL, route.encode_route, route.decode_agent_route)

# Addresses
_AGENT_FILTER = (ifaddr.encode_agent_filter, ifaddr.decode_agent_filter)
AGENT_IFADDR_GET_BASE = _get(
    MessageId.AGENT_IFADDR_GET_BASE, _AGENT_FILTER, (ifaddr.encode_agent_base, ifaddr.decode_agent_base)
)
AGENT_IFADDR_GET_STATS = _get(
    MessageId.AGENT_IFADDR_GET_STATS, _AGENT_FILTER, (ifaddr.encode_agent_stats, ifaddr.decode_agent_stats)
)
_fixed(MessageId.AGENT_IFADDR_GET_VERBOSE, Kind.GET, DpvsError.NOTSUPP)
AGENT_IFADDR_ADD = _set(MessageId.AGENT_IFADDR_ADD, ifaddr.encode_ifaddr, ifaddr.decode_ifaddr)
AGENT_IFADDR_DEL = _set(MessageId.AGENT_IFADDR_DEL, ifaddr.encode_ifaddr, ifaddr.decode_ifaddr)
IFADDR_ADD = _set(MessageId.IFADDR_ADD, ifaddr.encode_address_add, ifaddr.decode_address_change)
IFADDR_DEL = _set(MessageId.IFADDR_DEL, ifaddr.encode_address_del, ifaddr.decode_address_change)
IFADDR_SET = _set(MessageId.IFADDR_SET, ifaddr.encode_address_set, ifaddr.decode_address_change)
IFADDR_FLUSH = _set(MessageId.IFADDR_FLUSH, ifaddr.encode_address_flush, ifaddr.decode_address_flush)
IFADDR_SHOW = _get(
    MessageId.IFADDR_SHOW,
    (ifaddr.encode_addresses_request, ifaddr.decode_addresses_request),
    (ifaddr.encode_addresses_reply, ifaddr.decode_addresses_reply),
)
IFMADDR_SHOW = _get(
    MessageId.IFMADDR_SHOW, (ifaddr.encode_device, ifaddr.decode_device), (ifaddr.encode_maddrs, ifaddr.decode_maddrs)
)

# Devices and lcores
_LCORE = (device.encode_lcore, device.decode_lcore)
_DEVICE = (device.encode_device32, device.decode_device32)
SET_LCORE = _set(MessageId.SET_LCORE, *_LCORE)
SET_PORT = _set(MessageId.SET_PORT, device.encode_link_settings, device.decode_link_settings)
SET_BOND = _fixed(MessageId.SET_BOND, Kind.SET, DpvsError.INVAL)
_fixed(MessageId.NETIF_SET_MAX, Kind.SET, DpvsError.INVAL)
GET_LCORE_MASK = _get(MessageId.GET_LCORE_MASK, ANY, (device.encode_lcore_mask, device.decode_lcore_mask))
GET_LCORE_BASIC = _get(MessageId.GET_LCORE_BASIC, _LCORE, (device.encode_lcore_info, device.decode_lcore_info))
GET_LCORE_STATS = _get(MessageId.GET_LCORE_STATS, _LCORE, (device.encode_lcore_stats, device.decode_lcore_stats))
GET_PORT_LIST = _get(MessageId.GET_PORT_LIST, ANY, (device.encode_port_list, device.decode_port_list))
GET_PORT_BASIC = _get(MessageId.GET_PORT_BASIC, _DEVICE, (device.encode_link, device.decode_link))
GET_PORT_STATS = _get(MessageId.GET_PORT_STATS, _DEVICE, (device.encode_link_stats, device.decode_link_stats))
GET_PORT_XSTATS = _get(MessageId.GET_PORT_XSTATS, _DEVICE, (device.encode_link_counters, device.decode_link_counters))
GET_PORT_EXT_INFO = _get(MessageId.GET_PORT_EXT_INFO, _DEVICE, (device.encode_link_details, device.decode_link_details))
GET_BOND_STATUS = _message(
    Message(
        MessageId.GET_BOND_STATUS, Kind.GET, *_DEVICE, device.encode_bond, device.decode_bond, Fixed(DpvsError.INVAL)
    )
)
GET_MADDR = _get(
    MessageId.GET_MADDR,
    (ifaddr.encode_device, ifaddr.decode_device),
    (device.encode_hardware_multicasts, device.decode_hardware_multicasts),
)
_fixed(MessageId.NETIF_GET_MAX, Kind.GET, DpvsError.NOTSUPP)
_fixed(MessageId.LLDP_TODO, Kind.SET, DpvsError.NOTSUPP)
LLDP_SHOW = _message(
    Message(
        MessageId.LLDP_SHOW,
        Kind.GET,
        link.encode_lldp_request,
        link.decode_lldp_request,
        link.encode_lldp_reply,
        link.decode_lldp_reply,
        Fixed(DpvsError.NOTEXIST),
    )
)

# Neighbours, VLANs
NEIGH_ADD = _set(MessageId.NEIGH_ADD, link.encode_neighbour, link.decode_neighbour)
NEIGH_DEL = _set(MessageId.NEIGH_DEL, link.encode_neighbour, link.decode_neighbour)
NEIGH_SHOW = _get(
    MessageId.NEIGH_SHOW,
    (link.encode_neighbours_request, link.decode_neighbours_request),
    (link.encode_neighbours, link.decode_neighbours),
)
VLAN_ADD = _set(MessageId.VLAN_ADD, link.encode_vlan, link.decode_vlan)
VLAN_DEL = _set(MessageId.VLAN_DEL, link.encode_vlan, link.decode_vlan)
VLAN_SHOW = _get(MessageId.VLAN_SHOW, (link.encode_vlan, link.decode_vlan), (link.encode_vlans, link.decode_vlans))

# Access lists: deny, then allow
_ACLS = (laddr.encode_acls, laddr.decode_acls)
BLKLST_ADD = _set(MessageId.BLKLST_ADD, laddr.encode_acl, laddr.decode_acl)
BLKLST_DEL = _set(MessageId.BLKLST_DEL, laddr.encode_acl, laddr.decode_acl)
_fixed(MessageId.BLKLST_FLUSH, Kind.SET, DpvsError.NOTSUPP)
BLKLST_GETALL = _get(MessageId.BLKLST_GETALL, ANY, _ACLS)
WHTLST_ADD = _set(MessageId.WHTLST_ADD, laddr.encode_acl, laddr.decode_acl)
WHTLST_DEL = _set(MessageId.WHTLST_DEL, laddr.encode_acl, laddr.decode_acl)
_fixed(MessageId.WHTLST_FLUSH, Kind.SET, DpvsError.NOTSUPP)
WHTLST_GETALL = _get(MessageId.WHTLST_GETALL, ANY, _ACLS)

# Connections
_fixed(MessageId.SET_CONN, Kind.SET, DpvsError.NOTSUPP)
GET_CONN_ALL = _get(
    MessageId.GET_CONN_ALL,
    (conn.encode_conns_request, conn.decode_conns_request),
    (conn.encode_conns_reply, conn.decode_conns_reply),
)
GET_CONN_SPECIFIED = _get(
    MessageId.GET_CONN_SPECIFIED,
    (conn.encode_conn_request, conn.decode_conn_request),
    (conn.encode_conn_reply, conn.decode_conn_reply),
)

# The daemon
_fixed(MessageId.IP6_SET, Kind.SET, DpvsError.NOTSUPP)
IP6_STATS = _get(MessageId.IP6_STATS, ANY, (daemon.encode_ipv6_stats, daemon.decode_ipv6_stats))


def _memory(number: MessageId, head: int, decode: Callable[[bytes], R]) -> Message[None, R]:
    # We have no such memory: a count of 0 in as many bytes as dpip reads before the records.
    return _message(Message(number, Kind.GET, *ANY, _no_body, decode, Fixed(DpvsError.OK, bytes(head))))


_fixed(MessageId.EAL_MEM_NONE, Kind.SET, DpvsError.NOTSUPP)
EAL_MEM_SEG = _memory(MessageId.EAL_MEM_SEG, 8, daemon.decode_segments)
EAL_MEM_ZONE = _memory(MessageId.EAL_MEM_ZONE, 8, daemon.decode_zones)
EAL_MEM_RING = _memory(MessageId.EAL_MEM_RING, 4, daemon.decode_rings)
EAL_MEM_POOL = _memory(MessageId.EAL_MEM_POOL, 4, daemon.decode_pools)

# What this data plane cannot do (yet): changes are refused, listings are empty.
for _number in (MessageId.TC_ADD, MessageId.TC_DEL, MessageId.TC_CHANGE, MessageId.TC_REPLACE):
    _fixed(_number, Kind.SET, DpvsError.NOTSUPP)
for _number in (MessageId.TUNNEL_ADD, MessageId.TUNNEL_DEL, MessageId.TUNNEL_CHANGE, MessageId.TUNNEL_REPLACE):
    _fixed(_number, Kind.SET, DpvsError.NOTSUPP)
for _number in (MessageId.IPSET_SET, MessageId.IFTRAF_ADD, MessageId.IFTRAF_DEL):
    _fixed(_number, Kind.SET, DpvsError.NOTSUPP)
_fixed(MessageId.TC_SHOW, Kind.GET, DpvsError.OK)
_fixed(MessageId.TUNNEL_SHOW, Kind.GET, DpvsError.OK)
_fixed(MessageId.IPSET_TEST, Kind.GET, DpvsError.NOTEXIST)
_fixed(MessageId.IPSET_LIST, Kind.GET, DpvsError.OK, bytes(4))
_fixed(MessageId.IFTRAF_SHOW, Kind.GET, DpvsError.OK)

# Our own
XDPVS_GET_TABLE = _get(MessageId.XDPVS_GET_TABLE, ANY, (table.encode_table, table.decode_table))
XDPVS_BATCH = _message(
    Message(
        MessageId.XDPVS_BATCH,
        Kind.SET,
        table.encode_batch,
        table.decode_batch,
        table.encode_codes,
        table.decode_codes,
        max_length=16 << 20,
    )
)
XDPVS_GET_DROPS = _get(MessageId.XDPVS_GET_DROPS, ANY, (daemon.encode_drops, daemon.decode_drops))
XDPVS_GET_CONNS = _get(
    MessageId.XDPVS_GET_CONNS,
    (conn.encode_slice_request, conn.decode_slice_request),
    (conn.encode_slice_reply, conn.decode_slice_reply),
)

_SERVICE_IDS = range(MessageId.FLUSH, MessageId.SVC_MAX + 1)


def wrong_kind(kind: int, number: int) -> DpvsError | None:
    """What DPVS answers to a message it has in the other direction only: services are one range for both."""
    if kind in (Kind.GET, Kind.SET) and number in _SERVICE_IDS:
        return DpvsError.INVAL
    return None


def find(kind: int, number: int) -> Message[Any, Any] | None:
    """The message, or None: closed without a reply unless `wrong_kind` knows an answer."""
    if kind not in (Kind.GET, Kind.SET):
        return None
    return MESSAGES.get((Kind(kind), number))


def decode_error(error: Exception) -> int:
    """The code for a request that could not be decoded."""
    return error.code if isinstance(error, DecodeError) else DpvsError.INVAL
