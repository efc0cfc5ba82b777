"""ARP for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from xdpvs.packet.ethernet import BROADCAST, ETHERTYPE_ARP, Frame, Malformed

REQUEST, REPLY = 1, 2

_ARP = struct.Struct("!HHBBH6s4s6s4s")
_HEAD = (1, 0x0800, 6, 4)
_NOBODY = bytes(6)


@dataclass(frozen=True, slots=True)
class Arp:
    """One message."""

    operation: int
    sender_mac: bytes
    sender: IPv4Address
    target_mac: bytes
    target: IPv4Address

    def encode(self) -> bytes:
        """28 bytes."""
        return _ARP.pack(
            *_HEAD, self.operation, self.sender_mac, self.sender.packed, self.target_mac, self.target.packed
        )

    @classmethod
    def decode(cls, data: bytes) -> Arp:
        """The message; padding behind it is ignored."""
        if len(data) < _ARP.size:
            raise Malformed("an ARP message cut short")
        *head, operation, sender_mac, sender, target_mac, target = _ARP.unpack_from(data)
        if tuple(head) != _HEAD:
            raise Malformed("ARP for something else than IPv4 over Ethernet")
        return cls(operation, sender_mac, IPv4Address(sender), target_mac, IPv4Address(target))


def request(mac: bytes, sender: IPv4Address, target: IPv4Address, *, to: bytes | None = None, vlan: int = 0) -> Frame:
    """Ask who has target; `to` asks one station only, to confirm what is known of it (RFC 1122 2.3.2.1)."""
    arp = Arp(REQUEST, mac, sender, to or _NOBODY, target)
    return Frame(to or BROADCAST, mac, ETHERTYPE_ARP, arp.encode(), vlan)


def announcement(mac: bytes, address: IPv4Address, *, vlan: int = 0) -> Frame:
    """Tell everybody that an address is here (RFC 5227 2.3, RFC 5944 4.6)."""
    return Frame(BROADCAST, mac, ETHERTYPE_ARP, Arp(REQUEST, mac, address, _NOBODY, address).encode(), vlan)
