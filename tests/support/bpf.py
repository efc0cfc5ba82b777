"""The whole data plane in the kernel for tests: loaded once, emptied for each test, fed with single frames."""

from __future__ import annotations

import ctypes
import functools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support import world
from tests.support.frames import UDP
from tests.support.netns import need
from xdpvs.bpf import layout
from xdpvs.bpf.layout import CONN_WINDOW, SWEEP_SLOTS, TICK_SHIFT, DropReason, Maps, SlotKind
from xdpvs.bpf.libbpf import check, library, possible_cpus
from xdpvs.bpf.maps import mapped
from xdpvs.bpf.object import OBJECT_PATH, BpfObject
from xdpvs.bpf.testrun import RunOptions, XdpAction, call, run_xdp

TABLE = world.CONN_SLOTS + CONN_WINDOW
SECOND_TICKS = 1_000_000_000 / (1 << TICK_SHIFT)
PAGE = 4096
MAX_OUT = 8192
SCHEDULE_EACH = 1024

TX, DROP, PASS, REDIRECT = XdpAction.TX, XdpAction.DROP, XdpAction.PASS, XdpAction.REDIRECT

TCP_TIMEOUTS = (2, 90, 3, 30, 7, 7, 3, 7, 7, 120, 30)
UDP_TIMEOUTS = (2, 300, 300)
# The reference's abbreviations, in the order of enum tcp_state.
TCP_STATE = ("NO", "ES", "SS", "SR", "FW", "TW", "CL", "CW", "LA", "LI", "SA")
UDP_STATE = ("NONE", "ONEWAY", "NORMAL")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a frame; reason is NONE unless exactly one drop was counted."""

    action: int
    frame: bytes
    reason: DropReason = DropReason.NONE


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one pass over the table counted."""

    live: int
    expired: int
    freed: int


class Runner:
    """Runs a program on frames with buffers of its own: a third of the cost of testrun.run_xdp, and per thread."""

    def __init__(self, program: int) -> None:
        self._program = program
        self._in = ctypes.create_string_buffer(MAX_OUT)
        self._out = ctypes.create_string_buffer(MAX_OUT)
        self._in_at, self._out_at = ctypes.addressof(self._in), ctypes.addressof(self._out)
        self._options = RunOptions(sz=ctypes.sizeof(RunOptions), repeat=1, data_in=self._in_at, data_out=self._out_at)
        self._by_reference = ctypes.byref(self._options)
        self._run = library().bpf_prog_test_run_opts

    def __call__(self, frame: bytes) -> tuple[int, bytes]:
        options = self._options
        ctypes.memmove(self._in_at, frame, len(frame))
        options.data_size_in = len(frame)
        options.data_size_out = MAX_OUT
        result = self._run(self._program, self._by_reference)
        if result:
            check(result, f"running a frame of {len(frame)} bytes")
        return options.retval, ctypes.string_at(self._out_at, options.data_size_out)


