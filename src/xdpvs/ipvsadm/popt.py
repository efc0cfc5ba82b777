"""Splits a command line into options as popt does; scripts lean on its details.

Short options bundle, and the last of a bundle may take a value (`-lnt X`); values stand in the next word, attached, or
after `=`. A mandatory value takes the next word even if it begins with a dash, an optional one does not. Long options
are never abbreviated. Words that belong to no option are left over, wherever they stand.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

from xdpvs.ipvsadm.errors import PoptError

INT_MAX = 2**31 - 1


class Argument(enum.Enum):
    """What an option takes behind it."""

    NONE = enum.auto()
    TEXT = enum.auto()
    OPTIONAL = enum.auto()
    INTEGER = enum.auto()


class Option:
    """One line of the option table; two lines may share a long name (`-L`, `-l`)."""

    __slots__ = ("argument", "long", "short")

    def __init__(self, long: str, short: str = "", argument: Argument = Argument.NONE) -> None:
        self.long = long
        self.short = short
        self.argument = argument


class Words:
    """The words of one command line, read from left to right.

    Iterating yields (option, value) and raises PoptError at the first bad word; leftover is complete only after the
    last option was read.
    """

    def __init__(self, words: list[str], longs: Mapping[str, Option], shorts: Mapping[str, Option]) -> None:
        self._words = words
        self._longs = longs
        self._shorts = shorts
        self._next = 0
        self._bundle = ""
        self.leftover: list[str] = []

    @property
    def current(self) -> str:
        """The word read last: what popt names in its messages."""
        return self._words[self._next - 1]

    def __iter__(self) -> Iterator[tuple[Option, str | None]]:
        return self

    def __next__(self) -> tuple[Option, str | None]:
        if self._bundle:
            return self._short()
        while self._next < len(self._words):
            word = self._words[self._next]
            self._next += 1
            if word == "--":
                self.leftover += self._words[self._next :]
                self._next = len(self._words)
            elif word[:1] != "-" or word == "-":
                self.leftover.append(word)
            elif word[1] == "-":
                return self._long(word[2:])
            else:
                self._bundle = word[1:]
                return self._short()
        raise StopIteration

    def _long(self, word: str) -> tuple[Option, str | None]:
        name, equals, attached = word.partition("=")
        option = self._longs.get(name)
        if option is None:
            raise PoptError(self.current, "unknown option")
        return option, self._value(option, attached if equals else None)

    def _short(self) -> tuple[Option, str | None]:
        option = self._shorts.get(self._bundle[0])
        rest = self._bundle[1:]
        self._bundle = ""
        if option is None:
            raise PoptError(self.current, "unknown option")
        if option.argument is Argument.NONE and rest[:1] != "=":
            self._bundle = rest
            return option, None
        return option, self._value(option, rest.removeprefix("=") if rest else None)

    def _value(self, option: Option, attached: str | None) -> str | None:
        if option.argument is Argument.NONE:
            if attached is not None:
                raise PoptError(self.current, "option does not take an argument")
            return None
        value = attached if attached is not None else self._following(option)
        if option.argument is Argument.INTEGER and value is not None:
            self._check_integer(value)
        return value

    def _following(self, option: Option) -> str | None:
        if self._next == len(self._words):
            if option.argument is Argument.OPTIONAL:
                return None
            raise PoptError(self.current, "missing argument")
        if option.argument is Argument.OPTIONAL and self._words[self._next][:1] == "-":
            return None
        self._next += 1
        return self.current

    def _check_integer(self, text: str) -> None:
        value = c_integer(text)
        if value is None:
            raise PoptError(self.current, "invalid numeric value")
        if not -INT_MAX - 1 <= value <= INT_MAX:
            raise PoptError(self.current, "number too large or too small")


def c_integer(text: str) -> int | None:
    """strtol with base 0 over the whole text: 0x and 0 prefixes count, the empty text is 0."""
    body = text.lstrip(" \t\n\v\f\r")
    sign = -1 if body[:1] == "-" else 1
    digits = body[1:] if body[:1] in ("+", "-") else body
    if not digits:
        return 0 if not text else None
    if not digits.isascii() or not digits.isalnum():
        return None
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX"
    base = 16 if digits[:2] in ("0x", "0X") else 8 if octal else 10
    try:
        return sign * int(digits, base)
    except ValueError:
        return None
