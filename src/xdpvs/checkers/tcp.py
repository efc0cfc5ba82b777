"""TCP: a connection, or a short exchange on one."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.checkers.machine import GOOD, Command, Finish, Machine, Send, bad, excerpt
from xdpvs.model.check import TcpCheck, Verdict
from xdpvs.packet.proxy_proto import preamble


class TcpMachine(Machine):
    """Good when connected; where something is to be received, when exactly that comes first."""

    __slots__ = ("_check", "_got", "awaited")

    def __init__(self, check: TcpCheck) -> None:
        self._check = check
        self._got = b""
        self.awaited = "connection"

    @property
    def opening(self) -> bytes:
        return preamble(self._check.proxy)

    def connected(self) -> Sequence[Command]:
        check = self._check
        if check.receive:
            self.awaited = "answer"
            return (Send(check.send),) if check.send else ()
        if check.send:
            return (Send(check.send), Finish(Verdict.GOOD, reset=False))
        return (Finish(Verdict.GOOD, reset=False),) if check.proxy else GOOD

    def received(self, data: bytes) -> Sequence[Command]:
        wanted = self._check.receive
        self._got = (self._got + data)[: len(wanted)]
        if not wanted.startswith(self._got):
            return bad(f"answered {excerpt(self._got)}")
        return GOOD if len(self._got) == len(wanted) else ()
