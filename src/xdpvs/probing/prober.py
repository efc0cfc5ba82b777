"""Attempts of health checks, many at a time on one event loop."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable

from xdpvs.checkers.dns import DnsMachine
from xdpvs.checkers.http import HttpMachine
from xdpvs.checkers.smtp import SmtpMachine
from xdpvs.checkers.tcp import TcpMachine
from xdpvs.checkers.udp import UdpMachine
from xdpvs.model.check import (
    Check,
    DnsCheck,
    Endpoint,
    FileCheck,
    HttpCheck,
    NoCheck,
    Outcome,
    PingCheck,
    ScriptCheck,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
    Verdict,
)
from xdpvs.probing import tls
from xdpvs.probing.attempt import Attempt, Done, Ready, undecided
from xdpvs.probing.datagram import DatagramAttempt
from xdpvs.probing.echo import EchoAttempt, EchoSockets
from xdpvs.probing.open_files import attempts_room
from xdpvs.probing.process import GroupProcess
from xdpvs.probing.reactor import Reactor, Timer
from xdpvs.probing.script import ScriptAttempt, file_outcome
from xdpvs.probing.stream import StreamAttempt
from xdpvs.probing.udp_ping import UdpPingAttempt

__all__ = ["Attempt", "Done", "Prober"]


class Prober:
    """Runs attempts. done is always called later from the event loop, never from within start."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None, max_open: int | None = None) -> None:
        """loop: by default the running one.

        max_open: attempts with a descriptor of their own at one time, by default what the limit of open files allows.
        The rest wait, first come first served, and their time-outs with them.
        """
        self.reactor = Reactor(loop or asyncio.get_running_loop())
        self._max_open = max(1, attempts_room() if max_open is None else max_open)
        self._open = 0
        self._running: set[Attempt] = set()
        self._waiting: deque[Attempt] = deque()
        self._echoes = EchoSockets(self.reactor)
        self._processes: set[GroupProcess] = set()
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._closed = False

    def start(self, check: Check, endpoint: Endpoint, timeout_s: float, done: Done) -> Attempt:
        """Begin an attempt that ends timeout_s after it got its socket or process at the latest.

        A check that cannot be asked (a header with a line break, an unknown DNS type) ends undecided, with the reason.
        """
        if self._closed:
            raise RuntimeError("the prober is closed")
        try:
            attempt = self._attempt(check, endpoint, timeout_s, done)
        except ValueError as error:
            attempt = Ready(self, undecided(str(error)), done)
        if attempt.counted and self._open >= self._max_open:
            self._waiting.append(attempt)
        else:
            self._begin(attempt)
        return attempt

    async def probe(self, check: Check, endpoint: Endpoint, timeout_s: float) -> Outcome:
        """start, waited for; cancelling this cancels the attempt."""
        result: asyncio.Future[Outcome] = self.reactor.loop.create_future()

        def done(outcome: Outcome) -> None:
            if not result.done():
                result.set_result(outcome)

        attempt = self.start(check, endpoint, timeout_s, done)
        try:
            return await result
        finally:
            attempt.cancel()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at when, of the loop's clock, or up to 10 ms after it.

        Whoever starts thousands of checks a second saves a good part of their cost by this: the loop's own call_at
        wakes the process for each of them, this for all of 10 ms together.
        """
        return Timer(self.reactor, when, callback)

    def close(self) -> None:
        """Cancel every attempt and release everything. Processes are killed with their groups, and reaped.

        Harmless a second time.
        """
        if self._closed:
            return
        self._closed = True
        self._waiting.clear()
        for attempt in list(self._running):
            attempt.cancel()
        for process in list(self._processes):
            process.reap()
        self._processes.clear()
        self._echoes.close()
        self.reactor.close()

    def ended(self, attempt: Attempt) -> None:
        """For attempts: it has released what it had."""
        if attempt not in self._running:
            return
        self._running.discard(attempt)
        if attempt.counted:
            self._open -= 1
            while self._waiting and self._open < self._max_open:
                waiting = self._waiting.popleft()
                if not waiting.over:
                    self._begin(waiting)

    def _begin(self, attempt: Attempt) -> None:
        self._running.add(attempt)
        if attempt.counted:
            self._open += 1
        outcome = attempt.begin()
        if outcome is not None:
            self.reactor.loop.call_soon(attempt.settle, outcome)

    def _attempt(self, check: Check, endpoint: Endpoint, timeout_s: float, done: Done) -> Attempt:
        match check:
            case TcpCheck():
                return StreamAttempt(self, TcpMachine(check), endpoint, timeout_s, done)
            case UdpCheck():
                return DatagramAttempt(self, UdpMachine(check), endpoint, timeout_s, done)
            case PingCheck():
                return EchoAttempt(self, self._echoes, check, endpoint, timeout_s, done)
            case HttpCheck():
                machine = HttpMachine(check, endpoint)
                return StreamAttempt(self, machine, endpoint, timeout_s, done, self._session(check, endpoint))
            case SmtpCheck():
                return StreamAttempt(self, SmtpMachine(check), endpoint, timeout_s, done)
            case DnsCheck():
                ident = int.from_bytes(os.urandom(2))
                return DatagramAttempt(self, DnsMachine(check, ident), endpoint, timeout_s, done)
            case ScriptCheck():
                return ScriptAttempt(self, self._processes, check, timeout_s, done)
            case FileCheck():
                return Ready(self, file_outcome(check), done)
            case NoCheck():
                return Ready(self, Outcome(Verdict.GOOD), done)
            case _:
                return UdpPingAttempt(self, check, endpoint, timeout_s, done)

    def _session(self, check: HttpCheck, endpoint: Endpoint) -> tls.TlsSession | None:
        if not check.tls:
            return None
        context = self._contexts.get(check.tls_verify)
        if context is None:
            context = self._contexts[check.tls_verify] = tls.client_context(verify=check.tls_verify)
        return tls.TlsSession(context, tls.server_name(check, endpoint))
