"""Lines to a tree of statements and blocks, with equal lines and equal blocks being one object.

Large files say the same few things thousands of times. So a line is looked at once, blocks of the same content share
one `Body`, and what a body means can be kept with it. Where its items stand is told beside it (`Placed`), counted from
the line of the block's head, so that this can be shared too. `Places` tells file and line of a number, for the lines
of all files read, numbered through.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from xdpvs.config.keepalived_conf.words import split_words
from xdpvs.config.notes import Place

Placed = int | tuple[int, "list[Placed]"]
"""The line of a leaf, counted from the head of its block; for a block, that of its head and those of its items."""

MAX_DEPTH = 32
_SECRET_WORDS = ("pass", "secret")


class Statement:
    """A keyword line without braces and comment. Equal text is the same object."""

    __slots__ = ("text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = tuple(text.split()) if '"' not in text else split_words(text) or ("",)

    @property
    def word(self) -> str:
        return self.words[0]


class Body:
    """What stands between braces. Equal content is the same object."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Statement | Nested, ...]) -> None:
        self.items = items


class Nested:
    """A block: the statement before its `{`, and its body. Equal content is the same object if the head is one word."""

    __slots__ = ("body", "head")

    def __init__(self, head: Statement, body: Body) -> None:
        self.head = head
        self.body = body


Item = Statement | Nested


@dataclass(slots=True)
class Places:
    """The lines of all files read, numbered through."""

    _starts: list[int] = field(default_factory=list)
    _files: list[tuple[str, str]] = field(default_factory=list)
    _next: int = 0

    def add(self, path: str, text: str) -> int:
        """Take up a file; its first line has the number after the one returned."""
        base = self._next
        self._starts.append(base)
        self._files.append((path, text))
        self._next = base + text.count("\n") + 2
        return base

    def __getitem__(self, number: int) -> Place:
        index = bisect_right(self._starts, number) - 1
        return Place(self._files[index][0], number - self._starts[index])

    def excerpt(self, number: int) -> str:
        """The line itself, fit to be shown: no secret, nothing that does not print."""
        index = bisect_right(self._starts, number) - 1
        line = number - self._starts[index]
        if not line:
            return ""
        text = self._files[index][1].split("\n", line)[line - 1].strip().expandtabs(4)[:160]
        if any(word in text.lower() for word in _SECRET_WORDS):
            return ""
        return text if text.isprintable() else ascii(text)[1:-1]


class BraceError(Exception):
    """A brace where none belongs; fatal: there are so many that nothing more is to be read."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class Builder:
    """Statements and braces in, the tree out: `items` and `placed` hold the outermost level when all are closed."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.placed: list[Placed] = []
        self._statements: dict[str, Statement] = {}
        self._bodies: dict[tuple[Item, ...], Body] = {}
        self._nested: dict[tuple[Statement, Body], Nested] = {}
        self.depth = 0
        self.number = 0
        self._open: list[tuple[list[Item], list[Placed], int, Statement]] = []

    def statement(self, text: str) -> Statement:
        """The one statement of that text."""
        found = self._statements.get(text)
        if found is None:
            found = self._statements[text] = Statement(text)
        return found

    def add(self, statement: Statement, number: int) -> None:
        """A leaf at a line."""
        self.items.append(statement)
        self.placed.append(number - self.number)

    def open(self, head: Statement, number: int) -> None:
        """The start of a block, its head at a line."""
        if self.depth >= MAX_DEPTH:
            raise BraceError("blocks are nested too deeply", fatal=True)
        self._open.append((self.items, self.placed, self.number, head))
        self.items, self.placed, self.number = [], [], number
        self.depth += 1

    def open_last(self, number: int, since: int) -> None:
        """Open the block of the statement before; since is how many items of this level the file did not write."""
        if len(self.items) <= since or not isinstance(self.items[-1], Statement):
            self.open(self.statement("{"), number)
            raise BraceError("unexpected `{`")
        head, placed = self.items.pop(), self.placed.pop()
        assert isinstance(head, Statement)
        assert isinstance(placed, int)
        self.open(head, self.number + placed)

    def close(self) -> tuple[Body, list[Placed]]:
        """The end of the innermost block; what was in it, and where."""
        content = tuple(self.items)
        body = self._bodies.get(content)
        if body is None:
            body = self._bodies[content] = Body(content)
        placed, number = self.placed, self.number
        self.items, self.placed, self.number, head = self._open.pop()
        self.depth -= 1
        self.attach(head, number, body, placed)
        return body, placed

    def attach(self, head: Statement, number: int, body: Body, placed: list[Placed]) -> None:
        """A whole block, its head at a line."""
        if len(head.words) > 1:
            nested = Nested(head, body)
        else:
            found = self._nested.get((head, body))
            nested = self._nested[head, body] = Nested(head, body) if found is None else found
        self.items.append(nested)
        self.placed.append((number - self.number, placed))

    def opened(self) -> tuple[Statement, int]:
        """Head and line of the innermost open block."""
        return self._open[-1][3], self.number
