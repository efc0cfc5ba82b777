"""Programs run in a process group of their own, without a shell, and ended on time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NotStarted(Exception):
    """A program that could not be run; the text says why. ours: this host was at fault, not the program."""

    def __init__(self, reason: str, *, ours: bool) -> None:
        super().__init__(reason)
        self.ours = ours


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status, or minus the signal that ended it."""

    status: int
    timed_out: bool = False


def resolve(argv: Sequence[str]) -> tuple[str, ...]:
    """argv as it is, or `/bin/sh -c` of it where argv[0] is a bare word that PATH does not have (`exit 0`)."""
    raise NotImplementedError


async def run_command(argv: Sequence[str], user: str = "", group: str = "", timeout_s: float | None = None) -> Ended:
    """Run a program to its end, as a user and group (empty: ours); NotStarted where it cannot be.

    After timeout_s its group gets SIGTERM, 2 s later SIGKILL. Cancelling kills the group at once.
    """
    raise NotImplementedError
