"""ICMP and ICMPv6 echo."""

from __future__ import annotations

from collections.abc import Sequence

from xdpvs.checkers.machine import GOOD, Command, Machine, Send
from xdpvs.model.address import Family
from xdpvs.model.check import PingCheck
from xdpvs.packet.icmp import HEADER_SIZE, decode_reply, encode_request

TOKEN_SIZE = 8

_FILLING = b"xdpvs health check "


class EchoMachine(Machine):
    """One request. Only the reply with its identifier, sequence and payload counts; any other message is passed over.

    The payload starts with token, as far as the size of the check has room for it: an echo of another program, or of an
    attempt given up before the sequence came round, is none of this one.
    """

    __slots__ = ("_family", "_ident", "_payload", "_sequence")

    awaited = "echo reply"

    def __init__(self, check: PingCheck, family: Family, ident: int, sequence: int, token: bytes) -> None:
        self._family = family
        self._ident = ident
        self._sequence = sequence
        self._payload = _payload(max(check.size - HEADER_SIZE, 0), token)

    def connected(self) -> Sequence[Command]:
        return (Send(encode_request(self._family, self._ident, self._sequence, self._payload)),)

    def received(self, data: bytes) -> Sequence[Command]:
        reply = decode_reply(self._family, data)
        if reply is None or reply.ident != self._ident or reply.sequence != self._sequence:
            return ()
        return GOOD if reply.payload == self._payload else ()


def _payload(size: int, token: bytes) -> bytes:
    text = token + _FILLING
    if size > len(text):
        text += _FILLING * ((size - len(text)) // len(_FILLING) + 1)
    return text[:size]
