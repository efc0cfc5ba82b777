"""Counters of the daemon as a whole."""

from __future__ import annotations

from dataclasses import dataclass

IPV6_COUNTERS = (
    "InReceives InOctets InDelivers OutForwDatagrams OutRequests OutOctets InHdrErrors InTooBigErrors InNoRoutes "
    "InAddrErrors InUnknownProtos InTruncatedPkts InDiscards OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs "
    "ReasmFails FragOKs FragFails FragCreates InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InMcastOctets "
    "OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts InCEPkts"
).split()

MAX_LCORES = 64


@dataclass(frozen=True, slots=True)
class Ipv6Stats:
    """IPv6 counters in the order of IPV6_COUNTERS: the total, then per lcore (missing ones are zero)."""

    total: tuple[int, ...] = (0,) * len(IPV6_COUNTERS)
    lcores: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class DropCounter:
    """Packets not forwarded, for one reason."""

    name: str
    description: str
    packets: int


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """The daemon as a whole. Counters without another word are since this process started.

    generation is a random number that stays while the configuration does, over kill, restart and upgrade, and is
    another one when the daemon began with nothing: who configured it must do so again.
    """

    version: str
    generation: int
    started_at_s: float = 0.0
    """Unix time."""
    uptime_s: float = 0.0
    conns: int = 0
    """Live connections when the table was last swept, about a second ago."""
    conn_slots: int = 0
    """Slots of the table; a connection takes two."""
    conns_expired: int = 0
    sweeps: int = 0
    sweep_s: float = 0.0
    """Time the last sweep took."""
    services: int = 0
    dests: int = 0
    laddrs: int = 0
    devices: int = 0
    addresses: int = 0
    routes: int = 0
    neighbours: int = 0
    requests: int = 0
    request_errors: int = 0
    request_garbage: int = 0
    """Clients closed without a reply."""
    request_timeouts: int = 0
    resident_bytes: int = 0
    cpu_s: float = 0.0