class DropCounters:
    """Sums over CPUs, read with a buffer of its own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._values = (ctypes.c_uint64 * possible_cpus())()
        self._at = ctypes.addressof(self._values)
        self._keys = [reason.to_bytes(4, "little") for reason in range(DropReason.REASON_MAX)]
        self._lookup = library().bpf_map_lookup_elem
        self._seen = [0] * DropReason.REASON_MAX

    def mark(self) -> None:
        """Whatever was counted so far is seen."""
        self._seen = self.all()

    def grew(self, reason: int) -> bool:
        """Whether a reason was counted exactly once since it was last asked for."""
        count = self[reason]
        by, self._seen[reason] = count - self._seen[reason], count
        return by == 1

    def __getitem__(self, reason: int) -> int:
        check(self._lookup(self._fd, self._keys[reason], self._at), "reading a drop counter")
        return sum(self._values)

    def all(self) -> list[int]:
        """Every counter, by reason."""
        return [self[reason] for reason in range(DropReason.REASON_MAX)]


class Plane:
    """The loaded object over the network of `world`; reset() makes it as new."""

    def __init__(self, loaded: BpfObject) -> None:
        self._object = loaded
        self.maps = Maps.of(loaded.map_fd)
        self.drop_counters = DropCounters(self.maps.drops.fd)
        self.run = self.runner()
        self._conns = self._window(self.maps.conns.fd, TABLE * 128)
        self.conns: npt.NDArray[Any] = np.frombuffer(self._conns, np.dtype(layout.CONN_DTYPE), TABLE)  # type: ignore[call-overload]
        self._counts = self._window(self.maps.dest_conns.fd, PAGE)
        self._counters = self._window(self.maps.service_counters.fd, PAGE)
        self._laddr_stats = self._window(self.maps.laddr_stats.fd, PAGE)
        self._neighbours = self._window(self.maps.neighbours.fd, (layout.MAX_NEIGHBOURS + 32) * 64)

    def _window(self, fd: int, length: int) -> Any:
        return mapped(fd, 0, -(-length // PAGE) * PAGE, writable=True)

    def runner(self) -> Runner:
        """Another way in, for another thread."""
        return Runner(self._object.program_fd("xdpvs"))

    def send(self, frame: bytes) -> Result:
        """Run one frame; more than one counted drop is an error."""
        before = self.drop_counters.all()
        action, out = self.run(frame)
        counted = [
            (reason, new - old)
            for reason, (old, new) in enumerate(zip(before, self.drop_counters.all(), strict=True))
            if new != old
        ]
        assert sum(count for _, count in counted) <= 1, f"counted {counted}"
        return Result(action, out, DropReason(counted[0][0]) if counted else DropReason.NONE)

    def drops(self) -> dict[DropReason, int]:
        """Reasons counted so far."""
        return {DropReason(reason): count for reason, count in enumerate(self.drop_counters.all()) if count}

    def reset(self) -> None:
        """No connections or counts; network and services of `world`, every schedule one round of the servers."""
        self.forget()
        self._neighbours[:] = bytes(len(self._neighbours))
        for table in (self.maps.services, self.maps.vips, self.maps.routes4, self.maps.routes6, self.maps.addresses):
            table.clear()
        self.settings()
        self._put_network()
        for service in world.SERVICES:
            self.put_service(service)

    def forget(self) -> None:
        """No connections or counts; the configuration stays."""
        self._conns[:] = bytes(len(self._conns))
        self._counts[:] = bytes(PAGE)
        self._counters[:] = bytes(PAGE)
        self._laddr_stats[:] = bytes(PAGE)
        for laddr in range(16):
            self.maps.laddr_ports[laddr] = 0
        for reason in range(DropReason.REASON_MAX):
            self.maps.drops[reason] = 0
        self.drop_counters.mark()
        for dest in range(80):
            self.maps.dest_stats[dest] = layout.TrafficStats()
        for device in world.DEVICES:
            self.maps.device_stats[device.id] = layout.DeviceStats()

    def settings(
        self,
        *,
        flags: int = 0,
        icmp_errors_per_second: int = 0,
        cpus: int | None = None,
        conn_slots: int = world.CONN_SLOTS,
    ) -> None:
        """The settings, with a secret that is the same in every run."""
        settings = layout.Settings(
            conn_slots=conn_slots,
            cpus=possible_cpus() if cpus is None else cpus,
            flags=flags,
            init_timeout=3,
            default_ttl=64,
            icmp_errors_per_second=icmp_errors_per_second,
        )
        for i in range(12):
            settings.secret[i] = 0x9E3779B9 * (i + 1) & 0xFFFFFFFF
        settings.tcp_timeout[: len(TCP_TIMEOUTS)] = list(TCP_TIMEOUTS)
        settings.udp_timeout[: len(UDP_TIMEOUTS)] = list(UDP_TIMEOUTS)
        self.maps.settings[0] = settings

    def _put_network(self) -> None:
        ifindexes = (world.PORT0_IFINDEX, world.PORT1_IFINDEX)
        for device in world.DEVICES:
            self.maps.devices[device.id] = layout.Device(
                kind=layout.DeviceKind.VLAN if device.vlan else layout.DeviceKind.PORT,
                ifindex=ifindexes[device.port],
                port=device.port,
                vlan=device.vlan,
                mtu=device.mtu,
                mac=device.mac,
                kni=1 if device.has_kni else 0,
            )
            if device.vlan:
                self.maps.vlan_devices[device.port * 4096 + device.vlan] = device.id + 1
            if device.has_kni:
                self.maps.kni_ports[device.id] = world.PORT0_IFINDEX
        # A device map wants netdevs that exist; the second port's frames are only seen to be redirected.
        for port in (0, 1):
            self.maps.tx_ports[port] = world.PORT0_IFINDEX
        self.put_route(world.ROUTED4, 24, world.PORT0, world.ROUTER4)
        self.put_route(world.ROUTED6, 48, world.PORT0, world.ROUTER6)
        for router in (world.ROUTER4, world.ROUTER6):
            self.put_neighbour(router, world.GATEWAY_MAC, world.PORT0)

    def put_route(self, prefix: bytes, length: int, device: world.Device, gateway: bytes | None = None) -> None:
        """A route, on-link without gateway."""
        route = layout.Route(device=device.id, mtu=device.mtu)
        if gateway:
            route.gateway, route.flags = gateway, layout.RouteFlags.GATEWAY
        if len(prefix) == 4:
            self.maps.routes4.put(layout.Route4Key(prefix_length=length, addr=prefix), route)
        else:
            self.maps.routes6.put(layout.Route6Key(prefix_length=length, addr=prefix), route)

    def put_neighbour(
        self, address: bytes, mac: bytes, device: world.Device, state: int = layout.NeighbourState.REACHABLE
    ) -> int:
        """A neighbour, by the daemon's program."""
        args = layout.NeighbourArgs(addr=address, device=device.id, af=family(address), mac=mac, set_mac=1, state=state)
        call(self._object.program_fd("neighbour_update"), args)
        assert args.index >= 0
        return args.index

    def remove_neighbour(self, address: bytes, device: world.Device) -> None:
        """The daemon gives a neighbour up."""
        args = layout.NeighbourArgs(addr=address, device=device.id, af=family(address), remove=1)
        call(self._object.program_fd("neighbour_update"), args)

    def put_server(self, server: world.Server, service: int = 0, *, weight: int = 1, max_conn: int = 0) -> None:
        """A server as the maps have it, and the way to it."""
        self.put_dest(server, service, weight=weight, max_conn=max_conn)
        self.put_route(server.address, len(server.address) * 8, server.hop.device, server.gateway)
        self.put_neighbour(server.gateway or server.address, server.hop.mac, server.hop.device)

    def put_dest(
        self,
        server: world.Server,
        service: int = 0,
        *,
        weight: int = 1,
        max_conn: int = 0,
        forwarding: int = layout.Forwarding.FULLNAT,
    ) -> None:
        """The entry of a server only."""
        self.maps.dests[server.id] = layout.Dest(
            addr=server.address,
            port=server.port,
            af=family(server.address),
            forwarding=forwarding,
            weight=weight,
            max_conn=max_conn,
            service=service,
        )

    def put_service(
        self,
        service: world.Service,
        *,
        kind: int = layout.ScheduleKind.SEQUENCE,
        schedule: list[int] | None = None,
        flags: int = 0,
        weight: int = 1,
        max_conn: int = 0,
    ) -> None:
        """A service, its servers, its schedule (dest ids; all servers in turn if not given) and local addresses."""
        for server in service.servers:
            self.put_server(server, service.id, weight=weight, max_conn=max_conn)
        entries = [server.id for server in service.servers] if schedule is None else schedule
        assert len(entries) <= SCHEDULE_EACH
        base = service.id * SCHEDULE_EACH
        self.maps.schedules.write(base, b"".join(entry.to_bytes(4, "little") for entry in entries))
        for i, laddr in enumerate(service.laddrs):
            self.maps.laddrs[service.id * 16 + i] = layout.Laddr(addr=laddr, id=laddr_id(laddr))
        inet4 = [laddr for laddr in service.laddrs if len(laddr) == 4]
        value = layout.Service(
            id=service.id,
            flags=flags,
            schedule_kind=kind,
            schedule_base=base,
            schedule_length=len(entries),
            conn_timeout=service.timeout_s,
            laddr4_base=service.id * 16,
            laddr4_length=len(inet4),
            laddr6_base=service.id * 16 + len(inet4),
            laddr6_length=len(service.laddrs) - len(inet4),
        )
        key = layout.ServiceKey(addr=service.vip, port=service.port, proto=service.proto, af=family(service.vip))
        self.maps.services.put(key, value)
        vip = layout.ServiceKey(addr=service.vip, proto=service.proto, af=family(service.vip))
        self.maps.vips.put(vip, (self.maps.vips.get(vip) or 0) + 1)

    def sweep(self) -> Sweep:
        """One whole pass, downwards as the daemon does it."""
        live = expired = freed = 0
        left = TABLE
        while left:
            args = layout.SweepArgs(last=left - 1, count=min(SWEEP_SLOTS, left))
            call(self._object.program_fd("sweep"), args)
            left -= args.count
            live, expired, freed = live + args.live, expired + args.expired, freed + args.freed
        return Sweep(live, expired, freed)

    def age(self, seconds: float) -> None:
        """Lets every slot be older, as if time had passed without packets."""
        in_use = self.kinds() != SlotKind.EMPTY
        self.conns["last_seen"][in_use] -= np.uint32(round(seconds * SECOND_TICKS))

    def kinds(self) -> npt.NDArray[np.uint64]:
        """Kind of every slot."""
        kinds: npt.NDArray[np.uint64] = self.conns["tag"] >> np.uint64(32)
        return kinds

    def live(self) -> npt.NDArray[Any]:
        """A copy of the live slots."""
        found: npt.NDArray[Any] = self.conns[self.kinds() == SlotKind.LIVE]
        return found

    def inbound(self) -> npt.NDArray[Any]:
        """A copy of the live slots of clients' packets: one per connection."""
        slots = self.live()
        found: npt.NDArray[Any] = slots[slots["flags"] & layout.ConnFlags.INBOUND != 0]
        return found

    def states(self) -> set[str]:
        """Names of the states live slots are in, the reference's abbreviations for TCP."""
        return {(UDP_STATE if slot["key_proto"] == UDP else TCP_STATE)[int(slot["state"])] for slot in self.live()}

    def counts(self, dest: int) -> tuple[int, int]:
        """Active and inactive connections of a server."""
        value = self.maps.dest_conns[dest]
        return value.active, value.inactive

    def traffic(self, dest: int) -> layout.TrafficStats:
        """A server's traffic, over all CPUs."""
        total = layout.TrafficStats()
        for value in self.maps.dest_stats[dest]:
            for name in ("conns", "in_packets", "in_bytes", "out_packets", "out_bytes"):
                setattr(total, name, getattr(total, name) + getattr(value, name))
        return total

    def device_traffic(self, device: world.Device) -> tuple[tuple[int, int], tuple[int, int]]:
        """Packets and bytes a device received and sent."""
        values = self.maps.device_stats[device.id]
        received = sum(v.rx_packets for v in values), sum(v.rx_bytes for v in values)
        return received, (sum(v.tx_packets for v in values), sum(v.tx_bytes for v in values))

    def kni_transmit(self, frame: bytes) -> Result:
        """What the host sends on a KNI."""
        run = run_xdp(self._object.program_fd("kni_transmit"), frame)
        return Result(run.action, run.data)


