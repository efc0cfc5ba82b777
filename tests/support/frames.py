"""Frames from bytes: every field can be set wrong, lengths and checksums are right unless given.

Addresses are packed (4 or 16 bytes). scapy would be fifty times slower; test_frames.py holds this against it.
"""

from __future__ import annotations

import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
IPV4, IPV6, VLAN = 0x0800, 0x86DD, 0x8100
DF, MF = 0x4000, 0x2000

NOP = b"\1"


def ones_sum(data: bytes | bytearray) -> int:
    """Sum of the 16-bit words modulo 65535: 0 for an intact message (RFC 1071; 65535 and 0 are one number)."""
    if len(data) & 1:
        data = bytes(data) + b"\0"
    return int.from_bytes(data, "big") % 0xFFFF


def complement(total: int) -> int:
    """What goes into the checksum field over words of this sum; never 0xffff, as no real sum is zero."""
    return (0xFFFF - total % 0xFFFF) % 0xFFFF


def pseudo(src: bytes, dst: bytes, proto: int, length: int) -> bytes:
    """Pseudo header of IPv4 and IPv6, which add up alike."""
    return src + dst + struct.pack(">II", length, proto)


def ether(dst: bytes, src: bytes, kind: int, payload: bytes, vlan: int | None = None, priority: int = 0) -> bytes:
    """A frame; vlan is the tag's id, with the priority and drop-eligible bits above it."""
    if vlan is None:
        return dst + src + struct.pack(">H", kind) + payload
    return dst + src + struct.pack(">HHH", VLAN, priority << 12 | vlan, kind) + payload


def ipv4(
    src: bytes,
    dst: bytes,
    proto: int,
    payload: bytes,
    *,
    ttl: int = 64,
    tos: int = 0,
    ident: int = 0,
    fragment: int = DF,
    options: bytes = b"",
    version: int = 4,
    ihl: int | None = None,
    length: int | None = None,
    checksum: int | None = None,
) -> bytes:
    """An IPv4 packet."""
    words = 5 + len(options) // 4 if ihl is None else ihl
    total = 20 + len(options) + len(payload) if length is None else length
    header = struct.pack(
        ">BBHHHBBH4s4s", version << 4 | words, tos, total, ident, fragment, ttl, proto, 0, src, dst
    ) + bytes(options)
    if checksum is None:
        checksum = complement(ones_sum(header))
    return header[:10] + checksum.to_bytes(2, "big") + header[12:] + payload


def ipv6(
    src: bytes,
    dst: bytes,
    next_header: int,
    payload: bytes,
    *,
    ttl: int = 64,
    tos: int = 0,
    flow: int = 0,
    version: int = 6,
    length: int | None = None,
) -> bytes:
    """An IPv6 packet."""
    first = version << 28 | tos << 20 | flow
    size = len(payload) if length is None else length
    return struct.pack(">IHBB", first, size, next_header, ttl) + src + dst + payload


def ip(src: bytes, dst: bytes, proto: int, payload: bytes, *, ttl: int = 64, tos: int = 0) -> bytes:
    """An IP packet of the addresses' family."""
    if len(src) == 4:
        return ipv4(src, dst, proto, payload, ttl=ttl, tos=tos)
    return ipv6(src, dst, proto, payload, ttl=ttl, tos=tos)


def tcp(
    src: bytes,
    dst: bytes,
    sport: int,
    dport: int,
    flags: int,
    *,
    seq: int = 0,
    ack: int = 0,
    window: int = 8192,
    options: bytes = b"",
    payload: bytes = b"",
    doff: int | None = None,
    checksum: int | None = None,
) -> bytes:
    """A TCP segment; options are padded to whole words with EOL."""
    options = bytes(options) + bytes(-len(options) % 4)
    words = 5 + len(options) // 4 if doff is None else doff
    segment = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, words << 4, flags, window, 0, 0) + options + payload
    if checksum is None:
        checksum = complement(ones_sum(pseudo(src, dst, TCP, len(segment)) + segment))
    return segment[:16] + checksum.to_bytes(2, "big") + segment[18:]


def udp(
    src: bytes,
    dst: bytes,
    sport: int,
    dport: int,
    payload: bytes = b"",
    *,
    length: int | None = None,
    checksum: int | None = None,
) -> bytes:
    """A UDP datagram; checksum=0 is none."""
    size = 8 + len(payload) if length is None else length
    datagram = struct.pack(">HHHH", sport, dport, size, 0) + payload
    if checksum is None:
        checksum = complement(ones_sum(pseudo(src, dst, UDP, size) + datagram[:size])) or 0xFFFF
    return datagram[:6] + checksum.to_bytes(2, "big") + datagram[8:]
