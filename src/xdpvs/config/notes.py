"""What loading a file says: where, how bad, and the error that lists what is wrong."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Severity(enum.Enum):
    """INFO tells an effective value, WARNING that the file's own value was not taken."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; line 0 is the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake of the file and where it stands; excerpt is the line itself, where it helps to show it."""

    place: Place
    message: str
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigError(Exception):
    """The operator's file cannot be used; carries every problem found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(_with_excerpt(problem) for problem in problems))
        self.problems = tuple(problems)


def _with_excerpt(problem: Problem) -> str:
    return f"{problem}\n    {problem.excerpt}" if problem.excerpt else str(problem)
