"""What can go wrong between us and the kernel, named by whose fault it is."""

from __future__ import annotations

import errno
import os


class BpfError(Exception):
    """A BPF operation failed; errno is the kernel's, 0 if the reason was ours to find."""

    def __init__(self, message: str, error: int = 0) -> None:
        super().__init__(message)
        self.errno = error


# Bits of linux/capability.h; CAP_SYS_ADMIN includes what CAP_BPF and CAP_PERFMON allow.
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}


def has_capability(name: str) -> bool:
    """Whether this process has a capability effectively."""
    with open("/proc/self/status") as status:
        effective = next((int(line.split()[1], 16) for line in status if line.startswith("CapEff:")), 0)
    bits = 1 << CAPABILITIES[name]
    if name in ("CAP_BPF", "CAP_PERFMON"):
        bits |= 1 << CAPABILITIES["CAP_SYS_ADMIN"]
    return bool(effective & bits)


class LibbpfMissing(BpfError):
    """The host has no libbpf.so.1, or one older than 1.1."""


class CapabilityMissing(BpfError):
    """The process may not do this; the message names the capabilities, of those it takes, that are missing."""

    def __init__(self, doing: str, needed: tuple[str, ...], error: int) -> None:
        self.missing = tuple(name for name in needed if not has_capability(name))
        why = (
            f"{', '.join(self.missing)} missing" if self.missing else "by a seccomp profile or user namespace, it seems"
        )
        super().__init__(f"{doing}: not permitted, {why}", error)


class KernelTooOld(BpfError):
    """The kernel does not know something we need."""


class ProgramRejected(BpfError):
    """The verifier refused a program: our fault, or a kernel nobody tested; log ends with its reason."""

    def __init__(self, message: str, log: str, error: int) -> None:
        super().__init__(message, error)
        self.log = log


class NoNativeXdp(BpfError):
    """The driver of a port has no XDP of its own, and generic mode was not asked for."""


class PortBusy(BpfError):
    """Another program, or another daemon, holds the port."""


class MapFull(BpfError):
    """A table has no room for another entry."""


class MapMismatch(BpfError):
    """A pinned map is not the one expected."""


def explain(doing: str, error: int, *needed: str) -> BpfError:
    """The typed error of an errno that a bpf call left behind, of either sign; needed are the capabilities it takes."""
    error = abs(error)
    if error in (errno.EPERM, errno.EACCES):
        return CapabilityMissing(doing, needed or ("CAP_BPF",), error)
    if error == errno.ENOSYS:
        return KernelTooOld(f"{doing}: this kernel has no bpf system call", error)
    if error in (errno.E2BIG, errno.ENOSPC):
        return MapFull(f"{doing}: the table is full", error)
    return BpfError(f"{doing}: {os.strerror(error)}", error)


def explain_attach(name: str, generic: bool, error: int) -> BpfError:
    """The typed error of putting a program on a netdev."""
    error = abs(error)
    doing = f"attaching to {name}"
    if error == errno.EBUSY or error == errno.EEXIST:
        return PortBusy(f"{doing}: another XDP program or another dpvs already holds {name}", error)
    if error == errno.ENODEV:
        return BpfError(f"{doing}: no such network device", error)
    if error in (errno.EPERM, errno.EACCES):
        return explain(doing, error, "CAP_NET_ADMIN")
    if error == errno.ERANGE:
        return NoNativeXdp(f"{doing}: the MTU of {name} or of its peer is too large for XDP in the driver", error)
    if error in (errno.EOPNOTSUPP, errno.EINVAL) and not generic:
        hint = "its driver has no native XDP, or refuses it as configured (MTU, channels)"
        return NoNativeXdp(f"{doing}: {hint}; --xdp-mode generic works everywhere, but slowly", error)
    return BpfError(f"{doing}: {os.strerror(error)}", error)
