"""What a failed request looks like on stderr."""

from __future__ import annotations

import errno

from xdpvs.api.errors import ApiError, ConnectionFailed, CorruptReply, TransportError
from xdpvs.ipvsadm.errors import FAILED_STATUS

RequestFailure = (ApiError, TransportError)

_REASONS = {
    errno.EPERM: "Permission denied (you must be root)",
    errno.EINVAL: "Invalid operation.  Possibly wrong module version, address not unicast, ...",
}


def line(error: Exception) -> str:
    """The first line: whose answer it was and what went wrong."""
    if isinstance(error, CorruptReply):
        return f"corrupt reply to msg#{error.message_id}: {error.reason}"
    return str(error)


def reason(error: Exception) -> str:
    """The second line: upstream prints errno's text, which a refusal by the daemon leaves at `Success`."""
    if isinstance(error, ConnectionFailed):
        return _REASONS.get(error.errno, error.strerror)
    return "Success"


def code(error: Exception) -> int:
    """What upstream's request function returns: the daemon's negative code, or a positive one of the client's."""
    return error.code if isinstance(error, (ApiError, TransportError)) else 0


def exit_status(error: Exception) -> int:
    """The low byte of the daemon's code.

    A lost connection would give 0 upstream; that is a failure all the same.
    """
    return error.code & 0xFF if isinstance(error, ApiError) else FAILED_STATUS
