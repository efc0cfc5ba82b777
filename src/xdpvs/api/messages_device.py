"""The table of messages: devices, lcores, and the daemon as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xdpvs.api import structs_daemon as daemon
from xdpvs.api import structs_device as device
from xdpvs.api import structs_ifaddr as ifaddr
from xdpvs.api import structs_link as link
from xdpvs.api.errors import DpvsError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.message import ANY, Fixed, Message, fixed_message, get_message, no_body, register, set_message

R = TypeVar("R")

# Devices and lcores
_LCORE = (device.encode_lcore, device.decode_lcore)
_DEVICE = (device.encode_device32, device.decode_device32)
SET_LCORE = set_message(MessageId.SET_LCORE, *_LCORE)
SET_PORT = set_message(MessageId.SET_PORT, device.encode_link_settings, device.decode_link_settings)
SET_BOND = fixed_message(MessageId.SET_BOND, Kind.SET, DpvsError.INVAL)
fixed_message(MessageId.NETIF_SET_MAX, Kind.SET, DpvsError.INVAL)
GET_LCORE_MASK = get_message(MessageId.GET_LCORE_MASK, ANY, (device.encode_lcore_mask, device.decode_lcore_mask))
GET_LCORE_BASIC = get_message(MessageId.GET_LCORE_BASIC, _LCORE, (device.encode_lcore_info, device.decode_lcore_info))
GET_LCORE_STATS = get_message(MessageId.GET_LCORE_STATS, _LCORE, (device.encode_lcore_stats, device.decode_lcore_stats))
GET_PORT_LIST = get_message(MessageId.GET_PORT_LIST, ANY, (device.encode_port_list, device.decode_port_list))
GET_PORT_BASIC = get_message(MessageId.GET_PORT_BASIC, _DEVICE, (device.encode_link, device.decode_link))
GET_PORT_STATS = get_message(MessageId.GET_PORT_STATS, _DEVICE, (device.encode_link_stats, device.decode_link_stats))
GET_PORT_XSTATS = get_message(
    MessageId.GET_PORT_XSTATS, _DEVICE, (device.encode_link_counters, device.decode_link_counters)
)
GET_PORT_EXT_INFO = get_message(
    MessageId.GET_PORT_EXT_INFO, _DEVICE, (device.encode_link_details, device.decode_link_details)
)
GET_BOND_STATUS = register(
    Message(
        MessageId.GET_BOND_STATUS, Kind.GET, *_DEVICE, device.encode_bond, device.decode_bond, Fixed(DpvsError.INVAL)
    )
)
GET_MADDR = get_message(
    MessageId.GET_MADDR,
    (ifaddr.encode_device, ifaddr.decode_device),
    (device.encode_hardware_multicasts, device.decode_hardware_multicasts),
)
fixed_message(MessageId.NETIF_GET_MAX, Kind.GET, DpvsError.NOTSUPP)
fixed_message(MessageId.LLDP_TODO, Kind.SET, DpvsError.NOTSUPP)
LLDP_SHOW = register(
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

# The daemon
fixed_message(MessageId.IP6_SET, Kind.SET, DpvsError.NOTSUPP)
IP6_STATS = get_message(MessageId.IP6_STATS, ANY, (daemon.encode_ipv6_stats, daemon.decode_ipv6_stats))


def _memory(number: MessageId, head: int, decode: Callable[[bytes], R]) -> Message[None, R]:
    # We have no such memory: a count of 0 in as many bytes as dpip reads before the records.
    return register(Message(number, Kind.GET, *ANY, no_body, decode, Fixed(DpvsError.OK, bytes(head))))


fixed_message(MessageId.EAL_MEM_NONE, Kind.SET, DpvsError.NOTSUPP)
EAL_MEM_SEG = _memory(MessageId.EAL_MEM_SEG, 8, daemon.decode_segments)
EAL_MEM_ZONE = _memory(MessageId.EAL_MEM_ZONE, 8, daemon.decode_zones)
EAL_MEM_RING = _memory(MessageId.EAL_MEM_RING, 4, daemon.decode_rings)
EAL_MEM_POOL = _memory(MessageId.EAL_MEM_POOL, 4, daemon.decode_pools)

XDPVS_GET_STATUS = get_message(MessageId.XDPVS_GET_STATUS, ANY, (daemon.encode_status, daemon.decode_status))
XDPVS_GET_DROPS = get_message(MessageId.XDPVS_GET_DROPS, ANY, (daemon.encode_drops, daemon.decode_drops))
