"""Go's flag syntax: `-name=value`, `--name=value`, `-name value`; a boolean is `-name` or `-name=false`."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xdpvs.healthcheck.durations import format_duration, parse_duration

Value = str | int | float | bool

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class Generation(enum.Enum):
    """Whose flags: A is upstream's v1.9.6 (and B), C its v1.10."""

    A = "a"
    C = "c"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag; its default says its type, a float being a duration in seconds. Without a generation it is everyone's."""

    name: str
    default: Value
    help: str
    generation: Generation | None = None


class FlagError(Exception):
    """What is wrong with the command line."""


class HelpWanted(Exception):
    """-h or -help."""


def parse_flags(argv: Sequence[str], flags: Sequence[Flag]) -> dict[str, Value]:
    """The values of the flags that were given, the last one of each."""
    known = {flag.name: flag for flag in flags}
    found: dict[str, Value] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            raise FlagError(f"unexpected argument {word!r}")
        name, equals, text = word.removeprefix("-").removeprefix("-").partition("=")
        if not name or name.startswith("-"):
            raise FlagError(f"bad flag syntax: {word}")
        flag = known.get(name)
        if flag is None:
            if name in ("h", "help"):
                raise HelpWanted
            raise FlagError(f"flag provided but not defined: -{name}")
        if isinstance(flag.default, bool) and not equals:
            found[name] = True
            continue
        if not equals:
            if not rest:
                raise FlagError(f"flag needs an argument: -{name}")
            text = rest.pop(0)
        found[name] = _value(flag, text)
    if rest:
        raise FlagError(f"unexpected argument {rest[0]!r}")
    return found


def _value(flag: Flag, text: str) -> Value:
    match flag.default:
        case bool():
            if text in _TRUE or text in _FALSE:
                return text in _TRUE
            raise FlagError(f'invalid boolean value "{text}" for -{flag.name}: parse error')
        case float():
            try:
                return parse_duration(text)
            except ValueError as error:
                raise FlagError(f'invalid value "{text}" for flag -{flag.name}: {error}') from None
        case int():
            digits = text.removeprefix("-")
            if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
                raise FlagError(f'invalid value "{text}" for flag -{flag.name}: parse error')
            return int(text)
        case _:
            return text


def usage(program: str, flags: Sequence[Flag], titles: Mapping[Generation | None, str]) -> str:
    """What -help prints, in groups."""
    lines = [f"Usage of {program}:"]
    for generation, title in titles.items():
        lines += ["", f"{title}:"]
        for flag in flags:
            if flag.generation is generation:
                lines += [f"  -{flag.name}{_kind(flag)}", f"    \t{flag.help}{_default(flag)}"]
    return "\n".join(lines) + "\n"


def _kind(flag: Flag) -> str:
    match flag.default:
        case bool():
            return ""
        case float():
            return " duration"
        case int():
            return " int"
        case _:
            return " string"


def _default(flag: Flag) -> str:
    match flag.default:
        case False | "" | 0:
            return ""
        case float():
            return f" (default {format_duration(flag.default)})"
        case str():
            return f' (default "{flag.default}")'
        case _:
            return f" (default {str(flag.default).lower()})"
