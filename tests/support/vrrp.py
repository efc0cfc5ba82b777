"""Virtual routers without sockets: short ways to make one, and a wire with loss and delay between several."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any, TypeVar

from xdpvs.model.address import Family, IPAddress
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import VirtualAddress, VrrpInstance, VrrpState
from xdpvs.packet.vrrp import TTL, encode, group_of
from xdpvs.vrrp.advertising import advertisement
from xdpvs.vrrp.commands import Command, Notify, SendAdvertisement
from xdpvs.vrrp.inspection import Datagram
from xdpvs.vrrp.rules import settled
from xdpvs.vrrp.tracking import Kind, Tracker
from xdpvs.vrrp.virtual_router import VirtualRouter
from xdpvs.vrrp.virtual_routers import VirtualRouters

US, THEM, LOW = ip_address("192.0.2.12"), ip_address("192.0.2.13"), ip_address("192.0.2.11")
US6, THEM6 = ip_address("fe80::12"), ip_address("fe80::13")
VIPS = (VirtualAddress(ip_address("192.0.2.100"), 32), VirtualAddress(ip_address("192.0.2.101"), 32))

C = TypeVar("C", bound=Command)


def instance(name: str = "VI_1", **settings: Any) -> VrrpInstance:
    """An instance with VRID 7, priority 100 and two addresses, changed by the settings."""
    defaults: dict[str, Any] = {"dpdk_interface": "dpdk0", "addresses": VIPS, "virtual_router_id": 7}
    return VrrpInstance(name, **{"interface": "eth0", **defaults, **settings})


def router(config: VrrpInstance | None = None, tracker: Tracker | None = None, **settings: Any) -> VirtualRouter:
    """A machine with a source address, not started."""
    config = settled(config or instance(**settings))
    made = VirtualRouter(config, tracker or Tracker(()))
    made.set_source(US if config.family == Family.INET else US6, 0.0)
    return made


def datagram(config: VrrpInstance, priority: int, source: IPAddress = THEM, ttl: int = TTL) -> Datagram:
    """An advert of a peer with that configuration."""
    destination = US if config.unicast_peers else config.multicast_group or group_of(config.family)
    return Datagram(encode(advertisement(config, priority), source, destination), source, destination, ttl)


def hear(machine: VirtualRouter, priority: int, now: float, source: IPAddress = THEM, **changes: Any) -> list[Command]:
    """Let a machine hear a peer's advert; changes are in the peer's configuration."""
    return machine.receive(datagram(replace(machine.config, **changes), priority, source), now)


def only(commands: list[Command], kind: type[C]) -> list[C]:
    """The commands of a kind."""
    return [command for command in commands if isinstance(command, kind)]


def priorities(commands: list[Command]) -> list[int]:
    """Of the adverts among the commands."""
    return [command.advertisement.priority for command in only(commands, SendAdvertisement)]


def notices(commands: list[Command]) -> list[str]:
    """Of the notifications among the commands: `NAME STATE`."""
    return [f"{command.name} {command.notice.value}" for command in only(commands, Notify)]


def kinds(commands: list[Command]) -> list[str]:
    """The commands by kind, without log lines, in order."""
    return [name for command in commands if (name := type(command).__name__) != "Log"]


@dataclass(order=True)
class _InFlight:
    at: float
    order: int
    to: str = field(compare=False)
    datagram: Datagram = field(compare=False)


class Wire:
    """Nodes on one link. Time moves by `run`; each advert is lost with `loss`, or delayed by up to `delay_s`."""

    def __init__(self, seed: int = 0, loss: float = 0.0, delay_s: float = 0.001) -> None:
        self.now = 0.0
        self.loss = loss
        self.delay_s = delay_s
        self.nodes: dict[str, VirtualRouters] = {}
        self.sources: dict[str, IPAddress] = {}
        self.down: set[str] = set()
        self.history: list[tuple[float, str, str]] = []
        """(time, node, `NAME STATE`)"""
        self._random = random.Random(seed)
        self._in_flight: list[_InFlight] = []
        self._order = itertools.count()

    def add(self, name: str, config: KeepalivedConfig, *sources: IPAddress) -> VirtualRouters:
        """Start a node."""
        node = self.nodes[name] = VirtualRouters(config)
        self.sources[name] = sources[0]
        for each in config.instances:
            node.set_tracked(Kind.INTERFACE, each.interface, True, self.now)
            node.set_source(each.interface, each.family, sources, self.now)
        self.do(name, node.start(self.now))
        return node

    def kill(self, name: str) -> None:
        """Take a node away without a word."""
        del self.nodes[name]

    def do(self, name: str, commands: list[Command]) -> None:
        """Carry out what a node wants."""
        self.history += [(self.now, name, notice) for notice in notices(commands)]
        for command in only(commands, SendAdvertisement):
            for destination in command.destinations:
                payload = encode(command.advertisement, command.source, destination)
                packet = Datagram(payload, command.source, destination, TTL)
                self._send(name, command.interface, packet)

    def _send(self, name: str, interface: str, packet: Datagram) -> None:
        for other in self.nodes:
            wanted = packet.destination.is_multicast or packet.destination == self.sources[other]
            if other == name or not wanted or {name, other} & self.down or self._random.random() < self.loss:
                continue
            at = self.now + self._random.random() * self.delay_s
            heapq.heappush(self._in_flight, _InFlight(at, next(self._order), f"{other} {interface}", packet))

    def run(self, duration_s: float) -> None:
        """Let time pass."""
        end = self.now + duration_s
        while (at := self._next()) is not None and at <= end:
            self.now = max(self.now, at)
            while self._in_flight and self._in_flight[0].at <= self.now:
                self._deliver(heapq.heappop(self._in_flight))
            for name, node in list(self.nodes.items()):
                self.do(name, node.handle_timer(self.now))
        self.now = end

    def _next(self) -> float | None:
        times = [at for node in self.nodes.values() if (at := node.next_timer()) is not None]
        times += [self._in_flight[0].at] if self._in_flight else []
        return min(times, default=None)

    def _deliver(self, flight: _InFlight) -> None:
        name, interface = flight.to.split()
        node = self.nodes.get(name)
        if node is not None:
            family = Family.INET if flight.datagram.source.version == 4 else Family.INET6
            self.do(name, node.receive(interface, family, flight.datagram, self.now))

    def masters(self, instance_name: str = "VI_1") -> list[str]:
        """Who is master of an instance."""
        return [
            name
            for name, node in self.nodes.items()
            for each in node.routers
            if each.name == instance_name and each.state is VrrpState.MASTER
        ]
