"""Our own messages for large tables: everything in one reply, many changes in one request."""

from __future__ import annotations

import gc
import struct

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout
from xdpvs.api.structs_dest import DEST, decode_dest_statuses, encode_dest_status
from xdpvs.api.structs_laddr import LADDR_ENTRY, decode_laddr_statuses, encode_laddr_status
from xdpvs.api.structs_service import SERVICE, decode_service_status, encode_service_status
from xdpvs.model.service import ServiceStatus
from xdpvs.model.table import TableEntry

BATCH_ITEM = Layout(8, "0 id u32 | 4 len u32")


def encode_table_entry(entry: TableEntry) -> bytes:
    """A service, its servers, its local addresses; the service's own counts say how many follow."""
    status = entry.status
    if (status.num_dests, status.num_laddrs) != (len(entry.dests), len(entry.laddrs)):
        status = ServiceStatus(status.service, len(entry.dests), len(entry.laddrs), status.stats)
    parts = [encode_service_status(status)]
    parts += [encode_dest_status(dest) for dest in entry.dests]
    parts += [encode_laddr_status(laddr) for laddr in entry.laddrs]
    return b"".join(parts)


def encode_table(_request: None, entries: list[TableEntry]) -> bytes:
    """XDPVS_GET_TABLE: entries until the body ends."""
    return b"".join([encode_table_entry(entry) for entry in entries])


def decode_table(body: bytes) -> list[TableEntry]:
    """XDPVS_GET_TABLE."""
    # Half a million objects that all live: looking for garbage among them again and again doubles the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _decode_entries(body)
    finally:
        if collecting:
            gc.enable()


def _decode_entries(body: bytes) -> list[TableEntry]:
    entries, offset = [], 0
    while offset < len(body):
        status = decode_service_status(body, offset)
        offset += SERVICE.size
        dests = tuple(decode_dest_statuses(body, offset, status.num_dests))
        offset += DEST.size * len(dests)
        laddrs = tuple(decode_laddr_statuses(body, offset, status.num_laddrs))
        offset += LADDR_ENTRY.size * len(laddrs)
        entries.append(TableEntry(status, dests, laddrs))
    return entries


def encode_batch(items: list[tuple[int, bytes]]) -> bytes:
    """XDPVS_BATCH: SETs as (id, body)."""
    return b"".join([part for number, body in items for part in (BATCH_ITEM.pack(number, len(body)), body)])


def decode_batch(body: bytes) -> list[tuple[int, bytes]]:
    """XDPVS_BATCH."""
    items: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(body):
        number, length = BATCH_ITEM.unpack(body, offset)
        offset += BATCH_ITEM.size
        if offset + length > len(body):
            raise DecodeError(f"item {len(items)} is cut short")
        items.append((number, body[offset : offset + length]))
        offset += length
    return items


def encode_codes(_request: object, codes: list[int]) -> bytes:
    """XDPVS_BATCH: a code for each item."""
    return struct.pack(f"<{len(codes)}i", *codes)


def decode_codes(body: bytes) -> list[int]:
    """XDPVS_BATCH."""
    if len(body) % 4:
        raise DecodeError(f"{len(body)} bytes of codes")
    return list(struct.unpack(f"<{len(body) // 4}i", body))
