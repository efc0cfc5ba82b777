"""The running daemon: from a configuration to a served control socket, and back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from pathlib import Path

from xdpvs.api.server import Server
from xdpvs.bpf.link import XdpMode
from xdpvs.config.dpvs_conf import ConfigError, LoadResult, load, reloadable_changes
from xdpvs.daemon import ports as port_setup
from xdpvs.daemon.cli import Arguments
from xdpvs.daemon.conf_file import HostFiles
from xdpvs.daemon.handlers import Handlers
from xdpvs.daemon.logs import Logs, log_notes, topic
from xdpvs.daemon.pidfile import PidFile
from xdpvs.daemon.ports import ChosenPort
from xdpvs.daemon.state import State
from xdpvs.daemon.tunables import tunables
from xdpvs.daemon.work import Work
from xdpvs.dataplane.plane import DataPlane, Port
from xdpvs.netlink.errors import NetlinkError

_log = topic("DPVS")


class Daemon:
    """open(), then serve() until a signal, which ends with everything taken down again, unless told to keep it."""

    def __init__(self, arguments: Arguments, config: LoadResult, logs: Logs, pid_file: PidFile) -> None:
        self._arguments = arguments
        self._config = config
        self._logs = logs
        self._pid_file = pid_file
        self._ports: list[ChosenPort] = []
        self._plane: DataPlane | None = None
        self._state: State | None = None
        self._server: Server | None = None

    def open(self) -> None:
        """Everything up to a listening control socket. On failure nothing stays that was not there before."""
        try:
            self._open()
        except BaseException:
            adopted = self._plane is not None and self._plane.adopted
            self._take_down(detach=not adopted, names=[name for port in self._ports for name in port.added])
            raise

    def _open(self) -> None:
        arguments, config = self._arguments, self._config.config
        chosen = port_setup.choose(arguments.ports, arguments.blocked, config.devices)
        netdevs = [Port(port.netdev.name, port.netdev.index) for port in chosen]
        # First, because it excludes other daemons: a refused start must not touch the ports of a running one.
        plane = self._plane = DataPlane.open(
            Path(arguments.bpffs),
            netdevs,
            config.conn.pool_size,
            XdpMode(arguments.xdp_mode.value),
            prefix=arguments.file_prefix,
        )
        for port in chosen:
            self._ports.append(port_setup.set_up(port))
        plane.tune(tunables(config))
        state = self._state = State(plane, config)
        self._server = Server(arguments.ipc_file, Handlers(state).table(), group=arguments.socket_group)
        state.requests = self._server.counters
        state.adopt(self._ports)
        plane.attach()
        plane.prune_links()
        for port in self._ports:
            _log.info("%s is %s, XDP %s", port.name, port.netdev.name, arguments.xdp_mode.value)
            if plane.mode is XdpMode.GENERIC:
                # In log_file too, and at every start: plane says it only when it attaches anew.
                _log.warning("%s: XDP in generic mode: every packet is slow", port.name)
        _log.info("%s", "goes on with what an earlier run left" if plane.adopted else "starts with nothing")

    def run(self) -> bool:
        """Serve until a signal; False if the pid file could not be written, which ends the daemon at once."""
        return asyncio.run(self._serve())

    async def _serve(self) -> bool:
        assert self._state is not None
        assert self._server is not None
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        # Half a million objects that all live: looking for garbage among them is most of what the collector would do.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        work = Work(self._state)
        work.start()
        self._server.start()
        for device in self._state.devices:
            for address in self._state.layer3.addresses_of(device.name):
                self._state.asking.announce(device, address.address)
        written = self._pid_file.write()
        if written:
            await stop.wait()
        _log.info("stops")
        await work.stop()
        names = [name for port in self._ports for name in (port.name, port.kni_name)]
        self._take_down(detach=not self._arguments.keep, names=names)
        return written

    def _reload(self) -> None:
        """SIGHUP: a configuration with mistakes changes nothing."""
        topic("CFG_FILE").info("Got signal SIGHUP.")
        try:
            new = load(self._arguments.conf, HostFiles())
        except ConfigError as error:
            topic("CFG_FILE").error("%s", error)
            return
        self._config = reloadable_changes(self._config.config, new)
        config = self._config.config
        self._logs.configure(
            config.global_.log_level, config.global_.log_file, timestamps=config.global_.log_with_timestamp
        )
        log_notes(self._config.notes)
        if self._plane is not None:
            self._plane.tune(tunables(config))
        if self._state is not None:
            self._state.asking.machine.timeout_s = config.neigh.timeout_s

    def _take_down(self, *, detach: bool, names: list[str]) -> None:
        """Let go of everything; with detach also take the data plane, KNIs and names off the host."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._state is not None:
            self._state.sockets.close()
            if detach:
                self._state.layer3.leave_groups()
        if self._plane is not None:
            self._plane.close(detach)
        if self._state is not None and detach:
            with contextlib.suppress(NetlinkError):
                self._state.devices.remove_knis()
        if detach:
            for port in self._ports:
                port_setup.tear_down(port, names)
        self._plane = self._state = None
