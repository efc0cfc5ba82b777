"""Services (DPVS include/conf/service.h, stats.h)."""

from __future__ import annotations

import struct
from typing import Any

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact, swap32
from xdpvs.api.requests import ServiceRequest, ServicesRequest
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.api.structs_match import decode_match, encode_match
from xdpvs.model.address import Family
from xdpvs.model.service import (
    NO_STATS,
    CheckConfig,
    CheckTypes,
    DaemonInfo,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
    Stats,
)

SERVICE = Layout(
    264,
    "0 af i32 | 4 proto u8 | 5 proxy_protocol u8 | 6 port be16 | 8 fwmark u32 | 12 flags u32 | 16 timeout u32"
    " | 20 conn_timeout u32 | 24 netmask u32 | 28 bps u32 | 32 limit_proportion u32 | 36 addr addr | 52 sched_name c16"
    " | 68 match b108 | 176 num_dests u32 | 180 num_laddrs u32 | 184 cid u8 | 185 index u8 | 192 stats b64"
    " | 256 check_types u8 | 257 down_notice u8 | 258 up_notice u8 | 259 down_wait u8 | 260 inhibit_min u16"
    " | 262 inhibit_max u16",
)
FRONT = Layout(8, "0 cid u8 | 1 index u8 | 2 count u16")
INFO = Layout(16, "0 version u32 | 4 size u32 | 8 num_services u32 | 12 num_lcores u32")
VERSION = Layout(64, "0 text c64")

_STATS = struct.Struct("<5Q5I4x")
ZERO_STATS = bytes(64)
_NO_CHECK = CheckConfig()


def encode_stats(stats: Stats) -> bytes:
    """64 bytes."""
    if stats is NO_STATS:
        return ZERO_STATS
    return _STATS.pack(
        stats.conns,
        stats.in_packets,
        stats.in_bytes,
        stats.out_packets,
        stats.out_bytes,
        stats.cps,
        stats.in_pps,
        min(stats.in_bps, 0xFFFFFFFF),
        stats.out_pps,
        min(stats.out_bps, 0xFFFFFFFF),
    )


def decode_stats(raw: bytes) -> Stats:
    """Most are zero, and all of those are one object."""
    if raw == ZERO_STATS:
        return NO_STATS
    return Stats(*_STATS.unpack(raw))


def decode_key(af: int, proto: int, addr: bytes, port: int, fwmark: int, match: bytes) -> ServiceKey:
    """The key every message about a service carries in some order."""
    return ServiceKey(decode_family(af), proto, decode_address(af, addr), port, fwmark, decode_match(match))


def _encode(service: Service, num_dests: int, num_laddrs: int, index: int, stats: Stats, *, reply: bool) -> bytes:
    key, check = service.key, service.check
    flags = int(service.flags)
    return SERVICE.pack(
        key.family,
        key.protocol,
        service.proxy_protocol,
        key.port,
        key.fwmark,
        flags | ServiceFlags.HASHED if reply else flags,
        service.persistence_timeout_s,
        service.conn_timeout_s,
        service.netmask if key.family == Family.INET6 else swap32(service.netmask),
        # Replies carry 0 here whatever was set, as DPVS's do.
        0 if reply else service.bps,
        0 if reply else service.limit_proportion,
        key.address.packed,
        service.scheduler,
        encode_match(key.match),
        num_dests,
        num_laddrs,
        index,
        index,
        encode_stats(stats),
        check.types,
        check.down_notice,
        check.up_notice,
        check.down_wait_s,
        check.inhibit_min_s,
        check.inhibit_max_s,
    )


def encode_service(service: Service) -> bytes:
    """A service as a request carries it."""
    return _encode(service, 0, 0, 0, NO_STATS, reply=False)


def encode_key(key: ServiceKey | None, index: int = 0) -> bytes:
    """A service of which only the key matters. None means every service (ZERO), as `ipvsadm -Z` sends it."""
    if key is None:
        return bytes(SERVICE.size)
    # The netmask is what C tools send; nothing reads it here.
    netmask = 128 if key.family == Family.INET6 else 0xFFFFFFFF
    return _encode(Service(key, "", netmask=netmask), 0, 0, index, NO_STATS, reply=False)


def encode_service_status(status: ServiceStatus, index: int = 0) -> bytes:
    """A service as a reply carries it."""
    return _encode(status.service, status.num_dests, status.num_laddrs, index, status.stats, reply=True)


def _decode_check(types: int, *rest: int) -> CheckConfig:
    if not types and not any(rest):
        return _NO_CHECK
    return CheckConfig(CheckTypes(types), *rest)


