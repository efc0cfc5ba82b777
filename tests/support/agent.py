"""The agent over a daemon in memory: the real handlers, services and layer 3, without a kernel below them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import uvicorn

from tests.support.api import serving
from tests.support.plane import FakeBalancer, FakeHost, FakeNetwork, FakeRecords
from xdpvs.agent import cache_file
from xdpvs.agent.app import Parts, create
from xdpvs.agent.control import Control
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.http_counts import HttpCounts
from xdpvs.agent.metrics import ControlErrors, Metrics
from xdpvs.agent.node import Node
from xdpvs.agent.snapshot import Snapshot
from xdpvs.agent.store import Store, load
from xdpvs.agent.table import Table
from xdpvs.api.client import Client
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.api.structs_conn import encode_conn
from xdpvs.daemon.conn_pages import ConnPages
from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.handlers import Handlers
from xdpvs.daemon.listing import Listing
from xdpvs.daemon.network import Layer3
from xdpvs.daemon.services import Services
from xdpvs.daemon.static_neighbours import StaticNeighbours
from xdpvs.dataplane.stats import ConnCounts, LaddrCounts, Traffic
from xdpvs.model.address import Family
from xdpvs.model.conn import Conn, SocketPair
from xdpvs.model.counters import DaemonStatus, DropCounter, Ipv6Stats
from xdpvs.model.device import LinkSettings, PortEntry, PortList
from xdpvs.model.network import Link, LinkStats

MAC = bytes.fromhex("020000000101")
PORTS = [Device(number, f"dpdk{number}", number, 10 + number, f"eth{number}", MAC, 1500) for number in range(2)]


def conn(number: int) -> Conn:
    """A connection like any other."""
    return Conn(
        Family.INET6,
        Family.INET,
        6,
        IPv6Address("2001:db8::c"),
        10000 + number,
        IPv6Address("2001:db8::1"),
        80,
        IPv4Address("192.0.2.200"),
        20000 + number,
        IPv4Address("192.0.2.30"),
        80,
        90,
        "ESTABLISHED",
    )


@dataclass
class FakeLinks:
    """Devices as the daemon shows them."""

    devices: Devices
    changes: list[LinkSettings] = field(default_factory=list)

    def ports(self) -> PortList:
        return PortList(tuple(PortEntry(device.id, device.name) for device in self.devices), 0, 2)

    def link(self, name: str) -> Link:
        device = self.devices.get(name)
        return Link(device.id, name, device.mac, True, 10000)

    def stats(self, name: str) -> LinkStats:
        device = self.devices.get(name)
        return LinkStats(in_packets=1000 + device.id, link_id=device.id)

    def set(self, settings: LinkSettings) -> None:
        self.devices.get(settings.name, DpvsError.INVAL)
        if settings.forward2kni is not None:
            raise ApiError(DpvsError.NOTSUPP)
        self.changes.append(settings)

    def __getattr__(self, name: str) -> Callable[..., object]:
        return lambda *_: None


@dataclass
class FakeConns:
    """Connections of the table."""

    conns: list[Conn] = field(default_factory=list)

    def wire_entries(self) -> Iterator[bytes]:
        return map(encode_conn, self.conns)

    def find(self, pair: SocketPair) -> Conn | None:
        return None

    def laddr_counts(self) -> Iterator[Counter[tuple[int, int]]]:
        return iter(())


class Daemon:
    """All of a daemon's state that the API reaches."""

    def __init__(self) -> None:
        self.maps, self.records, self.network, self.host = FakeBalancer(), FakeRecords(), FakeNetwork(), FakeHost()
        self.devices = Devices(self.network, self.host, self.records)
        self.layer3 = Layer3(self.network, self.devices, self.host, self.records, link_local=False)
        for port in PORTS:
            self.devices.add_port(port)
        self.services = Services(self.maps, self.records, traffic_of=self.maps.read)
        self.conn_counts: dict[int, ConnCounts] = {}
        self.conns = FakeConns()
        self.links = FakeLinks(self.devices)
        self.generation = 7
        self.table = Handlers(cast(Any, self._state())).table()

    def _state(self) -> SimpleNamespace:
        readings = SimpleNamespace(
            dests=self.maps.read,
            conns=lambda ids: {each: self.conn_counts.get(each, ConnCounts()) for each in ids},
            laddrs=lambda ids: {each: LaddrCounts(conflicts=5) for each in ids},
        )
        rates = SimpleNamespace(of=lambda dest: (0, 0, 0, 0, 0))
        return SimpleNamespace(
            services=self.services,
            layer3=self.layer3,
            devices=self.devices,
            static_neighbours=StaticNeighbours(cast(Any, self.network), self.devices, self.records),
            links=self.links,
            listing=Listing(self.services, cast(Any, readings), cast(Any, rates), lambda laddr: 1, lambda s, la: 0),
            balancer=SimpleNamespace(any_conns=lambda: bool(self.conns.conns)),
            conns=self.conns,
            conn_pages=ConnPages(self.conns, 255),
            conn_slices=ConnPages(self.conns, 65535),
            asking=SimpleNamespace(announce=lambda device, address: None, forget_device=lambda device: None),
            count_laddrs=_nothing,
            laddr_use=lambda address: (0, 0),
            drops=lambda: [DropCounter("no_dest", "a service without servers", 3)],
            ipv6_stats=Ipv6Stats,
            status=self.status,
            settle=lambda: None,
        )

    def status(self) -> DaemonStatus:
        """As an old one with a little of everything."""
        return DaemonStatus(
            "test", self.generation, 1000.0, 5.0, len(self.conns.conns), 65536, services=len(self.services)
        )

    def carry(self, number: int, traffic: Traffic) -> None:
        """Give the server with that id its counters."""
        self.maps.traffic[number] = traffic


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


