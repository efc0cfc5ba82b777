"""Ethernet frames, tagged (IEEE 802.1Q) or not."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address

ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV6 = 0x86DD
ETHERTYPE_VLAN = 0x8100

BROADCAST = b"\xff" * 6

_HEADER = struct.Struct("!6s6sH")
_TAG = struct.Struct("!HH")
_VLAN_MASK = 0x0FFF


class Malformed(ValueError):
    """Bytes that are no frame or message of the kind asked for."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame without its FCS and without padding to 60 bytes; vlan 0 = untagged."""

    destination: bytes
    source: bytes
    ethertype: int
    payload: bytes
    vlan: int = 0

    def encode(self) -> bytes:
        """The frame's bytes; priority bits are zero."""
        if not self.vlan:
            return _HEADER.pack(self.destination, self.source, self.ethertype) + self.payload
        head = _HEADER.pack(self.destination, self.source, ETHERTYPE_VLAN)
        return head + _TAG.pack(self.vlan, self.ethertype) + self.payload

    @classmethod
    def decode(cls, data: bytes) -> Frame:
        """The frame, one tag understood."""
        if len(data) < _HEADER.size:
            raise Malformed("a frame without Ethernet header")
        destination, source, ethertype = _HEADER.unpack_from(data)
        if ethertype != ETHERTYPE_VLAN:
            return cls(destination, source, ethertype, data[_HEADER.size :])
        if len(data) < _HEADER.size + _TAG.size:
            raise Malformed("a frame cut short in its tag")
        control, ethertype = _TAG.unpack_from(data, _HEADER.size)
        return cls(destination, source, ethertype, data[_HEADER.size + _TAG.size :], control & _VLAN_MASK)


def multicast_mac(group: IPv6Address) -> bytes:
    """Where frames to an IPv6 multicast group go (RFC 2464 7)."""
    return b"\x33\x33" + group.packed[12:]
