"""Numbers as listings print them and as options take them."""

from __future__ import annotations

_SCALES = ((100_000_000_000, 1_000_000, "M"), (100_000_000_000_000, 1_000_000_000, "G"))


def scaled(value: int, exact: bool) -> str:
    """A counter in its column of nine; above eight digits K, M, G, T (cut off, not rounded).

    exact never scales; from nine digits on the column grows and one blank parts it from the one before.
    """
    if exact:
        return f"{value:9}" if value < 100_000_000 else f" {value}"
    if value < 100_000_000:
        return f"{value:9}"
    if value < 1_000_000_000:
        return f"{value // 1000:8}K"
    for limit, unit, letter in _SCALES:
        if value < limit:
            return f"{value // unit:8}{letter}"
    return f"{value // 1_000_000_000_000:8}T"


def signed32(value: int) -> int:
    """What C's %d shows of 32 bits: weights above 32767 come back from DPVS sign-extended."""
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def bounded(text: str, low: int, high: int) -> int | None:
    """A decimal number within bounds, nothing else around it but leading blanks and a sign (strtol)."""
    body = text.lstrip(" \t\n\v\f\r")
    digits = body[1:] if body[:1] in ("+", "-") else body
    if not (digits.isascii() and digits.isdigit()):
        return None
    value = int(body)
    return value if low <= value <= high else None


def leading(text: str) -> int:
    """atoi: the number a text begins with, or 0."""
    body = text.lstrip(" \t\n\v\f\r")
    sign = -1 if body[:1] == "-" else 1
    value = 0
    for character in body[1:] if body[:1] in ("+", "-") else body:
        if not "0" <= character <= "9":
            break
        value = value * 10 + int(character)
    return sign * value
