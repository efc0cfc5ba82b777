"""The orders in which DPVS lists things, as pure functions.

They are consequences of DPVS's hash tables, but operators compare listings, so the daemon reproduces them and the
tools print what they get. Every function takes items in the order of their creation, oldest first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from xdpvs.model.address import IPAddress
from xdpvs.model.network import Address, Route, RouteFlags
from xdpvs.model.service import NO_MATCH, ServiceKey

T = TypeVar("T")

_MASK32 = 0xFFFFFFFF
_LOCAL = RouteFlags.LOCALIN | RouteFlags.KNI_HOST
_ROUTE6_BUCKETS = 256


def address_bucket(address: IPAddress) -> int:
    """DPVS's hash of an interface address: its words, read as little-endian, XORed and multiplied (src/inetaddr.c)."""
    fold = 0
    packed = address.packed
    for offset in range(0, len(packed), 4):
        fold ^= int.from_bytes(packed[offset : offset + 4], "little")
    return (fold * 0x61C88647 & _MASK32) >> 24


def address_order(addresses: Iterable[Address]) -> list[Address]:
    """Addresses as listed without a device: by bucket, newest first in one. With a device it is just newest first."""
    return sorted(reversed(list(addresses)), key=lambda entry: address_bucket(entry.address))  # noqa: C414 - newest first within a bucket


def route4_order(routes: Iterable[Route]) -> list[Route]:
    """IPv4 routes: local ones by their last byte, newest first on ties; then the others, longest prefix first."""
    ordered = list(routes)
    local = [route for route in reversed(ordered) if route.flags & _LOCAL]
    others = [route for route in ordered if not route.flags & _LOCAL]
    local.sort(key=lambda route: route.destination.packed[-1])
    others.sort(key=lambda route: -route.prefix_length)
    return local + others


def route6_order(routes: Iterable[Route]) -> list[Route]:
    """IPv6 routes: longest prefix first, then by bucket of the prefix, oldest first on ties (route6_hlist.c)."""
    return sorted(routes, key=lambda route: (-route.prefix_length, _route6_bucket(route)))


def service_order(services: Iterable[T], key: Callable[[T], ServiceKey]) -> list[T]:
    """Services: those with an address by bucket, then fwmarks by bucket, then matches; newest first throughout."""
    return sorted(reversed(list(services)), key=lambda service: _service_rank(key(service)))  # noqa: C414 - newest first


def _service_rank(key: ServiceKey) -> tuple[int, int]:
    if int(key.address) or key.port or not (key.fwmark or key.match != NO_MATCH):
        # The fold of an IPv6 address is the XOR of its words in host order; only its lowest byte survives the mask.
        fold = 0
        for byte in key.address.packed[3::4]:
            fold ^= byte
        return 0, (key.protocol ^ fold) & 0xFF
    if key.fwmark:
        return 1, key.fwmark & 0xFF
    return 2, 0


def _route6_bucket(route: Route) -> int:
    packed = route.destination.packed
    words = [int.from_bytes(packed[offset : offset + 4], "little") for offset in range(0, len(packed), 4)]
    buckets = 1 << route.prefix_length if route.prefix_length < 8 else _ROUTE6_BUCKETS
    return jhash_words(words) % buckets


def jhash_words(words: list[int], seed: int = 0) -> int:
    """Bob Jenkins' lookup3 over 32-bit words (DPDK's rte_jhash_32b)."""
    a = b = c = (0xDEADBEEF + 4 * len(words) + seed) & _MASK32
    rest = list(words)
    while len(rest) > 3:
        a, b, c = _mix((a + rest[0]) & _MASK32, (b + rest[1]) & _MASK32, (c + rest[2]) & _MASK32)
        rest = rest[3:]
    if not rest:
        return c
    padded = [*rest, 0, 0]
    return _final((a + padded[0]) & _MASK32, (b + padded[1]) & _MASK32, (c + padded[2]) & _MASK32)


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & _MASK32


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits_a, bits_b, bits_c in ((4, 6, 8), (16, 19, 4)):
        a = ((a - c) & _MASK32) ^ _rotate(c, bits_a)
        c = (c + b) & _MASK32
        b = ((b - a) & _MASK32) ^ _rotate(a, bits_b)
        a = (a + c) & _MASK32
        c = ((c - b) & _MASK32) ^ _rotate(b, bits_c)
        b = (b + a) & _MASK32
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    c = ((c ^ b) - _rotate(b, 14)) & _MASK32
    a = ((a ^ c) - _rotate(c, 11)) & _MASK32
    b = ((b ^ a) - _rotate(a, 25)) & _MASK32
    c = ((c ^ b) - _rotate(b, 16)) & _MASK32
    a = ((a ^ c) - _rotate(c, 4)) & _MASK32
    b = ((b ^ a) - _rotate(a, 14)) & _MASK32
    return ((c ^ b) - _rotate(b, 24)) & _MASK32
