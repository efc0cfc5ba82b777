"""The filesystem that keeps maps and links alive without a process.

Each mount of it is an instance of its own, and a mount belongs to a mount namespace: `ip netns exec` starts every
command in a new one with a fresh /sys, so what is mounted below /sys there dies with the command. Whoever runs the
daemon that way mounts the directory outside first.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from xdpvs.bpf.errors import BpfError, explain
from xdpvs.bpf.libbpf import check, library

BPF_FS_MAGIC = 0xCAFE4A11
SYSTEM_DIR = Path("/sys/fs/bpf")
"""The directory the kernel makes for it; containers and hosts without systemd leave it empty."""
_MOUNT_FLAGS = 2 | 4 | 8  # nosuid, nodev, noexec


class _Statfs(ctypes.Structure):
    """struct statfs: only its first word matters here."""

    _fields_ = (("type", ctypes.c_long), ("rest", ctypes.c_long * 31))


def is_bpffs(path: Path) -> bool:
    """Whether path lies on a BPF filesystem; False if it does not exist."""
    found = _Statfs()
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.statfs(os.fsencode(path), ctypes.byref(found)) == 0) and found.type & 0xFFFFFFFF == BPF_FS_MAGIC


def ensure_bpffs(path: Path) -> None:
    """Make path a directory on a BPF filesystem, mounting one there if it is on another; only root may enter."""
    if path.is_relative_to(SYSTEM_DIR) and SYSTEM_DIR.exists() and not is_bpffs(SYSTEM_DIR):
        _mount(SYSTEM_DIR)
    nearest = path
    while not nearest.exists():
        nearest = nearest.parent
    if is_bpffs(nearest):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BpfError(f"{path}: {error.strerror}: name a directory with bpffs", error.errno or 0) from error
    _mount(path)


def _mount(path: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bpf", os.fsencode(path), b"bpf", ctypes.c_ulong(_MOUNT_FLAGS), b"mode=0700") == 0:
        return
    error = ctypes.get_errno()
    if error == errno.ENODEV:
        raise BpfError(f"mounting bpffs on {path}: this kernel has none (CONFIG_BPF_SYSCALL)", error)
    raise explain(f"mounting bpffs on {path}", error, "CAP_SYS_ADMIN")


def unmount(path: Path) -> None:
    """Detach the BPF filesystem at path; what was pinned there and is not in use is gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount2(os.fsencode(path), 2):  # MNT_DETACH
        raise explain(f"unmounting {path}", ctypes.get_errno(), "CAP_SYS_ADMIN")


def pin(fd: int, path: Path) -> None:
    """Pin a map or program."""
    check(library().bpf_obj_pin(fd, os.fsencode(path)), f"pinning {path}")


def open_pinned(path: Path) -> int | None:
    """A new descriptor of what is pinned, None if nothing is."""
    fd: int = library().bpf_obj_get(os.fsencode(path))
    if fd == -errno.ENOENT:
        return None
    return check(fd, f"opening {path}")
