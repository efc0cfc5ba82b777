"""All virtual routers of a configuration, with their sync groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xdpvs.model.address import Family, IPAddress
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import VrrpInstance, VrrpState, VrrpSyncGroup
from xdpvs.packet.vrrp import virtual_router_id
from xdpvs.vrrp.commands import Command, Level
from xdpvs.vrrp.inspection import Datagram
from xdpvs.vrrp.log_limit import LogLimit
from xdpvs.vrrp.rules import Identity, identity, settled, tracked_by
from xdpvs.vrrp.sync_group import SyncGroup
from xdpvs.vrrp.tracking import Kind, Tracker, Value
from xdpvs.vrrp.virtual_router import VirtualRouter


class VirtualRouters:
    """The machines of a file. Tell it of links, sources and results before `start`; then all it needs is time."""

    def __init__(self, config: KeepalivedConfig) -> None:
        self.config = config
        self.routers: list[VirtualRouter] = []
        self.groups: list[SyncGroup] = []
        self.unknown_vrids = 0
        """Packets for no instance of the interface they came in by."""
        self.too_short = 0
        self._by_identity: dict[Identity, VirtualRouter] = {}
        self._log_limit = LogLimit()
        self._start_at: float | None = None
        self._build(config)

    def _build(self, config: KeepalivedConfig) -> None:
        """New machines for all; a reload puts known ones in their place first."""
        self.config = config
        self.routers = [self._by_identity[identity(instance)] for instance in self._added(config)]
        by_name = {router.name: router for router in self.routers}
        for router in self.routers:
            router.group = None
        self.groups = []
        for group in config.sync_groups:
            members = [by_name[name] for name in group.members if name in by_name and by_name[name].group is None]
            if members:
                self.groups.append(SyncGroup(group, members))

    def _added(self, config: KeepalivedConfig) -> list[VrrpInstance]:
        for instance in config.instances:
            if identity(instance) not in self._by_identity:
                self._by_identity[identity(instance)] = VirtualRouter(settled(instance), tracker_of(instance, config))
        return list(config.instances)

    # Time and packets

    def start(self, now: float) -> list[Command]:
        """Begin, or wait for vrrp_startup_delay first."""
        if self.config.globals.vrrp_startup_delay_s:
            self._start_at = now + self.config.globals.vrrp_startup_delay_s
            return []
        return self._start(now)

    def _start(self, now: float) -> list[Command]:
        self._start_at = None
        commands = [command for group in self.groups for command in group.start(now)]
        for router in self.routers:
            if router.group is None and router.state is VrrpState.INIT:
                commands += router.start(now)
        return commands

    def next_timer(self) -> float | None:
        """When handle_timer has to be called, None: not until something else happens."""
        if self._start_at is not None:
            return self._start_at
        return min((at for router in self.routers if (at := router.next_timer()) is not None), default=None)

    def handle_timer(self, now: float) -> list[Command]:
        """Do what is due."""
        if self._start_at is not None:
            return self._start(now) if self._start_at <= now else []
        return [command for router in self.routers for command in router.handle_timer(now)]

    def router_for(self, interface: str, family: Family, datagram: Datagram) -> VirtualRouter | None:
        """Whom a packet concerns."""
        vrid = virtual_router_id(datagram.payload)
        return None if vrid is None else self._by_identity.get((vrid, family, interface))

    def receive(self, interface: str, family: Family, datagram: Datagram, now: float) -> list[Command]:
        """A VRRP packet came in by an interface."""
        router = self.router_for(interface, family, datagram)
        if router is not None:
            return router.receive(datagram, now)
        vrid = virtual_router_id(datagram.payload)
        if vrid is None:
            self.too_short += 1
            text = f"VRRP packet of {len(datagram.payload)} bytes from {datagram.source} on {interface} ignored"
            return self._log_limit.pass_on(f"short {datagram.source}", Level.WARNING, text, now)
        self.unknown_vrids += 1
        if not self.config.globals.log_unknown_vrids:
            return []
        text = f"Unknown VRID({vrid}) received on interface({interface}). ignoring..."
        return self._log_limit.pass_on(f"vrid {vrid} {interface}", Level.INFO, text, now)

    # What is tracked

    def set_tracked(self, kind: Kind, name: str, value: Value, now: float) -> list[Command]:
        """An interface, script, file or process has another state: good or not, a file's number, None unknown."""
        return self._each(lambda router: router.set_tracked(kind, name, value, now))

    def set_source(self, interface: str, family: Family, addresses: tuple[IPAddress, ...], now: float) -> list[Command]:
        """All usable addresses of an interface, in the kernel's order."""

        def one(router: VirtualRouter) -> list[Command]:
            config = router.config
            if (config.interface, config.family) != (interface, family):
                return []
            address = config.source_address or _default_source(family, addresses)
            return router.set_source(address, now, present=address in addresses)

        return self._each(one)

    def set_hindrance(self, reason: str, present: bool, now: float, names: Iterable[str]) -> list[Command]:
        """Something keeps the named instances from working, or no longer does."""
        named = frozenset(names)
        return self._each(lambda router: router.set_hindrance(reason, present, now) if router.name in named else [])

    def _each(self, change: Callable[[VirtualRouter], list[Command]]) -> list[Command]:
        return [command for router in self.routers for command in change(router)]

    # Reload and stop

    def reload(self, config: KeepalivedConfig, now: float) -> list[Command]:
        """Go over to another configuration. Instances of the same VRID, family and interface keep their state.

        Sources and values of what is tracked anew have to be told before (as far as machines for them exist) or
        after; until then those machines wait.
        """
        wanted = {identity(instance): instance for instance in config.instances}
        commands: list[Command] = []
        for router in self.routers:
            router_identity = identity(router.config)
            router.group = None
            if router_identity not in wanted:
                commands += router.remove(now)
                del self._by_identity[router_identity]
        for router in self.routers:
            new = wanted.get(identity(router.config))
            if new is not None:
                commands += router.reconfigure(settled(new), tracker_of(new, config), now)
        group_states = {group.config.name: group.state for group in self.groups}
        self._build(config)
        for group in self.groups:
            group.state = group_states.get(group.config.name, VrrpState.INIT)
        return commands

    def resume(self, now: float) -> list[Command]:
        """After `reload`, once sources and values are told: begin the new ones, settle all."""
        if self._start_at is not None:
            return []
        commands = self._start(now)
        for router in self.routers:
            if router.group is None:
                commands += router.settle(now)
        return commands

    def stop(self, now: float, *, release: bool = True) -> list[Command]:
        """Leave: priority 0, routes and addresses removed (unless release is False), programs told."""
        commands = self._each(lambda router: router.stop(now, release=release))
        return commands + [command for group in self.groups for command in group.stop()]

    def owned(self) -> frozenset[IPAddress]:
        """The addresses of all masters."""
        masters = [router for router in self.routers if router.state is VrrpState.MASTER]
        return frozenset(vip.address for router in masters for vip in router.vips)


def _default_source(family: Family, addresses: tuple[IPAddress, ...]) -> IPAddress | None:
    """The first; for IPv6 the first link-local one (RFC 5798 5.1.2.2)."""
    return next((a for a in addresses if family != Family.INET6 or a.is_link_local), None)


def tracker_of(instance: VrrpInstance, config: KeepalivedConfig) -> Tracker:
    """A tracker for what an instance and its group track."""
    return Tracker(tracked_by(instance, _group_of(instance, config), config))


def _group_of(instance: VrrpInstance, config: KeepalivedConfig) -> VrrpSyncGroup | None:
    return next((group for group in config.sync_groups if instance.name in group.members), None)
