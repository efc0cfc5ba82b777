"""Servers of services (DPVS include/conf/dest.h)."""

from __future__ import annotations

from typing import Any

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact
from xdpvs.api.requests import DestRequest, DestsChange, DestsRequest, DestsSwap
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.api.structs_match import encode_match
from xdpvs.api.structs_service import (
    SERVICE,
    ZERO_STATS,
    decode_key,
    decode_service_key,
    decode_stats,
    encode_key,
    encode_stats,
)
from xdpvs.model.address import any_address
from xdpvs.model.service import Dest, DestStatus, ForwardingMode, ServiceKey

DEST = Layout(
    120,
    "0 af i32 | 4 port be16 | 6 proto u16 | 8 weight i32 | 12 addr addr | 28 conn_flags u16 | 30 flags u16"
    " | 32 fwdmode u32 | 36 max_conn u32 | 40 min_conn u32 | 44 actconns u32 | 48 inactconns u32 | 52 persistconns u32"
    " | 56 stats b64",
)
_TABLE = (
    "0 af i32 | 4 proto u16 | 6 port be16 | 8 fwmark u32 | 12 addr addr | 28 num_dests u32 | 32 match b108"
    " | 140 cid {0} | {1} index {0}"
)
DEST_TABLE = Layout(144, _TABLE.format("u8", 141))
AGENT_DEST_FRONT = Layout(148, _TABLE.format("u32", 144))

CONN_INACTIVE = 0x200
DEST_AVAILABLE, DEST_OVERLOAD, DEST_INHIBITED = 1, 2, 4

_FORWARDING = {int(mode): mode for mode in ForwardingMode}


def encode_dest(dest: Dest) -> bytes:
    """A server as a request carries it."""
    return _encode_dest(dest, int(dest.forwarding), DEST_INHIBITED if dest.inhibited else 0, (0, 0, 0), ZERO_STATS)


def encode_dest_status(status: DestStatus) -> bytes:
    """A server as a reply carries it: always available, conn_flags always with the inactive bit, as DPVS's."""
    dest = status.dest
    flags = DEST_AVAILABLE
    flags |= (DEST_OVERLOAD if status.overloaded else 0) | (DEST_INHIBITED if dest.inhibited else 0)
    conns = (status.active_conns, status.inactive_conns, status.persistent_conns)
    return _encode_dest(dest, CONN_INACTIVE | int(dest.forwarding), flags, conns, encode_stats(status.stats))


def _encode_dest(dest: Dest, conn_flags: int, flags: int, conns: tuple[int, int, int], stats: bytes) -> bytes:
    return DEST.pack(
        dest.family,
        dest.port,
        0,
        dest.weight,
        dest.address.packed,
        conn_flags,
        flags,
        dest.forwarding,
        dest.max_conn,
        dest.min_conn,
        *conns,
        stats,
    )


def decode_dest(body: bytes, offset: int = 0) -> Dest:
    """A server in a request."""
    return _decode_dest(DEST.unpack(body, offset)).dest


def decode_dest_statuses(body: bytes, offset: int, count: int) -> list[DestStatus]:
    """`count` servers in a reply."""
    return [_decode_dest(fields) for fields in DEST.unpack_array(body, offset, count)]


def _decode_dest(fields: tuple[Any, ...]) -> DestStatus:
    (af, port, _proto, weight, addr, _cflags, flags, mode, max_conn, min_conn, active, inactive, persistent, stats) = (
        fields
    )
    forwarding = _FORWARDING.get(mode)
    if forwarding is None:
        raise DecodeError(f"forwarding mode {mode}")
    dest = Dest(
        decode_family(af),
        decode_address(af, addr),
        port,
        forwarding,
        weight,
        max_conn,
        min_conn,
        bool(flags & DEST_INHIBITED),
    )
    return DestStatus(dest, bool(flags & DEST_OVERLOAD), active, inactive, persistent, decode_stats(stats))


def encode_dest_request(request: DestRequest) -> bytes:
    """ADDDEST, EDITDEST, DELDEST."""
    return encode_key(request.key) + encode_dest(request.dest)


def decode_dest_request(body: bytes) -> DestRequest:
    """ADDDEST, EDITDEST, DELDEST."""
    return DestRequest(decode_service_key(body), decode_dest(body, SERVICE.size))


def _encode_table(layout: Layout, key: ServiceKey, num_dests: int, index: int, cid: int) -> bytes:
    return layout.pack(
        key.family,
        key.protocol,
        key.port,
        key.fwmark,
        key.address.packed,
        num_dests,
        encode_match(key.match),
        cid,
        index,
    )


