"""One line to what it says: a statement, braces, or something that depends on what came before.

Lines are classified once and remembered by their text, since the lines of large files repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import without_comment

_WORDS_OF_NOTE = ("include", "random_seed")
_PLAIN = re.compile(r"(?:[A-Za-z0-9_./:,<>()\[\]+*%^-][A-Za-z0-9_./:,<>()\[\]+*%^ \t-]*\{?)?")


class Opening:
    """A statement with the `{` after it."""

    __slots__ = ("head",)

    def __init__(self, head: Statement) -> None:
        self.head = head


class Mark:
    """A line, or a part of one, that is no statement."""

    __slots__ = ()


BLANK: Final = Mark()
OPEN: Final = Mark()
"""A `{` that stands alone: it belongs to the statement before."""
CLOSE: Final = Mark()
SPECIAL: Final = Mark()
"""Definitions, conditions, includes, lines that go on: to be read where they stand."""
UNPAIRED: Final = Mark()
"""A quote is not closed."""

Part = Statement | Opening | Mark


class Several:
    """The parts of a line that braces split; is_whole: statements and blocks that end where the line does."""

    __slots__ = ("is_whole", "parts")

    def __init__(self, parts: tuple[Part, ...]) -> None:
        self.parts = parts
        depth = 0
        self.is_whole = OPEN not in parts
        for part in parts:
            depth += isinstance(part, Opening) - (part is CLOSE)
            self.is_whole = self.is_whole and depth >= 0
        self.is_whole = self.is_whole and depth == 0


Parsed = Part | Several


class Classifier:
    """Makes of a line what it says; statement gives the one object of a statement's text."""

    def __init__(self, statement: Callable[[str], Statement]) -> None:
        self._statement = statement

    def classify(self, raw: str) -> Parsed:
        """What a line of a file says."""
        text = raw.strip()
        if _PLAIN.fullmatch(text) and not text.startswith(_WORDS_OF_NOTE):
            if not text:
                return BLANK
            return self._statement(text) if text[-1] != "{" else Opening(self._head(text[:-1].rstrip()))
        text, paired = without_comment(raw)
        if not text:
            return BLANK
        if not paired:
            return UNPAIRED
        if "$" in text or text[0] in "@~" or text[-1] == "\\" or text.startswith(_WORDS_OF_NOTE):
            return SPECIAL
        return self.parts(text)

    def parts(self, text: str) -> Parsed:
        """Statements and braces of a text without comment; braces inside `"…"` are text."""
        if "{" not in text and "}" not in text:
            return self._statement(text)
        if text == "}":
            return CLOSE
        parts: list[Part] = []
        for part, brace in _split_at_braces(text):
            words = part.strip()
            if words and brace == "{":
                parts.append(Opening(self._statement(words)))
                continue
            if words:
                parts.append(self._statement(words))
            if brace:
                parts.append(OPEN if brace == "{" else CLOSE)
        return parts[0] if len(parts) == 1 else Several(tuple(parts))

    def _head(self, text: str) -> Statement:
        """The statement before a `{`; with a name or an address it is hardly ever met again."""
        return Statement(text) if " " in text else self._statement(text)


def _split_at_braces(text: str) -> Iterator[tuple[str, str]]:
    start = 0
    quoted = False
    for position, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character in "{}" and not quoted:
            yield text[start:position], character
            start = position + 1
    yield text[start:], ""
