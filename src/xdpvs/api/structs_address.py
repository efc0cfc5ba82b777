"""Families and addresses, shared by the other structures (DPVS include/conf/inet.h)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from xdpvs.api.errors import DecodeError
from xdpvs.model.address import Family, IPAddress

_FAMILIES = {int(family): family for family in Family}


def decode_family(value: int) -> Family:
    """A family we know, or DecodeError."""
    try:
        return _FAMILIES[value]
    except KeyError:
        raise DecodeError(f"address family {value}") from None


def decode_address(family: int, raw: bytes) -> IPAddress:
    """The address in a 16-byte field; what stands behind an IPv4 address is garbage."""
    if family == Family.INET6:
        return IPv6Address(raw)
    return IPv4Address(raw[:4])


def encode_gratuitous_arp(address: IPAddress) -> bytes:
    """GRATARP: IPv4 only; eight bytes, as keepalived sends."""
    return address.packed[:4].ljust(8, b"\0")


def decode_gratuitous_arp(body: bytes) -> IPAddress:
    """GRATARP."""
    if len(body) < 4:
        raise DecodeError("no address")
    return decode_address(Family.INET, body[:4])


def encode_announcement(address: IPAddress) -> bytes:
    """XDPVS_ANNOUNCE: the bare address, 4 or 16 bytes."""
    return address.packed


def decode_announcement(body: bytes) -> IPAddress:
    """XDPVS_ANNOUNCE."""
    if len(body) not in (4, 16):
        raise DecodeError(f"an address of {len(body)} bytes")
    return decode_address(Family.INET if len(body) == 4 else Family.INET6, body)
