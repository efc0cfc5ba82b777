"""Errors of sockets, told apart by whose fault they are."""

from __future__ import annotations

import errno
import os

from xdpvs.model.check import Outcome, Verdict

# What socket, bind, connect and a first send say about this host: no descriptors, ports or memory; not allowed; no such
# device or address. EPERM is a local packet filter. Everything else (refused, reset, unreachable) is the server's.
_OURS_AT_OPENING = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.EACCES,
        errno.EPERM,
        errno.ENODEV,
        errno.ENETDOWN,
        errno.EINVAL,
        errno.EAFNOSUPPORT,
        errno.EPROTONOSUPPORT,
        errno.EAGAIN,
        errno.EMSGSIZE,
    }
)

# Later on ICMP may say most of it, EACCES for "prohibited" included.
_OURS_LATER = frozenset({errno.ENOBUFS, errno.ENOMEM, errno.EPERM, errno.ENODEV, errno.ENETDOWN})


def reason_of(error: OSError) -> str:
    """What happened, without number and file name."""
    return (error.strerror or str(error)).lower()


def is_ours(error: OSError, *, opening: bool) -> bool:
    """Whether this host, not the server, was at fault. opening: nothing had been sent before."""
    if error.errno is None:
        return True
    return error.errno in (_OURS_AT_OPENING if opening else _OURS_LATER)


def opening_outcome(error: OSError) -> Outcome:
    """The end of an attempt whose socket could not be made or connected."""
    verdict = Verdict.UNDECIDED if is_ours(error, opening=True) else Verdict.BAD
    return Outcome(verdict, reason_of(error), timed_out=error.errno == errno.ETIMEDOUT)


def os_error(number: int) -> OSError:
    """The exception for an errno."""
    return OSError(number, os.strerror(number))
