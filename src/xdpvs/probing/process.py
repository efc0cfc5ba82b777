"""Programs run in a process group of their own, without a shell, and ended on time."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import errno
import os
import select
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdpvs.probing.faults import reason_of
from xdpvs.probing.identity import find_identity

KILL_AFTER_S = 2.0
"""From SIGTERM to SIGKILL (keepalived's)."""

_REAP_S = 1.0

# The program, not this host, is at fault.
_NOT_RUNNABLE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG})


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


class _Stage(enum.Enum):
    RUNNING = enum.auto()
    TERMINATED = enum.auto()
    """SIGTERM is out; SIGKILL follows."""
    KILLED = enum.auto()
    REAPED = enum.auto()


class GroupProcess:
    """A process that leads its own session and group; ended is called once, unless it is killed before.

    RUNNING, then either the leader ends (REAPED), or the time-out passes: SIGTERM to the group (TERMINATED), and after
    KILL_AFTER_S SIGKILL to what is left of it (KILLED). A leader that ends between the two stays a zombie until then,
    so that no other process can come by the group's number. Who left the group is not ours any more: a daemon started
    by the program is neither waited for nor killed.
    """

    def __init__(
        self,
        argv: Sequence[str],
        user: str,
        group: str,
        timeout_s: float | None,
        ended: Callable[[Ended], None],
    ) -> None:
        """Starts it; needs a running event loop. Raises NotStarted."""
        self._loop = asyncio.get_running_loop()
        self._ended: Callable[[Ended], None] | None = ended
        self._process = _spawn(argv, user, group)
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError as error:
            self._signal(signal.SIGKILL)
            self._process.wait()
            raise NotStarted(reason_of(error), ours=True) from error
        self._stage = _Stage.RUNNING
        self._reaped: Callable[[], None] | None = None
        self._loop.add_reader(self._pidfd, self._leader_ended)
        self._timer = None if timeout_s is None else self._loop.call_later(timeout_s, self._time_out)

    def kill(self) -> None:
        """SIGKILL to the group at once; ended is not called any more. The leader is reaped when it is gone."""
        self._ended = None
        if self._stage in (_Stage.RUNNING, _Stage.TERMINATED):
            self._kill()

    def reap(self) -> None:
        """kill, and wait for the leader's end, which a process inside the kernel may put off: not for long, then."""
        self.kill()
        if not self._gone:
            waiting = select.poll()
            waiting.register(self._pidfd, select.POLLIN)
            waiting.poll(_REAP_S * 1000)
            self._reap()

    def when_reaped(self, reaped: Callable[[], None]) -> None:
        """Call that when nothing of it is left, which may be after ended."""
        self._reaped = reaped

    @property
    def _gone(self) -> bool:
        return self._stage == _Stage.REAPED

    def _leader_ended(self) -> None:
        if self._stage == _Stage.TERMINATED:
            self._loop.remove_reader(self._pidfd)
            self._tell(timed_out=True)
        else:
            self._reap()

    def _time_out(self) -> None:
        self._stage = _Stage.TERMINATED
        self._signal(signal.SIGTERM)
        self._timer = self._loop.call_later(KILL_AFTER_S, self._kill)

    def _kill(self) -> None:
        timed_out = self._stage == _Stage.TERMINATED
        self._stage = _Stage.KILLED
        self._stop_timer()
        self._signal(signal.SIGKILL)
        self._loop.add_reader(self._pidfd, self._leader_ended)
        self._timer = self._loop.call_later(_REAP_S, self._reap)
        if timed_out:
            self._tell(timed_out=True)

    def _reap(self) -> None:
        """The leader is a zombie, or beyond our waiting."""
        timed_out = self._stage != _Stage.RUNNING
        self._stage = _Stage.REAPED
        self._stop_timer()
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.poll()
        self._tell(timed_out=timed_out)
        reaped, self._reaped = self._reaped, None
        if reaped is not None:
            reaped()

    def _tell(self, *, timed_out: bool) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(Ended(self._status(), timed_out))

    def _status(self) -> int:
        """Without reaping. A process that SIGKILL has not ended yet will have ended by it."""
        if self._process.returncode is not None:
            return self._process.returncode
        info = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if info is None:
            return -signal.SIGKILL
        return info.si_status if info.si_code == os.CLD_EXITED else -info.si_status

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _signal(self, number: signal.Signals) -> None:
        # Refused where the program runs as somebody else and we are not root.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def resolve(argv: Sequence[str]) -> tuple[str, ...]:
    """argv as it is, or `/bin/sh -c` of it where argv[0] is a bare word that PATH does not have (`exit 0`).

    The words stay words there: nothing but a shell's own command is gained.
    """
    words = tuple(argv)
    if not words or "/" in words[0] or shutil.which(words[0]) is not None:
        return words
    return ("/bin/sh", "-c", shlex.join(words))


async def run_command(argv: Sequence[str], user: str = "", group: str = "", timeout_s: float | None = None) -> Ended:
    """Run a program to its end, as a user and group (empty: ours); NotStarted where it cannot be.

    After timeout_s its group gets SIGTERM, 2 s later, and before this returns, SIGKILL. Cancelling kills it at once.
    """
    gone = asyncio.Event()
    how: list[Ended] = []
    process = GroupProcess(argv, user, group, timeout_s, how.append)
    process.when_reaped(gone.set)
    try:
        await gone.wait()
    except asyncio.CancelledError:
        process.reap()
        raise
    return how[0]


def _spawn(argv: Sequence[str], user: str, group: str) -> subprocess.Popen[bytes]:
    if not argv:
        raise NotStarted("no program", ours=False)
    identity = find_identity(user, group)
    if identity is None:
        raise NotStarted(f"no such user or group: {user} {group}".rstrip(), ours=True)
    try:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=identity.uid,
            group=identity.gid,
            extra_groups=identity.groups,
        )
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError):
            raise NotStarted(f"{argv[0]!r}: {error}", ours=False) from error
        raise NotStarted(f"{argv[0]}: {reason_of(error)}", ours=error.errno not in _NOT_RUNNABLE) from error
