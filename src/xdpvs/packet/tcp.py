"""TCP resets, the only segments the daemon itself sends (RFC 9293 3.5.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from xdpvs.model.address import IPAddress
from xdpvs.packet.checksum import checksum

TTL = 64

_TCP = 6
_RST = 0x04
_HEADER = struct.Struct("!HHIIBBHHH")
_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_DONT_FRAGMENT = 0x4000


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset from one end of a connection to the other; seq is what the receiver expects next."""

    source: IPAddress
    source_port: int
    destination: IPAddress
    destination_port: int
    seq: int

    def encode(self) -> bytes:
        """The IP packet: no options, no ACK, DF as TCP has it."""
        addresses = self.source.packed + self.destination.packed
        pseudo = addresses + struct.pack("!II", _HEADER.size, _TCP)
        unsummed = self._segment(0)
        segment = self._segment(checksum(pseudo + unsummed))
        if isinstance(self.source, IPv4Address):
            return self._ipv4_header() + segment
        head = _IPV6.pack(6 << 28, len(segment), _TCP, TTL, self.source.packed, self.destination.packed)
        return head + segment

    def _segment(self, check: int) -> bytes:
        return _HEADER.pack(self.source_port, self.destination_port, self.seq, 0, 5 << 4, _RST, 0, check, 0)

    def _ipv4_header(self) -> bytes:
        length = _IPV4.size + _HEADER.size

        def header(check: int) -> bytes:
            return _IPV4.pack(
                0x45, 0, length, 0, _DONT_FRAGMENT, TTL, _TCP, check, self.source.packed, self.destination.packed
            )

        return header(checksum(header(0)))
