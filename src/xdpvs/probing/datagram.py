"""A datagram machine on a connected UDP socket."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from xdpvs.checkers.machine import Command, Finish, Machine, Send
from xdpvs.model.check import Endpoint, Outcome
from xdpvs.probing.attempt import Attempt, Done, Owner, undecided
from xdpvs.probing.faults import is_ours, opening_outcome, reason_of
from xdpvs.probing.reactor import READ
from xdpvs.probing.sockets import open_socket, target

_MAX_DATAGRAM = 1 << 16


class DatagramAttempt(Attempt):
    """UDP and DNS."""

    __slots__ = ("_endpoint", "_machine", "_socket")

    def __init__(self, owner: Owner, machine: Machine, endpoint: Endpoint, timeout_s: float, done: Done) -> None:
        super().__init__(owner, timeout_s, done)
        self._machine = machine
        self._endpoint = endpoint
        self._socket: socket.socket | None = None

    def _open(self) -> Outcome | None:
        try:
            opened = open_socket(self._endpoint, socket.SOCK_DGRAM)
        except OSError as error:
            return opening_outcome(error)
        try:
            opened.connect(target(self._endpoint))
            for command in self._machine.connected():
                if isinstance(command, Send):
                    opened.send(command.data)
        except OSError as error:
            opened.close()
            return opening_outcome(error)
        self._socket = opened
        self._owner.reactor.watch(opened.fileno(), READ, self._ready)
        return None

    def _ready(self, _events: int) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_MAX_DATAGRAM)
        except BlockingIOError:
            return
        except OSError as error:
            if is_ours(error, opening=False):
                self.settle(undecided(reason_of(error)))
            else:
                self._run(self._machine.failed(reason_of(error)))
            return
        self._run(self._machine.received(data))

    def _run(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Finish):
                self.settle(Outcome(command.verdict, command.reason, command.timed_out))
                return

    def _timed_out(self) -> None:
        self._run(self._machine.timed_out())

    def _release(self) -> None:
        if self._socket is not None:
            self._owner.reactor.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None
