"""Maps by descriptor, typed by the codecs of their keys and values.

Nothing here owns a descriptor: whoever opened it keeps it open. Array maps also read and write ranges in one system
call, as bytes, for callers that bring numpy.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from xdpvs.bpf.errors import BpfError, explain
from xdpvs.bpf.libbpf import check, library, possible_cpus
from xdpvs.bpf.structure import U32, Codec

K = TypeVar("K")
V = TypeVar("V")


class MapType(enum.IntEnum):
    """Kinds of maps, numbered as in linux/bpf.h."""

    HASH = 1
    ARRAY = 2
    PERCPU_ARRAY = 6
    LPM_TRIE = 11
    DEVMAP = 14
    RINGBUF = 27


class MapFlags(enum.IntFlag):
    """Flags of map creation, from linux/bpf.h."""

    NO_PREALLOC = 1 << 0
    MMAPABLE = 1 << 10


class UpdateFlags(enum.IntEnum):
    """What an update does about an entry that is there, or is not."""

    ANY = 0
    NOEXIST = 1
    EXIST = 2


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What defines a map; sizes in bytes."""

    name: str
    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0


class HashMap(Generic[K, V]):
    """A hash or LPM trie: entries come and go."""

    def __init__(self, fd: int, key: Codec[K], value: Codec[V]) -> None:
        self.fd = fd
        self.key = key
        self.value = value

    def get(self, key: K) -> V | None:
        """The value, None if absent."""
        data = _lookup(self.fd, self.key.encode(key), self.value.size)
        return None if data is None else self.value.decode(data)

    def put(self, key: K, value: V, flags: UpdateFlags = UpdateFlags.ANY) -> None:
        """Insert or replace in one step: readers see the old value or the new one."""
        _update(self.fd, self.key.encode(key), self.value.encode(value), flags)

    def delete(self, key: K) -> bool:
        """Remove; False if it was not there."""
        return _delete(self.fd, self.key.encode(key))

    def __iter__(self) -> Iterator[K]:
        """Every key; entries that others delete meanwhile may make it start again."""
        key: bytes | None = None
        while (key := _next_key(self.fd, key, self.key.size)) is not None:
            yield self.key.decode(key)

    def items(self) -> Iterator[tuple[K, V]]:
        """Every entry that is still there when its turn comes."""
        for key in self:
            value = self.get(key)
            if value is not None:
                yield key, value

    def clear(self) -> None:
        """Remove all entries."""
        for key in list(self):
            self.delete(key)


class ArrayMap(Generic[V]):
    """An array, or a device map (whose entries can be deleted); its keys are indices."""

    def __init__(self, fd: int, value: Codec[V]) -> None:
        self.fd = fd
        self.value = value

    def __getitem__(self, index: int) -> V:
        data = _lookup(self.fd, U32.encode(index), self.value.size)
        if data is None:
            raise IndexError(index)
        return self.value.decode(data)

    def __setitem__(self, index: int, value: V) -> None:
        _update(self.fd, U32.encode(index), self.value.encode(value), UpdateFlags.ANY)

    def delete(self, index: int) -> bool:
        """Empty an entry of a device map; arrays refuse."""
        return _delete(self.fd, U32.encode(index))

    def read(self, first: int, count: int) -> bytearray:
        """Raw values of a range, shorter at the array's end."""
        return read_range(self.fd, self.value.size, first, count)

    def write(self, first: int, data: bytes) -> None:
        """Set the values of a range from their raw bytes; not atomic as a whole."""
        write_range(self.fd, self.value.size, first, data)


