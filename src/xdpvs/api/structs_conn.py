"""Connections (DPVS include/conf/conn.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact
from xdpvs.api.requests import ConnPage, ConnRequest, ConnSliceRequest, ConnsRequest
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.model.address import Family, any_address
from xdpvs.model.conn import Conn, SocketPair

CONN_REQUEST = Layout(
    48,
    "0 flag u32 | 4 whence u32 | 8 af u16 | 10 proto u16 | 12 sport be16 | 14 tport be16 | 16 sip addr | 32 tip addr",
)
CONN = Layout(
    104,
    "0 in_af u16 | 2 out_af u16 | 4 proto u16 | 8 caddr addr | 24 vaddr addr | 40 laddr addr | 56 daddr addr"
    " | 72 cport be16 | 74 vport be16 | 76 lport be16 | 78 dport be16 | 80 timeout u32 | 84 lcoreid u8 | 85 state c16",
)
CONNS_HEAD = Layout(9, "0 nconns u32 | 4 resl u32 | 8 curcid u8")
SLICE_REQUEST = Layout(16, "0 flag u32 | 4 limit u32 | 8 cursor u64")
SLICE_HEAD = Layout(16, "0 cursor u64 | 8 nconns u32")

PAGE_CONNS = 1024
"""At most so many connections in a reply to GET_CONN_ALL."""

FLAG_ALL, FLAG_MORE, FLAG_SPECIFIED, FLAG_TEMPLATE = 1, 2, 4, 8
RESULT_OK, RESULT_MORE = 1, 2

RAW_CONN = struct.Struct("<HHHxx16s16s16s16s8sIB16s3x")
"""A record for tight loops: ports as the 8 bytes they are (four network-order shorts), the state with its NULs."""

_NO_PAIR = SocketPair(Family.UNSPEC, 0, any_address(Family.UNSPEC), 0, any_address(Family.UNSPEC), 0)


def encode_conn(conn: Conn) -> bytes:
    """One record of a page."""
    return CONN.pack(
        conn.in_family,
        conn.out_family,
        conn.protocol,
        conn.client.packed,
        conn.vip.packed,
        conn.laddr.packed,
        conn.server.packed,
        conn.client_port,
        conn.vip_port,
        conn.laddr_port,
        conn.server_port,
        conn.timeout_s,
        conn.lcore,
        conn.state[:15],
    )


def decode_conns(records: bytes) -> Iterator[Conn]:
    """The connections of a page."""
    for fields in CONN.unpack_array(records, 0, len(records) // CONN.size):
        in_af, out_af, proto, client, vip, laddr, server, cport, vport, lport, dport, timeout, lcore, state = fields
        yield Conn(
            decode_family(in_af),
            decode_family(out_af),
            proto,
            decode_address(in_af, client),
            cport,
            decode_address(in_af, vip),
            vport,
            decode_address(out_af, laddr),
            lport,
            decode_address(out_af, server),
            dport,
            timeout,
            state,
            lcore,
        )


def _encode_request(flag: int, whence: int, pair: SocketPair) -> bytes:
    return CONN_REQUEST.pack(
        flag,
        whence,
        pair.family,
        pair.protocol,
        pair.source_port,
        pair.target_port,
        pair.source.packed,
        pair.target.packed,
    )


def encode_conns_request(request: ConnsRequest) -> bytes:
    """GET_CONN_ALL."""
    flag = FLAG_ALL | (FLAG_MORE if request.more else 0) | (FLAG_TEMPLATE if request.templates else 0)
    return _encode_request(flag, request.cursor, _NO_PAIR)


def decode_conns_request(body: bytes) -> ConnsRequest:
    """GET_CONN_ALL."""
    flag, whence, *_pair = CONN_REQUEST.unpack(body)
    return ConnsRequest(bool(flag & FLAG_TEMPLATE), bool(flag & FLAG_MORE), whence)


def encode_conn_request(request: ConnRequest) -> bytes:
    """GET_CONN_SPECIFIED."""
    return _encode_request(FLAG_SPECIFIED | (FLAG_TEMPLATE if request.template else 0), 0, request.pair)


def decode_conn_request(body: bytes) -> ConnRequest:
    """GET_CONN_SPECIFIED."""
    require_exact(body, CONN_REQUEST.size)
    flag, _whence, af, proto, sport, tport, sip, tip = CONN_REQUEST.unpack(body)
    if not flag & FLAG_SPECIFIED:
        raise DecodeError("not a request for one connection")
    pair = SocketPair(decode_family(af), proto, decode_address(af, sip), sport, decode_address(af, tip), tport)
    return ConnRequest(pair, bool(flag & FLAG_TEMPLATE))


def encode_conns_reply(_request: ConnsRequest, page: ConnPage) -> bytes:
    """GET_CONN_ALL."""
    count = len(page.records) // CONN.size
    result = RESULT_OK | (RESULT_MORE if page.more else 0)
    return CONNS_HEAD.pack(count, result, page.cursor) + page.records


def decode_conns_reply(body: bytes) -> ConnPage:
    """GET_CONN_ALL."""
    count, result, cursor = CONNS_HEAD.unpack(body)
    require_exact(body, CONNS_HEAD.size + count * CONN.size)
    return ConnPage(body[CONNS_HEAD.size :], bool(result & RESULT_MORE), cursor)


def encode_conn_reply(_request: ConnRequest, conn: Conn) -> bytes:
    """GET_CONN_SPECIFIED."""
    return CONNS_HEAD.pack(1, RESULT_OK, 0) + encode_conn(conn)


def decode_conn_reply(body: bytes) -> Conn:
    """GET_CONN_SPECIFIED."""
    for conn in decode_conns(decode_conns_reply(body).records):
        return conn
    raise DecodeError("no connection in the reply")


def encode_slice_request(request: ConnSliceRequest) -> bytes:
    """XDPVS_GET_CONNS."""
    return SLICE_REQUEST.pack(FLAG_TEMPLATE if request.templates else 0, request.limit, request.cursor)


def decode_slice_request(body: bytes) -> ConnSliceRequest:
    """XDPVS_GET_CONNS."""
    require_exact(body, SLICE_REQUEST.size)
    flag, limit, cursor = SLICE_REQUEST.unpack(body)
    return ConnSliceRequest(bool(flag & FLAG_TEMPLATE), cursor, limit)


def encode_slice_reply(_request: ConnSliceRequest, page: ConnPage) -> bytes:
    """XDPVS_GET_CONNS: cursor 0 ends the listing."""
    return SLICE_HEAD.pack(page.cursor if page.more else 0, len(page.records) // CONN.size) + page.records


def decode_slice_reply(body: bytes) -> ConnPage:
    """XDPVS_GET_CONNS."""
    cursor, count = SLICE_HEAD.unpack(body)
    require_exact(body, SLICE_HEAD.size + count * CONN.size)
    return ConnPage(body[SLICE_HEAD.size :], cursor != 0, cursor)
