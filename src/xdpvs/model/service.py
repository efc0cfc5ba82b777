"""Virtual services, their real servers, local addresses and access lists."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.model.address import IPV4_ANY, Family, IPAddress, Protocol


class ServiceFlags(enum.IntFlag):
    """Service flags, numbered as in DPVS include/conf/service.h."""

    PERSISTENT = 0x1
    HASHED = 0x2
    ONE_PACKET = 0x4
    SYNPROXY = 0x8
    EXPIRE_QUIESCENT = 0x10
    SCHED1 = 0x20
    SCHED2 = 0x40
    SCHED3 = 0x80
    SIP_HASH = 0x100
    QID_HASH = 0x200
    MATCH = 0x400
    QUIC = 0x800


MH_FALLBACK = ServiceFlags.SCHED1
MH_PORT = ServiceFlags.SCHED2


class ForwardingMode(enum.IntEnum):
    """How packets reach a server; DPVS's numbers."""

    NAT = 0
    LOCAL = 1
    TUNNEL = 2
    DIRECT_ROUTE = 3
    BYPASS = 4
    FULLNAT = 5
    SNAT = 6


class ProxyProtocol(enum.IntEnum):
    """PROXY protocol of a service; 0x10 marks the insecure variants."""

    OFF = 0
    V1 = 1
    V2 = 2
    V1_INSECURE = 0x11
    V2_INSECURE = 0x12


@dataclass(frozen=True, slots=True)
class AddressRange:
    """An inclusive range of addresses and ports; an all-zero maximum means any (DPVS include/conf/match.h)."""

    min_address: IPAddress = IPV4_ANY
    max_address: IPAddress = IPV4_ANY
    min_port: int = 0
    max_port: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """What names a match service (SNAT): address ranges and devices. All default means no match."""

    family: Family = Family.UNSPEC
    source: AddressRange = AddressRange()
    destination: AddressRange = AddressRange()
    input_device: str = ""
    output_device: str = ""


NO_MATCH = Match()


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """What names a service: address and port, or fwmark, or match, looked at in this order.

    family and protocol belong to the key in every form.
    """

    family: Family
    protocol: int
    address: IPAddress
    port: int
    fwmark: int = 0
    match: Match = NO_MATCH

    def __hash__(self) -> int:
        # Tables of services are looked up all the time. Match services may collide: there are few.
        return hash((int(self.address), self.port, self.protocol, self.fwmark))


class CheckTypes(enum.IntFlag):
    """Health checks of a service's servers; PASSIVE is done by the data plane."""

    PASSIVE = 0x01
    TCP = 0x02
    UDP = 0x04
    SCTP = 0x08
    PING = 0x10


@dataclass(frozen=True, slots=True)
class CheckConfig:
    """Health-check configuration of a service's servers; times in seconds."""

    types: CheckTypes = CheckTypes(0)
    down_notice: int = 0
    up_notice: int = 0
    down_wait_s: int = 0
    inhibit_min_s: int = 0
    inhibit_max_s: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A virtual service as the operator asked for it."""

    key: ServiceKey
    scheduler: str = "wlc"
    flags: ServiceFlags = ServiceFlags(0)
    persistence_timeout_s: int = 0
    conn_timeout_s: int = 0
    netmask: int = 0xFFFFFFFF
    """Persistence granularity: IPv4 a mask as a host-order number, IPv6 a prefix length."""
    proxy_protocol: ProxyProtocol = ProxyProtocol.OFF
    bps: int = 0
    limit_proportion: int = 0
    check: CheckConfig = CheckConfig()


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters and rates of a service or server. Bytes are IP bytes before translation; rates are per second."""

    conns: int = 0
    in_packets: int = 0
    in_bytes: int = 0
    out_packets: int = 0
    out_bytes: int = 0
    cps: int = 0
    in_pps: int = 0
    in_bps: int = 0
    out_pps: int = 0
    out_bps: int = 0


NO_STATS = Stats()


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service with what belongs to it. stats holds only what no present server accounts for (see sockopt 5.3)."""

    service: Service
    num_dests: int = 0
    num_laddrs: int = 0
    stats: Stats = NO_STATS


@dataclass(frozen=True, slots=True)
class Dest:
    """A real server as the operator asked for it. Its family may differ from the service's (NAT64)."""

    family: Family
    address: IPAddress
    port: int
    forwarding: ForwardingMode = ForwardingMode.DIRECT_ROUTE
    weight: int = 1
    max_conn: int = 0
    min_conn: int = 0
    inhibited: bool = False


@dataclass(frozen=True, slots=True)
class DestStatus:
    """A server with what was counted for it."""

    dest: Dest
    overloaded: bool = False
    active_conns: int = 0
    inactive_conns: int = 0
    persistent_conns: int = 0
    stats: Stats = NO_STATS


@dataclass(frozen=True, slots=True)
class Laddr:
    """A FullNAT local address of a service; device is where ipvsadm -F puts it."""

    family: Family
    address: IPAddress
    device: str = ""


@dataclass(frozen=True, slots=True)
class LaddrStatus:
    """A local address of a service, its port conflicts and its live connections for that service."""

    laddr: Laddr
    conflicts: int = 0
    conns: int = 0


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One entry of a service's deny or allow list; a non-empty ipset wins over subject."""

    family: Family
    protocol: int
    vip: IPAddress
    port: int
    subject: IPAddress
    ipset: str = ""


@dataclass(frozen=True, slots=True)
class DaemonInfo:
    """Reply to GET_INFO: version as (major << 16 | minor << 8 | release)."""

    version: int
    num_services: int
    size: int = 0
    num_lcores: int = 1


PROTOCOLS = frozenset(int(p) for p in Protocol)
