"""Checks by a program's exit status and by a number in a file."""

from __future__ import annotations

import os
import signal

from xdpvs.model.check import FileCheck, Outcome, ScriptCheck, Verdict
from xdpvs.probing.attempt import Attempt, Done, Owner
from xdpvs.probing.faults import reason_of
from xdpvs.probing.process import Ended, GroupProcess, NotStarted

_MAX_NUMBER = 64


class ScriptAttempt(Attempt):
    """A program. Where it did not end in time, the end of it is waited for, at most 2 s more."""

    __slots__ = ("_check", "_process", "_processes")

    timed = False

    def __init__(
        self, owner: Owner, processes: set[GroupProcess], check: ScriptCheck, timeout_s: float, done: Done
    ) -> None:
        """processes: those not reaped yet; a process may outlive its attempt."""
        super().__init__(owner, timeout_s, done)
        self._check = check
        self._processes = processes
        self._process: GroupProcess | None = None

    def _open(self) -> Outcome | None:
        check = self._check
        try:
            process = GroupProcess(check.argv, check.user, check.group, self._timeout_s, self._ended)
        except NotStarted as error:
            return Outcome(Verdict.UNDECIDED if error.ours else Verdict.BAD, str(error))
        self._processes.add(process)
        process.when_reaped(lambda: self._processes.discard(process))
        self._process = process
        return None

    def _ended(self, how: Ended) -> None:
        self._process = None
        if how.timed_out:
            self.settle(Outcome(Verdict.BAD, "did not end in time", timed_out=True))
        else:
            self.settle(script_outcome(how.status, dynamic=self._check.dynamic))

    def _release(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


def script_outcome(status: int, *, dynamic: bool) -> Outcome:
    """What an exit status, or minus a signal, means (keepalived's MISC_CHECK)."""
    if status == 0:
        return Outcome(Verdict.GOOD)
    if status < 0:
        return Outcome(Verdict.BAD, f"ended by {_signal_name(-status)}")
    if dynamic and status >= 2:
        return Outcome(Verdict.GOOD, weight=status - 2)
    return Outcome(Verdict.BAD, f"exit status {status}")


def file_outcome(check: FileCheck) -> Outcome:
    """What is to be added to the weight. Good without it where the file is missing, undecided if it holds no number."""
    try:
        descriptor = os.open(check.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Outcome(Verdict.GOOD, "no such file")
    except OSError as error:
        return Outcome(Verdict.UNDECIDED, reason_of(error))
    try:
        text = os.read(descriptor, _MAX_NUMBER)
        number = int(text)
    except OSError as error:
        return Outcome(Verdict.UNDECIDED, reason_of(error))
    except ValueError:
        return Outcome(Verdict.UNDECIDED, "holds no number")
    finally:
        os.close(descriptor)
    return Outcome(Verdict.GOOD, weight=number * check.weight)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
