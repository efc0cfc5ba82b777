"""Drives a checker's machine through a whole conversation, without sockets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

from hypothesis import strategies as st

from xdpvs.checkers.machine import Command, Extend, Finish, Machine, Send
from xdpvs.model.check import Verdict


class Trace:
    """What came of a conversation so far."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.sent = machine.opening
        self.extensions = 0
        self.finish: Finish | None = None
        self.take(machine.connected)

    def take(self, event: Callable[[], Sequence[Command]]) -> None:
        """One event, unless all is over."""
        if self.finish is not None:
            return
        for command in event():
            assert self.finish is None, "a command after the verdict"
            if isinstance(command, Send):
                self.sent += command.data
            elif isinstance(command, Extend):
                self.extensions += 1
            else:
                self.finish = command

    def hear(self, data: bytes) -> None:
        """The server says that."""
        self.take(lambda: self.machine.received(data))

    @property
    def verdict(self) -> Verdict | None:
        """None: not yet."""
        return self.finish.verdict if self.finish else None

    @property
    def reason(self) -> str:
        return self.finish.reason if self.finish else ""


def converse(machine: Machine, pieces: Iterable[bytes], *, close: bool = True) -> Trace:
    """The server sends pieces, and then closes."""
    trace = Trace(machine)
    for piece in pieces:
        trace.hear(piece)
    if close:
        trace.take(machine.closed)
    return trace


@st.composite
def split(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """The same bytes in any pieces."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=12)))
    bounds = [0, *cuts, len(whole)]
    return [piece for start, end in itertools.pairwise(bounds) if (piece := whole[start:end])]
