"""Echo machines on shared ICMP sockets: one for each family and way out of this host."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from dataclasses import replace

from xdpvs.checkers.echo import TOKEN_SIZE, EchoMachine
from xdpvs.checkers.machine import Finish, Machine, Send
from xdpvs.model.address import Family
from xdpvs.model.address import family_of as model_family
from xdpvs.model.check import Endpoint, Outcome, PingCheck
from xdpvs.packet.icmp import ECHO_REPLY, HEADER_SIZE, strip_ipv4_header
from xdpvs.probing.attempt import Attempt, Done, Owner
from xdpvs.probing.faults import is_ours, opening_outcome, os_error
from xdpvs.probing.reactor import READ, Reactor
from xdpvs.probing.sockets import address_text, open_socket, target

IDLE_S = 60.0
"""A socket nobody has used for so long is closed when the next one is opened."""

_PROTOCOLS = {Family.INET: socket.IPPROTO_ICMP, Family.INET6: socket.IPPROTO_ICMPV6}
# SOL_RAW with ICMP_FILTER (linux/icmp.h), SOL_ICMPV6 with ICMPV6_FILTER (linux/icmpv6.h): a set bit keeps a type out.
_FILTERS = {Family.INET: (255, 1), Family.INET6: (58, 1)}
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 1 << 20
_BATCH = 128
_MAX_PACKET = 1 << 16
_NUMBERS = struct.Struct("!HH")
_SEQUENCES = 1 << 16


class EchoSocket:
    """Sends the requests of many attempts, and hands each reply to the attempt it answers."""

    def __init__(self, reactor: Reactor, endpoint: Endpoint) -> None:
        """OSError: neither a raw nor an unprivileged ICMP socket can be had."""
        self.family = model_family(endpoint.address)
        self.used = reactor.loop.time()
        self._reactor = reactor
        self._waiting: dict[tuple[str, int], EchoAttempt] = {}
        self._sequence = 0
        way = replace(endpoint, port=0, source_port=0)
        try:
            self._socket = open_socket(way, socket.SOCK_RAW, _PROTOCOLS[self.family])
            self._with_header = self.family == Family.INET
            self.ident = int.from_bytes(os.urandom(2))
        except PermissionError:
            self._socket = _open_unprivileged(way, self.family)
            self._with_header = False
            self.ident = int(self._socket.getsockname()[1])
        _tune(self._socket, self.family)
        reactor.watch(self._socket.fileno(), READ, self._ready)

    @property
    def idle(self) -> bool:
        """Whether nobody waits for a reply."""
        return not self._waiting

    def enrol(self, attempt: EchoAttempt) -> int:
        """The sequence number under which it will be told of its reply. OSError: all of them are in use."""
        self.used = self._reactor.loop.time()
        for _ in range(_SEQUENCES):
            self._sequence = (self._sequence + 1) % _SEQUENCES
            if (attempt.address, self._sequence) not in self._waiting:
                self._waiting[attempt.address, self._sequence] = attempt
                return self._sequence
        raise os_error(errno.ENOBUFS)

    def dismiss(self, attempt: EchoAttempt, sequence: int) -> None:
        """It waits no longer."""
        self._waiting.pop((attempt.address, sequence), None)

    def send(self, message: bytes, endpoint: Endpoint) -> None:
        """OSError: the message did not go out."""
        self._socket.sendto(message, target(endpoint))

    def close(self) -> None:
        """Those still waiting are not told."""
        self._reactor.unwatch(self._socket.fileno())
        self._socket.close()

    def _ready(self, _events: int) -> None:
        for _ in range(_BATCH):
            try:
                packet, sender = self._socket.recvfrom(_MAX_PACKET)
            except OSError:
                # Nothing more, or something about a message already lost, such as a device gone down.
                return
            message = strip_ipv4_header(packet) if self._with_header else packet
            if len(message) >= HEADER_SIZE:
                attempt = self._waiting.get((sender[0], _NUMBERS.unpack_from(message, 4)[1]))
                if attempt is not None:
                    attempt.receive(message)
                    if self._socket.fileno() < 0:
                        return


class EchoSockets:
    """The sockets there are, by what makes them different."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._sockets: dict[tuple[object, ...], EchoSocket] = {}

    def of(self, endpoint: Endpoint) -> EchoSocket:
        """The socket for an endpoint, opened where there is none yet. OSError: it cannot be."""
        key = _way(endpoint)
        found = self._sockets.get(key)
        if found is None:
            self._close_idle()
            found = self._sockets[key] = EchoSocket(self._reactor, endpoint)
        return found

    def drop(self, endpoint: Endpoint) -> None:
        """The socket is no good any more, unless others still wait on it: its device or source may have gone."""
        key = _way(endpoint)
        if self._sockets[key].idle:
            self._sockets.pop(key).close()

    def close(self) -> None:
        """All of them."""
        for opened in self._sockets.values():
            opened.close()
        self._sockets.clear()

    def _close_idle(self) -> None:
        since = self._reactor.loop.time() - IDLE_S
        for key in [key for key, opened in self._sockets.items() if opened.idle and opened.used < since]:
            self._sockets.pop(key).close()


