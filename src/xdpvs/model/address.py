"""Address families and the address types shared by all of the model."""

from __future__ import annotations

import enum
from ipaddress import IPv4Address, IPv6Address

IPAddress = IPv4Address | IPv6Address

IPV4_ANY = IPv4Address(0)
IPV6_ANY = IPv6Address(0)


class Family(enum.IntEnum):
    """Linux's AF_ numbers, as the control socket carries them."""

    UNSPEC = 0
    INET = 2
    INET6 = 10


class Protocol(enum.IntEnum):
    """IP protocol numbers of the services DPVS knows."""

    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58
    SCTP = 132


def family_of(address: IPAddress) -> Family:
    """The family an address belongs to."""
    return Family.INET if address.version == 4 else Family.INET6


def any_address(family: Family) -> IPAddress:
    """The all-zero address of a family (IPv4's for UNSPEC)."""
    return IPV6_ANY if family == Family.INET6 else IPV4_ANY


def full_prefix_length(address: IPAddress) -> int:
    """32 or 128."""
    return address.max_prefixlen
