"""Consistent hashing: DPVS's ring, flattened.

The ring is exact (src/ipvs/ip_vs_conhash.c and libconhash): 160 points per unit of weight, MD5 of the server's text
stirred into a signed 64-bit number. DPVS asks it with the client's address as text. BPF cannot compute MD5, so it maps
the client to one of TABLE_SIZE buckets, and each bucket asks the ring with its own number as text. What remains true:
a client sticks to its server on every balancer, and a server that goes takes only its own clients along. What differs:
the server a given client gets is not the one DPVS would have chosen.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from hashlib import md5

from xdpvs.model.address import IPAddress
from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched.schedule import Schedule, ScheduleKind, eligible, reduced_weights, scaled_weights, schedule

REPLICAS = 160
TABLE_SIZE = 16381
"""Prime, and the same for every service: another size would move every client."""
MAX_UNITS = 1024
"""Weights that add up to more, in lowest terms, are scaled down; DPVS lets its ring grow without bound."""

_MASK = (1 << 64) - 1
_WORDS = struct.Struct("<4I")


def ring_hash(text: str) -> int:
    """The signed position of a text on the ring."""
    h: int = sum(_WORDS.unpack(md5(text.encode(), usedforsecurity=False).digest()))
    h = ((h + 0x7ED55D16) + (h << 12)) & _MASK
    h = (h ^ 0xC761C23C) ^ (h >> 19)
    h = ((h + 0x165667B1) + (h << 5)) & _MASK
    h = ((h + 0xD3A2646C) ^ (h << 9)) & _MASK
    h = ((h + 0xFD7046C5) + (h << 3)) & _MASK
    h = (h ^ 0xB55A4F09) ^ (h >> 16)
    h = h * 3221225473 & _MASK
    return h - (1 << 64) if h >> 63 else h


def client_text(address: IPAddress) -> str:
    """What DPVS hashes for a client: its address folded to 32 bits, read in the host's (little-endian) order."""
    folded = 0
    for (word,) in struct.iter_unpack("<I", address.packed):
        folded ^= word
    return str(folded)


def server_text(dest: Dest, replica: int) -> str:
    """What DPVS hashes for a point of a server: no separator, the port with its bytes swapped."""
    swapped = int.from_bytes(dest.port.to_bytes(2, "big"), "little")
    return f"{dest.address}{swapped}-{replica:03d}"


@lru_cache(maxsize=4096)
def _points(dest: Dest, count: int) -> tuple[int, ...]:
    return tuple(ring_hash(server_text(dest, replica)) for replica in range(count))


class Ring:
    """Points in order, each with the position of its server; the first server to claim a point keeps it."""

    def __init__(self, dests: Sequence[Dest]) -> None:
        positions = eligible(dests)
        weights = scaled_weights(reduced_weights(dests, positions), max(MAX_UNITS, len(positions)))
        owners: dict[int, int] = {}
        for position, weight in zip(positions, weights, strict=True):
            for point in _points(_identity(dests[position]), weight * REPLICAS):
                owners.setdefault(point, position)
        self.points = sorted(owners)
        self.owners = [owners[point] for point in self.points]

    def owner(self, h: int) -> int:
        """The server of the first point at or behind h, around the end."""
        index = bisect_left(self.points, h)
        return self.owners[index if index < len(self.points) else 0]


def _identity(dest: Dest) -> Dest:
    """Only address and port decide where a server's points are."""
    return Dest(dest.family, dest.address, dest.port)


@lru_cache(maxsize=1)
def _bucket_hashes() -> tuple[int, ...]:
    return tuple(ring_hash(str(bucket)) for bucket in range(TABLE_SIZE))


def build(dests: Sequence[Dest], flags: ServiceFlags) -> Schedule:
    """The ring's answer for each bucket."""
    del flags
    ring = Ring(dests)
    if not ring.points:
        return schedule(ScheduleKind.HASH, ())
    return schedule(ScheduleKind.HASH, map(ring.owner, _bucket_hashes()))
