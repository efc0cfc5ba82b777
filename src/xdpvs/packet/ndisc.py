"""Neighbour discovery for IPv6: solicitations and advertisements (RFC 4861 4.3, 4.4)."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from ipaddress import IPv6Address

from xdpvs.packet.checksum import checksum
from xdpvs.packet.ethernet import ETHERTYPE_IPV6, Frame, Malformed, multicast_mac

ALL_NODES = IPv6Address("ff02::1")
HOP_LIMIT = 255

_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT = 135, 136
_SOURCE_MAC, _TARGET_MAC = 1, 2
_IPV6 = struct.Struct("!IHBB16s16s")
_MESSAGE = struct.Struct("!BBHI16s")
_OPTION = struct.Struct("!BB6s")
_SOLICITED_NODE = bytes.fromhex("ff0200000000000000000001ff")


class AdvertisementFlags(enum.IntFlag):
    """R, S and O of an advertisement."""

    ROUTER = 0x80000000
    SOLICITED = 0x40000000
    OVERRIDE = 0x20000000


@dataclass(frozen=True, slots=True)
class Solicitation:
    """Who has target? mac is the sender's, None where the source is unspecified (RFC 4861 4.3)."""

    target: IPv6Address
    mac: bytes | None


@dataclass(frozen=True, slots=True)
class Advertisement:
    """target is at mac."""

    target: IPv6Address
    mac: bytes | None
    flags: AdvertisementFlags


def solicited_node(address: IPv6Address) -> IPv6Address:
    """The group that solicitations for an address are sent to (RFC 4291 2.7.1)."""
    return IPv6Address(_SOLICITED_NODE + address.packed[13:])


def link_local(mac: bytes) -> IPv6Address:
    """The address a device makes of its MAC (RFC 4291 appendix A)."""
    interface = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
    return IPv6Address(b"\xfe\x80" + bytes(6) + interface)


def solicitation(
    mac: bytes, source: IPv6Address, target: IPv6Address, *, to: bytes | None = None, vlan: int = 0
) -> Frame:
    """Ask for target's MAC; `to` asks one station only, to confirm what is known of it."""
    destination = solicited_node(target) if to is None else target
    message = Solicitation(target, None if source.is_unspecified else mac)
    return _frame(mac, to or multicast_mac(destination), source, destination, message, vlan)


def announcement(mac: bytes, address: IPv6Address, *, vlan: int = 0) -> Frame:
    """Tell all nodes that an address is here (RFC 4861 7.2.6)."""
    message = Advertisement(address, mac, AdvertisementFlags.OVERRIDE)
    return _frame(mac, multicast_mac(ALL_NODES), address, ALL_NODES, message, vlan)


def _frame(mac: bytes, to: bytes, source: IPv6Address, destination: IPv6Address, message: Message, vlan: int) -> Frame:
    body = _encode(message, source, destination)
    header = _IPV6.pack(6 << 28, len(body), _ICMPV6, HOP_LIMIT, source.packed, destination.packed)
    return Frame(to, mac, ETHERTYPE_IPV6, header + body, vlan)


Message = Solicitation | Advertisement


def _encode(message: Message, source: IPv6Address, destination: IPv6Address) -> bytes:
    match message:
        case Solicitation(target, mac):
            head, option = (_SOLICITATION, 0), _SOURCE_MAC
        case Advertisement(target, mac, flags):
            head, option = (_ADVERTISEMENT, int(flags)), _TARGET_MAC
    rest = b"" if mac is None else _OPTION.pack(option, 1, mac)
    body = _MESSAGE.pack(head[0], 0, 0, head[1], target.packed) + rest
    check = checksum_icmpv6(source, destination, body)
    return body[:2] + check.to_bytes(2, "big") + body[4:]


def decode(packet: bytes) -> tuple[IPv6Address, IPv6Address, Message]:
    """(source, destination, message) of an IPv6 packet that is neighbour discovery, else Malformed."""
    if len(packet) < _IPV6.size + _MESSAGE.size:
        raise Malformed("too short for neighbour discovery")
    _, length, following, hop_limit, source, destination = _IPV6.unpack_from(packet)
    body = packet[_IPV6.size : _IPV6.size + length]
    if following != _ICMPV6 or hop_limit != HOP_LIMIT or len(body) < _MESSAGE.size:
        raise Malformed("no neighbour discovery, or from beyond the link")
    if checksum_icmpv6(IPv6Address(source), IPv6Address(destination), body):
        raise Malformed("wrong checksum")
    kind, code, _, flags, target = _MESSAGE.unpack_from(body)
    if code or kind not in (_SOLICITATION, _ADVERTISEMENT):
        raise Malformed(f"ICMPv6 type {kind} code {code}")
    wanted = _SOURCE_MAC if kind == _SOLICITATION else _TARGET_MAC
    mac = _option(body[_MESSAGE.size :], wanted)
    address = IPv6Address(target)
    message: Message = (
        Solicitation(address, mac)
        if kind == _SOLICITATION
        else Advertisement(address, mac, AdvertisementFlags(flags & 0xE0000000))
    )
    return IPv6Address(source), IPv6Address(destination), message


def _option(options: bytes, wanted: int) -> bytes | None:
    while len(options) >= 8:
        kind, length = options[0], options[1] * 8
        if not length:
            raise Malformed("an option of length 0")
        if kind == wanted:
            return options[2:8]
        options = options[length:]
    return None


def checksum_icmpv6(source: IPv6Address, destination: IPv6Address, body: bytes) -> int:
    """RFC 4443 2.3; 0 over a body whose checksum is right."""
    return checksum(source.packed + destination.packed + struct.pack("!II", len(body), _ICMPV6) + body)
