"""Kinds of values: a statement in, its value out, or the reason why not."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from xdpvs.config.keepalived_conf.reading import Corrected, Dropped, Kind, Refused
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import QuoteError, shown, split_escaped
from xdpvs.model.address import IPAddress
from xdpvs.model.script import Command

INT_MAX = 2**31 - 1
UINT_MAX = 2**32 - 1
SECONDS_MAX = 86400.0 * 1000
_INTEGER = re.compile("[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_OCTETS = {str(number): number for number in range(256)}
_TRUE, _FALSE = ("true", "on", "yes"), ("false", "off", "no")


def value_word(statement: Statement) -> str:
    """The word after the keyword."""
    if len(statement.words) < 2:
        raise Refused("needs a value")
    return statement.words[1]


def integer(word: str, minimum: int, maximum: int) -> int:
    """A decimal number within bounds."""
    if _INTEGER.fullmatch(word) is None:
        raise Refused(f"{shown(word)} is not a number")
    number = int(word)
    if not minimum <= number <= maximum:
        raise Refused(f"{shown(word)} is not within {minimum} and {maximum}")
    return number


def decimal(word: str, minimum: float, maximum: float) -> float:
    """A number that may have a fraction, within bounds; microseconds at best."""
    if _DECIMAL.fullmatch(word) is None:
        raise Refused(f"{shown(word)} is not a number")
    number = round(float(word), 6)
    if not minimum <= number <= maximum:
        raise Refused(f"{shown(word)} is not within {minimum:g} and {maximum:g}")
    return number


@functools.lru_cache(maxsize=1 << 17)
def address(word: str) -> IPAddress:
    """An address as keepalived reads it: no scope, and a length after it is passed over."""
    try:
        first, second, third, fourth = word.split(".")
        return IPv4Address(_OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth])
    except (ValueError, KeyError):
        pass
    text = word.partition("/")[0]
    try:
        if "%" in text:
            raise ValueError
        return ip_address(text)
    except ValueError:
        raise Refused(f"{shown(word)} is not an IP address") from None


@functools.lru_cache(maxsize=1024)
def port(word: str) -> int:
    """0 to 65535; keepalived takes zeros for "no port"."""
    return integer(word, 0, 65535)


@dataclass(frozen=True, slots=True)
class Integer:
    """A number; substitute, if any, takes the place of one that is out of range."""

    minimum: int = 0
    maximum: int = UINT_MAX
    substitute: int | None = None

    def __call__(self, statement: Statement) -> int:
        word = value_word(statement)
        try:
            return integer(word, self.minimum, self.maximum)
        except Refused as error:
            if self.substitute is None:
                raise
            raise Corrected(self.substitute, f"{error}, {self.substitute} is used") from None


@dataclass(frozen=True, slots=True)
class AtLeastOne:
    """A number from 0 on, where 0 becomes 1 (files older than keepalived 2.0.7)."""

    def __call__(self, statement: Statement) -> int:
        number = integer(value_word(statement), 0, UINT_MAX)
        if number == 0:
            raise Corrected(1, "0 becomes 1")
        return number


@dataclass(frozen=True, slots=True)
class Seconds:
    """A time."""

    minimum: float = 0.0
    maximum: float = SECONDS_MAX
    substitute: float | None = None

    def __call__(self, statement: Statement) -> float:
        word = value_word(statement)
        try:
            return decimal(word, self.minimum, self.maximum)
        except Refused as error:
            if self.substitute is None:
                raise
            raise Corrected(self.substitute, f"{error}, {self.substitute:g} is used") from None


def flag(statement: Statement) -> bool:
    """On by being there, whatever follows."""
    if len(statement.words) > 1 and statement.words[1] in _FALSE:
        raise Corrected(True, f"{statement.words[1]}: the keyword takes no value and is on where it stands")
    return True


def switch(statement: Statement) -> bool:
    """on true yes, off false no; no value is true."""
    if len(statement.words) < 2 or statement.words[1] in _TRUE:
        return True
    if statement.words[1] in _FALSE:
        return False
    raise Refused(f"{shown(statement.words[1])} is none of {', '.join(_TRUE + _FALSE)}")


def text(statement: Statement) -> str:
    """Any word."""
    return value_word(statement)


def optional_text(statement: Statement) -> str:
    """A word, or nothing."""
    return statement.words[1] if len(statement.words) > 1 else ""


def device(statement: Statement) -> str:
    """A name of an interface."""
    return device_name(value_word(statement))


def device_name(word: str) -> str:
    if not word or len(word) > 15:
        raise Refused(f"{shown(word)} is not a name of 1 to 15 characters")
    return word


def an_address(statement: Statement) -> IPAddress:
    return address(value_word(statement))


def address_of(version: int) -> Kind:
    """An address of IPv4 or IPv6 only."""
    wanted = IPv4Address if version == 4 else IPv6Address

    def kind(statement: Statement) -> IPAddress:
        found = address(value_word(statement))
        if not isinstance(found, wanted):
            raise Refused(f"{shown(statement.words[1])} is not an IPv{version} address")
        return found

    return kind


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, each with its value."""

    choices: dict[str, object]
    fold_case: bool = False

    def __call__(self, statement: Statement) -> object:
        word = value_word(statement)
        key = word.upper() if self.fold_case else word
        if key not in self.choices:
            raise Refused(f"{shown(word)} is none of {', '.join(self.choices)}")
        return self.choices[key]


def escaped_words(statement: Statement) -> tuple[str, ...]:
    """The words of the line with quotes and escapes resolved, the keyword first."""
    try:
        return split_escaped(statement.text)
    except QuoteError as error:
        raise Refused(str(error)) from None


def argv(word: str) -> tuple[str, ...]:
    """The program and its arguments a command word holds."""
    try:
        words = split_escaped(word)
    except QuoteError as error:
        raise Refused(str(error)) from None
    if not words or not words[0]:
        raise Refused("needs a program")
    return words


def command(statement: Statement) -> Command:
    """COMMAND [USER [GROUP]]; a command with arguments is one quoted word."""
    words = escaped_words(statement)
    if len(words) < 2:
        raise Refused("needs a program")
    return Command(argv(words[1]), *words[2:4])


def bare_command(statement: Statement) -> tuple[str, ...]:
    """A command whose user stands in a line of its own; words after the quoted one are not looked at."""
    words = escaped_words(statement)
    if len(words) < 2:
        raise Refused("needs a program")
    return argv(words[1])


def user(statement: Statement) -> tuple[str, str]:
    """USER [GROUP]."""
    return value_word(statement), statement.words[2] if len(statement.words) > 2 else ""


def dropped(message: str) -> Kind:
    """A keyword of which only the message remains."""

    def kind(statement: Statement) -> object:
        raise Dropped(message)

    return kind


def names(keywords: str) -> Sequence[str]:
    """The words of a list written as text."""
    return keywords.split()


def same(kind: Kind, keywords: Iterable[str]) -> dict[str, tuple[str, Kind]]:
    """Keywords of one kind whose values go by the keyword's own name."""
    return {keyword: (keyword, kind) for keyword in keywords}
