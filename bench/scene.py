"""The data plane in the kernel, on no netdev: tables filled straight away, frames by test run.

One port (mostly the loopback device, where test runs' frames come from), clients behind a router, servers on the link.
Four services, one for each pair of families and protocol: rr over four servers, as many local addresses as
a million connections need.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from bench.feeder import FRAME_LENGTH, Feeder
from xdpvs.bpf.layout import (
    CONN_WINDOW,
    Conn,
    ConnFlags,
    Dest,
    DestConns,
    Laddr,
    Maps,
    NeighbourState,
    ScheduleKind,
    Service,
    ServiceKey,
    Settings,
    SlotKind,
)
from xdpvs.bpf.libbpf import possible_cpus
from xdpvs.bpf.object import OBJECT_PATH, BpfObject
from xdpvs.bpf.structure import pack_address
from xdpvs.dataplane import jiffies
from xdpvs.dataplane.jiffies import Jiffies
from xdpvs.dataplane.network import DeviceEntry, Network, RouteEntry
from xdpvs.dataplane.plane import conn_slots
from xdpvs.dataplane.sweeper import Pass, Sweeper
from xdpvs.dataplane.tunables import Tunables
from xdpvs.model.service import ForwardingMode

LOOPBACK = 1
OUR_MAC = bytes.fromhex("020000000001")
ROUTER_MAC = bytes.fromhex("0200000000c1")
SERVERS_PER_SERVICE = 4
LADDRS_PER_SERVICE = 64
PAYLOAD_PORT = 80

UDP, TCP = socket.IPPROTO_UDP, socket.IPPROTO_TCP
SYN, ACK = 0x02, 0x10


@dataclass(frozen=True, slots=True)
class Path4or6:
    """A service: what clients send to, and the family of its servers."""

    name: str
    protocol: int
    vip: str
    servers: int
    """4 or 6."""
    number: int

    @property
    def clients(self) -> str:
        """The clients' network; a feeder fills in its last 16 bits."""
        return "10.0.0.0" if self.family == 4 else "2001:db8:c::"

    @property
    def family(self) -> int:
        """4 or 6, of the clients."""
        return ip_address(self.vip).version


UDP4 = Path4or6("UDP v4", UDP, "192.0.2.1", 4, 0)
TCP4 = Path4or6("TCP v4", TCP, "192.0.2.1", 4, 1)
UDP64 = Path4or6("NAT64 UDP", UDP, "2001:db8:2::1", 4, 2)
UDP6 = Path4or6("UDP v6", UDP, "2001:db8:2::2", 6, 3)
PATHS = (UDP4, TCP4, UDP64, UDP6)


