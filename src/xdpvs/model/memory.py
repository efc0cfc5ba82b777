"""DPDK's memory as `dpip eal-mem` shows it; we have none, but our dpip can ask a daemon that does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemorySegment:
    """A hugepage segment."""

    iova: int
    virtual: int
    length: int
    hugepage: int
    socket: int
    channels: int
    ranks: int
    free: int


@dataclass(frozen=True, slots=True)
class MemoryZone:
    """A named zone."""

    name: str
    iova: int
    virtual: int
    length: int
    hugepage: int
    socket: int


@dataclass(frozen=True, slots=True)
class MemoryRing:
    """A ring."""

    name: str
    flags: int
    size: int
    consumer_tail: int
    consumer_head: int
    producer_tail: int
    producer_head: int
    used: int
    available: int


@dataclass(frozen=True, slots=True)
class MemoryPool:
    """A mempool; count is what is free."""

    name: str
    flags: int
    size: int
    count: int
    element_size: int
    header_size: int
    trailer_size: int
    private_size: int
