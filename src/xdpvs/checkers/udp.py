"""UDP: one datagram, and what may come back."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.checkers.machine import GOOD, Command, Machine, Send, bad, excerpt
from xdpvs.model.check import UdpCheck
from xdpvs.model.service import ProxyProtocol
from xdpvs.packet.proxy_proto import LOCAL_V2


class UdpMachine(Machine):
    """Silence is good unless a reply is required; a refusal is always bad, a reply is judged."""

    __slots__ = ("_check",)

    awaited = "reply"

    def __init__(self, check: UdpCheck) -> None:
        self._check = check

    def connected(self) -> Sequence[Command]:
        # Version 1 is a line of a stream; no datagram can carry it.
        head = LOCAL_V2 if self._check.proxy == ProxyProtocol.V2 else b""
        return (Send(head + self._check.send),)

    def received(self, data: bytes) -> Sequence[Command]:
        check = self._check
        if not check.min_length <= len(data) <= check.max_length:
            return bad(f"a reply of {len(data)} bytes, not {check.min_length} to {check.max_length}")
        common = min(len(data), len(check.receive))
        if data[:common] != check.receive[:common]:
            return bad(f"answered {excerpt(data)}")
        return GOOD

    def timed_out(self) -> Sequence[Command]:
        return Machine.timed_out(self) if self._check.require_reply else GOOD
