"""Kinds of values a keyword may have: words of the line in, value or complaint out."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

INT_MAX = 2**31 - 1
_NUMBER = re.compile(r"\s*([+-]?)0*([0-9]*)")
_STABLE_SECRET = re.compile(r"[0-9A-Fa-f]{32}")
_RSS_WORDS = frozenset({"all", "ip", "tcp", "udp", "sctp", "ether", "port", "tunnel"})

Value = int | str | bool | tuple[int, ...] | tuple[str, ...] | None


class MissingValueError(Exception):
    """The keyword stands without what it needs, or its quote is not closed."""


class Rounding(enum.Enum):
    """Powers of two not above the value; the text is DPVS's in the log."""

    NONE = ""
    POWER = " (round to 2^n)"
    POWER_MINUS_ONE = " (round to 2^n-1)"


@dataclass(frozen=True, slots=True)
class Parsed:
    """The outcome: value is what to store; `stored` False leaves what was there before.

    shown is the value as DPVS logs it (before the "minus one" of 2^n-1); complaint says why the file's was not taken.
    """

    value: Value
    shown: str
    complaint: str = ""
    stored: bool = True


def number(text: str) -> int:
    """C's atoi: trailing garbage ignored, no number is 0; what overflows is clamped just outside an int."""
    match = _NUMBER.match(text)
    if match is None or not match[2]:
        return 0
    magnitude = int(match[2]) if len(match[2]) <= 10 else INT_MAX + 1
    return -magnitude if match[1] == "-" else min(magnitude, INT_MAX + 1)


def text_value(words: Sequence[str]) -> str:
    """The second word of a line, or the quoted words there joined by one blank."""
    if len(words) < 2 or words[1] == "{":
        raise MissingValueError("needs a value")
    if words[1] != '"':
        return words[1]
    try:
        closing = words.index('"', 2)
    except ValueError:
        raise MissingValueError("has a quote that is not closed") from None
    return " ".join(words[2:closing])


@dataclass(frozen=True, slots=True)
class Integer:
    """A number in a range. bad is what a number outside gives, None to leave the value as it was."""

    default: int
    minimum: int
    maximum: int = INT_MAX
    rounding: Rounding = Rounding.NONE
    digits_only: bool = False

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        value = number(text)
        valid = self.minimum <= value <= self.maximum
        if self.digits_only and re.fullmatch("[0-9]+", text) is None:
            valid = False
        if not valid:
            return Parsed(self.default, str(self.default), f"{text}, using default {self.default}")
        if self.rounding is Rounding.NONE:
            return Parsed(value, str(value))
        minus = int(self.rounding is Rounding.POWER_MINUS_ONE)
        power = 1 << ((value + minus).bit_length() - 1)
        return Parsed(power - minus, f"{power}{self.rounding.value}")


@dataclass(frozen=True, slots=True)
class OptionalInteger:
    """A number nobody sets by default; a bad one becomes `bad`, or leaves the value alone where bad is None."""

    minimum: int
    maximum: int
    bad: int | None
    default: None = None

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        value = number(text)
        if self.minimum <= value <= self.maximum:
            return Parsed(value, str(value))
        return Parsed(self.bad, str(self.bad), f"{text}, using default {self.bad}")


@dataclass(frozen=True, slots=True)
class KeptInteger:
    """A number that a bad word leaves as it was."""

    default: int
    minimum: int
    maximum: int = INT_MAX

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        value = number(text)
        if self.minimum <= value <= self.maximum:
            return Parsed(value, str(value))
        return Parsed(None, "", f"{text}, ignored", stored=False)


@dataclass(frozen=True, slots=True)
class Switch:
    """on or off, any case; anything else leaves the value as it was."""

    default: bool

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        if text.lower() in ("on", "off"):
            return Parsed(text.lower() == "on", text.lower())
        return Parsed(None, "", f"{text}, ignored (on or off)", stored=False)


@dataclass(frozen=True, slots=True)
class Flag:
    """On by being there. `promisc_mode off` therefore switches it on, which deserves a word."""

    default: bool = False

    def parse(self, words: Sequence[str]) -> Parsed:
        if len(words) > 1 and words[1].lower() in ("off", "no", "false", "disable", "0"):
            return Parsed(True, "on", f"{words[1]}: the keyword takes no value and is on where it stands")
        return Parsed(True, "on")


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words. A bad one gives the default, or leaves the value as it was."""

    default: str
    choices: tuple[str, ...]
    fold_case: bool = False
    keep_on_bad: bool = False
    prefix: bool = False
    """DPVS compares log levels over the name's length only, so `ERROR` is ERR."""

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        word = text.lower() if self.fold_case else text
        for choice in self.choices:
            if word == choice or (self.prefix and word.startswith(choice)):
                return Parsed(choice, choice)
        if self.keep_on_bad:
            return Parsed(None, "", f"{text}, ignored ({'|'.join(self.choices)})", stored=False)
        return Parsed(self.default, self.default, f"{text}, using default {self.default}")


@dataclass(frozen=True, slots=True)
class Text:
    """Any word; longer than maximum is refused and the default used."""

    default: str | None = None
    maximum: int = 4095

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        if len(text) > self.maximum:
            return Parsed(None, "", f"{text[:64]}, longer than {self.maximum} characters, ignored", stored=False)
        return Parsed(text, text)


@dataclass(frozen=True, slots=True)
class Rss:
    """Receive hash types: one known word, or several joined by `|` (DPVS does not look into those here)."""

    default: str = "tcp"

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        if text in _RSS_WORDS or ("|" in text and not text.startswith("|")):
            return Parsed(text, text)
        return Parsed(self.default, self.default, f"{text}, using default {self.default}")


@dataclass(frozen=True, slots=True)
class Secret:
    """32 hex digits at least; the empty string is how samples say "none"."""

    default: str = ""

    def parse(self, words: Sequence[str]) -> Parsed:
        text = text_value(words)
        if not text or _STABLE_SECRET.match(text):
            return Parsed(text[:32].lower(), "configured" if text else "none")
        return Parsed(None, "", "value, ignored (32 hex digits)", stored=False)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A list of ids, all of the line's words. A bad one becomes `bad`, or is left out where bad is None."""

    minimum: int
    maximum: int
    bad: int | None
    default: tuple[int, ...] = ()

    def parse(self, words: Sequence[str]) -> Parsed:
        if len(words) < 2:
            raise MissingValueError("needs a value")
        ids: list[int] = []
        complaints: list[str] = []
        for word in words[1:]:
            value = number(word)
            if self.minimum <= value <= self.maximum:
                ids.append(value)
                continue
            if self.bad is not None:
                ids.append(self.bad)
            complaints.append(f"{word}, {'left out' if self.bad is None else f'using default {self.bad}'}")
        return Parsed(tuple(ids), " ".join(map(str, ids)), "; ".join(complaints))


Kind = Integer | OptionalInteger | KeptInteger | Switch | Flag | Choice | Text | Rss | Secret | Numbers
