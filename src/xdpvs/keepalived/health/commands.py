"""What the machines want done. Time is the caller's clock, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xdpvs.keepalived.health.checker import CheckerMachine
    from xdpvs.model.script import Command as Program
    from xdpvs.model.service import Dest


@dataclass(frozen=True, slots=True)
class AddDest:
    """A server joins every service of the virtual server."""

    dest: Dest


@dataclass(frozen=True, slots=True)
class EditDest:
    """A server's weight, limits or inhibition change."""

    dest: Dest


@dataclass(frozen=True, slots=True)
class DelDest:
    """A server leaves."""

    dest: Dest


@dataclass(frozen=True, slots=True)
class RunScript:
    """Run a notification; nobody waits for it."""

    program: Program


@dataclass(frozen=True, slots=True)
class FifoLine:
    """A line for the FIFOs, without newline."""

    text: str


@dataclass(frozen=True, slots=True)
class Mail:
    """An alert; the router's name is put before the subject by who sends it."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the log; detail: only with -D."""

    text: str
    detail: bool = False


@dataclass(frozen=True, slots=True)
class ArmTimer:
    """The check runs next when the clock says `due`; an earlier timer of the same check is void."""

    check: CheckerMachine
    due: float


Command = AddDest | EditDest | DelDest | RunScript | FifoLine | Mail | Log | ArmTimer
