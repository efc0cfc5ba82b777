"""Connections as `-lc` prints them: one line each, no title.

A million of them must print in seconds, so pages are read as they came over the socket: nothing is made into model
values, addresses with their ports and the columns of equal states are formatted once and remembered.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from xdpvs.ipvsadm.names import Endpoints
from xdpvs.ipvsadm.numbers import signed32
from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.conn import Conn

_RECORD = struct.Struct(">HHHxx16s16s16s16sHHHH21s3x")
"""Read as big-endian for the ports' sake; families and protocol (host order, little) appear with swapped bytes.

The 21 bytes are timeout (4, little-endian), lcore (1) and state (16), which together make the first columns.
"""
_INET = 0x0200
_REMEMBERED = 65536
_EXPIRY_LIMIT = 7

_PROTOCOLS: dict[int, str] = {
    Protocol.TCP: "tcp",
    Protocol.UDP: "udp",
    Protocol.SCTP: "sctp",
    Protocol.ICMP: "icmp",
    Protocol.ICMPV6: "icmpv6",
}

_Endpoint = tuple[int, bytes, int]


class _NumericEndpoints(dict[_Endpoint, str]):
    """(family as read, address, port) → text."""

    def __missing__(self, key: _Endpoint) -> str:
        family, address, port = key
        if family == _INET:
            text = f"{socket.inet_ntop(socket.AF_INET, address[:4])}:{port}"
        else:
            text = f"[{socket.inet_ntop(socket.AF_INET6, address)}]:{port}"
        self[key] = text
        return text


class _NamedEndpoints(dict[_Endpoint, str]):
    """The same by name; the protocol chooses the service's name."""

    def __init__(self, endpoints: Endpoints, protocol: int) -> None:
        super().__init__()
        self._endpoints = endpoints
        self._protocol = protocol

    def __missing__(self, key: _Endpoint) -> str:
        family, raw, port = key
        address: IPAddress = IPv4Address(raw[:4]) if family == _INET else IPv6Address(raw)
        text = self[key] = self._endpoints.text(address, port, self._protocol)
        return text


class _Heads(dict[tuple[int, bytes], str]):
    """(protocol as read, timeout + lcore + state) → the columns before the addresses."""

    def __missing__(self, key: tuple[int, bytes]) -> str:
        protocol, tail = key
        timeout_s = int.from_bytes(tail[:4], "little")
        state = tail[5:].partition(b"\0")[0].decode("ascii", "replace")
        text = self[key] = _head(protocol >> 8, timeout_s, tail[4], state)
        return text


def _head(protocol: int, timeout_s: int, lcore: int, state: str) -> str:
    expiry = f"{signed32(timeout_s)}s"[:_EXPIRY_LIMIT]
    return f"[{lcore}]{_PROTOCOLS.get(protocol, '--'):3} {expiry:6} {state:11}"


class ConnectionLines:
    """Turns pages of packed connections into text; keep one for a whole listing."""

    def __init__(self, endpoints: Endpoints, *, numeric: bool) -> None:
        self._endpoints = endpoints
        self._numeric: _NumericEndpoints | None = _NumericEndpoints() if numeric else None
        self._named: dict[int, _NamedEndpoints] = {}
        self._heads = _Heads()

    def page(self, records: bytes) -> str:
        """All lines of a page."""
        return "".join(self._lines(records))

    def _lines(self, records: bytes) -> Iterator[str]:
        heads = self._heads
        numeric = self._numeric
        for fields in _RECORD.iter_unpack(records):
            inner, outer, protocol, client, vip, laddr, server, cport, vport, lport, dport, tail = fields
            texts = self._by_protocol(protocol) if numeric is None else numeric
            yield (
                f"{heads[protocol, tail]} {texts[inner, client, cport]:18} {texts[inner, vip, vport]:18}"
                f" {texts[outer, laddr, lport]:18} {texts[outer, server, dport]}\n"
            )
        if numeric is not None and len(numeric) > _REMEMBERED:
            numeric.clear()

    def _by_protocol(self, protocol: int) -> _NamedEndpoints:
        found = self._named.get(protocol)
        if found is None:
            found = self._named[protocol] = _NamedEndpoints(self._endpoints, protocol >> 8)
        return found

    def one(self, conn: Conn) -> str:
        """The line of a connection that came alone."""
        text = self._endpoints.text
        client = text(conn.client, conn.client_port, conn.protocol)
        vip = text(conn.vip, conn.vip_port, conn.protocol)
        laddr = text(conn.laddr, conn.laddr_port, conn.protocol)
        server = text(conn.server, conn.server_port, conn.protocol)
        head = _head(conn.protocol, conn.timeout_s, conn.lcore, conn.state)
        return f"{head} {client:18} {vip:18} {laddr:18} {server}\n"
