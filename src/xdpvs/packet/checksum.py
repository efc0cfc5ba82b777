"""The Internet checksum."""

from __future__ import annotations

import struct


def checksum(data: bytes) -> int:
    """Complement of the ones' complement sum of data's 16-bit words, padded by a zero byte if odd (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
