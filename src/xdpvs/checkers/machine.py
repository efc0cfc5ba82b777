"""What a checker is told, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdpvs.model.check import Verdict


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the server: a piece of a stream, or one datagram."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Extend:
    """The server got on with it, and has the whole time-out again."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The verdict, and the end of the connection.

    reset: by RST, which leaves no TIME_WAIT behind (keepalived does so); else what was sent is still delivered.
    """

    verdict: Verdict
    reason: str = ""
    timed_out: bool = False
    reset: bool = True


Command = Send | Extend | Finish

GOOD: Sequence[Command] = (Finish(Verdict.GOOD),)


def bad(reason: str) -> Sequence[Command]:
    """The server failed, for that reason."""
    return (Finish(Verdict.BAD, reason),)


class Machine:
    """One attempt. Its owner calls connected once, then the rest as it happens, until a Finish comes.

    A datagram "connection" is connected as soon as it has a socket.
    """

    __slots__ = ()

    awaited = "answer"
    """What a server owes at the moment, for reasons."""

    @property
    def opening(self) -> bytes:
        """Sent on the bare connection before anything else, a TLS handshake included."""
        return b""

    def connected(self) -> Sequence[Command]:
        """The connection stands, and opening has been sent."""
        raise NotImplementedError

    def received(self, data: bytes) -> Sequence[Command]:
        """The server sent something: at least a byte of a stream, or a datagram."""
        raise NotImplementedError

    def closed(self) -> Sequence[Command]:
        """The server ended the stream."""
        return bad(f"closed before the {self.awaited} was complete")

    def failed(self, reason: str) -> Sequence[Command]:
        """The network or the server refused: connection refused, reset, unreachable."""
        return bad(reason)

    def timed_out(self) -> Sequence[Command]:
        """The time-out passed, whatever had happened before it."""
        return (Finish(Verdict.BAD, f"no {self.awaited} in time", timed_out=True),)


def excerpt(data: bytes, size: int = 40) -> str:
    """The beginning of what a server sent, fit for a log line."""
    return repr(data[:size])[1:] + ("…" if len(data) > size else "")
