"""A stream machine on a TCP connection, with TLS or without."""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Sequence

from xdpvs.checkers.machine import Command, Finish, Machine, Send
from xdpvs.model.check import Endpoint, Outcome
from xdpvs.probing import tls
from xdpvs.probing.attempt import Attempt, Done, Owner, undecided
from xdpvs.probing.faults import is_ours, opening_outcome, os_error, reason_of
from xdpvs.probing.reactor import READ, WRITE
from xdpvs.probing.sockets import open_socket, reset_on_close, target

MOST_EXTENSIONS = 10
"""However often a server gets the time-out again, so many of them are all it has."""

_READABLE = READ | select.EPOLLHUP | select.EPOLLERR
_PIECE = 1 << 16
_UNPRIVILEGED = 1024


class StreamAttempt(Attempt):
    """TCP, HTTP and SMTP."""

    __slots__ = ("_awaited", "_connected", "_endpoint", "_machine", "_orderly", "_session", "_socket", "_unsent")

    def __init__(
        self,
        owner: Owner,
        machine: Machine,
        endpoint: Endpoint,
        timeout_s: float,
        done: Done,
        session: tls.TlsSession | None = None,
    ) -> None:
        super().__init__(owner, timeout_s, done)
        self._machine = machine
        self._endpoint = endpoint
        self._session = session
        self._socket: socket.socket | None = None
        self._connected = False
        self._awaited = WRITE
        self._unsent = b""
        self._orderly = False

    def _open(self) -> Outcome | None:
        try:
            opened = open_socket(self._endpoint, socket.SOCK_STREAM)
        except OSError as error:
            return opening_outcome(error)
        try:
            number = opened.connect_ex(target(self._endpoint))
        except OSError as error:
            opened.close()
            return opening_outcome(error)
        if number not in (0, errno.EINPROGRESS):
            opened.close()
            return opening_outcome(os_error(number))
        self._socket = opened
        self._owner.reactor.watch(opened.fileno(), WRITE, self._ready)
        return None

    def _ready(self, events: int) -> None:
        connection = self._socket
        assert connection is not None
        if self._connected:
            self._exchange(connection, events)
        else:
            self._connect(connection)
        if self._over:
            return
        awaited = READ | WRITE if self._unsent else READ
        if awaited != self._awaited:
            self._awaited = awaited
            self._owner.reactor.change(connection.fileno(), awaited)

    def _exchange(self, connection: socket.socket, events: int) -> None:
        """Reading goes first: a server may answer before it has heard all, and hear no more of it."""
        if events & _READABLE:
            self._read_on(connection)
        if events & WRITE:
            self._push()

    def _read_on(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        self._arrive(data)

    def _connect(self, connection: socket.socket) -> None:
        number = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._fail(os_error(number))
            return
        if self._endpoint.port >= _UNPRIVILEGED and self._met_itself(connection):
            self._fail(os_error(errno.ECONNREFUSED))
            return
        self._connected = True
        self._say(self._machine.opening)
        if self._session is None:
            self._run(self._machine.connected())
        else:
            self._shake_hands(self._session)

    def _met_itself(self, connection: socket.socket) -> bool:
        """Where nobody listens on a local port, the kernel may choose that very port for us (simultaneous open)."""
        ours = connection.getsockname()
        if ours[1] != self._endpoint.port:
            return False
        try:
            return bool(ours == connection.getpeername())
        except OSError:
            return False

    def _arrive(self, data: bytes) -> None:
        session = self._session
        if session is None:
            self._deliver(data)
            return
        session.arrive(data)
        if not session.established:
            self._shake_hands(session)
        if session.established:
            self._read_plain(session)

    def _shake_hands(self, session: tls.TlsSession) -> None:
        try:
            complete = session.shake_hands()
        except ssl.SSLError as error:
            self._say(session.outgoing())
            if not self._over:
                self._run(self._machine.failed(f"TLS: {tls.reason_of(error)}"))
            return
        self._say(session.outgoing())
        if complete and not self._over:
            self._run(self._machine.connected())

    def _read_plain(self, session: tls.TlsSession) -> None:
        try:
            for piece in session.read():
                if self._over:
                    return
                self._deliver(piece)
        except ssl.SSLError as error:
            self._run(self._machine.failed(f"TLS: {tls.reason_of(error)}"))
            return
        self._say(session.outgoing())

    def _deliver(self, data: bytes) -> None:
        if data:
            self._run(self._machine.received(data))
            return
        self._run(self._machine.closed())
        if not self._over:
            self._run(self._machine.failed("closed too early"))

    def _run(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if self._over:
                return
            if isinstance(command, Send):
                self._speak(command.data)
            elif isinstance(command, Finish):
                self._finish(command)
            else:
                self._extend()

    def _speak(self, data: bytes) -> None:
        if self._session is None:
            self._say(data)
            return
        try:
            self._session.write(data)
        except ssl.SSLError as error:
            self._run(self._machine.failed(f"TLS: {tls.reason_of(error)}"))
            return
        self._say(self._session.outgoing())

    def _say(self, data: bytes) -> None:
        if data:
            self._unsent += data
            self._push()

    def _push(self) -> None:
        """Send what goes; the rest when there is room for it."""
        if self._socket is None:
            return
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        self._unsent = self._unsent[sent:]

    def _extend(self) -> None:
        loop = self._owner.reactor.loop
        last = self._began + MOST_EXTENSIONS * self._timeout_s
        self._set_deadline(min(loop.time() + self._timeout_s, last))

    def _fail(self, error: OSError) -> None:
        if is_ours(error, opening=False):
            self.settle(undecided(reason_of(error)))
        elif error.errno == errno.ETIMEDOUT:
            self._run(self._machine.timed_out())
        else:
            self._run(self._machine.failed(reason_of(error)))

    def _finish(self, finish: Finish) -> None:
        # A source port of one's own would be taken for a minute by the TIME_WAIT of an orderly end.
        self._orderly = not finish.reset and not self._endpoint.source_port
        self.settle(Outcome(finish.verdict, finish.reason, finish.timed_out))

    def _timed_out(self) -> None:
        self._run(self._machine.timed_out())

    def _release(self) -> None:
        if self._socket is not None:
            self._owner.reactor.unwatch(self._socket.fileno())
            if self._connected and not self._orderly:
                reset_on_close(self._socket)
            self._socket.close()
            self._socket = None
