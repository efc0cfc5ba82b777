"""Counters of the maps, summed over CPUs. Rates are the estimator's business, elsewhere."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from xdpvs.bpf import layout
from xdpvs.bpf.layout import Maps
from xdpvs.bpf.libbpf import possible_cpus
from xdpvs.bpf.maps import PercpuArray

T = TypeVar("T")

_COUNTS = struct.Struct("<3Q")
_LADDR = struct.Struct("<2Q")


@dataclass(frozen=True, slots=True)
class Traffic:
    """A server's counters since it was put; bytes are IP bytes before translation."""

    conns: int = 0
    in_packets: int = 0
    in_bytes: int = 0
    out_packets: int = 0
    out_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ConnCounts:
    """A server's connections now, and how many max_conn refused."""

    active: int = 0
    inactive: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class DeviceTraffic:
    """A device's counters; bytes are frame bytes without FCS."""

    rx_packets: int = 0
    rx_bytes: int = 0
    tx_packets: int = 0
    tx_bytes: int = 0
    rx_dropped: int = 0
    kni_packets: int = 0


@dataclass(frozen=True, slots=True)
class LaddrCounts:
    """A local address: ports found taken, and connections for which none was found."""

    conflicts: int = 0
    misses: int = 0


# Most servers of a large table have nothing to count: all of those share one object.
_NO_TRAFFIC = Traffic()
_NO_CONNS = ConnCounts()


class Counters:
    """Reads counters by id, many in one system call."""

    def __init__(self, maps: Maps) -> None:
        self._maps = maps

    def dests(self, ids: Sequence[int]) -> dict[int, Traffic]:
        """Traffic of servers."""
        return _percpu(self._maps.dest_stats, ids, lambda row: Traffic(*row) if any(row) else _NO_TRAFFIC)

    def conns(self, ids: Sequence[int]) -> dict[int, ConnCounts]:
        """Connections of servers; a count that a race took below zero is shown as zero."""
        if not ids:
            return {}
        first, count = _span(ids)
        data = self._maps.dest_conns.read(first, count)
        rows = {index: _COUNTS.unpack_from(data, (index - first) * _COUNTS.size) for index in ids}
        return {index: _conn_counts(row) for index, row in rows.items()}

    def devices(self, ids: Sequence[int]) -> dict[int, DeviceTraffic]:
        """Traffic of devices."""
        return _percpu(self._maps.device_stats, ids, lambda row: DeviceTraffic(*row))

    def laddrs(self, ids: Sequence[int]) -> dict[int, LaddrCounts]:
        """Port conflicts of local addresses."""
        if not ids:
            return {}
        first, count = _span(ids)
        data = self._maps.laddr_stats.read(first, count)
        return {index: LaddrCounts(*_LADDR.unpack_from(data, (index - first) * _LADDR.size)) for index in ids}

    def drops(self) -> dict[layout.DropReason, int]:
        """Frames by the reason they went nowhere, zeros left out."""
        totals = _sums(self._maps.drops, 0, int(layout.DropReason.REASON_MAX))
        return {layout.DropReason(reason): int(row[0]) for reason, row in enumerate(totals) if row[0]}


def _conn_counts(row: Sequence[int]) -> ConnCounts:
    return ConnCounts(*(0 if value >> 63 else value for value in row)) if any(row) else _NO_CONNS


def _span(ids: Sequence[int]) -> tuple[int, int]:
    """The range to read for ids: holes cost less than system calls, because ids are handed out from 0 on."""
    first = min(ids)
    return first, max(ids) - first + 1


def _sums(table: PercpuArray[Any], first: int, count: int) -> Any:
    """One row of totals for each element, as a numpy array."""
    import numpy as np

    data = np.frombuffer(table.read(first, count), np.uint64)
    return data.reshape(-1, possible_cpus(), table.stride // 8).sum(axis=1)


def _percpu(table: PercpuArray[Any], ids: Sequence[int], make: Callable[[list[int]], T]) -> dict[int, T]:
    if not ids:
        return {}
    first, count = _span(ids)
    rows = _sums(table, first, count).tolist()
    return {index: make(rows[index - first]) for index in ids}
