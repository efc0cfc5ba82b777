"""Files to the tree: their lines in turn, with includes, definitions and continued lines where they stand."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from itertools import islice, pairwise
from random import Random

from xdpvs.config.keepalived_conf.definitions import Definitions, ExpansionError
from xdpvs.config.keepalived_conf.lines import (
    BLANK,
    CLOSE,
    OPEN,
    SPECIAL,
    UNPAIRED,
    Classifier,
    Opening,
    Parsed,
    Part,
    Several,
)
from xdpvs.config.keepalived_conf.repeats import Repeat, Repeats
from xdpvs.config.keepalived_conf.tree import MAX_DEPTH, BraceError, Builder, Places, Statement
from xdpvs.config.keepalived_conf.words import goes_on, shown, split_words, without_comment
from xdpvs.config.source import NotPlainFileError, Source

MAX_INCLUDE_DEPTH = 16
MAX_ALTERNATIVES = 1024
_INCLUDES = frozenset({"include", "includer", "includem", "includew", "includeb", "includea"})

Report = Callable[[int, str], None]
_Started = tuple[int, str, int, int]
"""Depth, keyword, position and line of a block's start."""


class _GiveUpError(Exception):
    """Reading on makes no sense; the problem is already told."""


class FileReader:
    """Reads a file and its includes into a Builder; problem and warn are told the line and what is wrong there."""

    def __init__(self, source: Source, config_id: str, seed: int, problem: Report, warn: Report) -> None:
        self.places = Places()
        self.builder = Builder()
        self._source = source
        self._problem = problem
        self._warn = warn
        self._definitions = Definitions(config_id, Random(seed))
        self._classifier = Classifier(self.builder.statement)
        self._parsed: dict[str, Parsed] = {}
        self._repeats = Repeats()
        self._open_files: list[str] = []
        self._since = 0
        self._unfinished: tuple[str | None, list[str]] | None = None

    def read(self, path: str) -> None:
        """Read the main file; it must exist."""
        with suppress(_GiveUpError):
            self._file(path, self.places.add(path, ""))

    def _file(self, path: str, asked_at: int) -> None:
        if path in self._open_files or len(self._open_files) >= MAX_INCLUDE_DEPTH:
            self._problem(asked_at, f"include of {shown(path)} does not end")
            return
        try:
            text = self._source.read(path)
        except (NotPlainFileError, IsADirectoryError) as error:
            if not self._open_files:
                self._problem(asked_at, f"cannot read {shown(path)}: {_reason(error)}")
            else:
                self._warn(asked_at, f"{shown(path)} is not a regular file without execute permission, skipped")
            return
        except (OSError, ValueError) as error:
            self._problem(asked_at, f"cannot read {shown(path)}: {_reason(error)}")
            return
        before = (self._definitions.directory, self._since)
        self._definitions.directory = posixpath.dirname(path) or "."
        self._open_files.append(path)
        self._since = len(self.builder.items)
        self._lines(text, self.places.add(path, text))
        self._open_files.pop()
        self._definitions.directory, self._since = before

    def _lines(self, text: str, base: int) -> None:
        builder, parsed_lines, classify = self.builder, self._parsed, self._classifier.classify
        items, placed, head_number = builder.items, builder.placed, builder.number
        floor = builder.depth
        number, position = base, 0
        plain: list[_Started] = []  # open blocks that hold only plain lines so far
        stream = StringIO(text)
        for raw in stream:
            number += 1
            position += len(raw)
            parsed = parsed_lines.get(raw)
            if parsed is None:
                parsed = parsed_lines[raw] = classify(raw)
            if self._unfinished is not None:
                self._continued(raw, number, floor)
            elif isinstance(parsed, Statement):
                items.append(parsed)
                placed.append(number - head_number)
                continue
            elif parsed is BLANK:
                continue
            elif parsed is CLOSE and builder.depth > floor:
                started = plain.pop() if plain and plain[-1][0] == builder.depth else None
                body, places = builder.close()
                if started is not None and raw[-1] == "\n":
                    _, keyword, start, line = started
                    self._repeats.remember(keyword, Repeat(text[start:position], number - line, body, places))
            elif isinstance(parsed, Opening) and builder.depth < MAX_DEPTH:
                keyword = parsed.head.words[0]
                repeat = self._repeats.find(keyword, text, position)
                if repeat is None:
                    builder.open(parsed.head, number)
                    plain.append((builder.depth, keyword, position, number))
                else:
                    builder.attach(parsed.head, number, repeat.body, repeat.placed)
                    number += repeat.lines
                    position += len(repeat.text)
                    stream.seek(position)
            elif isinstance(parsed, Several) and parsed.is_whole:
                self._take(parsed, number, floor)
            else:
                plain.clear()
                if parsed is SPECIAL:
                    self._special(without_comment(raw)[0], number, floor)
                else:
                    self._take(parsed, number, floor)
            items, placed, head_number = builder.items, builder.placed, builder.number
        if self._unfinished is not None:
            self._finish(number, floor)
        while builder.depth > floor:
            head, opened = builder.opened()
            self._problem(opened, f"block {shown(head.word)} is not closed")
            builder.close()

    def _take(self, parsed: Parsed, number: int, floor: int) -> None:
        for part in parsed.parts if isinstance(parsed, Several) else (parsed,):
            try:
                self._take_simple(part, number, floor)
            except BraceError as error:
                self._problem(number, str(error))
                if error.fatal:
                    raise _GiveUpError from None

    def _take_simple(self, part: Part, number: int, floor: int) -> None:
        builder = self.builder
        if isinstance(part, Statement):
            builder.add(part, number)
        elif isinstance(part, Opening):
            builder.open(part.head, number)
        elif part is OPEN:
            builder.open_last(number, self._since if builder.depth == floor else 0)
        elif part is CLOSE:
            if builder.depth > floor:
                builder.close()
            elif floor:
                self._problem(number, f"`}}` closes {shown(builder.opened()[0].word)}, which this file did not open")
            else:
                self._warn(number, "`}` closes nothing, ignored")
        elif part is UNPAIRED:
            self._problem(number, "a quote is not closed")

    def _special(self, text: str, number: int, floor: int) -> None:
        """A line that depends on what was read before. One that goes on is put off until it is whole."""
        applicable = self._definitions.applicable(text)
        if not applicable:
            self._unfinished = (None, []) if goes_on(text) else None
            return
        text = applicable
        started = self._definitions.define(text) if text.startswith("$") else None
        if started is not None:
            if started[0]:
                self._unfinished = (started[0], [started[1]] if started[1] else [])
            return
        if goes_on(text):
            self._unfinished = ("", [text[:-1].rstrip()])
            return
        try:
            for line in self._definitions.expand(text):
                self._expanded(line, number, floor)
        except ExpansionError as error:
            self._problem(number, str(error))
            if error.fatal:
                raise _GiveUpError from None

    def _continued(self, raw: str, number: int, floor: int) -> None:
        """The next line of a definition or of a line that ended with a backslash."""
        assert self._unfinished is not None
        text = without_comment(raw)[0]
        more = goes_on(text)
        text = text[:-1].rstrip() if more else text
        if text:
            self._unfinished[1].append(text)
        if not more:
            self._finish(number, floor)

    def _finish(self, number: int, floor: int) -> None:
        assert self._unfinished is not None
        name, lines = self._unfinished
        self._unfinished = None
        if name:
            self._definitions.values[name] = tuple(lines) if len(lines) > 1 else "".join(lines)
        elif name is not None and lines:
            self._special(" ".join(lines), number, floor)

    def _expanded(self, text: str, number: int, floor: int) -> None:
        words = split_words(text)
        if len(words) >= 2 and words[0] in _INCLUDES:
            self._include(words[0], words[1], number)
            return
        if len(words) == 2 and words[0] == "random_seed" and words[1].isdecimal():
            self._definitions.random.seed(int(words[1][:18]))
        self._take(self._classifier.parts(text), number, floor)

    def _include(self, keyword: str, pattern: str, number: int) -> None:
        place = self.places[number]
        found = 0
        alternatives = list(islice(_alternatives(pattern), MAX_ALTERNATIVES + 1))
        if len(alternatives) > MAX_ALTERNATIVES:
            self._problem(number, f"{keyword} {shown(pattern)} has more than {MAX_ALTERNATIVES} alternatives")
            return
        for alternative in alternatives:
            full = posixpath.join(posixpath.dirname(place.file), alternative)
            try:
                paths = self._source.glob(full)
            except (OSError, ValueError) as error:
                self._problem(number, f"cannot read {shown(full)}: {_reason(error)}")
                continue
            if not paths and keyword in ("includeb", "includea"):
                self._problem(number, f"{keyword} {shown(alternative)} matches no file")
            for path in paths:
                found += 1
                self._file(path, number)
        if found:
            return
        wild = any(character in pattern for character in "*?[")
        if keyword == "includew" or (keyword == "includem" and not wild):
            self._problem(number, f"{keyword} {shown(pattern)} matches no file")
        elif keyword not in ("includeb", "includea"):
            self._warn(number, f"include {shown(pattern)} matches no file")


def _alternatives(pattern: str) -> Iterator[str]:
    """The patterns a pattern with `{a,b}` stands for; unpaired braces are text."""
    start = pattern.find("{") if pattern.count("{") <= MAX_DEPTH else -1
    depth = 0
    cuts = [start]
    for position in range(max(start, 0), len(pattern)):
        character = pattern[position]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            cuts.append(position)
        elif character == "}":
            depth -= 1
            if not depth:
                cuts.append(position)
                break
    if start < 0 or depth:
        yield pattern
        return
    for left, right in pairwise(cuts):
        yield from _alternatives(pattern[:start] + pattern[left + 1 : right] + pattern[cuts[-1] + 1 :])


def _reason(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
