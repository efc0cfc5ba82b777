"""VRRP advertisements: version 2 (RFC 3768, authentication as in RFC 2338) and version 3 (RFC 5798).

`encode` and `decode` work on what follows the IP header. The pseudo header of version 3 and of IPv6 takes the
addresses of the IP header; keepalived before 2.0 took the multicast group's there even towards unicast peers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from xdpvs.model.address import Family, IPAddress
from xdpvs.packet.checksum import checksum
from xdpvs.packet.ethernet import Malformed

PROTOCOL = 112
TTL = 255
TRAFFIC_CLASS = 0xC0
GROUP4 = IPv4Address("224.0.0.18")
GROUP6 = IPv6Address("ff02::12")
AUTH_DATA_LENGTH = 8
MAX_INTERVAL_CS = 0xFFF
MAX_ADDRESSES = 255

_ADVERTISEMENT = 1
_HEADER = struct.Struct("!BBBBHH")
_CHECKSUM_AT = 6


class WrongLength(Malformed):
    """Shorter or longer than its address count requires."""


class UnknownVersion(Malformed):
    """Neither version 2 nor 3."""


class UnknownType(Malformed):
    """Not an advertisement, the only type there is."""


class WrongChecksum(Malformed):
    """The checksum is not that of the packet."""


@dataclass(frozen=True, slots=True)
class Advertisement:
    """interval_cs is in hundredths of a second; version 2 carries whole seconds. Authentication is version 2's."""

    version: int
    vrid: int
    priority: int
    interval_cs: int
    addresses: tuple[IPAddress, ...] = ()
    auth_type: int = 0
    auth_data: bytes = field(default=bytes(AUTH_DATA_LENGTH), repr=False)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a packet says, and whether its checksum is of the old unicast form."""

    advertisement: Advertisement
    old_checksum: bool = False


def group_of(family: Family) -> IPAddress:
    """The group VRRP's routers listen to."""
    return GROUP6 if family == Family.INET6 else GROUP4


def encode(advertisement: Advertisement, source: IPAddress, destination: IPAddress) -> bytes:
    """The packet; destination is the one of the pseudo header (the group, for the old unicast checksum)."""
    seconds = advertisement.interval_cs // 100
    tail = b"".join(address.packed for address in advertisement.addresses)
    if advertisement.version == 2:
        word = advertisement.auth_type << 8 | seconds
        if source.version == 4:
            tail += advertisement.auth_data
    else:
        word = advertisement.interval_cs
    first = advertisement.version << 4 | _ADVERTISEMENT
    head = (first, advertisement.vrid, advertisement.priority, len(advertisement.addresses), word)
    packet = _HEADER.pack(*head, 0) + tail
    check = checksum(_pseudo_header(advertisement.version, source, destination, len(packet)) + packet)
    return packet[:_CHECKSUM_AT] + check.to_bytes(2, "big") + packet[_CHECKSUM_AT + 2 :]


def virtual_router_id(packet: bytes) -> int | None:
    """Whom a packet concerns, before anything else of it is believed; None if it is too short to tell."""
    return packet[1] if len(packet) >= _HEADER.size else None


def decode(
    packet: bytes, source: IPAddress, destination: IPAddress, old_destination: IPAddress | None = None
) -> Decoded:
    """A packet with source and destination of its IP header; Malformed for everything not exactly right.

    old_destination makes a checksum over that destination acceptable too.
    """
    if len(packet) < _HEADER.size:
        raise WrongLength(f"{len(packet)} bytes, shorter than the header")
    first, vrid, priority, count, word, _ = _HEADER.unpack_from(packet)
    version = first >> 4
    if version not in (2, 3):
        raise UnknownVersion(f"version {version}")
    if first & 0xF != _ADVERTISEMENT:
        raise UnknownType(f"type {first & 0xF}")
    has_auth_data = version == 2 and source.version == 4
    size = 4 if source.version == 4 else 16
    end = _HEADER.size + count * size
    expected = end + (AUTH_DATA_LENGTH if has_auth_data else 0)
    if len(packet) != expected:
        raise WrongLength(f"{len(packet)} bytes where {count} addresses need {expected}")
    old = not _is_right(version, packet, source, destination)
    if old and (old_destination is None or not _is_right(version, packet, source, old_destination)):
        raise WrongChecksum(f"checksum {int.from_bytes(packet[_CHECKSUM_AT : _CHECKSUM_AT + 2], 'big'):#06x}")
    kind = IPv4Address if source.version == 4 else IPv6Address
    addresses = tuple(kind(packet[at : at + size]) for at in range(_HEADER.size, end, size))
    if version == 3:
        return Decoded(Advertisement(3, vrid, priority, word & MAX_INTERVAL_CS, addresses), old)
    auth_data = packet[end:] if has_auth_data else bytes(AUTH_DATA_LENGTH)
    return Decoded(Advertisement(2, vrid, priority, (word & 0xFF) * 100, addresses, word >> 8, auth_data), old)


def password_data(password: str) -> bytes:
    """The authentication data of a password: its first eight bytes, padded by zeros."""
    return password.encode()[:AUTH_DATA_LENGTH].ljust(AUTH_DATA_LENGTH, b"\0")


def _is_right(version: int, packet: bytes, source: IPAddress, destination: IPAddress) -> bool:
    return checksum(_pseudo_header(version, source, destination, len(packet)) + packet) == 0


def _pseudo_header(version: int, source: IPAddress, destination: IPAddress, length: int) -> bytes:
    """RFC 5798 5.2.8; version 2 has none over IPv4 (RFC 3768 5.3.8)."""
    if source.version == 6:
        return source.packed + destination.packed + struct.pack("!II", length, PROTOCOL)
    if version == 2:
        return b""
    return source.packed + destination.packed + struct.pack("!BBH", 0, PROTOCOL, length)
