"""The VRRP process: nothing in it takes long, so that adverts are sent and heard in time."""

from __future__ import annotations

import asyncio
import logging
import signal

from xdpvs.api.client import Client
from xdpvs.keepalived.channel import Channel
from xdpvs.keepalived.child import Child
from xdpvs.keepalived.dump_file import DATA, STATS, write_dump
from xdpvs.keepalived.fifo import Fifos
from xdpvs.keepalived.mail import Mailer
from xdpvs.keepalived.messages import Message, Owned, RunVrrp
from xdpvs.keepalived.options import Arguments
from xdpvs.keepalived.vrrp.environment import VrrpConfigError, VrrpEnvironment
from xdpvs.keepalived.vrrp.runner import VrrpRunner
from xdpvs.model.address import IPAddress

_log = logging.getLogger(__name__)

RETRY_S = 1.0
OWNED_POLL_S = 0.5
DPVS_TIMEOUT_S = 2.0


def run_vrrp(channel: Channel, arguments: Arguments) -> int:
    """Run the process to its end; its exit status."""
    return asyncio.run(_run(channel, arguments))


async def _run(channel: Channel, arguments: Arguments) -> int:
    process = VrrpProcess(channel)
    work = asyncio.create_task(process.run())
    await process.child.stopped
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await process.stop(release=arguments.release_vrrp)
    return 0


class VrrpProcess:
    """A VrrpRunner and what it needs; configurations come from the parent."""

    def __init__(self, channel: Channel) -> None:
        self.child = Child(channel, self._receive)
        self.child.on_signal(signal.SIGUSR1, self._dump_data)
        self.child.on_signal(signal.SIGUSR2, self._dump_stats)
        self._orders: asyncio.Queue[RunVrrp] = asyncio.Queue()
        self._fifos = Fifos()
        self._mailer = Mailer()
        self._environment = VrrpEnvironment(
            client=lambda: Client(timeout_s=DPVS_TIMEOUT_S),
            write_fifo=self._fifos.write,
            send_mail=self._mailer.send,
        )
        self._runner: VrrpRunner | None = None
        self._owned: frozenset[IPAddress] | None = None

    def _receive(self, message: Message) -> None:
        if isinstance(message, RunVrrp):
            self._orders.put_nowait(message)

    async def run(self) -> None:
        """Follow the parent's orders, and tell it whose master we are."""
        order: RunVrrp | None = None
        complained = ""
        while True:
            waiting = order is not None
            try:
                order = await asyncio.wait_for(self._orders.get(), RETRY_S if waiting else OWNED_POLL_S)
                complained = ""
            except TimeoutError:
                self._tell_owned()
            if order is None:
                continue
            try:
                await self._go_over(order)
                order = None
            except VrrpConfigError as error:
                # An interface may come later, as dpvs makes the KNI: until then this waits, or stays as it was.
                if str(error) != complained:
                    complained = str(error)
                    for problem in error.problems:
                        _log.error("%s", problem)
                    _log.error("VRRP %s", "waits" if self._runner is None else "goes on with the last configuration")
            except Exception:
                _log.exception("VRRP could not go over to the configuration")
                order = None

    async def _go_over(self, order: RunVrrp) -> None:
        config = order.config
        if self._runner is None:
            runner = VrrpRunner(config, self._environment)
            await self._prepare(order)
            await runner.start()
            self._runner = runner
        else:
            await self._runner.reload(config)
            await self._prepare(order)
        self._tell_owned()

    async def _prepare(self, order: RunVrrp) -> None:
        settings = order.config.globals
        self._mailer.settings = settings.mail
        wanted = {}
        if settings.notify_fifo is not None:
            wanted[settings.notify_fifo] = not order.has_checker
        if settings.vrrp_notify_fifo is not None:
            wanted[settings.vrrp_notify_fifo] = True
        await self._fifos.load(wanted, settings.script_user)

    def _tell_owned(self) -> None:
        runner = self._runner
        if runner is None:
            return
        owned = runner.owned()
        if owned != self._owned:
            self._owned = owned
            self.child.send(Owned(owned))

    async def stop(self, *, release: bool) -> None:
        """Give up mastership, addresses and routes, and tell whoever wants to know."""
        if self._runner is not None:
            await self._runner.stop(release=release)
        await self._fifos.close()
        await asyncio.to_thread(self._mailer.close, 1.0)

    def _dump_data(self) -> None:
        if self._runner is not None:
            write_dump(DATA, self._runner.data())

    def _dump_stats(self) -> None:
        if self._runner is not None:
            write_dump(STATS, self._runner.stats())
