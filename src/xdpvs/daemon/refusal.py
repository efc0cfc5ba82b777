"""How the daemon says no: with a code for the tool, and a line in the log that says what was wrong."""

from __future__ import annotations

from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.daemon.logs import topic


def refuse(code: DpvsError) -> ApiError:
    """The error a handler raises; the code alone says enough."""
    return ApiError(code)


def unsupported(what: str) -> ApiError:
    """Refuse by name what the data plane has not."""
    topic("DPVS").warning("not supported: %s", what)
    return ApiError(DpvsError.NOTSUPP)


def no_room(reason: Exception) -> ApiError:
    """A table is full."""
    topic("DPVS").error("no room: %s", reason)
    return ApiError(DpvsError.NOROOM)
