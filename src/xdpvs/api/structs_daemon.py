"""Counters and memory of the daemon as a whole (DPVS include/conf/stats.h, eal_mem.h)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeVar

from xdpvs.api.layout import Layout, require_exact
from xdpvs.model.counters import IPV6_COUNTERS, MAX_LCORES, DaemonStatus, DropCounter, Ipv6Stats
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

STATUS = Layout(
    240,
    "0 version c32 | 32 generation u64 | 40 started_ms u64 | 48 uptime_ms u64 | 56 conns u64 | 64 conn_slots u64"
    " | 72 conns_expired u64 | 80 sweeps u64 | 88 sweep_us u64 | 96 services u64 | 104 dests u64 | 112 laddrs u64"
    " | 120 devices u64 | 128 addresses u64 | 136 routes u64 | 144 neighbours u64 | 152 requests u64"
    " | 160 request_errors u64 | 168 request_garbage u64 | 176 request_timeouts u64 | 184 resident_bytes u64"
    " | 192 cpu_us u64",
)
"""Room at the end is for more: an old client ignores it, a new one reads zeros of an old daemon."""

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


def encode_status(_request: None, status: DaemonStatus) -> bytes:
    """XDPVS_GET_STATUS."""
    return STATUS.pack(
        status.version,
        status.generation,
        int(status.started_at_s * 1000),
        int(status.uptime_s * 1000),
        status.conns,
        status.conn_slots,
        status.conns_expired,
        status.sweeps,
        int(status.sweep_s * 1_000_000),
        status.services,
        status.dests,
        status.laddrs,
        status.devices,
        status.addresses,
        status.routes,
        status.neighbours,
        status.requests,
        status.request_errors,
        status.request_garbage,
        status.request_timeouts,
        status.resident_bytes,
        int(status.cpu_s * 1_000_000),
    )


_SCALES = {"started_ms": 1000, "uptime_ms": 1000, "sweep_us": 1_000_000, "cpu_us": 1_000_000}
"""Fields whose value in the model is a number of seconds."""


def decode_status(body: bytes) -> DaemonStatus:
    """XDPVS_GET_STATUS: the model's fields in the structure's order."""
    named = zip(STATUS.fields, STATUS.unpack(body), strict=True)
    fields = [value / _SCALES[name] if name in _SCALES else value for name, value in named]
    return DaemonStatus(*fields)
