"""What can go wrong between us and the kernel, named by whose fault it is."""

from __future__ import annotations

import errno
import os


class BpfError(Exception):
    """A BPF operation failed; errno is the kernel's, 0 if the reason was ours to find."""

    def __init__(self, message: str, error: int = 0) -> None:
        super().__init__(message)
        self.errno = error


class LibbpfMissing(BpfError):
    """The host has no libbpf.so.1, or one older than 1.1."""


class CapabilityMissing(BpfError):
    """The process may not do this; the message names the capability."""

    def __init__(self, doing: str, capability: str, error: int) -> None:
        super().__init__(f"{doing}: not permitted, {capability} is missing", error)
        self.capability = capability


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


def explain(doing: str, error: int, capability: str = "CAP_BPF") -> BpfError:
    """The typed error of an errno that a bpf call left behind; error may have either sign."""
    error = abs(error)
    if error in (errno.EPERM, errno.EACCES):
        return CapabilityMissing(doing, capability, error)
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
