"""Carries what masters hold into dpvs, from a thread of its own: adverts never wait for the daemon."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Iterable

from xdpvs.api.errors import ApiError, ConnectionFailed, DpvsError, ShortReply, TransportError
from xdpvs.keepalived.vrrp.environment import DpvsClient
from xdpvs.keepalived.vrrp.holdings import Deed, Held, HeldAddress, Holdings, Job
from xdpvs.model.address import IPAddress, any_address, family_of
from xdpvs.model.network import Address, Route

WATCH_EVERY_S = 1.0
SILENCE_S = 0.5

_log = logging.getLogger("xdpvs.keepalived.vrrp")
_DONE_ALREADY = {Deed.ADD: (DpvsError.EXIST,), Deed.REMOVE: (DpvsError.NOTEXIST, DpvsError.NODEV), Deed.ANNOUNCE: ()}


class DpvsHoldings:
    """Keeps dpvs as the machines want it, whatever happens to dpvs meanwhile.

    on_reachable is told when dpvs goes away and comes back.
    """

    def __init__(
        self, client: Callable[[], DpvsClient], clock: Callable[[], float], on_reachable: Callable[[bool], None]
    ) -> None:
        self.holdings = Holdings()
        self.reachable = True
        self.generation: int | None = None
        self._clock = clock
        self._on_reachable = on_reachable
        self._thread = _ClientThread(client)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._watch_at = clock()
        self._busy = False

    def start(self) -> None:
        """Begin, in the running loop."""
        self._thread.start()
        self._task = asyncio.create_task(self._run(), name="vrrp addresses")

    def hold(self, instance: str, things: Iterable[Held]) -> None:
        """See Holdings.hold."""
        self.holdings.hold(instance, things)
        self._wake.set()

    def release(self, instance: str, things: Iterable[Held]) -> None:
        """See Holdings.release."""
        self.holdings.release(instance, things)
        self._wake.set()

    def announce(self, addresses: Iterable[IPAddress], repeat: int) -> None:
        """See Holdings.announce."""
        self.holdings.announce(addresses, repeat)
        self._wake.set()

    async def calm(self, timeout_s: float) -> None:
        """Wait until everything that can be done now is done, as far as dpvs answers in time."""
        end = self._clock() + timeout_s
        while self.reachable and (self._busy or self.holdings.next_job(self._clock())) and self._clock() < end:
            await asyncio.sleep(0.01)

    async def close(self, timeout_s: float) -> None:
        """Finish what is still to be done, as far as dpvs answers in time, and end."""
        await self.calm(timeout_s)
        if not self.holdings.is_settled():
            for line in self.holdings.lines():
                _log.warning("left in dpvs: %s", line)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._thread.stop()

    async def _run(self) -> None:
        while True:
            try:
                await self._step()
            except Exception:
                _log.exception("keeping addresses in dpvs failed; going on in a second")
                await asyncio.sleep(1.0)

    async def _step(self) -> None:
        self._wake.clear()
        if self._watch_at <= self._clock():
            await self._watch()
        elif self.reachable and (job := self.holdings.next_job(self._clock())) is not None:
            self._busy = True
            try:
                await self._do(job)
            finally:
                self._busy = False
        else:
            await self._sleep()

    async def _sleep(self) -> None:
        until = self._watch_at
        retry_at = self.holdings.next_retry()
        if self.reachable and retry_at is not None:
            until = min(until, retry_at)
        try:
            await asyncio.wait_for(self._wake.wait(), max(until - self._clock(), 0.0))
        except TimeoutError:
            return
        if not self.reachable:
            # What is wanted changed, but there is nobody to ask before the next look.
            await asyncio.sleep(max(self._watch_at - self._clock(), 0.0))

    async def _do(self, job: Job) -> None:
        self.holdings.begin(job)
        error, is_away = await self._ask(lambda client: _perform(client, job))
        if error is not None and is_away:
            self._set_reachable(False, _reason(error))
            return
        refusal = error.code if isinstance(error, ApiError) else None
        if error is None or refusal in _DONE_ALREADY[job.deed]:
            if (line := self.holdings.succeeded(job)) is not None:
                _log.info("%s", line)
        elif (line := self.holdings.failed(job, _reason(error), self._clock())) is not None:
            _log.error("%s", line)

    async def _watch(self) -> None:
        status: list[int] = []
        error, is_away = await self._ask(lambda client: status.append(client.get_status().generation))
        self._watch_at = self._clock() + WATCH_EVERY_S
        if error is not None and (is_away or self.generation is not None):
            self._set_reachable(False, _reason(error))
            return
        if error is not None:
            # A real DPVS, which does not know the question: only its absence can tell that it began anew.
            lost = not self.reachable
        else:
            lost = self.generation != status[0] and (self.generation is not None or not self.reachable)
            self.generation = status[0]
        self._set_reachable(True, "")
        if lost and (count := self.holdings.lose()):
            _log.warning("dpvs began anew: %d addresses and routes are put back", count)

    async def _ask(self, what: Callable[[DpvsClient], object]) -> tuple[BaseException | None, bool]:
        """What went wrong, and whether that means that dpvs is not there (or hangs, which looks the same)."""
        begun = self._clock()
        error = await self._thread.call(what)
        if isinstance(error, ShortReply) and error.unanswered:
            # DPVS closes at once when it does not know a message.
            return error, self._clock() - begun >= SILENCE_S
        return error, isinstance(error, TransportError | OSError)

    def _set_reachable(self, reachable: bool, why: str) -> None:
        if reachable == self.reachable:
            return
        self.reachable = reachable
        if reachable:
            _log.warning("dpvs answers again")
            self.holdings.retry_all()
        else:
            _log.error("dpvs does not answer (%s); addresses wait for it", why)
        self._on_reachable(reachable)


def _perform(client: DpvsClient, job: Job) -> None:
    held = job.held
    if isinstance(held, HeldAddress):
        vip = held.vip
        address = Address(family_of(vip.address), vip.address, vip.prefix_length, held.device)
        match job.deed:
            case Deed.ADD:
                client.add_address(address)
            case Deed.REMOVE:
                client.del_address(address)
            case Deed.ANNOUNCE:
                for _ in range(job.repeat):
                    client.announce(vip.address)
        return
    wanted = held.route
    family = family_of(wanted.destination)
    none = any_address(family)
    route = Route(
        family,
        wanted.destination,
        wanted.prefix_length,
        wanted.device,
        wanted.gateway or none,
        wanted.source or none,
        mtu=wanted.mtu,
        metric=wanted.metric,
    )
    if job.deed is Deed.ADD:
        (client.add_route if wanted.destination.version == 4 else client.add_route6)(route)
    else:
        (client.del_route if wanted.destination.version == 4 else client.del_route6)(route)


def _reason(error: BaseException) -> str:
    match error:
        case ApiError():
            return error.text
        case ConnectionFailed():
            return error.strerror
        case ShortReply():
            return "no reply"
        case TransportError():
            return error.line or error.text
    return str(error) or type(error).__name__


class _ClientThread:
    """A daemon thread, so that a dpvs that hangs cannot keep keepalived from ending."""

    def __init__(self, client: Callable[[], DpvsClient]) -> None:
        self._make = client
        self._jobs: queue.SimpleQueue[
            tuple[asyncio.AbstractEventLoop, asyncio.Future[BaseException | None], Callable[[DpvsClient], object]]
            | None
        ] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="vrrp dpvs client", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._jobs.put(None)

    async def call(self, what: Callable[[DpvsClient], object]) -> BaseException | None:
        """Run what in the thread; what went wrong, if anything."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[BaseException | None] = loop.create_future()
        self._jobs.put((loop, future, what))
        return await future

    def _run(self) -> None:
        client = self._make()
        while (job := self._jobs.get()) is not None:
            loop, future, what = job
            error: BaseException | None = None
            try:
                what(client)
            except Exception as problem:
                error = problem
            try:
                loop.call_soon_threadsafe(_resolve, future, error)
            except RuntimeError:
                return  # the loop has ended meanwhile


def _resolve(future: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not future.done():
        future.set_result(error)
