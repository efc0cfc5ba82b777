"""Routes of both families (DPVS include/conf/route.h, route6.h)."""

from __future__ import annotations

from typing import Any

from xdpvs.api.errors import DecodeError, DpvsError
from xdpvs.api.layout import Layout, require_exact
from xdpvs.api.requests import RouteChange
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.model.address import Family, IPAddress, any_address
from xdpvs.model.network import Route, RouteFlags

ROUTE = Layout(
    112,
    "0 af u32 | 4 mtu u32 | 8 flags u32 | 12 metric u32 | 16 dst addr | 32 dst_plen i32 | 36 src addr | 52 src_plen i32"
    " | 56 gateway addr | 72 gateway_plen i32 | 76 prefsrc addr | 92 prefsrc_plen i32 | 96 ifname c16",
)
ROUTE6 = Layout(
    104,
    "0 ops i32 | 4 dst addr | 20 dst_plen i32 | 24 src addr | 40 src_plen i32 | 44 prefsrc addr | 60 prefsrc_plen i32"
    " | 64 ifname c16 | 80 gateway addr | 96 mtu u32 | 100 flags u32",
)
KEEPALIVED_ROUTE = Layout(
    81,
    "0 af i32 | 4 dst addr | 20 plen u8 | 21 via addr | 37 src addr | 53 ifname c16 | 69 mtu u32 | 73 tos u8"
    " | 74 scope u8 | 75 metric u8 | 76 proto u8 | 77 flags u32",
)
"""What keepalived sends as a route: the structure of DPVS 1.9, which upstream's daemon refuses."""
COUNT = Layout(4, "0 nroute i32")

OPS6_GET, OPS6_ADD, OPS6_DEL, OPS6_FLUSH = 1, 2, 3, 4
_SCOPE_FLAGS = {1: RouteFlags.LOCALIN, 2: RouteFlags.KNI_HOST}


def _addresses(family: Family, *raw: bytes) -> tuple[IPAddress, ...]:
    return tuple([decode_address(family, each) for each in raw])


def _encode(route: Route) -> bytes:
    return ROUTE.pack(
        route.family,
        route.mtu,
        route.flags,
        route.metric,
        route.destination.packed,
        route.prefix_length,
        route.source.packed,
        0,
        route.gateway.packed,
        0,
        b"",
        0,
        route.device,
    )


def _decode(fields: tuple[Any, ...]) -> Route:
    af, mtu, flags, metric, dst, plen, src, _splen, gw, _gwplen, _prefsrc, _pplen, device = fields
    family = decode_family(af)
    destination, gateway, source = _addresses(family, dst, gw, src)
    return Route(family, destination, plen, device, gateway, source, RouteFlags(flags), mtu, metric)


def _decode_keepalived(body: bytes) -> Route:
    af, dst, plen, via, src, device, mtu, _tos, scope, metric, _proto, _flags = KEEPALIVED_ROUTE.unpack(body)
    family = decode_family(af)
    destination, gateway, source = _addresses(family, dst, via, src)
    flags = RouteFlags.FORWARD | _SCOPE_FLAGS.get(scope, RouteFlags(0))
    return Route(family, destination, plen, device, gateway, source, flags, mtu, metric)


def encode_route(route: Route) -> bytes:
    """ROUTE_ADD, ROUTE_DEL; also the agent's, for both families."""
    return _encode(route)


def decode_route(body: bytes) -> Route:
    """ROUTE_ADD, ROUTE_DEL: IPv4 only, and keepalived's shorter structure too."""
    if len(body) == KEEPALIVED_ROUTE.size:
        route = _decode_keepalived(body)
    else:
        require_exact(body, ROUTE.size)
        route = _decode(ROUTE.unpack(body))
    if route.family == Family.INET6:
        raise DecodeError("an IPv6 route", DpvsError.NOTSUPP)
    return route


def decode_agent_route(body: bytes) -> Route:
    """The agent's ROUTE_ADD, _DEL, ROUTE6_ADD, _DEL: this structure for both families."""
    require_exact(body, ROUTE.size)
    return _decode(ROUTE.unpack(body))


def _empty_route(family: Family, device: str) -> Route:
    nothing = any_address(family)
    return Route(family, nothing, 0, device, nothing, nothing, RouteFlags(0))


def encode_route_device(device: str) -> bytes:
    """ROUTE_SHOW, ROUTE_FLUSH: the device or, for SHOW, empty."""
    return _encode(_empty_route(Family.INET, device))


def decode_route_device(body: bytes) -> str:
    """ROUTE_SHOW, ROUTE_FLUSH."""
    return str(ROUTE.unpack(body)[12])


def encode_routes(_request: str, routes: list[Route]) -> bytes:
    """ROUTE_SHOW."""
    return COUNT.pack(len(routes)) + b"".join([_encode(route) for route in routes])


def decode_routes(body: bytes) -> list[Route]:
    """ROUTE_SHOW: dpip insists on the exact length, which upstream misses when a device filters."""
    count = COUNT.unpack(body)[0]
    require_exact(body, COUNT.size + count * ROUTE.size)
    return [_decode(fields) for fields in ROUTE.unpack_array(body, COUNT.size, count)]


def _encode6(ops: int, route: Route) -> bytes:
    return ROUTE6.pack(
        ops,
        route.destination.packed,
        route.prefix_length,
        route.source.packed,
        0,
        b"",
        0,
        route.device,
        route.gateway.packed,
        route.mtu,
        route.flags,
    )


def _decode6(fields: tuple[Any, ...]) -> Route:
    _ops, dst, plen, src, _splen, _prefsrc, _pplen, device, gw, mtu, flags = fields
    destination, gateway, source = _addresses(Family.INET6, dst, gw, src)
    return Route(Family.INET6, destination, plen, device, gateway, source, RouteFlags(flags), mtu)


def encode_route6_change(change: RouteChange) -> bytes:
    """ROUTE6_ADD_DEL."""
    return _encode6(OPS6_ADD if change.add else OPS6_DEL, change.route)


def decode_route6_change(body: bytes) -> RouteChange:
    """ROUTE6_ADD_DEL."""
    fields = ROUTE6.unpack(body)
    if fields[0] not in (OPS6_ADD, OPS6_DEL):
        raise DecodeError(f"operation {fields[0]}")
    return RouteChange(fields[0] == OPS6_ADD, _decode6(fields))


def encode_route6_flush(device: str) -> bytes:
    """ROUTE6_FLUSH."""
    return _encode6(OPS6_FLUSH, _empty_route(Family.INET6, device))


def encode_route6_show(device: str) -> bytes:
    """ROUTE6_SHOW."""
    return _encode6(OPS6_GET, _empty_route(Family.INET6, device))


def decode_route6_device(body: bytes) -> str:
    """ROUTE6_SHOW, ROUTE6_FLUSH."""
    return str(ROUTE6.unpack(body)[7])


def encode_routes6(_request: str, routes: list[Route]) -> bytes:
    """ROUTE6_SHOW; a handler answers None (no body) for an unknown device, as upstream does."""
    return COUNT.pack(len(routes)) + b"".join([_encode6(0, route) for route in routes])


def decode_routes6(body: bytes) -> list[Route]:
    """ROUTE6_SHOW."""
    count = COUNT.unpack(body)[0]
    require_exact(body, COUNT.size + count * ROUTE6.size)
    return [_decode6(fields) for fields in ROUTE6.unpack_array(body, COUNT.size, count)]
