"""What of two replies is compared: decoded values, without what the recordings' README calls volatile."""

from __future__ import annotations

import socket
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.golden import Exchange
from xdpvs.api.errors import DecodeError
from xdpvs.api.ids import MessageId
from xdpvs.api.messages import find
from xdpvs.model.counters import Ipv6Stats
from xdpvs.model.device import HardwareMulticast, LcoreInfo, LcoreStats, LinkCounters, LinkDetails
from xdpvs.model.network import AddressStatus, Link, LinkFlags, LinkStats, Neighbour
from xdpvs.model.service import NO_STATS, DestStatus, LaddrStatus, ServiceStatus

LLDP_GROUP = bytes.fromhex("0180c200000e")
_SETTABLE = LinkFlags.PROMISC | LinkFlags.ALLMULTICAST

# Lists whose order is a hash's, or nobody's.
_UNORDERED = {MessageId.GET_SERVICES, MessageId.AGENT_GET_SERVICES, MessageId.NEIGH_SHOW}

CLOSED = "closed without a reply"
MALFORMED = "malformed"


def send(path: Path, request: bytes) -> bytes:
    """One connection: the bytes, then all of the reply."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        reply = b""
        while chunk := client.recv(1 << 16):
            reply += chunk
        return reply


def compared(exchange: Exchange) -> object:
    """A reply as a value that equals another's if they mean the same."""
    if not exchange.reply:
        return CLOSED
    if exchange.code:
        return exchange.code
    message = find(exchange.kind, exchange.number)
    if message is None or message.fixed is not None:
        return "answered"
    if not exchange.reply_body:
        return None
    try:
        value = _stable(message.decode_reply(exchange.reply_body))
    except DecodeError:
        # Upstream sizes some replies wrongly, which its own tools refuse (reference sockopt 10).
        return MALFORMED
    if isinstance(value, list) and exchange.number == MessageId.IFADDR_SHOW:
        # Verbose listings have a copy for each worker behind the master's.
        value = [entry for number, entry in enumerate(value) if entry not in value[:number]]
    if isinstance(value, list) and (message.id in _UNORDERED or _lists_all_addresses(exchange, message.id)):
        return sorted(value, key=repr)
    return value


def _lists_all_addresses(exchange: Exchange, number: MessageId) -> bool:
    if number not in (MessageId.IFADDR_SHOW, MessageId.AGENT_IFADDR_GET_BASE, MessageId.AGENT_IFADDR_GET_STATS):
        return False
    message = find(exchange.kind, exchange.number)
    return message is not None and not message.decode_request(exchange.request_body).device


def _stable(value: Any) -> Any:
    match value:
        case list() | tuple():
            return [_stable(item) for item in value if not _is_lldp(item)]
        case ServiceStatus():
            return replace(value, stats=NO_STATS)
        case DestStatus():
            return replace(value, stats=NO_STATS, active_conns=0, inactive_conns=0, persistent_conns=0)
        case LaddrStatus():
            return replace(value, conns=0, conflicts=0)
        case AddressStatus():
            return replace(value, sa_used=0, sa_free=0, sa_miss=0, lcore=0)
        case Neighbour():
            return replace(value, lcore=0)
        case Link():
            return (value.link_id, value.name, value.mac, value.mtu, value.flags & _SETTABLE)
        case LinkStats() | LinkDetails() | LinkCounters():
            return value.link_id
        case LcoreInfo():
            return (value.lcore, value.socket, value.queues)
        case LcoreStats():
            return value.lcore
        case Ipv6Stats():
            return "statistics"
    return _page(value)


def _page(value: Any) -> Any:
    return value if is_dataclass(value) or not hasattr(value, "records") else "connections"


def _is_lldp(item: object) -> bool:
    return isinstance(item, HardwareMulticast) and item.mac == LLDP_GROUP
