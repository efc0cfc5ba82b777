"""From the tree to values by keyword: tables say what a block may hold, the reader gathers values, notes and problems.

A `Table` is a block's vocabulary. A leaf turns a statement into a value, or says why not: `Refused` stops the load,
`Corrected` stores another value with a note, `Dropped` leaves the keyword out with a note. What a statement means is
kept for the next time the same text comes, unless there was something to say about it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xdpvs.config.keepalived_conf.notes import Note
from xdpvs.config.keepalived_conf.tree import Body, Item, Nested, Placed, Places, Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.config.notes import Problem, Severity

Values = dict[str, Any]
Kind = Callable[[Statement], Any]


class Refused(Exception):
    """The value cannot be meant: the file is not used."""


class Corrected(Exception):
    """Another value takes the place of the file's."""

    def __init__(self, value: object, message: str) -> None:
        super().__init__(message)
        self.value = value


class Dropped(Exception):
    """The keyword is left out."""


@dataclass(slots=True, eq=False)
class Block:
    """A block as its reader sees it; number is the line of its head, from which placed counts."""

    head: Statement
    body: Body
    number: int
    placed: list[Placed]

    @property
    def name(self) -> str:
        """The word after the keyword, empty if there is none."""
        return self.head.words[1] if len(self.head.words) > 1 else ""


BlockReader = Callable[["Reader", Block, Values], None]


class Table:
    """The vocabulary of a kind of block."""

    __slots__ = ("blocks", "first_wins", "leaves", "name", "quiet", "unsupported")

    def __init__(
        self,
        name: str,
        leaves: Mapping[str, tuple[str, Kind]],
        blocks: Mapping[str, BlockReader] | None = None,
        *,
        unsupported: Iterable[str] = (),
        quiet: Iterable[str] = (),
        first_wins: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.leaves = dict(leaves)
        self.blocks = dict(blocks or {})
        self.unsupported = frozenset(unsupported)
        self.quiet = frozenset(quiet)
        self.first_wins = frozenset(first_wins)

    def words(self) -> frozenset[str]:
        """All that may stand in the block."""
        return frozenset(self.leaves) | frozenset(self.blocks) | self.unsupported | self.quiet


@dataclass(slots=True)
class _Repeated:
    number: int
    times: int = 1


@dataclass(slots=True)
class Reader:
    """Gathers what reading says. events counts notes and problems, so that a silent reading can be told."""

    places: Places
    problems: list[tuple[int, str]] = field(default_factory=list)
    notes: list[tuple[int, Note]] = field(default_factory=list)
    events: int = 0
    _known: dict[Table, dict[Item, tuple[str, Any]]] = field(default_factory=dict)
    _repeated: dict[tuple[str, bool], _Repeated] = field(default_factory=dict)
    meanings: dict[tuple[Table, Body], Any] = field(default_factory=dict)
    """What bodies mean that were read without a word, for readers that keep it."""

    def problem(self, number: int, message: str) -> None:
        self.events += 1
        self.problems.append((number, message))

    def warn(self, number: int, message: str, *, fails_test: bool = True) -> None:
        self.events += 1
        self.notes.append((number, Note(self.places[number], message, Severity.WARNING, fails_test)))

    def inform(self, number: int, message: str) -> None:
        self.events += 1
        self.notes.append((number, Note(self.places[number], message, Severity.INFO)))

    def once(self, number: int, message: str, *, fails_test: bool) -> None:
        """A warning told once, with how often it applies."""
        self.events += 1
        known = self._repeated.setdefault((message, fails_test), _Repeated(number, 0))
        known.times += 1

    def read(self, table: Table, block: Block, values: Values) -> Values:
        """Take the items of a block into values, by the names the table gives them."""
        known = self._known.setdefault(table, {})
        for item, placed in zip(block.body.items, block.placed, strict=True):
            hit = known.get(item)
            if hit is not None:
                values[hit[0]] = hit[1]
            elif isinstance(item, Nested):
                assert isinstance(placed, tuple)
                self._block(table, Block(item.head, item.body, block.number + placed[0], placed[1]), values)
            else:
                assert isinstance(placed, int)
                self._leaf(table, item, block.number + placed, values, known)
        return values

    def _leaf(
        self, table: Table, statement: Statement, number: int, values: Values, known: dict[Item, tuple[str, Any]]
    ) -> None:
        word = statement.word
        entry = table.leaves.get(word)
        if entry is None:
            if word in table.blocks:
                self.problem(number, f"missing `{{` after {word}")
            else:
                self._other(table, word, number)
            return
        name, kind = entry
        if word in table.first_wins and name in values:
            self.warn(number, f"{word} stands twice, the first one counts")
            return
        try:
            value = kind(statement)
        except Refused as error:
            self.problem(number, f"{word} {error}")
        except Corrected as error:
            self.warn(number, f"{word} {error}")
            values[name] = error.value
        except Dropped as error:
            self.warn(number, f"{word} {error}")
        else:
            values[name] = value
            if word not in table.first_wins:
                known[statement] = (name, value)

    def _block(self, table: Table, block: Block, values: Values) -> None:
        word = block.head.word
        reader = table.blocks.get(word)
        if reader is not None:
            reader(self, block, values)
        elif word in table.leaves:
            self.problem(block.number, f"unexpected `{{` after {word}")
        else:
            self._other(table, word, block.number)

    def _other(self, table: Table, word: str, number: int) -> None:
        if word in table.quiet:
            return
        if word in table.unsupported:
            self.once(number, f"{word} is not supported and ignored", fails_test=False)
        else:
            where = f" in {table.name}" if table.name else ""
            self.once(number, f"unknown keyword {shown(word)}{where}, ignored", fails_test=True)

    def lines(self, block: Block) -> Iterable[tuple[Statement, int]]:
        """The statements of a block that holds a list; a brace inside is a problem."""
        for item, placed in zip(block.body.items, block.placed, strict=True):
            if isinstance(item, Nested) or not isinstance(placed, int):
                start = placed if isinstance(placed, int) else placed[0]
                self.problem(block.number + start, f"unexpected `{{` in {block.head.word}")
            else:
                yield item, block.number + placed

    def finish(self) -> tuple[Sequence[Problem], tuple[Note, ...]]:
        """Everything said, in the order of the file."""
        for (message, fails_test), repeated in self._repeated.items():
            text = message if repeated.times == 1 else f"{message} ({repeated.times} times)"
            self.notes.append((repeated.number, Note(self.places[repeated.number], text, fails_test=fails_test)))
        self._repeated.clear()
        problems = [
            Problem(self.places[number], message, self.places.excerpt(number))
            for number, message in sorted(self.problems, key=lambda entry: entry[0])
        ]
        return problems, tuple(note for _, note in sorted(self.notes, key=lambda entry: entry[0]))
