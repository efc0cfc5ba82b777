"""What generated layouts are made of: ctypes structures that convert themselves, and codecs for map keys and values."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Generic, Self, TypeVar, cast

from xdpvs.model.address import Family, IPAddress

T = TypeVar("T")
S = TypeVar("S", bound="Struct")

# The host is little-endian (the daemon refuses others); these are the fields C calls __be16 and __be32.
be16: type[ctypes.c_uint16] = ctypes.c_uint16.__ctype_be__
be32: type[ctypes.c_uint32] = ctypes.c_uint32.__ctype_be__


class Struct(ctypes.LittleEndianStructure):
    """A map key, value or program context; keyword arguments set fields, what is not named is zero."""

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Self:
        """A copy; data may be longer than the structure."""
        return cls.from_buffer_copy(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Struct) and type(self) is type(other) and bytes(self) == bytes(other)

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __repr__(self) -> str:
        names = [field[0].removeprefix("_") for field in self._fields_ if not field[0].startswith("pad")]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class ByteArray:
    """A `__u8[N]` field read and written as bytes; shorter values are padded with zeros, longer ones refused."""

    __slots__ = ("length", "name")

    def __init__(self, length: int) -> None:
        self.length = length
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = "_" + name

    def __get__(self, instance: Struct, owner: type | None = None) -> bytes:
        return bytes(getattr(instance, self.name))

    def __set__(self, instance: Struct, value: bytes) -> None:
        if len(value) > self.length:
            raise ValueError(f"{len(value)} bytes do not fit field {self.name[1:]} of {self.length}")
        padded = value.ljust(self.length, b"\0")
        ctypes.memmove(getattr(instance, self.name), padded, self.length)


@dataclass(frozen=True, slots=True)
class Codec(Generic[T]):
    """How keys or values of a map become Python objects and back."""

    size: int
    encode: Callable[[T], bytes]
    decode: Callable[[bytes | bytearray | memoryview], T]


def _struct_encode(value: Struct) -> bytes:
    return bytes(value)


def codec_of(cls: type[S]) -> Codec[S]:
    """The codec of a structure."""
    return Codec(ctypes.sizeof(cls), _struct_encode, cls.from_bytes)


def _integer_codec(form: str) -> Codec[int]:
    packer = struct.Struct(form)
    return Codec(packer.size, packer.pack, lambda data: cast(int, packer.unpack_from(data)[0]))


U32 = _integer_codec("<I")
U64 = _integer_codec("<Q")


def field_offset(cls: type[Struct], name: str) -> int:
    """Byte offset of a field, whichever kind it is."""
    descriptor = getattr(cls, "_" + name, None) or getattr(cls, name)
    return cast(int, descriptor.offset)


def pack_address(address: IPAddress) -> bytes:
    """The 16-byte field of an address: IPv4 in the first four bytes, the rest zero."""
    return address.packed.ljust(16, b"\0")


def unpack_address(data: bytes, family: int) -> IPAddress:
    """The address in a 16-byte field."""
    return IPv6Address(data[:16]) if family == Family.INET6 else IPv4Address(data[:4])