@dataclass
class Agent:
    """A running agent in this process."""

    port: int
    parts: Parts
    daemon: Daemon
    socket_path: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Reply:
        """One request over a connection of its own; body is a JSON value, or bytes to be sent as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = dict(headers or {})
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if raw is not None:
            given.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, raw, given)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """The value of a GET that must succeed."""
        reply = self.call("GET", path)
        assert reply.status == 200, reply
        return reply.json()

    def service(self, name: str, query: str = "") -> Any:
        """One service as listed."""
        return self.get(f"/v2/vs/{name}{query}")["Items"][0]

    def server(self, name: str, ip: str, query: str = "") -> Any:
        """A server's Spec as listed."""
        specs = [item["Spec"] for item in self.service(name, query)["RSs"]["Items"]]
        return next(spec for spec in specs if spec["ip"] == ip)


class Clock:
    """Milliseconds that a test sets."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


@contextmanager
def running(
    directory: Path,
    daemon: Daemon | None = None,
    *,
    cache: Path | None = None,
    clock: Callable[[], int] | None = None,
    timeout_s: float = 5.0,
    **options: Any,
) -> Iterator[Agent]:
    """The agent served over loopback, and a daemon over a socket of its own."""
    daemon = daemon or Daemon()
    path = directory / "dpvs.ipc"
    with (
        serving(path, daemon.table),
        agent_over(path, daemon, cache=cache, clock=clock, timeout_s=timeout_s, **options) as agent,
    ):
        yield agent


@contextmanager
def agent_over(
    path: Path,
    daemon: Daemon,
    *,
    cache: Path | None = None,
    clock: Callable[[], int] | None = None,
    timeout_s: float = 5.0,
    **options: Any,
) -> Iterator[Agent]:
    """The agent over whatever answers at a socket, or does not."""
    errors, health, counts = ControlErrors(), HealthCounts(), HttpCounts()
    control = Control(Client(str(path), timeout_s), errors.count)
    cached = load(cache) if cache else cache_file.Cached()
    store = Store(cache, lambda: cache_file.encode(*table.states(), node.spec)) if cache else None
    changed = store.changed if store else (lambda: None)
    node = Node(cached.node, changed)
    table = Table(
        control, Snapshot(cached.services, cached.last_version), clock or Clock(), changed, lock_timeout_s=timeout_s
    )
    metrics = Metrics(control, health, counts, errors, "test")
    settle = store.settle if store else (lambda: None)
    parts = replace(Parts(table, node, health, counts, metrics.render, "test", settle), **options)
    if store:
        store.start()
    try:
        with _served(parts) as port:
            yield Agent(port, parts, daemon, path)
    finally:
        if store:
            store.close()


@contextmanager
def _served(parts: Parts) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create(parts), http="h11", ws="none", lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def items(*servers: Sequence[object]) -> dict[str, object]:
    """A list of servers, each (ip, port, weight)."""
    return {"Items": [{"ip": ip, "port": port, "weight": weight} for ip, port, weight in servers]}


__all__ = ["Agent", "Clock", "Daemon", "Reply", "agent_over", "conn", "items", "running"]
