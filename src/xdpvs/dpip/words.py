"""The words after the verb: walking them, and reading numbers and addresses as C does."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from xdpvs.dpip.command import Failure, Phase
from xdpvs.model.address import Family, IPAddress

DEVICE_NAME_MAX = 15
FAMILY_NAMES = {Family.UNSPEC: "unspec", Family.INET: "inet", Family.INET6: "inet6"}


class Words:
    """Iterates over words; `value` takes the one that belongs to a keyword."""

    def __init__(self, words: tuple[str, ...], phase: Phase = Phase.RUN) -> None:
        self._rest = iter(words)
        self._phase = phase

    def __iter__(self) -> Iterator[str]:
        return self._rest

    def value(self, keyword: str) -> str:
        """The word behind keyword."""
        value = next(self._rest, None)
        if value is None:
            raise Failure(detail=f"missing argument for `{keyword}'", phase=self._phase)
        return value

    def device(self, keyword: str) -> str:
        """A device name, cut to what the kernel's IFNAMSIZ holds."""
        return self.value(keyword)[:DEVICE_NAME_MAX]

    def number(self, keyword: str) -> int:
        """A number as atoi reads it."""
        return atoi(self.value(keyword))


def atoi(text: str) -> int:
    """C's atoi on Linux: leading blanks, a sign, digits; anything else is 0, what follows is ignored."""
    value, _ = strtol(text)
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def strtol(text: str) -> tuple[int, str]:
    """C's strtol in base 10: the value and the unread rest (the whole text if there is no number)."""
    stripped = text.lstrip(" \t\n\v\f\r")
    sign, digits = (stripped[0], stripped[1:]) if stripped[:1] in ("+", "-") else ("", stripped)
    length = 0
    while length < len(digits) and digits[length] in "0123456789":
        length += 1
    if not length:
        return 0, text
    value = int(digits[:length]) * (-1 if sign == "-" else 1)
    return max(-(1 << 63), min(value, (1 << 63) - 1)), digits[length:]


def parse_address(text: str, family: Family) -> IPAddress:
    """An address literal of the family, or of any if that is UNSPEC (C's inet_pton, which takes no scope id)."""
    if family != Family.INET6:
        try:
            return IPv4Address(socket.inet_pton(socket.AF_INET, text))
        except (OSError, ValueError):
            pass
    if family != Family.INET:
        try:
            return IPv6Address(socket.inet_pton(socket.AF_INET6, text))
        except (OSError, ValueError):
            pass
    raise Failure(detail=f"invalid ipaddress: {FAMILY_NAMES[family]} {text}")


def parse_prefix(text: str, family: Family) -> tuple[IPAddress, int]:
    """ADDR[/PLEN]; plen 0 or absent means the whole address, as upstream has it. The daemon checks the range."""
    literal, slash, length = text.partition("/")
    address = parse_address(literal, family)
    return address, (atoi(length) if slash else 0) or address.max_prefixlen


def format_address(address: IPAddress) -> str:
    """As inet_ntop prints it (mapped addresses differ from ipaddress's text)."""
    return socket.inet_ntop(socket.AF_INET if address.version == 4 else socket.AF_INET6, address.packed)


def family_name(family: int) -> str:
    """`inet`, `inet6` or `unspec`."""
    return FAMILY_NAMES.get(Family(family), "<unknow>")


def format_mac(mac: bytes) -> str:
    """Lower case with colons."""
    return mac.hex(":")
