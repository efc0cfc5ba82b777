"""Counters and memory of the daemon as a whole (DPVS include/conf/stats.h, eal_mem.h)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from xdpvs.api.layout import Layout, require_exact
from xdpvs.model.counters import IPV6_COUNTERS, MAX_LCORES, DropCounter, Ipv6Stats
from xdpvs.model.memory import MemoryPool, MemoryRing, MemorySegment, MemoryZone

SEGMENT = Layout(
    56,
    "0 iova u64 | 8 virt u64 | 16 len u64 | 24 hugepage u64 | 32 socket i32 | 36 nchannel u32 | 40 nrank u32"
    " | 48 free u64",
)
ZONE = Layout(72, "0 name c32 | 32 iova u64 | 40 virt u64 | 48 len u64 | 56 hugepage u64 | 64 socket i32")
RING = Layout(
    64,
    "0 name c32 | 32 flags i32 | 36 size u32 | 40 cons_tail u32 | 44 cons_head u32 | 48 prod_tail u32"
    " | 52 prod_head u32 | 56 used u32 | 60 avail u32",
)
POOL = Layout(
    60,
    "0 name c32 | 32 flags u32 | 36 size u32 | 40 count u32 | 44 elt_size u32 | 48 header u32 | 52 trailer u32"
    " | 56 private u32",
)
COUNT = Layout(4, "0 n u32")
DROP = Layout(184, "0 name c48 | 48 description c128 | 176 packets u64")

_IPV6_BLOCK = struct.Struct(f"<{len(IPV6_COUNTERS)}Q")
_NO_COUNTERS = bytes(_IPV6_BLOCK.size)

T = TypeVar("T")


def encode_ipv6_stats(_request: None, stats: Ipv6Stats) -> bytes:
    """IP6_STATS: the total, then 64 lcores."""
    lcores = [_IPV6_BLOCK.pack(*counters) for counters in stats.lcores[:MAX_LCORES]]
    body = _IPV6_BLOCK.pack(*stats.total) + b"".join(lcores)
    return body + _NO_COUNTERS * (MAX_LCORES - len(lcores))


def decode_ipv6_stats(body: bytes) -> Ipv6Stats:
    """IP6_STATS: dpip requires the exact length."""
    require_exact(body, _IPV6_BLOCK.size * (1 + MAX_LCORES))
    total, *lcores = _IPV6_BLOCK.iter_unpack(body)
    return Ipv6Stats(total, tuple(lcores))


def decode_memory(layout: Layout, head: int, kind: Callable[..., T]) -> Callable[[bytes], list[T]]:
    """A decoder for one of the EAL_MEM lists: a count, then records from `head`; dpip does not look at the length."""

    def decode(body: bytes) -> list[T]:
        count = COUNT.unpack(body)[0]
        return [kind(*fields) for fields in layout.unpack_array(body, head, count)]

    return decode


decode_segments = decode_memory(SEGMENT, 8, MemorySegment)
decode_zones = decode_memory(ZONE, 8, MemoryZone)
decode_rings = decode_memory(RING, 4, MemoryRing)
decode_pools = decode_memory(POOL, 4, MemoryPool)


def encode_drops(_request: None, drops: list[DropCounter]) -> bytes:
    """XDPVS_GET_DROPS."""
    records = [DROP.pack(drop.name, drop.description[:127], drop.packets) for drop in drops]
    return COUNT.pack(len(records)) + b"".join(records)


def decode_drops(body: bytes) -> list[DropCounter]:
    """XDPVS_GET_DROPS."""
    count = COUNT.unpack(body)[0]
    require_exact(body, COUNT.size + count * DROP.size)
    return [DropCounter(*fields) for fields in DROP.unpack_array(body, COUNT.size, count)]
