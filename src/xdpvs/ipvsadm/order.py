"""The order listings print in: upstream's comparison, wrap-around included.

Upstream subtracts addresses as 32-bit words and looks at the sign, so 192.168.88.30 comes before 10.1.1.1. That is no
total order, but within any half of the number circle it is the plain one; only wider spreads need the pairwise form.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from ipaddress import IPv4Address
from typing import TypeVar

from xdpvs.ipvsadm.numbers import signed32
from xdpvs.model.address import IPAddress
from xdpvs.model.service import DestStatus, ServiceKey

HALF_CIRCLE = 0x80000000
MASK = 0xFFFFFFFF

Words = tuple[int, ...]
Entry = TypeVar("Entry")


def _words(address: IPAddress) -> Words:
    value = int(address)
    if address.version == 4:
        return (value,)
    return (value >> 96, value >> 64 & MASK, value >> 32 & MASK, value & MASK)


def _compare_words(left: Words, right: Words) -> int:
    for one, other in zip(left, right, strict=False):
        if one != other:
            return signed32(one - other)
    return 0


Rank = tuple[int, int, int, Words, int]


def _compare_ranked(left: Rank, right: Rank) -> int:
    if left[:3] != right[:3]:
        return _compare_words(left[:3], right[:3])
    return _compare_words(left[3], right[3]) or left[4] - right[4]


def _compare_endpoints(left: tuple[Words, int], right: tuple[Words, int]) -> int:
    # The first one's family decides how many words count; zip stops at the shorter, which is the same for all we list.
    return _compare_words(left[0], right[0]) or left[1] - right[1]


def sort_services(entries: list[Entry], key_of: Callable[[Entry], ServiceKey]) -> list[Entry]:
    """By fwmark, family, protocol, address, port."""

    def rank(entry: Entry) -> Rank:
        key = key_of(entry)
        return key.fwmark, key.family, key.protocol, _words(key.address), key.port

    if _within_half_circle([key_of(entry).address for entry in entries]):
        return sorted(entries, key=rank)
    compare = cmp_to_key(_compare_ranked)
    return sorted(entries, key=lambda entry: compare(rank(entry)))


def sort_dests(dests: list[DestStatus]) -> list[DestStatus]:
    """By address, then port."""
    if len(dests) < 2:
        return dests
    if _within_half_circle([status.dest.address for status in dests]):
        return sorted(dests, key=lambda status: (int(status.dest.address), status.dest.port))
    compare = cmp_to_key(_compare_endpoints)
    return sorted(dests, key=lambda status: compare((_words(status.dest.address), status.dest.port)))


def _within_half_circle(addresses: list[IPAddress]) -> bool:
    """Whether all are IPv4 and plain order and wrapped order agree."""
    if not addresses or not all(isinstance(address, IPv4Address) for address in addresses):
        return False
    values = [int(address) for address in addresses]
    return max(values) - min(values) < HALF_CIRCLE
