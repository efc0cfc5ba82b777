"""Runs the instances of a configuration in the current event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from xdpvs.keepalived.vrrp import report
from xdpvs.keepalived.vrrp.dpvs import DpvsHoldings
from xdpvs.keepalived.vrrp.environment import VrrpConfigError, VrrpEnvironment
from xdpvs.keepalived.vrrp.holdings import HeldAddress, HeldRoute
from xdpvs.keepalived.vrrp.notifier import Notifier
from xdpvs.keepalived.vrrp.programs import Programs
from xdpvs.keepalived.vrrp.sockets import AdvertSocket, Place
from xdpvs.keepalived.vrrp.track_files import TrackFiles, TrackProcesses
from xdpvs.keepalived.vrrp.track_scripts import TrackScripts
from xdpvs.keepalived.vrrp.wires import Wires
from xdpvs.model.address import IPAddress
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import VrrpInstance
from xdpvs.netlink.errors import NetlinkError
from xdpvs.netlink.watch import LinkWatch
from xdpvs.vrrp.commands import (
    AddRoutes,
    AddVips,
    AnnounceArp,
    Command,
    Level,
    Log,
    Notify,
    RemoveRoutes,
    RemoveVips,
    SendAdvertisement,
)
from xdpvs.vrrp.inspection import Datagram
from xdpvs.vrrp.rules import problems
from xdpvs.vrrp.tracking import Kind, Value
from xdpvs.vrrp.virtual_router import VirtualRouter
from xdpvs.vrrp.virtual_routers import VirtualRouters

RELEASE_TIMEOUT_S = 3.0
NOTIFY_STOP_TIMEOUT_S = 1.0
NOTIFY_WAITS_S = 0.5

_NO_SOCKET = "no socket for adverts"

_log = logging.getLogger("xdpvs.keepalived.vrrp")
_LEVELS = {
    Level.DETAIL: logging.DEBUG,
    Level.INFO: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.ERROR: logging.ERROR,
}


class VrrpRunner:
    """VRRP as a part of a process. One event loop calls everything; nothing here blocks it."""

    def __init__(self, config: KeepalivedConfig, env: VrrpEnvironment) -> None:
        self._env = env
        self._programs = Programs(config.globals, env.run_program)
        self._config = config
        self._routers = VirtualRouters(config)
        self._notifier = Notifier(self._programs, env.write_fifo, env.send_mail, self._addresses_are_set)
        self._scripts = TrackScripts(self._programs, self._script_changed)
        self._files = TrackFiles(self._file_changed)
        self._processes = TrackProcesses(self._process_changed, env.clock)
        self._dpvs: DpvsHoldings | None = None
        self._watch: LinkWatch | None = None
        self._wires: Wires | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0

    async def start(self) -> None:
        """Open sockets and begin. VrrpConfigError (nothing begun) for interfaces that do not exist and the like."""
        watch = _watch_links()
        try:
            _check(self._config, watch)
        except VrrpConfigError:
            watch.close()
            raise
        loop = asyncio.get_running_loop()
        self._watch = watch
        self._wires = Wires(
            watch,
            lambda opened, place: loop.add_reader(opened.fileno(), self._readable, opened, place),
            lambda closing: _forget(loop, closing),
        )
        try:
            self._wires.sync(self._config.instances)
        except PermissionError as error:
            self._close_links()
            raise VrrpConfigError(("adverts need CAP_NET_RAW",)) from error
        except BaseException:
            self._close_links()
            raise
        self._dpvs = DpvsHoldings(self._env.client, self._env.clock, self._dpvs_reachable)
        self._dpvs.start()
        loop.add_reader(watch.fileno(), self._links_changed)
        self._config = self._programs.without_unusable(self._config)
        self._notifier.router_id = self._config.globals.router_id
        self._routers = VirtualRouters(self._config)
        await self._load_tracked()
        self._carry_out(self._routers.start(self._env.clock()))
        self._begin_tracking()

    async def reload(self, config: KeepalivedConfig) -> None:
        """Go over to another configuration; kept instances stay in their state. VrrpConfigError: nothing changed."""
        if self._watch is None or self._wires is None:
            raise RuntimeError("reload before start")
        _check(config, self._watch)
        self._programs.globals = config.globals
        self._notifier.router_id = config.globals.router_id
        self._config = self._programs.without_unusable(config)
        now = self._env.clock()
        self._carry_out(self._routers.reload(self._config, now))
        await self._load_tracked()
        self._carry_out(self._routers.resume(self._env.clock()))
        self._begin_tracking()

    async def stop(self, *, release: bool = True) -> None:
        """Leave: priority-0 adverts, addresses removed (not with release=False, option -V), notify_stop."""
        if self._watch is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._carry_out(self._routers.stop(self._env.clock(), release=release))
        self._close_links()
        await self._scripts.close()
        await self._files.close()
        await self._processes.close()
        if self._dpvs is not None:
            await self._dpvs.calm(RELEASE_TIMEOUT_S if release else 0.0)
        await self._notifier.close(NOTIFY_STOP_TIMEOUT_S)
        if self._dpvs is not None:
            await self._dpvs.close(0.0)

    def owns(self, address: IPAddress) -> bool:
        """Whether an instance in MASTER state has the address; what ha_suspend asks."""
        return address in self._routers.owned()

    def owned(self) -> frozenset[IPAddress]:
        """All such addresses."""
        return self._routers.owned()

    def data(self) -> str:
        """The state of everything, as text for /tmp/keepalived.data."""
        holdings = [] if self._dpvs is None else self._dpvs.holdings.lines()
        return report.data(self._routers, holdings, self._env.clock())

    def stats(self) -> str:
        """The counters, as text for /tmp/keepalived.stats."""
        return report.stats(self._routers)

    # What happens

    def _on_timer(self) -> None:
        try:
            now = self._env.clock()
            # What has arrived comes first: a backup must not take over only because this process was late.
            if self._wires is not None:
                for place, datagram in self._wires.drain():
                    self._carry_out(self._receive(place, datagram, now))
            self._carry_out(self._routers.handle_timer(now))
        except Exception:
            _log.exception("VRRP timers failed; going on in a second")
            self._arm(at_least_s=1.0)

    def _readable(self, advert_socket: AdvertSocket, place: Place) -> None:
        now = self._env.clock()
        for datagram in advert_socket.receive():
            if commands := self._receive(place, datagram, now):
                self._carry_out(commands)
            else:
                self._arm_for(self._routers.router_for(place.interface, place.family, datagram))

    def _receive(self, place: Place, datagram: Datagram, now: float) -> list[Command]:
        return self._routers.receive(place.interface, place.family, datagram, now)

    def _links_changed(self) -> None:
        if self._watch is None or self._wires is None:
            return
        try:
            changed = self._watch.read()
        except NetlinkError as error:
            _log.error("%s", error)
            return
        if changed:
            self._tell_links()

    def _tell_links(self) -> None:
        if self._watch is None or self._wires is None:
            return
        now = self._env.clock()
        deaf = self._wires.sync(self._config.instances)
        for is_deaf in (True, False):
            names = [r.name for r in self._routers.routers if (_place(r.config) in deaf) is is_deaf]
            self._carry_out(self._routers.set_hindrance(_NO_SOCKET, is_deaf, now, names))
        for name in _tracked_interfaces(self._routers):
            link = self._watch.link(name)
            self._carry_out(self._routers.set_tracked(Kind.INTERFACE, name, link is not None and link.up, now))
        for place in {_place(router.config) for router in self._routers.routers}:
            addresses = self._watch.addresses(place.interface, place.family)
            self._carry_out(self._routers.set_source(place.interface, place.family, addresses, now))

    def _script_changed(self, name: str, good: bool) -> None:
        self._tracked(Kind.SCRIPT, name, good)

    def _file_changed(self, name: str, number: int) -> None:
        self._tracked(Kind.FILE, name, number)

    def _process_changed(self, name: str, good: bool) -> None:
        self._tracked(Kind.PROCESS, name, good)

    def _tracked(self, kind: Kind, name: str, value: Value) -> None:
        self._carry_out(self._routers.set_tracked(kind, name, value, self._env.clock()))

    def _dpvs_reachable(self, reachable: bool) -> None:
        if not self._env.fault_without_dpvs:
            return
        names = [router.name for router in self._routers.routers if router.vips and router.config.dpdk_interface]
        now = self._env.clock()
        self._carry_out(self._routers.set_hindrance("dpvs does not answer", not reachable, now, names))

    async def _addresses_are_set(self) -> None:
        """Programs run when addresses are where they belong, unless that takes long."""
        if self._dpvs is not None:
            await self._dpvs.calm(NOTIFY_WAITS_S)

    async def _load_tracked(self) -> None:
        await self._scripts.load(self._config.scripts)
        await self._files.close()
        await self._processes.close()
        numbers = self._files.load(self._config.track_files)
        processes = await self._processes.load(self._config.track_processes)
        self._tell_links()
        for script, good in self._scripts.values().items():
            self._tracked(Kind.SCRIPT, script, good)
        for file, number in numbers.items():
            self._tracked(Kind.FILE, file, number)
        for process, good in processes.items():
            self._tracked(Kind.PROCESS, process, good)

    def _begin_tracking(self) -> None:
        self._scripts.begin()
        self._files.begin()
        self._processes.begin()

    # What is done

    def _carry_out(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self._do(command)
        self._arm()

    def _do(self, command: Command) -> None:
        if self._wires is None or self._dpvs is None:
            return
        match command:
            case SendAdvertisement():
                self._wires.send(command)
            case AddVips(instance, device, vips):
                self._dpvs.hold(instance, [HeldAddress(device, vip) for vip in vips])
            case RemoveVips(instance, device, vips):
                self._dpvs.release(instance, [HeldAddress(device, vip) for vip in vips])
            case AddRoutes(instance, routes):
                self._dpvs.hold(instance, [HeldRoute(route) for route in routes])
            case RemoveRoutes(instance, routes):
                self._dpvs.release(instance, [HeldRoute(route) for route in routes])
            case AnnounceArp(_, addresses, repeat):
                self._dpvs.announce(addresses, repeat)
            case Notify():
                self._notifier.notify(command)
            case Log(level, text):
                _log.log(_LEVELS[level], "%s", text)

    def _arm(self, at_least_s: float = 0.0) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._routers.next_timer()
        if at is not None and self._wires is not None:
            self._armed_for = at
            delay_s = max(at - self._env.clock(), at_least_s)
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def _arm_for(self, router: VirtualRouter | None) -> None:
        """After what concerned one router only: the timer may come too early, but never too late.

        A backup hears thousands of adverts that move its own timer a little; looking at all routers each time would
        be most of its work.
        """
        at = router.next_timer() if router is not None else None
        if at is not None and (self._timer is None or at < self._armed_for):
            self._arm()

    def _close_links(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._wires is not None:
            self._wires.close()
        if self._watch is not None:
            asyncio.get_running_loop().remove_reader(self._watch.fileno())
            self._watch.close()
        self._watch = self._wires = None


def _forget(loop: asyncio.AbstractEventLoop, closing: AdvertSocket) -> None:
    loop.remove_reader(closing.fileno())


def _watch_links() -> LinkWatch:
    try:
        return LinkWatch()
    except NetlinkError as error:
        raise VrrpConfigError((str(error),)) from error


def _check(config: KeepalivedConfig, watch: LinkWatch) -> None:
    found = list(problems(config))
    if not config.globals.dynamic_interfaces:
        for instance in config.instances:
            names = [instance.interface, *(track.name for track in instance.tracking.interfaces)]
            found += [f"vrrp_instance {instance.name}: {_missing(name)}" for name in names if not watch.link(name)]
        for group in config.sync_groups:
            names = [track.name for track in group.tracking.interfaces]
            found += [f"vrrp_sync_group {group.name}: {_missing(name)}" for name in names if not watch.link(name)]
    if found:
        raise VrrpConfigError(tuple(found))


def _missing(name: str) -> str:
    return f"interface {name} does not exist"


def _place(config: VrrpInstance) -> Place:
    return Place(config.interface, config.family)


def _tracked_interfaces(routers: VirtualRouters) -> list[str]:
    names = {item.name for r in routers.routers for item in r.tracker.tracked if item.kind is Kind.INTERFACE}
    return sorted(names)
