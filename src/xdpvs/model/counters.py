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
