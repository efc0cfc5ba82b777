"""The parent's children as processes: forked, spoken to, reaped; their pid files."""

from __future__ import annotations

import enum
import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xdpvs.keepalived import logs, pidfile
from xdpvs.keepalived.channel import Channel, ChannelClosed, channel_pair
from xdpvs.keepalived.messages import Message
from xdpvs.keepalived.options import Arguments
from xdpvs.keepalived.pidfile import PidFiles

_log = logging.getLogger(__name__)

# What must not end a child that has not got its handlers yet: `killall -HUP keepalived` reaches it as well.
_HARMLESS = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_DEFAULT = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


class Role(enum.Enum):
    """The children; the value is the syslog ident."""

    CHECKER = logs.CHECKER
    VRRP = logs.VRRP


Main = Callable[[Channel, Arguments], int]


@dataclass(frozen=True, slots=True)
class Ended:
    """A child's end. expected: it had been told to. status: minus the signal that ended it."""

    role: Role
    pid: int
    status: int
    expected: bool
    lived_s: float


@dataclass(slots=True)
class _Process:
    pid: int
    channel: Channel
    started: float
    ending: bool = False


class Children:
    """At most one of each role. Their channels are in the selector with the role as data."""

    def __init__(
        self,
        arguments: Arguments,
        mains: dict[Role, Main],
        selector: selectors.BaseSelector,
        leave_parent: Callable[[], None],
    ) -> None:
        """leave_parent closes in a child what is the parent's alone."""
        self._arguments = arguments
        self._mains = mains
        self._selector = selector
        self._leave_parent = leave_parent
        self._processes: dict[Role, _Process] = {}
        self.files: PidFiles | None = None

    def __contains__(self, role: Role) -> bool:
        return role in self._processes

    def __len__(self) -> int:
        return len(self._processes)

    def ending(self, role: Role) -> bool:
        """Whether a child is there, but not for long."""
        found = self._processes.get(role)
        return found is not None and found.ending

    def spawn(self, role: Role) -> None:
        """Start one."""
        ours, theirs = channel_pair()
        pid = os.fork()
        if pid == 0:
            self._become(role, ours, theirs)
        theirs.close()
        self._processes[role] = _Process(pid, ours, time.monotonic())
        self._selector.register(ours, selectors.EVENT_READ, role)

    def _become(self, role: Role, ours: Channel, theirs: Channel) -> None:
        """In the child, which never returns from here."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _HARMLESS:
                signal.signal(number, signal.SIG_IGN)
            for number in _DEFAULT:
                signal.signal(number, signal.SIG_DFL)
            self._leave_parent()
            for channel in (ours, *(process.channel for process in self._processes.values())):
                channel.close()
            logs.configure(self._arguments, role.value)
            status = self._mains[role](theirs, self._arguments)
        except BaseException:
            _log.exception("%s process failed", role.name.lower())
        finally:
            logging.shutdown()
            os._exit(status)

    def note(self, role: Role) -> None:
        """Write a child's pid file."""
        if self.files is not None and (found := self._processes.get(role)) is not None:
            pidfile.write(self._file(self.files, role), found.pid)

    def send(self, role: Role, message: Message) -> None:
        """Tell a child, if it is there. One that does not listen is killed, and then started again."""
        found = self._processes.get(role)
        if found is None or found.ending:
            return
        try:
            found.channel.send(message)
        except ChannelClosed as error:
            _log.error("%s process does not listen: %s", role.name.lower(), error)
            _kill(found.pid, signal.SIGKILL)

    def receive(self, role: Role) -> list[Message]:
        """What a child has said."""
        found = self._processes.get(role)
        if found is None:
            return []
        try:
            return found.channel.receive()
        except ChannelClosed:
            self._selector.unregister(found.channel)
            return []

    def end(self, role: Role) -> None:
        """Have a child end."""
        found = self._processes.get(role)
        if found is not None and not found.ending:
            found.ending = True
            _kill(found.pid, signal.SIGTERM)
            if self.files is not None:
                pidfile.remove(self._file(self.files, role))

    def signal(self, number: signal.Signals) -> None:
        """Pass a signal on to all."""
        for process in self._processes.values():
            _kill(process.pid, number)

    def force(self) -> None:
        """Kill those that did not end."""
        for role, process in self._processes.items():
            _log.error("%s process failed to die - forcing termination", role.name.lower())
            _kill(process.pid, signal.SIGKILL)

    def reap(self) -> list[Ended]:
        """Those that have ended since the last call."""
        ended = []
        for role, process in list(self._processes.items()):
            pid, status = os.waitpid(process.pid, os.WNOHANG)
            if not pid:
                continue
            del self._processes[role]
            with suppress(KeyError):
                self._selector.unregister(process.channel)
            process.channel.close()
            lived_s = time.monotonic() - process.started
            ended.append(Ended(role, pid, os.waitstatus_to_exitcode(status), process.ending, lived_s))
        return ended

    @staticmethod
    def _file(files: PidFiles, role: Role) -> Path:
        return files.checkers if role is Role.CHECKER else files.vrrp


def _kill(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
