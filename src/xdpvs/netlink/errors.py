"""What can go wrong with a host link, by whose fault it is."""

from __future__ import annotations

import errno
import os


class NetlinkError(Exception):
    """Base of everything this package raises."""


class OperatorError(NetlinkError):
    """The operator named something that is not there, is taken, or is not allowed."""


class LinkNotFound(OperatorError):
    """No link of that name, alternative name or PCI address in this namespace."""


class LinkExists(OperatorError):
    """The name, or alternative name, is taken."""


class NotPermitted(OperatorError):
    """CAP_NET_ADMIN is missing."""


class ValueRefused(OperatorError):
    """The kernel or the driver finds the value out of range, such as an MTU too large for XDP."""


class KernelRefused(NetlinkError):
    """The kernel said no for a reason of its own; `code` is the errno."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class NotSupported(KernelRefused):
    """The driver or the kernel cannot do this at all."""


_OPERATOR = {
    errno.ENODEV: LinkNotFound,
    errno.EEXIST: LinkExists,
    errno.EPERM: NotPermitted,
    errno.EACCES: NotPermitted,
    errno.EINVAL: ValueRefused,
    errno.ERANGE: ValueRefused,
}


def from_errno(code: int, doing: str) -> NetlinkError:
    """The typed error for an errno; doing says what was tried, as in "set mtu of eth0"."""
    message = f"{doing}: {os.strerror(code)}"
    if code in (errno.EPERM, errno.EACCES):
        message += " (CAP_NET_ADMIN is needed)"
    if code in _OPERATOR:
        return _OPERATOR[code](message)
    if code == errno.EOPNOTSUPP:
        return NotSupported(message, code)
    return KernelRefused(message, code)