class Scene:
    """The loaded data plane with its services."""

    def __init__(self, loaded: BpfObject, pool: int, ifindex: int) -> None:
        self.pool = pool
        self._ifindex = ifindex
        self.slots = conn_slots(pool)
        self.maps = Maps.of(loaded.map_fd)
        self._clock = jiffies.measure(loaded.program_fd("clock_read"))
        self.program = loaded.program_fd("xdpvs")
        self.sweeper = Sweeper(loaded.program_fd("sweep"), self.slots)
        self._network = Network(self.maps, loaded.program_fd("neighbour_update"))
        self._clock = jiffies.measure(loaded.program_fd("clock_read"))
        self.tune(Tunables())
        self._put_network()
        for path in PATHS:
            self._put_service(path)

    def tune(self, tunables: Tunables) -> None:
        """Timeouts; the secret is the same in each run, so that runs compare."""
        self.maps.settings[0] = settings_of(self.slots, tunables, self._clock)

    def forget(self) -> None:
        """Make the connection table as new."""
        size, chunk = self.maps.conns.value.size, 65536
        for first in range(0, self.slots + CONN_WINDOW, chunk):
            count = min(chunk, self.slots + CONN_WINDOW - first)
            self.maps.conns.write(first, bytes(size * count))
        for path in PATHS:
            for server in range(SERVERS_PER_SERVICE):
                self.maps.dest_conns[_dest_id(path, server)] = DestConns()

    def sweep(self) -> Pass:
        """One full pass over the table."""
        while (seen := self.sweeper.step(self.sweeper.size)) is None:
            pass
        return seen

    def conns(self) -> int:
        """Live connections, by the servers' counts."""
        counts = [self.maps.dest_conns[_dest_id(p, s)] for p in PATHS for s in range(SERVERS_PER_SERVICE)]
        return sum(count.active + count.inactive for count in counts)

    def template(self, path: Path4or6, tcp_flags: int = 0) -> bytes:
        """A client's frame, its source's last bytes zero."""
        return frame(path.protocol, (path.clients, 0), (path.vip, PAYLOAD_PORT), tcp_flags)

    def replies(self, tcp_flags: int = 0) -> list[bytes]:
        """A frame from the server for every live connection."""
        size = self.maps.conns.value.size
        found = []
        for first in range(0, self.slots + CONN_WINDOW, 65536):
            data = memoryview(self.maps.conns.read(first, 65536))
            tags = data.cast("Q")[:: size // 8].tolist()
            for index, tag in enumerate(tags):
                if tag >> 32 == SlotKind.LIVE:
                    conn = Conn.from_bytes(data[index * size : (index + 1) * size])
                    if not conn.flags & ConnFlags.INBOUND:
                        found.append(_frame_of(conn, tcp_flags))
        return found

    def _put_network(self) -> None:
        self._network.put_device(DeviceEntry(0, 0, self._ifindex, OUR_MAC))
        for link, gateway, clients in (
            (("192.0.2.0", 24), "192.0.2.254", ("10.0.0.0", 8)),
            (("2001:db8:2::", 64), "2001:db8:2::fe", ("2001:db8:c::", 48)),
        ):
            self._network.put_route(ip_address(link[0]), link[1], RouteEntry(0, 1500))
            self._network.put_route(ip_address(clients[0]), clients[1], RouteEntry(0, 1500, ip_address(gateway)))
            self._put_neighbour(gateway, ROUTER_MAC)

    def _put_neighbour(self, address: str, mac: bytes) -> None:
        self._network.update_neighbour(0, ip_address(address), mac=mac, state=NeighbourState.REACHABLE)

    def _put_service(self, path: Path4or6) -> None:
        for server in range(SERVERS_PER_SERVICE):
            address = _server(path, server)
            self._put_neighbour(address, bytes([2, 0, 0, path.number, 0xD0, server]))
            dest_id = _dest_id(path, server)
            self.maps.dests[dest_id] = Dest(
                addr=pack_address(ip_address(address)),
                port=PAYLOAD_PORT,
                af=_family(address),
                forwarding=ForwardingMode.FULLNAT,
                weight=1,
                service=path.number,
            )
            self.maps.schedules[dest_id] = dest_id
        base = path.number * LADDRS_PER_SERVICE
        for index in range(LADDRS_PER_SERVICE):
            packed = pack_address(ip_address(_laddr(path, index)))
            self.maps.laddrs[base + index] = Laddr(addr=packed, id=base + index)
        lists = {f"laddr{path.servers}_base": base, f"laddr{path.servers}_length": LADDRS_PER_SERVICE}
        vip = pack_address(ip_address(path.vip))
        key = ServiceKey(addr=vip, port=PAYLOAD_PORT, proto=path.protocol, af=_family(path.vip))
        value = Service(
            id=path.number,
            schedule_kind=ScheduleKind.SEQUENCE,
            schedule_base=_dest_id(path, 0),
            schedule_length=SERVERS_PER_SERVICE,
            **lists,
        )
        self.maps.services.put(key, value)
        self.maps.vips.put(ServiceKey(addr=vip, proto=path.protocol, af=_family(path.vip)), 1)


@contextmanager
def scene(pool: int, object_path: Path = OBJECT_PATH, ifindex: int = LOOPBACK) -> Iterator[tuple[Scene, Feeder]]:
    """A scene for so many connections, and a feeder in front of its program; meanwhile this thread keeps to one CPU."""
    with BpfObject(object_path) as loaded, _one_cpu():
        loaded.set_max_entries("conns", conn_slots(pool) + CONN_WINDOW)
        loaded.set_rodata({"num_ports": 1, "port_ifindexes": [ifindex]})
        loaded.load()
        made = Scene(loaded, pool, ifindex)
        with Feeder(made.program, made.maps.conns.fd, made.slots) as feeder:
            yield made, feeder


@contextmanager
def _one_cpu() -> Iterator[None]:
    """The last: interrupts tend to go to the first."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def settings_of(slots: int, tunables: Tunables, clock: Jiffies) -> Settings:
    """The settings of a table, with a secret that is none."""
    settings = Settings(conn_slots=slots, cpus=possible_cpus(), init_timeout=tunables.init_timeout_s)
    for index in range(len(settings.secret)):
        settings.secret[index] = 0x9E3779B9 * (index + 1) & 0xFFFFFFFF
    for state, timeout in enumerate(tunables.tcp_timeouts):
        settings.tcp_timeout[state] = timeout
    for state, timeout in enumerate(tunables.udp_timeouts):
        settings.udp_timeout[state] = timeout
    settings.default_ttl = tunables.default_ttl
    settings.jiffy_ns, settings.jiffies_offset_ns = clock.jiffy_ns, clock.offset_ns
    return settings


def frame(protocol: int, source: tuple[str, int], destination: tuple[str, int], tcp_flags: int = 0) -> bytes:
    """A frame from the router to us. Its L4 checksum is no checksum: the data plane corrects without checking."""
    return _frame(
        protocol,
        ip_address(source[0]).packed,
        ip_address(destination[0]).packed,
        struct.pack("!HH", source[1], destination[1]),
        tcp_flags,
    )


def _frame_of(conn: Conn, tcp_flags: int) -> bytes:
    key = conn.key
    length = 4 if key.af == socket.AF_INET else 16
    ports = struct.pack("!HH", key.sport, key.dport)
    return _frame(key.proto, key.saddr[:length], key.daddr[:length], ports, tcp_flags)


def _frame(protocol: int, saddr: bytes, daddr: bytes, ports: bytes, tcp_flags: int) -> bytes:
    ethertype, header = (0x0800, 20) if len(saddr) == 4 else (0x86DD, 40)
    length = FRAME_LENGTH - 14 - header
    if protocol == UDP:
        l4 = ports + struct.pack("!HH", length, 0x1234)
    else:
        l4 = ports + struct.pack("!IIBBHHH", 1, 1, 5 << 4, tcp_flags, 65535, 0x1234, 0)
    if len(saddr) == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, header + length, 0, 0x4000, 64, protocol, 0) + saddr + daddr
        ip = ip[:10] + struct.pack("<H", _checksum(ip)) + ip[12:]
    else:
        ip = struct.pack("!IHBB", 6 << 28, length, protocol, 64) + saddr + daddr
    return (OUR_MAC + ROUTER_MAC + struct.pack("!H", ethertype) + ip + l4).ljust(FRAME_LENGTH, b"\0")


def _checksum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"<{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _family(address: str) -> int:
    return 2 if ip_address(address).version == 4 else 10


def _dest_id(path: Path4or6, server: int) -> int:
    return path.number * SERVERS_PER_SERVICE + server


def _server(path: Path4or6, server: int) -> str:
    number = 16 * path.number + 16 + server
    return f"192.0.2.{number}" if path.servers == 4 else f"2001:db8:2::{number:x}"


def _laddr(path: Path4or6, index: int) -> str:
    return f"198.18.{path.number}.{index}" if path.servers == 4 else f"2001:db8:2::1:{index:x}"
