"""Result codes of the control socket, and how a request can fail."""

from __future__ import annotations

import enum
import os


class DpvsError(enum.IntEnum):
    """DPVS's EDPVS_ codes, with the texts a reply carries (DPVS include/common.h)."""

    OK = 0
    INVAL = -1
    NOMEM = -2
    EXIST = -3
    NOTEXIST = -4
    INVPKT = -5
    DROP = -6
    NOPROT = -7
    NOROUTE = -8
    DEFRAG = -9
    FRAG = -10
    DPDKAPIFAIL = -11
    IDLE = -12
    BUSY = -13
    NOTSUPP = -14
    RESOURCE = -15
    OVERLOAD = -16
    NOSERV = -17
    DISABLED = -18
    NOROOM = -19
    NONEALCORE = -20
    CALLBACKFAIL = -21
    IO = -22
    MSG_FAIL = -23
    MSG_DROP = -24
    PKTSTOLEN = -25
    SYSCALL = -26
    NODEV = -27
    KNICONTINUE = 1
    INPROGRESS = 2


UNKNOWN_TEXT = "<unknow>"

_TEXTS = {
    0: "OK",
    -1: "invalid parameter",
    -2: "no memory",
    -3: "already exist",
    -4: "not exist",
    -5: "invalid packet",
    -6: "packet dropped",
    -7: "no protocol",
    -8: "no route",
    -9: "defragment error",
    -10: "fragment error",
    -11: "failed dpdk api",
    -12: "nothing to do",
    -13: "resource busy",
    -14: "not support",
    -15: "no resource",
    -16: "overloaded",
    -17: "no service",
    -18: "disabled",
    -19: "no room",
    -20: "non-EAL thread lcore",
    -21: "callback failed",
    -22: "I/O error",
    -23: "msg callback failed",
    -24: "msg dropped",
    -25: "stolen packet",
    -26: "system call failed",
    -27: "no such device",
    1: "kni to continue",
    2: "in progress",
}


def error_text(code: int) -> str:
    """The text of a result code, `<unknow>` (upstream's spelling) for a code nobody defined."""
    return _TEXTS.get(code, UNKNOWN_TEXT)


class DecodeError(ValueError):
    """A body that is not what its message requires; `code` is what the daemon answers."""

    def __init__(self, reason: str, code: int = DpvsError.INVAL) -> None:
        super().__init__(reason)
        self.code = code


class ApiError(Exception):
    """The daemon's refusal: raised by handlers with a code, and by the client with the message's id as well.

    `line` is what upstream's tools print on stderr; `text` what the reply said, or the code's usual text.
    """

    def __init__(self, code: int, message_id: int = -1, text: str | None = None) -> None:
        self.code = int(code)
        self.message_id = message_id
        self.text = error_text(code) if text is None else text
        super().__init__(self.line)

    @property
    def line(self) -> str:
        """Upstream's stderr line, without the newline."""
        return f"[sockopt_msg_recv] errcode set in socket msg#{self.message_id} header: {self.text}({self.code})"


class TransportError(Exception):
    """A request that got no usable answer.

    `line` is what upstream's tools print on stderr (without newline, empty if nothing), `code` their positive code.
    """

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.line = line
        self.code = code

    @property
    def text(self) -> str:
        """What dpip prints for these codes."""
        return error_text(self.code)


SOCKOPT_IO = 16384
SOCKOPT_INVALID = 16385
SOCKOPT_VERSION = 16382


class ConnectionFailed(TransportError):
    """No daemon at the socket."""

    def __init__(self, errno: int, *, setting: bool) -> None:
        function = "dpvs_setsockopt" if setting else "dpvs_getsockopt"
        self.errno = errno
        self.strerror = os.strerror(errno)
        super().__init__(f"[{function}] scoket msg connection error: {self.strerror}", SOCKOPT_IO)


class SendFailed(TransportError):
    """The daemon did not take the whole request."""

    def __init__(self, sent: int, size: int, *, header: bool) -> None:
        part = "socket msg header" if header else "scoket msg body"
        super().__init__(f"[sockopt_msg_send] {part} send error -- {sent}/{size} sent", SOCKOPT_IO)


class ShortReply(TransportError):
    """The connection ended (or fell silent) inside the reply; `received` 0 of the header: closed without an answer."""

    def __init__(self, received: int, size: int, *, header: bool) -> None:
        part = "header" if header else "body"
        self.received = received
        self.header = header
        # "recieved" is upstream's spelling.
        super().__init__(f"[sockopt_msg_recv] socket msg {part} recv error -- {received}/{size} recieved", SOCKOPT_IO)

    @property
    def unanswered(self) -> bool:
        """Nothing at all came back: what a daemon does with a message it does not know."""
        return self.header and self.received == 0


class WrongVersion(TransportError):
    """A reply of another protocol version."""

    def __init__(self) -> None:
        super().__init__("[sockopt_msg_recv] socket msg version not match", SOCKOPT_VERSION)


class CorruptReply(TransportError):
    """A successful reply whose body is not what the message promises; tools have their own words for it."""

    def __init__(self, message_id: int, reason: str) -> None:
        self.message_id = message_id
        self.reason = reason
        super().__init__("", SOCKOPT_INVALID)
