"""The checker: services, servers, checks. It also reads the configuration file for everybody."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from xdpvs.api.client import Client
from xdpvs.config.keepalived_conf import dump
from xdpvs.keepalived.channel import Channel
from xdpvs.keepalived.check_report import check_report
from xdpvs.keepalived.child import Child
from xdpvs.keepalived.dump_file import CHECK_DATA, write_dump
from xdpvs.keepalived.fifo import Fifos
from xdpvs.keepalived.health_runner import HealthRunner, Outlets
from xdpvs.keepalived.loading import load_file
from xdpvs.keepalived.mail import Mailer
from xdpvs.keepalived.messages import Apply, Discard, FileLoaded, LoadFile, Message, Owned, Stopping
from xdpvs.keepalived.notifying import ScriptRunner
from xdpvs.keepalived.options import EXIT_FAILURE, Arguments
from xdpvs.keepalived.services.applier import Applier
from xdpvs.keepalived.services.link import DpvsLink
from xdpvs.model.address import IPAddress
from xdpvs.model.keepalived import FlushOnStop, KeepalivedConfig
from xdpvs.probing.open_files import raise_open_files_limit
from xdpvs.probing.prober import Prober

_log = logging.getLogger(__name__)

DPVS_TIMEOUT_S = 10.0
SCRIPTS_LAST_S = 2.0
"""How long notifications of a stop may run; upstream gives them a second."""
RELEASE_S = 60.0


def run_checker(channel: Channel, arguments: Arguments) -> int:
    """Run the process to its end; its exit status."""
    return asyncio.run(_run(channel, arguments))


async def _run(channel: Channel, arguments: Arguments) -> int:
    process = CheckerProcess(channel, arguments)
    orderly = await process.child.stopped
    await process.stop(orderly=orderly)
    return 0


class CheckerProcess:
    """Everything of it in one event loop, but for the applier's and the mailer's threads."""

    def __init__(self, channel: Channel, arguments: Arguments) -> None:
        self._arguments = arguments
        self.child = Child(channel, self._receive)
        self.child.on_signal(signal.SIGUSR1, self._dump)
        self.child.on_signal(signal.SIGUSR2, lambda: None)
        self._read: KeepalivedConfig | None = None
        self._config: KeepalivedConfig | None = None
        self._has_vrrp = False
        self._owned: frozenset[IPAddress] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._prober: Prober | None = None
        self._runner: HealthRunner | None = None
        self._applier: Applier | None = None
        self._scripts = ScriptRunner()
        self._fifos = Fifos()
        self._mailer = Mailer()

    def _receive(self, message: Message) -> None:
        match message:
            case LoadFile():
                self._spawn(self._load())
            case Apply():
                config, self._read = self._read, None
                if config is not None:
                    self._spawn(self._apply(config, message))
            case Discard():
                self._read = None
            case Owned(addresses):
                self._owned = addresses
                if self._runner is not None and self._config is not None and self._has_vrrp:
                    self._runner.set_owned(addresses)
            case _:
                _log.error("the parent sent %s", type(message).__name__)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("going over to a configuration failed", exc_info=error)

    # Configurations

    async def _load(self) -> None:
        """In a thread: checks go on while a large file is read."""
        try:
            self._read, report = await asyncio.to_thread(_read_file, self._arguments)
        except Exception as error:
            # A fault of ours. The parent waits for an answer.
            _log.exception("reading the configuration failed")
            self._read, report = None, FileLoaded(None, (f"reading the configuration failed: {error}",), EXIT_FAILURE)
        self.child.send(report)

    async def _apply(self, config: KeepalivedConfig, order: Apply) -> None:
        async with self._turn:
            if self._runner is None:
                self._begin(config)
            assert self._runner is not None
            settings = config.globals
            self._mailer.settings = settings.mail
            wanted = {fifo: True for fifo in (settings.notify_fifo, settings.lvs_notify_fifo) if fifo is not None}
            await self._fifos.load(wanted, settings.script_user)
            self._has_vrrp = order.has_vrrp
            self._runner.set_owned(self._owned if order.has_vrrp else None)
            _warn(config, has_vrrp=order.has_vrrp)
            self._config = config
            # A large configuration lives until the next one: the collector need not look through it again and again,
            # nor through what is made of it.
            gc.freeze()
            self._runner.load(config)
            gc.freeze()

    def _begin(self, config: KeepalivedConfig) -> None:
        raise_open_files_limit()
        applier = Applier(DpvsLink(Client(timeout_s=DPVS_TIMEOUT_S)), flush_first=config.globals.lvs_flush)
        self._applier = applier
        self._prober = Prober()
        self._runner = HealthRunner(
            self._prober, Outlets(applier.want, self._scripts.run, self._fifos.write, self._mailer.send)
        )
        applier.start()

    # The end

    async def stop(self, *, orderly: bool) -> None:
        """Stop checks, run the last notifications, take services back. Without a parent, leave services alone."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._runner is not None and orderly:
            self._runner.stop()
        if self._prober is not None:
            self._prober.close()
        await self._scripts.close(SCRIPTS_LAST_S)
        if self._applier is not None and self._config is not None:
            flush = self._config.globals.lvs_flush_onstop is FlushOnStop.ALL
            release = orderly and self._arguments.release_ipvs
            stopping = asyncio.create_task(
                asyncio.to_thread(self._applier.stop, release=release, flush=flush and release, timeout_s=RELEASE_S)
            )
            while not (await asyncio.wait({stopping}, timeout=1.0))[0]:
                self.child.send(Stopping())
        await self._fifos.close()
        await asyncio.to_thread(self._mailer.close, 1.0)

    def _dump(self) -> None:
        if self._runner is not None and self._applier is not None and self._config is not None:
            text = check_report(self._runner.virtual_servers, self._applier.summary())
            write_dump(CHECK_DATA, text)


def _warn(config: KeepalivedConfig, *, has_vrrp: bool) -> None:
    for tunnel in config.tunnels:
        _log.error("tunnel %s (%s) is left out: dpvs has no tunnels yet", tunnel.name, tunnel.kind)
    if not has_vrrp and any(virtual_server.ha_suspend for virtual_server in config.virtual_servers):
        _log.warning("ha_suspend has no effect: this keepalived runs no vrrp_instance that could own the addresses")


def _read_file(arguments: Arguments) -> tuple[KeepalivedConfig | None, FileLoaded]:
    loaded = load_file(arguments)
    config = loaded.config
    if config is None:
        return None, FileLoaded(None, loaded.lines, loaded.exit_code)
    return config, FileLoaded(
        config.globals,
        loaded.lines,
        vrrp=replace(config, virtual_servers=()),
        num_virtual_servers=len(config.virtual_servers),
        dump=dump(config) if arguments.dump else "",
    )
