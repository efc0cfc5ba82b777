"""SMTP: banner, HELO, QUIT (RFC 5321 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.checkers.machine import GOOD, Command, Extend, Machine, Send, bad, excerpt
from xdpvs.model.check import SmtpCheck

MAX_REPLY = 4096
"""Bytes of one reply, all its lines together; RFC 5321 allows 512 a line."""

_STEPS = (("banner", b"220"), ("reply to HELO", b"250"), ("reply to QUIT", b"221"))


class SmtpMachine(Machine):
    """Each reply, of one line or several, must have its code; each gives the server the time-out again."""

    __slots__ = ("_check", "_line_start", "_reply", "_step", "awaited")

    def __init__(self, check: SmtpCheck) -> None:
        self._check = check
        self._step = 0
        self._reply = bytearray()
        self._line_start = 0
        self.awaited = "connection"

    def connected(self) -> Sequence[Command]:
        self.awaited = "banner"
        return ()

    def received(self, data: bytes) -> Sequence[Command]:
        commands: list[Command] = []
        self._reply += data
        while (end := self._reply.find(b"\n", self._line_start)) >= 0 and end < MAX_REPLY:
            line = bytes(self._reply[self._line_start : end])
            self._line_start = end + 1
            wanted = _STEPS[self._step][1]
            if line[:3] != wanted or line[3:4] not in (b" ", b"-", b"", b"\r"):
                return bad(f"{self.awaited} is {excerpt(line)}, not {wanted.decode()}")
            if line[3:4] != b"-":
                commands += self._next_step()
                if self._step == len(_STEPS):
                    return commands
        if len(self._reply) >= MAX_REPLY:
            return bad(f"{self.awaited} has no end within {MAX_REPLY} bytes")
        return commands

    def _next_step(self) -> Sequence[Command]:
        del self._reply[: self._line_start]
        self._line_start = 0
        self._step += 1
        if self._step == len(_STEPS):
            return GOOD
        self.awaited = _STEPS[self._step][0]
        line = f"HELO {self._check.helo_name}" if self._step == 1 else "QUIT"
        return (Extend(), Send(line.encode("utf-8", "replace") + b"\r\n"))
