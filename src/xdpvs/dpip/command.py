"""What every dpip object works with: the parsed command line, the injected environment, and how a command fails."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

from xdpvs.model.address import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from xdpvs.api.client import Client

INVALID = "invalid parameter"
NOT_SUPPORTED = "not support"
NOT_EXIST = "not exist"


class Verb(enum.Enum):
    """The second word of a command line."""

    ADD = enum.auto()
    DEL = enum.auto()
    SET = enum.auto()
    SHOW = enum.auto()
    REPLACE = enum.auto()
    FLUSH = enum.auto()
    CREATE = enum.auto()
    DESTROY = enum.auto()
    TEST = enum.auto()
    ENABLE = enum.auto()
    DISABLE = enum.auto()
    HELP = enum.auto()


VERBS = {verb.name.lower(): verb for verb in Verb} | {"change": Verb.SET, "list": Verb.SHOW}


class Phase(enum.Enum):
    """Where upstream notices an error; it stands in the last line of stderr."""

    PARSE = "parse: "
    CHECK = "check: "
    RUN = ""


class Failure(Exception):
    """Ends the command with exit status 1 and `PROG: [PHASE: ]TEXT`; detail is printed on a line before that."""

    def __init__(self, text: str = INVALID, *, detail: str = "", phase: Phase = Phase.RUN) -> None:
        super().__init__(text)
        self.text = text
        self.detail = detail
        self.phase = phase


@dataclass(frozen=True, slots=True)
class Options:
    """The dashed options; count 0 = endless, interval 0 = one look."""

    family: Family = Family.UNSPEC
    verbose: bool = False
    stats: bool = False
    interval_s: int = 0
    count: int = 0
    color: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A verb on an object, with the words after it."""

    verb: Verb
    words: tuple[str, ...] = ()
    options: Options = field(default=Options())


@dataclass(frozen=True, slots=True)
class Environment:
    """All that dpip touches outside itself."""

    stdout: TextIO
    stderr: TextIO
    connect: Callable[[], Client]
    sleep: Callable[[float], None]
    posixly_correct: bool = False

    def out(self, text: str) -> None:
        """Write to stdout; the caller brings the newline."""
        self.stdout.write(text)

    def err(self, line: str) -> None:
        """Write a line to stderr."""
        self.stderr.write(line + "\n")

    def complain(self, line: str) -> None:
        """Report an error that does not end the command; it may have no line of its own."""
        if line:
            self.err(line)


@dataclass(frozen=True, slots=True)
class DpipObject:
    """One noun: its help (for stderr) and what carries out a command on it."""

    name: str
    help: str
    run: Callable[[Command, Environment], None]