def _decode_table(layout: Layout, body: bytes) -> DestsRequest:
    af, proto, port, fwmark, addr, num_dests, match, _cid, index = layout.unpack(body)
    return DestsRequest(decode_key(af, proto, addr, port, fwmark, match), num_dests, index)


def encode_dests_request(request: DestsRequest) -> bytes:
    """GET_DESTS."""
    return _encode_table(DEST_TABLE, request.key, request.expected or 0, request.worker, 0)


def decode_dests_request(body: bytes) -> DestsRequest:
    """GET_DESTS; cid is garbage in C tools' requests."""
    require_exact(body, DEST_TABLE.size)
    return _decode_table(DEST_TABLE, body)


def _dests_reply(layout: Layout, key: ServiceKey, worker: int, dests: list[DestStatus]) -> bytes:
    head = _encode_table(layout, key, len(dests), worker, worker)
    return head + b"".join([encode_dest_status(dest) for dest in dests])


def _decode_dests_reply(layout: Layout, body: bytes) -> list[DestStatus]:
    count = layout.unpack(body)[5]
    require_exact(body, layout.size + count * DEST.size)
    return decode_dest_statuses(body, layout.size, count)


def encode_dests_reply(request: DestsRequest, dests: list[DestStatus]) -> bytes:
    """GET_DESTS: never more than asked for. For the totals upstream names only family, protocol and port."""
    key, worker = request.key, request.worker
    if worker == 0:
        key = ServiceKey(key.family, key.protocol, any_address(key.family), key.port)
    return _dests_reply(DEST_TABLE, key, worker, dests if request.expected is None else dests[: request.expected])


def decode_dests_reply(body: bytes) -> list[DestStatus]:
    """GET_DESTS."""
    return _decode_dests_reply(DEST_TABLE, body)


def encode_agent_dests_request(request: DestsRequest) -> bytes:
    """The agent's GET_DESTS."""
    return _encode_table(AGENT_DEST_FRONT, request.key, request.expected or 0, request.worker, 0)


def decode_agent_dests_request(body: bytes) -> DestsRequest:
    """The agent's GET_DESTS, which ignores the count."""
    require_exact(body, AGENT_DEST_FRONT.size)
    request = _decode_table(AGENT_DEST_FRONT, body)
    return DestsRequest(request.key, None, request.worker)


def encode_agent_dests_reply(request: DestsRequest, dests: list[DestStatus]) -> bytes:
    """The agent's GET_DESTS: the true number."""
    return _dests_reply(AGENT_DEST_FRONT, request.key, request.worker, dests)


def decode_agent_dests_reply(body: bytes) -> list[DestStatus]:
    """The agent's GET_DESTS."""
    return _decode_dests_reply(AGENT_DEST_FRONT, body)


def encode_dests_change(change: DestsChange) -> bytes:
    """The agent's ADD, EDIT, DEL_DESTS."""
    head = _encode_table(AGENT_DEST_FRONT, change.key, len(change.dests), 0, 0)
    return head + b"".join([encode_dest(dest) for dest in change.dests])


def decode_dests_change(body: bytes) -> DestsChange:
    """The agent's ADD, EDIT, DEL_DESTS."""
    head = _decode_table(AGENT_DEST_FRONT, body)
    require_exact(body, AGENT_DEST_FRONT.size + (head.expected or 0) * DEST.size)
    dests = DEST.unpack_array(body, AGENT_DEST_FRONT.size, head.expected or 0)
    return DestsChange(head.key, tuple([_decode_dest(fields).dest for fields in dests]))


def encode_dests_swap(swap: DestsSwap) -> bytes:
    """XDPVS_CHANGE_DESTS: the agent's front counts those to put; those to delete follow to the body's end."""
    head = _encode_table(AGENT_DEST_FRONT, swap.key, len(swap.put), 0, 0)
    return head + b"".join([encode_dest(dest) for dest in swap.put + swap.delete])


def decode_dests_swap(body: bytes) -> DestsSwap:
    """XDPVS_CHANGE_DESTS."""
    head = _decode_table(AGENT_DEST_FRONT, body)
    put, dests_size = head.expected or 0, len(body) - AGENT_DEST_FRONT.size
    if dests_size % DEST.size or put * DEST.size > dests_size:
        raise DecodeError(f"{dests_size} bytes of servers, {put} to put")
    fields = DEST.unpack_array(body, AGENT_DEST_FRONT.size, dests_size // DEST.size)
    dests = tuple([_decode_dest(each).dest for each in fields])
    return DestsSwap(head.key, dests[:put], dests[put:])
