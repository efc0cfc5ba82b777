"""Maglev hashing: DPVS's table of 4093 slots, exact (src/ipvs/ip_vs_mh.c).

The table is found with another hash of the client than DPVS's, because SipHash is dear in BPF: clients stick to their
servers and a lost server moves few others, but which server a client gets differs. An overloaded server's clients get
the next slot's, as with DPVS's mh-fallback; the client's port (mh-port) does not enter.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from functools import reduce

from xdpvs.model.address import IPAddress
from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, schedule

TABLE_SIZE = 4093
HASH1_KEY = 2654435761
HASH2_KEY = 2654446892
SHIFT_BITS = 6

_MASK = (1 << 64) - 1


def _rotated(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    """One SipRound."""
    v0 = v0 + v1 & _MASK
    v1 = _rotated(v1, 13) ^ v0
    v0 = _rotated(v0, 32)
    v2 = v2 + v3 & _MASK
    v3 = _rotated(v3, 16) ^ v2
    v0 = v0 + v3 & _MASK
    v3 = _rotated(v3, 21) ^ v0
    v2 = v2 + v1 & _MASK
    v1 = _rotated(v1, 17) ^ v2
    v2 = _rotated(v2, 32)
    return v0, v1, v2, v3


def hsiphash(value: int, key: int) -> int:
    """SipHash-1-3 of one 32-bit word, both key halves equal, cut to 32 bits (Linux's hsiphash on 64-bit hosts)."""
    state = (
        0x736F6D6570736575 ^ key,
        0x646F72616E646F6D ^ key,
        0x6C7967656E657261 ^ key,
        0x7465646279746573 ^ key,
    )
    word = 4 << 56 | value
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
    v0 ^= word
    v2 ^= 0xFF
    for _ in range(3):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return (v0 ^ v1 ^ v2 ^ v3) & 0xFFFFFFFF


def mh_hash(address: IPAddress, port: int, key: int, offset: int = 0) -> int:
    """DPVS's hash of an address and port in host order; IPv6 is folded to 32 bits."""
    folded = 0
    for (word,) in struct.iter_unpack(">I", address.packed):
        folded ^= word
    return hsiphash((offset + port + folded) & 0xFFFFFFFF, key)


def client_slot(address: IPAddress, port: int = 0) -> int:
    """The slot DPVS would look at for a client."""
    return mh_hash(address, port, HASH1_KEY) % TABLE_SIZE


def turns_of(dests: Sequence[Dest], positions: Sequence[int]) -> list[int]:
    """How many slots in a row each server takes at its turn."""
    weights = [dests[position].weight for position in positions]
    divisor = reduce(math.gcd, weights, 0)
    shift = max(0, (max(weights) // divisor).bit_length() - SHIFT_BITS)
    return [max(1, weight // divisor >> shift) for weight in weights]


def table(dests: Sequence[Dest]) -> list[int]:
    """Position of the server of each slot, empty without servers."""
    positions = eligible(dests)
    if not positions:
        return []
    slots = [-1] * TABLE_SIZE
    turns = turns_of(dests, positions)
    at = [mh_hash(dests[p].address, dests[p].port, HASH1_KEY) % TABLE_SIZE for p in positions]
    skip = [mh_hash(dests[p].address, dests[p].port, HASH2_KEY) % (TABLE_SIZE - 1) + 1 for p in positions]
    filled = 0
    while True:
        for index, position in enumerate(positions):
            for _ in range(turns[index]):
                slot = at[index]
                while slots[slot] >= 0:
                    slot = (slot + skip[index]) % TABLE_SIZE
                slots[slot] = position
                at[index] = (slot + skip[index]) % TABLE_SIZE
                filled += 1
                if filled == TABLE_SIZE:
                    return slots


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """The table as entries."""
    del flags
    return schedule(ScheduleKind.HASH, table(dests))
