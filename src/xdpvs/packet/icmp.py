"""Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from xdpvs.model.address import Family
from xdpvs.packet.checksum import checksum

HEADER_SIZE = 8
ECHO_REPLY = {Family.INET: 0, Family.INET6: 129}

_ECHO_REQUEST = {Family.INET: 8, Family.INET6: 128}
_HEADER = struct.Struct("!BBHHH")
_IPV4_MIN_HEADER = 20


@dataclass(frozen=True, slots=True)
class EchoReply:
    """What came back; payload is everything behind the ICMP header."""

    ident: int
    sequence: int
    payload: bytes


def encode_request(family: Family, ident: int, sequence: int, payload: bytes) -> bytes:
    """An echo request. The checksum of ICMPv6 stays 0: it covers addresses, so the kernel puts it in."""
    kind = _ECHO_REQUEST[family]
    if family == Family.INET6:
        return _HEADER.pack(kind, 0, 0, ident, sequence) + payload
    total = checksum(_HEADER.pack(kind, 0, 0, ident, sequence) + payload)
    return _HEADER.pack(kind, 0, total, ident, sequence) + payload


def decode_reply(family: Family, message: bytes) -> EchoReply | None:
    """An echo reply, or None for any other message, a short one, and an ICMP one whose checksum is wrong.

    The kernel has already verified ICMPv6's.
    """
    if len(message) < HEADER_SIZE:
        return None
    kind, code, _, ident, sequence = _HEADER.unpack_from(message)
    if kind != ECHO_REPLY[family] or code:
        return None
    if family == Family.INET and checksum(message):
        return None
    return EchoReply(ident, sequence, message[HEADER_SIZE:])


def strip_ipv4_header(packet: bytes) -> bytes:
    """What follows the IPv4 header a raw socket delivers; empty if there is no whole header (RFC 791 3.1)."""
    if len(packet) < _IPV4_MIN_HEADER:
        return b""
    size = (packet[0] & 0x0F) * 4
    return packet[size:] if size >= _IPV4_MIN_HEADER else b""
