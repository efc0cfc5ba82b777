"""Lines to tokens to a tree of keyword lines, with includes spliced in.

The language is DPVS's (src/parser.c): one keyword to a line, a block opened by its keyword (the `{` is decoration) and
closed by a line that starts with `}`. So whether a line opens a block is known only to the table of keywords, which
comes in as a `Grammar`. Where DPVS aborts or misreads, this reports a problem; an unterminated last line is kept.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import Protocol

from xdpvs.config.dpvs_conf.notes import Note, Place, Problem, Severity
from xdpvs.config.source import Source as Source

_BLANK = " \t\v\f"
_LINE_END = re.compile(r"\r\n|\n|\r")
_GLUED_ATTRIBUTE = re.compile(r"\s*<[^>]*>[^\s<#!]")
_MAX_INCLUDE_DEPTH = 16


class Grammar(Protocol):
    """What the tree needs of the table: is this keyword, inside these blocks, a block? None: not known there."""

    def __call__(self, path: tuple[str, ...]) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Node:
    """A keyword line: words[0] is the keyword; children are the lines of its block."""

    place: Place
    path: tuple[str, ...]
    words: tuple[str, ...]
    children: tuple[Node, ...] = ()


@dataclass(slots=True)
class Tree:
    """Everything one file and its includes say. Problems are collected, so that all can be told at once."""

    nodes: list[Node] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def tokenize(line: str) -> tuple[str, ...]:
    """Words of a line, without comments. A `"` is a token of its own, and quotes do not protect `#` and `!`."""
    tokens: list[str] = []
    position, end = 0, len(line)
    while True:
        while position < end and line[position] in _BLANK:
            position += 1
        if position >= end or line[position] in "!#":
            return tuple(tokens)
        start = position
        if line[position] == '"':
            position += 1
            tokens.append('"')
            continue
        while position < end and line[position] not in _BLANK and line[position] != '"':
            position += 1
        if line[start] != "<":
            tokens.append(line[start:position])
        elif line[position - 1] != ">":
            # A range comment runs to its `>`, blanks included; without one, to the end of the line.
            closing = line.find(">", position)
            position = end if closing < 0 else closing + 1


@dataclass(frozen=True, slots=True)
class _Line:
    place: Place
    tokens: tuple[str, ...]


class _Lines:
    """The lines of one file that say something, with one line of push-back."""

    def __init__(self, path: str, text: str, tree: Tree) -> None:
        self._lines: list[_Line] = []
        self._next = 0
        for number, line in enumerate(_LINE_END.split(text), 1):
            tokens = tokenize(line)
            if tokens:
                self._lines.append(_Line(Place(path, number), tokens))
            elif _GLUED_ATTRIBUTE.match(line):
                tree.problems.append(Problem(Place(path, number), "a blank is missing after `>`"))

    def take(self) -> _Line | None:
        if self._next >= len(self._lines):
            return None
        self._next += 1
        return self._lines[self._next - 1]

    def skip_lone_brace(self) -> None:
        """Pass over a `{` that stands on the line after its keyword."""
        if self._next < len(self._lines) and self._lines[self._next].tokens == ("{",):
            self._next += 1


class _Parser:
    def __init__(self, source: Source, is_block: Grammar, tree: Tree) -> None:
        self._source = source
        self._is_block = is_block
        self._tree = tree
        self._open_files: list[str] = []

    def file(self, path: str, place: Place, level: tuple[str, ...]) -> list[Node]:
        """The nodes of a file whose lines stand at the given block level."""
        if path in self._open_files or len(self._open_files) >= _MAX_INCLUDE_DEPTH:
            self._problem(place, f"include of {path} does not end")
            return []
        try:
            text = self._source.read(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._problem(place, f"cannot read {path}: {reason}")
            return []
        self._tree.notes.append(Note("CFG_FILE", f"Opening configuration file '{path}'."))
        self._open_files.append(path)
        nodes = self._level(_Lines(path, text, self._tree), level, None)
        self._open_files.pop()
        return nodes

    def _level(self, lines: _Lines, level: tuple[str, ...], opened: Place | None) -> list[Node]:
        """Lines up to the `}` that closes this block; opened is None at the outermost level of a file."""
        nodes: list[Node] = []
        while (line := lines.take()) is not None:
            word = line.tokens[0]
            if word == "}":
                if opened is not None:
                    return nodes
                self._stray_brace(line.place, level)
            elif word == "include" and len(line.tokens) == 2:
                nodes += self._include(line.place, line.tokens[1], level)
            else:
                nodes += self._keyword(lines, line, level)
        if opened is not None:
            self._problem(opened, f"block {level[-1]} is not closed")
        return nodes

    def _keyword(self, lines: _Lines, line: _Line, level: tuple[str, ...]) -> list[Node]:
        path = (*level, line.tokens[0])
        is_block = self._is_block(path)
        if is_block is None:
            self._problem(line.place, f"unknown keyword {_shown(line.tokens[0])} in {_level_name(level)}")
            if "{" in line.tokens[1:]:
                self._skip_block(lines, line)
            return []
        if not is_block:
            return [Node(line.place, path, line.tokens)]
        if "{" in line.tokens and "}" in line.tokens:
            self._problem(
                line.place, f"block {line.tokens[0]}: its lines and its closing brace need lines of their own"
            )
            return []
        lines.skip_lone_brace()
        children = self._level(lines, path, line.place)
        return [Node(line.place, path, line.tokens, tuple(children))]

    def _skip_block(self, lines: _Lines, opening: _Line) -> None:
        depth = 1 - ("}" in opening.tokens)
        while depth and (line := lines.take()) is not None:
            depth += ("{" in line.tokens) - (line.tokens[0] == "}")
        if depth:
            self._problem(opening.place, f"block {_shown(opening.tokens[0])} is not closed")

    def _include(self, place: Place, pattern: str, level: tuple[str, ...]) -> list[Node]:
        full = posixpath.join(posixpath.dirname(place.file), pattern)
        try:
            paths = self._source.glob(full)
        except (OSError, ValueError) as error:
            self._problem(place, f"cannot read {full}: {error}")
            return []
        if not paths:
            self._tree.notes.append(Note("CFG_FILE", f"{place}: include {pattern} matches no file", Severity.WARNING))
        return [node for path in paths for node in self.file(path, place, level)]

    def _stray_brace(self, place: Place, level: tuple[str, ...]) -> None:
        if level:
            self._problem(place, f"`}}` closes {level[-1]}, which this file did not open")
        else:
            self._tree.notes.append(Note("CFG_FILE", f"{place}: `}}` closes nothing, ignored", Severity.WARNING))

    def _problem(self, place: Place, message: str) -> None:
        self._tree.problems.append(Problem(place, message))


def parse(path: str, source: Source, is_block: Grammar) -> Tree:
    """The tree of a file and all it includes, with what is wrong about its form."""
    tree = Tree()
    tree.nodes = _Parser(source, is_block, tree).file(path, Place(path), ())
    return tree


def _level_name(level: tuple[str, ...]) -> str:
    return " / ".join(level) if level else "the outermost level"


def _shown(word: str) -> str:
    """A word fit for a log line: garbage escaped and shortened."""
    return ascii(word[:64])[1:-1]
