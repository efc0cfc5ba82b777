"""`$NAME=text` definitions, `@ID` lines, `~SEQ` and `~LST`: one line in, the lines it stands for out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from xdpvs.config.keepalived_conf.words import goes_on

_DEFINITION = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)", re.DOTALL)
_USE = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_]*)(?=[ \t]|$)|\{([A-Za-z_][A-Za-z0-9_]*)((?: +[0-9]+)*) *\})")
_SEQUENCE = re.compile(r"~SEQ(x?)[ \t]*\(([^,()]*),([^()]*)\)(.*)", re.DOTALL)
_LIST = re.compile(r"~LST[ \t]*\(((?:[^(){}]|\{[^(){}]*\})*)\)(.*)", re.DOTALL)
_LIST_PART = re.compile(r"\s*(\{[^{}]*\}|[^,{}]*)\s*(?:,|$)")
_CONDITION = re.compile(r"@(\^?)(\S*)\s+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

MAX_LINE = 65536
MAX_ROUNDS = 64
MAX_LINES = 1_000_000
_RANDOM_MAX = 32767


class ExpansionError(Exception):
    """A definition cannot be replaced; fatal: nothing more can be read."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


@dataclass(slots=True)
class Definitions:
    """What is defined so far. A value of several lines is a tuple of them; it replaces only what ends a line."""

    config_id: str
    random: Random
    directory: str = "."
    values: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    lines_left: int = MAX_LINES

    def define(self, text: str) -> tuple[str, str] | None:
        """Take a definition; (name, first line) if its value goes on in the next line, ("", "") if it is done."""
        match = _DEFINITION.fullmatch(text)
        if match is None:
            return None
        name, value = match[1], match[2]
        if goes_on(value):
            return name, value[:-1].rstrip()
        self.values[name] = value
        return "", ""

    def expand(self, text: str, depth: int = 0) -> Iterator[str]:
        """The lines that remain of one line: none if it is another node's or only defines something."""
        self.lines_left -= 1
        if self.lines_left < 0:
            raise ExpansionError("definitions and sequences make too many lines", fatal=True)
        if depth > MAX_ROUNDS:
            raise ExpansionError("definitions that use each other do not end")
        rest: tuple[str, ...] = ()
        rounds = 0
        while text:
            text = self.applicable(text)
            if not text:
                break
            if text[0] == "$" and self._defines(text):
                text = ""
                break
            if text.startswith(("~SEQ", "~LST")):
                for line in self._repeat(text):
                    yield from self.expand(line, depth + 1)
                text = ""
                break
            if "$" not in text:
                break
            replaced, more = self._replace(text)
            if more:
                rest = (*more, *rest)
            if replaced == text and not more:
                break
            text = replaced
            rounds += 1
            if rounds > MAX_ROUNDS or len(text) > MAX_LINE:
                raise ExpansionError("definitions that use each other do not end, or make the line too long")
        if text:
            yield text
        for line in rest:
            yield from self.expand(line, depth + 1)

    def applicable(self, text: str) -> str:
        """The line without its `@ID`; empty if it is for others."""
        while text.startswith("@"):
            match = _CONDITION.match(text)
            if match is None or (match[2] == self.config_id) == bool(match[1]):
                return ""
            text = text[match.end() :]
        return text

    def _defines(self, text: str) -> bool:
        match = _DEFINITION.fullmatch(text)
        if match is not None:
            self.values[match[1]] = match[2]
        return match is not None

    def _replace(self, text: str) -> tuple[str, tuple[str, ...]]:
        """One round of replacements, and the lines after the first of a value of several lines."""
        more: tuple[str, ...] = ()

        def value(match: re.Match[str]) -> str:
            nonlocal more
            name = match[1] or match[2]
            if match[3]:
                return self._random(match[3].split()) if name == "_RANDOM" else match[0]
            found = self.values.get(name)
            if found is None:
                return self._predefined(name, match[0])
            if isinstance(found, str):
                return found
            if match.end() < len(text):
                return match[0]
            more = found[1:]
            return found[0]

        replaced: list[str] = []
        position = length = 0
        for match in _USE.finditer(text):
            part = text[position : match.start()] + value(match)
            replaced.append(part)
            position = match.end()
            length += len(part)
            if length > MAX_LINE:
                raise ExpansionError("definitions make the line too long")
        replaced.append(text[position:])
        return "".join(replaced).strip(), more

    def _predefined(self, name: str, text: str) -> str:
        match name:
            case "_PWD":
                return self.directory
            case "_INSTANCE":
                return self.config_id
            case "_RANDOM":
                return self._random([])
            case "_HASH":
                return "#"
            case "_BANG":
                return "!"
            case _:
                return text

    def _random(self, bounds: list[str]) -> str:
        low = int(bounds[0][:18]) if bounds else 0
        high = int(bounds[1][:18]) if len(bounds) > 1 else max(_RANDOM_MAX, low)
        if len(bounds) > 2 or low > high:
            raise ExpansionError("${_RANDOM} takes a minimum and a maximum")
        return str(self.random.randint(low, high))

    def _repeat(self, text: str) -> Iterator[str]:
        """The rest of the line, once for each value; the variable is set while that line is taken."""
        if match := _SEQUENCE.fullmatch(text):
            name, numbers = match[2].strip(), _numbers(match[3])
            if numbers is None or _NAME.fullmatch(name) is None:
                raise ExpansionError("invalid ~SEQ: (name, [start, [step,]] end) with a step towards the end")
            for number in numbers:
                self.values[name] = _in_hex(number) if match[1] else str(number)
                yield match[4].strip()
            return
        match = _LIST.fullmatch(text)
        rows = None if match is None else _rows(match[1])
        if match is None or rows is None:
            raise ExpansionError("invalid ~SEQ or ~LST")
        for row in rows[1:]:
            self.values.update(zip(rows[0], row, strict=True))
            yield match[2].strip()


def _in_hex(number: int) -> str:
    return f"-{-number:x}" if number < 0 else f"{number:x}"


def _numbers(text: str) -> range | None:
    try:
        given = [int(word.strip()[:12], 0) for word in text.split(",")]
    except ValueError:
        return None
    match given:
        case [end]:
            start, step = (1, 1) if end > 0 else (-1, -1) if end < 0 else (1, -1)
        case [start, end]:
            step = 1 if start <= end else -1
        case [start, step, end]:
            if not step or (start < end and step < 0) or (start > end and step > 0):
                return None
        case _:
            return None
    return range(start, end + (1 if step > 0 else -1), step)


def _rows(text: str) -> list[tuple[str, ...]] | None:
    """The names, then the rows of values, each as wide as the names."""
    rows: list[tuple[str, ...]] = []
    position = 0
    while position < len(text):
        match = _LIST_PART.match(text, position)
        if match is None:
            return None
        position = match.end()
        part = match[1].strip()
        rows.append(tuple(cell.strip() for cell in part[1:-1].split(",")) if part.startswith("{") else (part,))
    if len(rows) < 2 or any(_NAME.fullmatch(name) is None for name in rows[0]):
        return None
    return rows if all(len(row) == len(rows[0]) for row in rows) else None
