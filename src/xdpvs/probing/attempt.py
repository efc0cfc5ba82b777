"""The life of one attempt: begun, then settled once or cancelled."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Protocol

from xdpvs.model.check import Outcome, Verdict
from xdpvs.probing.reactor import Reactor

Done = Callable[[Outcome], None]


class Owner(Protocol):
    """What an attempt wants of the prober it belongs to."""

    reactor: Reactor

    def ended(self, attempt: Attempt) -> None:
        """It is settled or cancelled, and has released what it had."""
        ...


class Attempt(abc.ABC):
    """One running attempt; it ends by one call of its `done`, or by cancel.

    Its descriptors are open from begin to release; begin is called when the prober has room for it.
    """

    __slots__ = ("_began", "_done", "_over", "_owner", "_slot", "_timeout_s")

    counted = True
    """Whether it has a descriptor of its own."""

    timed = True
    """Whether the reactor keeps its deadline."""

    def __init__(self, owner: Owner, timeout_s: float, done: Done) -> None:
        self._owner = owner
        self._timeout_s = timeout_s
        self._done = done
        self._over = False
        self._slot = 0
        self._began = owner.reactor.loop.time()

    def cancel(self) -> None:
        """End it at once; done is not called any more. Harmless after the end."""
        if not self._over:
            self._end()

    def begin(self) -> Outcome | None:
        """Open what it takes. An outcome ends it there and then, with nothing left open."""
        self._began = self._owner.reactor.loop.time()
        outcome = self._open()
        if outcome is None and self.timed:
            self._set_deadline(self._began + self._timeout_s)
        return outcome

    def expire(self) -> None:
        """The deadline has passed."""
        self._slot = 0
        if not self._over:
            self._timed_out()

    def settle(self, outcome: Outcome) -> None:
        """The end; duration_s is filled in here. An error of done is the loop's to report, not this attempt's."""
        if self._over:
            return
        loop = self._owner.reactor.loop
        self._end()
        spent = loop.time() - self._began
        outcome = Outcome(outcome.verdict, outcome.reason, outcome.timed_out, outcome.weight, spent)
        try:
            self._done(outcome)
        except Exception as error:
            loop.call_exception_handler({"message": "the end of a health check was not taken", "exception": error})

    @property
    def over(self) -> bool:
        """Whether it is settled or cancelled."""
        return self._over

    def _end(self) -> None:
        self._over = True
        if self._slot:
            self._owner.reactor.clear_deadline(self._slot, self)
        self._release()
        self._owner.ended(self)

    def _set_deadline(self, when: float) -> None:
        reactor = self._owner.reactor
        if self._slot:
            reactor.clear_deadline(self._slot, self)
        self._slot = reactor.set_deadline(when, self)

    @abc.abstractmethod
    def _open(self) -> Outcome | None:
        """What begin does."""

    def _timed_out(self) -> None:
        """Settle; of those that are timed."""
        raise NotImplementedError

    @abc.abstractmethod
    def _release(self) -> None:
        """Close what is open; begin may never have been called."""


class Ready(Attempt):
    """An attempt whose outcome is known without any I/O worth waiting for."""

    __slots__ = ("_outcome",)

    counted = False
    timed = False

    def __init__(self, owner: Owner, outcome: Outcome, done: Done) -> None:
        super().__init__(owner, 0, done)
        self._outcome = outcome

    def _open(self) -> Outcome | None:
        return self._outcome

    def _release(self) -> None:
        return


def undecided(reason: str) -> Outcome:
    """This host was at fault."""
    return Outcome(Verdict.UNDECIDED, reason)
