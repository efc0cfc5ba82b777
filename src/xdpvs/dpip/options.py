"""The option grammar of dpip: glibc's getopt_long, down to its error texts.

Scripts put options anywhere (`dpip link show dpdk0 -s -i 2`) and abbreviate long ones, so permutation and unique
prefixes matter. argparse has neither the texts nor the start-up time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SHORT_OPTIONS = dict.fromkeys("vhV46sCDF", False) | dict.fromkeys("fic", True)
LONG_OPTIONS = {
    "verbose": "v",
    "help": "h",
    "version": "V",
    "family": "f",
    "stats": "s",
    "statistics": "s",
    "color": "C",
    "interval": "i",
    "count": "c",
    "force": "F",
}


class OptionError(Exception):
    """An unusable option: getopt's own line (empty if it has none) and the word upstream blames, the one after it."""

    def __init__(self, message: str, next_word: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.next_word = next_word


@dataclass(slots=True)
class OptionScanner:
    """Walks argv (without argv[0]); iterate over it for (letter, value), then read `operands`.

    Errors surface while iterating, as with getopt: what stands before the bad option has been seen by then.
    """

    words: Sequence[str]
    posixly_correct: bool = False
    position: int = 0
    _skipped: list[str] = field(default_factory=list)

    @property
    def operands(self) -> list[str]:
        """The words that are not options; complete once the iteration has ended."""
        return [*self._skipped, *self.words[self.position :]]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        while self.position < len(self.words):
            word = self.words[self.position]
            if word == "--":
                self.position += 1
                return
            if not word.startswith("-") or word == "-":
                if self.posixly_correct:
                    return
                self._skipped.append(word)
                self.position += 1
            elif word.startswith("--"):
                self.position += 1
                yield self._long(word[2:])
            else:
                yield from self._cluster(word)

    def _cluster(self, word: str) -> Iterator[tuple[str, str]]:
        for index, letter in enumerate(word[1:], start=1):
            rest = word[index + 1 :]
            if not rest:
                # getopt moves on as it takes the last letter of a word; only then is the blamed word the next one.
                self.position += 1
            if letter not in SHORT_OPTIONS:
                raise OptionError(f"invalid option -- '{letter}'", self.next_word())
            if not SHORT_OPTIONS[letter]:
                yield letter, ""
                continue
            if rest:
                self.position += 1
                yield letter, rest
                return
            yield letter, self._value(f"option requires an argument -- '{letter}'")

    def _long(self, text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        letter, full_name = self._complete(name, text)
        if SHORT_OPTIONS[letter]:
            return letter, value if equals else self._value(f"option '--{full_name}' requires an argument")
        if equals:
            raise OptionError(f"option '--{full_name}' doesn't allow an argument", self.next_word())
        return letter, ""

    def _complete(self, name: str, text: str) -> tuple[str, str]:
        if name in LONG_OPTIONS:
            return LONG_OPTIONS[name], name
        found = [full for full in LONG_OPTIONS if full.startswith(name)]
        if not found:
            raise OptionError(f"unrecognized option '--{text}'", self.next_word())
        if len({LONG_OPTIONS[full] for full in found}) > 1:
            possibilities = "".join(f" '--{full}'" for full in found)
            raise OptionError(f"option '--{text}' is ambiguous; possibilities:{possibilities}", self.next_word())
        return LONG_OPTIONS[found[0]], found[0]

    def _value(self, complaint: str) -> str:
        if self.position >= len(self.words):
            raise OptionError(complaint, None)
        self.position += 1
        return self.words[self.position - 1]

    def next_word(self) -> str | None:
        """What argv[optind] is in C."""
        return self.words[self.position] if self.position < len(self.words) else None
