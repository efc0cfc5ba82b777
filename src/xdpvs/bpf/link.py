"""An XDP program on a netdev as a BPF link: pinned it outlives us, updated it changes without losing a packet."""

from __future__ import annotations

import ctypes
import enum
import errno
import os
from pathlib import Path

from xdpvs.bpf.errors import explain_attach
from xdpvs.bpf.libbpf import check, library

BPF_XDP = 37


class XdpMode(enum.Enum):
    """Where the program runs: in the driver, or behind the kernel's own packet buffers (slow, works everywhere)."""

    NATIVE = "native"
    GENERIC = "generic"


_FLAGS = {XdpMode.GENERIC: 1 << 1, XdpMode.NATIVE: 1 << 2}


class _CreateOptions(ctypes.Structure):
    """struct bpf_link_create_opts of libbpf 1.1 with its union as bytes."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("iter_info", ctypes.c_void_p),
        ("iter_info_len", ctypes.c_uint32),
        ("target_btf_id", ctypes.c_uint32),
        ("union", ctypes.c_uint64 * 4),
    )


class _LinkInfo(ctypes.Structure):
    """The head of struct bpf_link_info; the union behind prog_id is aligned to eight bytes."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("prog_id", ctypes.c_uint32),
        ("_hole", ctypes.c_uint32),
        ("ifindex", ctypes.c_uint32),
        ("_rest", ctypes.c_uint32 * 11),
    )


class XdpLink:
    """A program attached to a netdev; closing the last descriptor detaches it unless it is pinned."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def attach(cls, program_fd: int, ifindex: int, name: str, mode: XdpMode) -> XdpLink:
        """Attach; name is what errors call the netdev."""
        options = _CreateOptions(sz=ctypes.sizeof(_CreateOptions), flags=_FLAGS[mode])
        fd: int = library().bpf_link_create(program_fd, ifindex, BPF_XDP, ctypes.byref(options))
        if fd < 0:
            raise explain_attach(name, mode is XdpMode.GENERIC, fd)
        return cls(fd)

    @classmethod
    def open(cls, path: Path) -> XdpLink | None:
        """The link pinned there, None if there is none."""
        fd: int = library().bpf_obj_get(os.fsencode(path))
        if fd == -errno.ENOENT:
            return None
        return cls(check(fd, f"opening {path}"))

    def pin(self, path: Path) -> None:
        """Keep the program attached when this process ends."""
        check(library().bpf_obj_pin(self.fd, os.fsencode(path)), f"pinning {path}")

    def update(self, program_fd: int) -> None:
        """Replace the program: each packet meets the old one or the new one."""
        check(library().bpf_link_update(self.fd, program_fd, None), "replacing an XDP program", "CAP_NET_ADMIN")

    def ifindex(self) -> int:
        """The netdev, 0 if it is gone; a link does not come back with a device of the same name."""
        info, size = _LinkInfo(), ctypes.c_uint32(ctypes.sizeof(_LinkInfo))
        check(library().bpf_obj_get_info_by_fd(self.fd, ctypes.byref(info), ctypes.byref(size)), "describing a link")
        return int(info.ifindex)

    def detach(self) -> None:
        """Take the program off, pinned or not; harmless if the netdev is gone."""
        result = library().bpf_link_detach(self.fd)
        if result != -errno.ENOLINK:
            check(result, "detaching an XDP program", "CAP_NET_ADMIN")

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def attached_mode(ifindex: int) -> XdpMode | None:
    """How a program, anyone's, is attached to a netdev; None if there is none."""
    found = ctypes.c_uint32()
    for mode in (XdpMode.NATIVE, XdpMode.GENERIC):
        if library().bpf_xdp_query_id(ifindex, _FLAGS[mode], ctypes.byref(found)) == 0 and found.value:
            return mode
    return None
