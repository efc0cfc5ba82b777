"""Where a connection's slot is, computed as the data plane does (bpf/conn.h: conn_hash, conn_home)."""

from __future__ import annotations

import struct
import sys

from xdpvs.bpf.layout import Settings
from xdpvs.model.address import Family
from xdpvs.model.conn import SocketPair

_MASK32, _MASK64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def conn_home(settings: Settings, pair: SocketPair) -> int:
    """First slot of the window in which the key of a packet from source to target is looked for."""
    return (conn_hash(list(settings.secret), pair) >> 32) * settings.conn_slots >> 32


def conn_hash(secret: list[int], pair: SocketPair) -> int:
    """NH of UMAC over the words as the CPU loads them, then mixed."""
    s = struct.unpack("=4I", pair.source.packed.ljust(16, b"\0"))
    d = struct.unpack("=4I", pair.target.packed.ljust(16, b"\0"))
    ports = _network_order(pair.source_port) << 16 | _network_order(pair.target_port)
    kind = int(pair.protocol) << 8 | int(pair.family)
    words = [(s[0], d[0]), (ports, kind)]
    if pair.family == Family.INET6:
        words += zip(s[1:], d[1:], strict=True)
    total = sum(((a + secret[2 * i]) & _MASK32) * ((b + secret[2 * i + 1]) & _MASK32) for i, (a, b) in enumerate(words))
    return _mix64(total & _MASK64)


def _network_order(port: int) -> int:
    return int.from_bytes(port.to_bytes(2, "big"), sys.byteorder)


def _mix64(h: int) -> int:
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & _MASK64
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & _MASK64
    return h ^ h >> 33
