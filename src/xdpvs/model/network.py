"""The DPVS-owned layer 3: devices, addresses, routes, neighbours, VLANs."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.model.address import IPV4_ANY, Family, IPAddress


class AddressScope(enum.IntEnum):
    """Address scope as DPVS numbers it (not rtnetlink's numbers)."""

    GLOBAL = 0
    SITE = 1
    LINK = 2
    HOST = 3
    NONE = 255


class AddressFlags(enum.IntFlag):
    """SAPOOL: a local address with a source-port pool. The rest as Linux's IFA_F_*."""

    TENTATIVE = 0x40
    PERMANENT = 0x80
    SAPOOL = 0x10000
    LINKLOCAL = 0x20000


@dataclass(frozen=True, slots=True)
class Address:
    """An address on a DPVS device. Lifetimes in seconds, 0 = forever."""

    family: Family
    address: IPAddress
    prefix_length: int
    device: str
    broadcast: IPAddress = IPV4_ANY
    scope: int = AddressScope.GLOBAL
    flags: AddressFlags = AddressFlags(0)
    valid_lifetime_s: int = 0
    preferred_lifetime_s: int = 0


@dataclass(frozen=True, slots=True)
class AddressStatus:
    """An address and its port pool's counters (zero without SAPOOL)."""

    address: Address
    sa_used: int = 0
    sa_free: int = 0
    sa_miss: int = 0
    lcore: int = 0


class RouteFlags(enum.IntFlag):
    """Route flags of the control socket (DPVS include/conf/route.h)."""

    FORWARD = 0x400
    LOCALIN = 0x800
    DEFAULT = 0x1000
    KNI_HOST = 0x2000


@dataclass(frozen=True, slots=True)
class Route:
    """A DPVS route. gateway and source are the any-address where absent; mtu 0 = the device's."""

    family: Family
    destination: IPAddress
    prefix_length: int
    device: str
    gateway: IPAddress
    source: IPAddress
    flags: RouteFlags = RouteFlags.FORWARD
    mtu: int = 0
    metric: int = 0


class NeighbourState(enum.IntEnum):
    """Neighbour states of DPVS (reference dataplane 8.8)."""

    NONE = 0
    SEND = 1
    REACHABLE = 2
    PROBE = 3
    DELAY = 4


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An ARP or ND entry. mac is six bytes, zero while unresolved."""

    family: Family
    address: IPAddress
    device: str
    mac: bytes = bytes(6)
    state: NeighbourState = NeighbourState.NONE
    static: bool = False
    lcore: int = 0


VLAN_8021Q = 0x8100


@dataclass(frozen=True, slots=True)
class Vlan:
    """An 802.1Q device on a real device."""

    name: str
    real_device: str
    vlan_id: int
    protocol: int = VLAN_8021Q


class LinkFlags(enum.IntFlag):
    """Bits of NETIF_GET_PORT_BASIC (sockopt 12); the last is ours: the port runs XDP in generic mode, slowly."""

    PROMISC = 1 << 0
    ALLMULTICAST = 1 << 1
    FORWARD2KNI = 1 << 2
    TC_EGRESS = 1 << 3
    TC_INGRESS = 1 << 4
    RX_IP_CSUM = 1 << 5
    TX_IP_CSUM = 1 << 6
    TX_TCP_CSUM = 1 << 7
    TX_UDP_CSUM = 1 << 8
    LLDP = 1 << 9
    TX_FAST_FREE = 1 << 10
    XDP_GENERIC = 1 << 15


@dataclass(frozen=True, slots=True)
class Link:
    """A DPVS device as `dpip link show` prints it. link_id counts from 0; speed in Mbit/s."""

    link_id: int
    name: str
    mac: bytes
    up: bool
    speed_mbps: int
    full_duplex: bool = True
    autoneg: bool = True
    rx_queues: int = 1
    tx_queues: int = 1
    socket: int = 0
    mtu: int = 1500
    flags: LinkFlags = LinkFlags(0)


@dataclass(frozen=True, slots=True)
class LinkStats:
    """Counters of a device since it became ours."""

    in_packets: int = 0
    out_packets: int = 0
    in_bytes: int = 0
    out_bytes: int = 0
    in_missed: int = 0
    in_errors: int = 0
    out_errors: int = 0
    rx_no_buffer: int = 0
    link_id: int = 0
    mbuf_available: int = 0
    mbuf_in_use: int = 0