def _decode(fields: tuple[Any, ...], *, reply: bool) -> ServiceStatus:
    (
        af,
        proto,
        proxy,
        port,
        fwmark,
        flags,
        timeout,
        conn_timeout,
        netmask,
        bps,
        limit,
        addr,
        sched,
        match,
        num_dests,
        num_laddrs,
        _cid,
        _index,
        stats,
        *check,
    ) = fields
    try:
        proxy_protocol = ProxyProtocol(proxy)
    except ValueError:
        raise DecodeError(f"proxy protocol {proxy:#x}") from None
    service = Service(
        decode_key(af, proto, addr, port, fwmark, match),
        sched,
        ServiceFlags(flags & ~ServiceFlags.HASHED if reply else flags),
        timeout,
        conn_timeout,
        netmask if af == Family.INET6 else swap32(netmask),
        proxy_protocol,
        bps,
        limit,
        _decode_check(*check),
    )
    return ServiceStatus(service, num_dests, num_laddrs, decode_stats(stats))


def decode_service(body: bytes) -> Service:
    """A request's service. Flag HASHED is left in: ADD answers it with -3, EDIT ignores it."""
    return _decode(SERVICE.unpack(body), reply=False).service


def decode_service_status(body: bytes, offset: int = 0) -> ServiceStatus:
    """A reply's service, without the flag HASHED that every reply has."""
    return _decode(SERVICE.unpack(body, offset), reply=True)


def decode_service_key(body: bytes) -> ServiceKey:
    """The key of a service body; the rest of it may be garbage."""
    af, proto, _proxy, port, fwmark, *_unused = fields = SERVICE.unpack(body)
    return decode_key(af, proto, fields[11], port, fwmark, fields[13])


def decode_zero(body: bytes) -> ServiceKey | None:
    """ZERO's request: None for all services, which is af 0, or an address with nothing else that names a service."""
    if len(body) >= SERVICE.size and body[:4] == bytes(4):
        return None
    key = decode_service_key(body)
    everything = int(key.address) != 0 and not (key.port or key.fwmark) and body[68:176] == bytes(108)
    return None if everything else key


def encode_service_request(request: ServiceRequest) -> bytes:
    """GET_SERVICE."""
    return encode_key(request.key, request.worker)


def decode_service_request(body: bytes) -> ServiceRequest:
    """GET_SERVICE."""
    return ServiceRequest(decode_service_key(body), body[185])


def encode_service_reply(request: ServiceRequest, status: ServiceStatus) -> bytes:
    """GET_SERVICE."""
    return encode_service_status(status, request.worker)


def decode_service_reply(body: bytes) -> ServiceStatus:
    """GET_SERVICE: C tools copy the whole reply into a variable of this size."""
    require_exact(body, SERVICE.size)
    return decode_service_status(body)


def encode_services_request(request: ServicesRequest) -> bytes:
    """GET_SERVICES; only 16 bits for the count, upstream's tools cut it likewise."""
    return FRONT.pack(0, request.worker, (request.expected or 0) & 0xFFFF)


def decode_services_request(body: bytes) -> ServicesRequest:
    """GET_SERVICES."""
    require_exact(body, FRONT.size)
    _cid, index, count = FRONT.unpack(body)
    return ServicesRequest(count, index)


def decode_agent_services_request(body: bytes) -> ServicesRequest:
    """The agent's GET_SERVICES ignores the count."""
    return ServicesRequest(None, decode_services_request(body).worker)


def encode_services_reply(request: ServicesRequest, statuses: list[ServiceStatus]) -> bytes:
    """Never more than asked for: ipvsadm would believe the count and read past its buffer."""
    chosen = statuses if request.expected is None else statuses[: request.expected]
    # The agent's reply counts in 16 bits as well.
    chosen = chosen[:0xFFFF]
    records = [encode_service_status(status, request.worker) for status in chosen]
    return FRONT.pack(request.worker, request.worker, len(records)) + b"".join(records)


def decode_services_reply(body: bytes) -> list[ServiceStatus]:
    """GET_SERVICES."""
    count = FRONT.unpack(body)[2]
    require_exact(body, FRONT.size + count * SERVICE.size)
    return [_decode(fields, reply=True) for fields in SERVICE.unpack_array(body, FRONT.size, count)]


def encode_info(_request: None, info: DaemonInfo) -> bytes:
    """GET_INFO."""
    return INFO.pack(info.version, info.size, info.num_services, info.num_lcores)


def decode_info(body: bytes) -> DaemonInfo:
    """GET_INFO; old daemons send 12 bytes."""
    version, size, num_services, num_lcores = INFO.unpack(body if len(body) >= INFO.size else body + bytes(4))
    return DaemonInfo(version, num_services, size, num_lcores)


def encode_version(_request: None, version: str) -> bytes:
    """GET_VERSION."""
    return VERSION.pack(version)


def decode_version(body: bytes) -> str:
    """GET_VERSION."""
    return str(VERSION.unpack(body)[0])
