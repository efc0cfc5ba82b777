"""The operator's configuration, kept beside the maps it became, so that a restarted daemon finds it.

A pinned hash map of JSON records. One record is written by one system call, so none is ever torn, and a daemon killed
at any moment leaves each object as it was before or after. Survives a change of the data plane's layout.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, TypeVar

from xdpvs.bpf import bpffs
from xdpvs.bpf.errors import MapFull
from xdpvs.bpf.maps import HashMap, MapFlags, MapSpec, MapType, create_map, map_spec
from xdpvs.bpf.structure import Codec
from xdpvs.dataplane.record import pack, unpack

T = TypeVar("T")

CAPACITY = 262144
RECORD_SIZE = 1024
_LENGTH = Struct("<I")
MAX_DATA = RECORD_SIZE - _LENGTH.size
_KEY = Struct("<II")


class RecordTooLarge(ValueError):
    """An object whose record does not fit: nothing was written."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """kind says what dataclass the record is, id names it among its kind; both belong to the caller."""

    kind: int
    id: int


def _encode_data(data: bytes) -> bytes:
    if len(data) > MAX_DATA:
        raise RecordTooLarge(f"a record of {len(data)} bytes exceeds the {MAX_DATA} that fit")
    return (_LENGTH.pack(len(data)) + data).ljust(RECORD_SIZE, b"\0")


def _decode_data(value: bytes | bytearray | memoryview) -> bytes:
    return bytes(value[_LENGTH.size : _LENGTH.size + _LENGTH.unpack_from(value)[0]])


def _encode_key(key: RecordKey) -> bytes:
    return _KEY.pack(key.kind, key.id)


def _decode_key(data: bytes | bytearray | memoryview) -> RecordKey:
    return RecordKey(*_KEY.unpack_from(data))


_KEY_CODEC = Codec(_KEY.size, _encode_key, _decode_key)
_DATA_CODEC = Codec(RECORD_SIZE, _encode_data, _decode_data)
_SPEC = MapSpec("journal", MapType.HASH, _KEY.size, RECORD_SIZE, CAPACITY, MapFlags.NO_PREALLOC)


class Journal:
    """Records by kind and id; values are frozen dataclasses."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._records = HashMap(fd, _KEY_CODEC, _DATA_CODEC)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """The journal pinned at path, or a new one pinned there; one of another shape is replaced."""
        fd = bpffs.open_pinned(path)
        if fd is not None and map_spec(fd) == _SPEC:
            return cls(fd)
        if fd is not None:
            os.close(fd)
            path.unlink()
        fd = create_map(_SPEC)
        bpffs.pin(fd, path)
        return cls(fd)

    def put(self, kind: int, id: int, value: Any) -> None:
        """Write a record or replace it."""
        try:
            self._records.put(RecordKey(kind, id), pack(value))
        except MapFull as error:
            raise MapFull(f"the journal is full with {CAPACITY} objects", error.errno) from error

    def delete(self, kind: int, id: int) -> bool:
        """Remove a record; False if there was none."""
        return self._records.delete(RecordKey(kind, id))

    def load(self, kind: int, cls: type[T]) -> dict[int, T]:
        """All records of a kind, by id."""
        return {key.id: unpack(cls, data) for key, data in self._records.items() if key.kind == kind}

    def load_all(self, kinds: dict[int, type[Any]]) -> Iterator[tuple[RecordKey, Any]]:
        """All records of the kinds named, in one walk and no order; other kinds are passed over."""
        for key, data in self._records.items():
            if (cls := kinds.get(key.kind)) is not None:
                yield key, unpack(cls, data)

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()

    def close(self) -> None:
        """Give the descriptor back; pinned records stay."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