def address_of(slot: Any, address: str, port: str) -> tuple[bytes, int]:
    """Address and port of a slot's fields, the address packed."""
    data = bytes(slot[address])
    return data[: 4 if _is_inet4(slot, address) else 16], int(slot[port])


def _is_inet4(slot: Any, address: str) -> bool:
    """Fields of the key have its family, the rewritten ones the other if it is a NAT64 connection."""
    inet4 = int(slot["key_af"]) == 2
    crosses = bool(slot["flags"] & layout.ConnFlags.NAT64) and not address.startswith("key_")
    return inet4 != crosses


def family(address: bytes) -> int:
    """AF_INET or AF_INET6."""
    return 2 if len(address) == 4 else 10


def laddr_id(laddr: bytes) -> int:
    """The id under which a local address' ports are handed out."""
    return (world.LADDRS4 + world.LADDRS6).index(laddr) if laddr in world.LADDRS4 + world.LADDRS6 else 15


@contextmanager
def pinned_cpu(cpu: int = 0) -> Iterator[int]:
    """Keeps the calling thread on one CPU, whose residue of the ports it gets."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield cpu
    finally:
        os.sched_setaffinity(0, before)


@functools.cache
def missing() -> tuple[str, ...]:
    """What these tests lack on this machine."""
    lacks = [] if os.geteuid() == 0 else ["root"]
    return tuple(lacks + ([] if object_path().exists() else [f"{object_path().name} (run make)"]))


def object_path() -> Path:
    """The object under test, XDPVS_OBJECT if set."""
    return Path(os.environ.get("XDPVS_OBJECT", OBJECT_PATH))


@contextmanager
def open_plane() -> Iterator[Plane]:
    """The loaded data plane."""
    need(missing())
    with BpfObject(object_path()) as loaded:
        loaded.set_max_entries("conns", TABLE)
        loaded.set_rodata({"num_ports": 2, "port_ifindexes": [world.PORT0_IFINDEX, world.PORT1_IFINDEX]})
        loaded.load()
        yield Plane(loaded)


def wait_ticks(ticks: int) -> None:
    """Sleeps until the coarse clock is that much further: the grace of dying slots is real time."""
    until = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + (ticks << TICK_SHIFT)
    while time.clock_gettime_ns(time.CLOCK_MONOTONIC) < until:
        time.sleep(0.005)
