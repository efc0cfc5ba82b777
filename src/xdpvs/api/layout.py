"""Fixed wire structures, declared by offset as the protocol's description lists them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from xdpvs.api.errors import DecodeError

_NUMBERS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i16": "h", "i32": "i", "be16": "H", "be32": "I"}


def swap16(value: int) -> int:
    """Network order to and from little-endian."""
    return (value & 0xFF) << 8 | value >> 8


def swap32(value: int) -> int:
    """Network order to and from little-endian."""
    return int.from_bytes(value.to_bytes(4, "little"), "big")


def text(raw: bytes) -> str:
    """A NUL-terminated string field; bytes that are no UTF-8 survive a round trip."""
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _decode_text(size: int) -> Callable[[bytes], str]:
    # The last byte belongs to the NUL, also where a peer forgot it.
    return lambda raw: text(raw[: size - 1])


def _encode_text(size: int, name: str) -> Callable[[str], bytes]:
    def encode(value: str) -> bytes:
        raw = value.encode("utf-8", "surrogateescape")
        if len(raw) >= size or b"\0" in raw:
            raise ValueError(f"{name} is longer than {size - 1} characters")
        return raw

    return encode


class Layout:
    """A structure of `size` bytes from a declaration like "0 af i32 | 4 port be16 | 8 addr addr | 24 name c16".

    Kinds: u8 … u64, i16, i32, be16 and be32 (network order), cN (NUL-terminated string), bN (N raw bytes), addr (16 raw
    bytes, since only the family tells how many count; 4 bytes are padded when packed). Bytes no field covers are
    padding: written as zeros, ignored when read.
    """

    def __init__(self, size: int, declaration: str) -> None:
        self.size = size
        self.fields: list[str] = []
        self.kinds: list[str] = []
        self._decoders: list[tuple[int, Callable[[Any], Any]]] = []
        self._encoders: list[tuple[int, Callable[[Any], Any]]] = []
        code, position = "<", 0
        for field in declaration.split("|"):
            offset, name, kind = field.split()
            if int(offset) < position:
                raise ValueError(f"{name} overlaps the field before it")
            code += f"{int(offset) - position}x{self._add(name, kind)}"
            position = struct.calcsize(code)
        if position > size:
            raise ValueError(f"fields need {position} bytes, not {size}")
        self._struct = struct.Struct(f"{code}{size - position}x")

    def _add(self, name: str, kind: str) -> str:
        index = len(self.fields)
        self.fields.append(name)
        self.kinds.append(kind)
        if kind in ("be16", "be32"):
            swap = swap16 if kind == "be16" else swap32
            self._decoders.append((index, swap))
            self._encoders.append((index, swap))
        if kind in _NUMBERS:
            return _NUMBERS[kind]
        size = 16 if kind == "addr" else int(kind[1:])
        if kind[0] == "c":
            self._decoders.append((index, _decode_text(size)))
            self._encoders.append((index, _encode_text(size, name)))
        return f"{size}s"

    def pack(self, *values: Any) -> bytes:
        """The bytes of one structure; ValueError when a value does not fit its field."""
        if self._encoders:
            fields = list(values)
            for index, encode in self._encoders:
                fields[index] = encode(fields[index])
        else:
            fields = list(values)
        try:
            return self._struct.pack(*fields)
        except struct.error as error:
            raise ValueError(f"{error} in {dict(zip(self.fields, values, strict=False))}") from error

    def unpack(self, body: bytes, offset: int = 0) -> tuple[Any, ...]:
        """The fields of the structure at `offset`; DecodeError when the body ends too early."""
        if len(body) < offset + self.size:
            raise DecodeError(f"{len(body)} bytes where {offset + self.size} are needed")
        return self._convert(self._struct.unpack_from(body, offset))

    def unpack_array(self, body: bytes, offset: int, count: int) -> Iterator[tuple[Any, ...]]:
        """The fields of `count` structures one behind the other, starting at `offset`."""
        end = offset + count * self.size
        if count < 0 or len(body) < end:
            raise DecodeError(f"{len(body)} bytes where {end} are needed")
        return map(self._convert, self._struct.iter_unpack(memoryview(body)[offset:end]))

    def _convert(self, raw: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self._decoders:
            return raw
        values = list(raw)
        for index, decode in self._decoders:
            values[index] = decode(values[index])
        return tuple(values)


def require_exact(body: bytes, size: int) -> None:
    """DecodeError unless the body has exactly this length, as upstream demands in many places."""
    if len(body) != size:
        raise DecodeError(f"{len(body)} bytes instead of {size}")