class EchoAttempt(Attempt):
    """A ping."""

    __slots__ = ("_check", "_endpoint", "_machine", "_sequence", "_socket", "_sockets", "address")

    counted = False

    def __init__(
        self, owner: Owner, sockets: EchoSockets, check: PingCheck, endpoint: Endpoint, timeout_s: float, done: Done
    ) -> None:
        super().__init__(owner, timeout_s, done)
        self.address = address_text(endpoint.address)
        self._sockets = sockets
        self._check = check
        self._endpoint = endpoint
        self._socket: EchoSocket | None = None
        self._sequence = 0
        self._machine: Machine | None = None

    def receive(self, message: bytes) -> None:
        """An ICMP message from the right address with the right sequence number."""
        assert self._machine is not None
        self._run(self._machine, message)

    def _open(self) -> Outcome | None:
        try:
            shared = self._sockets.of(self._endpoint)
            self._sequence = shared.enrol(self)
        except OSError as error:
            return opening_outcome(error)
        token = os.urandom(TOKEN_SIZE)
        machine = EchoMachine(self._check, shared.family, shared.ident, self._sequence, token)
        try:
            for command in machine.connected():
                if isinstance(command, Send):
                    shared.send(command.data, self._endpoint)
        except OSError as error:
            shared.dismiss(self, self._sequence)
            if is_ours(error, opening=True):
                self._sockets.drop(self._endpoint)
            return opening_outcome(error)
        self._machine = machine
        self._socket = shared
        return None

    def _run(self, machine: Machine, message: bytes | None) -> None:
        for command in machine.timed_out() if message is None else machine.received(message):
            if isinstance(command, Finish):
                self.settle(Outcome(command.verdict, command.reason, command.timed_out))

    def _timed_out(self) -> None:
        if self._machine is not None:
            self._run(self._machine, None)

    def _release(self) -> None:
        if self._socket is not None:
            self._socket.dismiss(self, self._sequence)
            self._socket = None


def _way(endpoint: Endpoint) -> tuple[object, ...]:
    return endpoint.address.version, endpoint.device, endpoint.source, endpoint.fwmark


def _open_unprivileged(way: Endpoint, family: Family) -> socket.socket:
    """The kernel gives such a socket its identifier at bind, and delivers only replies to it.

    Who may have one stands in net.ipv4.ping_group_range.
    """
    opened = open_socket(way, socket.SOCK_DGRAM, _PROTOCOLS[family])
    try:
        if way.source is None:
            opened.bind(("", 0))
    except OSError:
        opened.close()
        raise
    return opened


def _tune(opened: socket.socket, family: Family) -> None:
    """Let only echo replies in, and many of them. An unprivileged socket has no filter and needs none."""
    if opened.type == socket.SOCK_RAW:
        accepted = ECHO_REPLY[family]
        mask = bytearray(b"\xff" * (4 if family == Family.INET else 32))
        word = accepted // 32
        bits = 0xFFFFFFFF & ~(1 << accepted % 32)
        struct.pack_into("=I", mask, word * 4, bits)
        opened.setsockopt(*_FILTERS[family], bytes(mask))
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