class PercpuArray(Generic[V]):
    """An array with one value per possible CPU; strides are rounded up to eight bytes by the kernel."""

    def __init__(self, fd: int, value: Codec[V]) -> None:
        self.fd = fd
        self.value = value
        self.stride = -(-value.size // 8) * 8
        self.element_size = self.stride * possible_cpus()

    def __getitem__(self, index: int) -> list[V]:
        data = _lookup(self.fd, U32.encode(index), self.element_size)
        if data is None:
            raise IndexError(index)
        view = memoryview(data)
        return [self.value.decode(view[at : at + self.stride]) for at in range(0, self.element_size, self.stride)]

    def __setitem__(self, index: int, value: V) -> None:
        """The same value on every CPU."""
        data = self.value.encode(value).ljust(self.stride, b"\0") * possible_cpus()
        _update(self.fd, U32.encode(index), data, UpdateFlags.ANY)

    def read(self, first: int, count: int) -> bytearray:
        """Raw values of a range, possible_cpus() × stride bytes each."""
        return read_range(self.fd, self.element_size, first, count)


def _lookup(fd: int, key: bytes, size: int) -> bytearray | None:
    value = bytearray(size)
    buffer = (ctypes.c_char * size).from_buffer(value)
    result = library().bpf_map_lookup_elem(fd, key, ctypes.addressof(buffer))
    if result == -errno.ENOENT:
        return None
    check(result, "reading a map")
    return value


def _update(fd: int, key: bytes, value: bytes, flags: int) -> None:
    check(library().bpf_map_update_elem(fd, key, value, flags), "writing a map")


def _delete(fd: int, key: bytes) -> bool:
    result = library().bpf_map_delete_elem(fd, key)
    if result == -errno.ENOENT:
        return False
    check(result, "deleting from a map")
    return True


def _next_key(fd: int, key: bytes | None, size: int) -> bytes | None:
    following = ctypes.create_string_buffer(size)
    result = library().bpf_map_get_next_key(fd, key, following)
    if result == -errno.ENOENT:
        return None
    check(result, "walking a map")
    return following.raw


def read_range(fd: int, element_size: int, first: int, count: int) -> bytearray:
    """Raw values of count elements of an array in one system call."""
    if count <= 0:
        return bytearray()
    values = bytearray(element_size * count)
    buffer = (ctypes.c_char * len(values)).from_buffer(values)
    keys = (ctypes.c_uint32 * count)()
    found = ctypes.c_uint32(count)
    # The batch continues behind the key it is given: none for the first element.
    before = U32.encode(first - 1) if first else None
    after = ctypes.c_uint32()
    result = library().bpf_map_lookup_batch(
        fd, before, ctypes.byref(after), keys, ctypes.addressof(buffer), ctypes.byref(found), None
    )
    if result != -errno.ENOENT:
        check(result, "reading a range of a map")
    del buffer
    del values[found.value * element_size :]
    return values


def write_range(fd: int, element_size: int, first: int, data: bytes) -> None:
    """Set consecutive elements of an array in one system call."""
    count, rest = divmod(len(data), element_size)
    if rest:
        raise ValueError(f"{len(data)} bytes are not a whole number of {element_size}")
    if not count:
        return
    keys = (ctypes.c_uint32 * count)(*range(first, first + count))
    done = ctypes.c_uint32(count)
    check(library().bpf_map_update_batch(fd, keys, data, ctypes.byref(done), None), "writing a range of a map")


def mapped(fd: int, offset: int, length: int, writable: bool = False) -> mmap.mmap:
    """A window onto a MMAPABLE array; offset is a multiple of the page. Resident pages count as ours while mapped."""
    protection = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    try:
        return mmap.mmap(fd, length, mmap.MAP_SHARED, protection, offset=offset)
    except OSError as error:
        raise explain("mapping a map", error.errno or 0) from error


class _MapInfo(ctypes.Structure):
    """The head of struct bpf_map_info."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("key_size", ctypes.c_uint32),
        ("value_size", ctypes.c_uint32),
        ("max_entries", ctypes.c_uint32),
        ("map_flags", ctypes.c_uint32),
        ("name", ctypes.c_char * 16),
    )


def map_spec(fd: int) -> MapSpec:
    """What the kernel says a map is; its name is cut to 15 characters."""
    info, size = _MapInfo(), ctypes.c_uint32(ctypes.sizeof(_MapInfo))
    check(library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size)), "describing a map")
    try:
        kind = MapType(info.type)
    except ValueError as error:
        raise BpfError(f"a map of an unexpected kind {info.type}") from error
    return MapSpec(info.name.decode(), kind, info.key_size, info.value_size, info.max_entries, info.map_flags)


def create_map(spec: MapSpec) -> int:
    """A new map's descriptor."""
    options = _CreateOptions(sz=ctypes.sizeof(_CreateOptions), map_flags=spec.flags)
    name = spec.name[:15].encode()
    fd: int = library().bpf_map_create(
        spec.type, name, spec.key_size, spec.value_size, spec.max_entries, ctypes.byref(options)
    )
    return check(fd, f"creating map {spec.name}")


class _CreateOptions(ctypes.Structure):
    """struct bpf_map_create_opts up to map_flags; libbpf takes the size from sz."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("btf_fd", ctypes.c_uint32),
        ("btf_key_type_id", ctypes.c_uint32),
        ("btf_value_type_id", ctypes.c_uint32),
        ("btf_vmlinux_value_type_id", ctypes.c_uint32),
        ("inner_map_fd", ctypes.c_uint32),
        ("map_flags", ctypes.c_uint32),
        ("map_extra", ctypes.c_uint64),
        ("numa_node", ctypes.c_uint32),
        ("map_ifindex", ctypes.c_uint32),
    )
