"""Connections as `-lc` prints them: one line each, no title.

A million of them must print in seconds, so pages are read as they came over the socket: nothing is made into model
values, addresses and the columns of equal states are formatted once and remembered.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from xdpvs.api.structs_conn import decode_conns
from xdpvs.ipvsadm.names import Endpoints
from xdpvs.ipvsadm.numbers import signed32
from xdpvs.model.address import Protocol
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


class _Addresses4(dict[bytes, str]):
    """16 bytes whose first four are an IPv4 address → text."""

    def __missing__(self, raw: bytes) -> str:
        text = self[raw] = socket.inet_ntop(socket.AF_INET, raw[:4])
        return text


class _Addresses6(dict[bytes, str]):
    """16 bytes → text in brackets."""

    def __missing__(self, raw: bytes) -> str:
        text = self[raw] = f"[{socket.inet_ntop(socket.AF_INET6, raw)}]"
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
    """Turns connections into text; keep one for a whole listing. Without numeric, by the names of endpoints."""

    def __init__(self, endpoints: Endpoints, *, numeric: bool) -> None:
        self._endpoints = endpoints
        self._heads = _Heads()
        self._addresses4 = _Addresses4()
        self._addresses6 = _Addresses6()
        self._lines = self._numeric_lines if numeric else self._named_lines

    def page(self, records: bytes) -> str:
        """All lines of a page of packed connections."""
        text = "".join(self._lines(records))
        if len(self._addresses4) + len(self._addresses6) > _REMEMBERED:
            self._addresses4.clear()
            self._addresses6.clear()
        return text

    def _numeric_lines(self, records: bytes) -> Iterator[str]:
        heads, texts4, texts6 = self._heads, self._addresses4, self._addresses6
        for fields in _RECORD.iter_unpack(records):
            inner, outer, protocol, client, vip, laddr, server, cport, vport, lport, dport, tail = fields
            inside = texts4 if inner == _INET else texts6
            outside = texts4 if outer == _INET else texts6
            client_text = f"{inside[client]}:{cport}"
            vip_text = f"{inside[vip]}:{vport}"
            laddr_text = f"{outside[laddr]}:{lport}"
            yield (
                f"{heads[protocol, tail]} {client_text:18} {vip_text:18} {laddr_text:18} {outside[server]}:{dport}\n"
            )

    def _named_lines(self, records: bytes) -> Iterator[str]:
        for conn in decode_conns(records):
            yield self.one(conn)

    def one(self, conn: Conn) -> str:
        """The line of a connection that came alone."""
        text = self._endpoints.text
        client = text(conn.client, conn.client_port, conn.protocol)
        vip = text(conn.vip, conn.vip_port, conn.protocol)
        laddr = text(conn.laddr, conn.laddr_port, conn.protocol)
        server = text(conn.server, conn.server_port, conn.protocol)
        head = _head(conn.protocol, conn.timeout_s, conn.lcore, conn.state)
        return f"{head} {client:18} {vip:18} {laddr:18} {server}\n"
