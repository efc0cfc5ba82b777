"""The slow path's stages, loaded into the kernel and run on frames: maps to fill, verdicts and drops to look at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from tests.support.netns import need
from xdpvs.bpf.layout import (
    CONN_WINDOW,
    MAX_NEIGHBOURS,
    NEIGHBOUR_WINDOW,
    AddressKey,
    Conn,
    ConnFlags,
    Dest,
    Device,
    DeviceKind,
    DropReason,
    Event,
    Maps,
    Neighbour,
    NeighbourArgs,
    NeighbourState,
    Route,
    Route4Key,
    Route6Key,
    RouteFlags,
    Settings,
)
from xdpvs.bpf.maps import ArrayMap, PercpuArray
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.ringbuf import RingBuffer
from xdpvs.bpf.structure import U32, Codec, pack_address
from xdpvs.bpf.testrun import XdpAction, call, run_xdp

OBJECT = Path(__file__).parents[2] / "build" / "slowpath_test.bpf.o"

NEXT = 0xFFFFFFFF
TX, DROP, PASS, REDIRECT = XdpAction.TX, XdpAction.DROP, XdpAction.PASS, XdpAction.REDIRECT

OUR_MAC = "02:00:00:00:00:01"
PEER_MAC = "02:00:00:00:00:99"
CLIENT_MAC = "02:00:00:00:00:c1"
SERVER_MAC = "02:00:00:00:00:d1"
BROADCAST = "ff:ff:ff:ff:ff:ff"

# Frames of a test run come from the loopback device.
INGRESS_IFINDEX = 1
PORT, VLAN_DEVICE, OTHER_DEVICE = 0, 5, 6
VLAN = 100
CONN_SLOTS = 4096
DEST, SERVICE = 7, 3
RAW16: Codec[bytes] = Codec(16, bytes, bytes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a stage returned, the frame it left, and why it dropped (nothing counted: DropReason.NONE)."""

    action: int
    frame: bytes
    reason: DropReason


@dataclass(frozen=True, slots=True)
class Flow:
    """A FullNAT connection: client → vip becomes laddr → server."""

    client: str
    client_port: int
    vip: str
    vip_port: int
    laddr: str
    laddr_port: int
    server: str
    server_port: int
    protocol: int
    seq_delta: int = 0


def family(address: str) -> int:
    """AF_INET or AF_INET6 of an address."""
    return 2 if ip_address(address).version == 4 else 10


def packed(address: str) -> bytes:
    """The 16-byte field of an address."""
    return pack_address(ip_address(address))


def mac_bytes(mac: str) -> bytes:
    """Six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(source: str, destination: str, payload: Packet, vlan: int | None = None) -> bytes:
    """A frame, tagged if a VLAN is given."""
    l2 = Ether(src=source, dst=destination)
    return bytes(l2 / payload if vlan is None else l2 / Dot1Q(vlan=vlan) / payload)


class SlowPath:
    """The test object's programs and maps; reset() makes them as new."""

    def __init__(self, loaded: BpfObject) -> None:
        self._object = loaded
        self.maps = Maps.of(loaded.map_fd)
        self._events = RingBuffer(self.maps.events)
        self.reset()

    def close(self) -> None:
        """Give back what is not the object's."""
        self._events.close()

    def reset(self) -> None:
        """One port, one VLAN device on it and another port; no addresses, neighbours or connections."""
        maps = self.maps
        for table in (maps.addresses, maps.routes4, maps.routes6):
            table.clear()
        maps.conns.write(0, bytes(maps.conns.value.size * (CONN_SLOTS + CONN_WINDOW)))
        maps.neighbours.write(0, bytes(maps.neighbours.value.size * (MAX_NEIGHBOURS + NEIGHBOUR_WINDOW)))
        for reason in DropReason:
            if reason < DropReason.REASON_MAX:
                maps.drops[reason] = 0
        maps.dest_stats[DEST] = type(maps.dest_stats[DEST][0])()
        maps.dests[DEST] = Dest(af=2, forwarding=5, weight=1, service=SERVICE)
        mac = mac_bytes(OUR_MAC)
        common = {"ifindex": INGRESS_IFINDEX, "port": PORT, "mtu": 1500, "mac": mac}
        maps.devices[PORT] = Device(kind=DeviceKind.PORT, **common)
        maps.devices[VLAN_DEVICE] = Device(kind=DeviceKind.VLAN, vlan=VLAN, **common)
        maps.devices[OTHER_DEVICE] = Device(kind=DeviceKind.PORT, **{**common, "ifindex": 77, "port": OTHER_DEVICE})
        maps.vlan_devices[VLAN] = VLAN_DEVICE + 1
        PercpuArray(self._object.map_fd("icmp_buckets"), RAW16)[0] = bytes(16)
        self.settings()
        self._events.consume()

    def settings(self, default_ttl: int = 64, icmp_errors_per_second: int = 1000000) -> None:
        """The settings the slow path reads, with a secret that is not random."""
        settings = Settings(
            conn_slots=CONN_SLOTS,
            cpus=1,
            default_ttl=default_ttl,
            icmp_errors_per_second=icmp_errors_per_second,
        )
        for i in range(12):
            settings.secret[i] = 0x9E3779B9 * (i + 1) & 0xFFFFFFFF
        self.maps.settings[0] = settings

    def run(self, program: str, frame: bytes) -> Verdict:
        """One stage on one frame."""
        before = self.drops()
        result = run_xdp(self._object.program_fd(program), frame)
        new = [reason for reason, count in self.drops().items() if count != before[reason]]
        assert len(new) <= 1, f"counted more than one reason: {new}"
        return Verdict(result.action, result.data, new[0] if new else DropReason.NONE)

    def drops(self) -> dict[DropReason, int]:
        """How often each reason was counted."""
        return {r: sum(self.maps.drops[r]) for r in DropReason if r < DropReason.REASON_MAX}

    def events(self) -> list[Event]:
        """What was reported to the daemon since the last call."""
        return [Event.from_bytes(sample) for sample in self._events.consume()]

    def put_address(self, address: str, device: int = PORT) -> None:
        """An address of ours."""
        key = AddressKey(addr=packed(address), device=device, af=family(address))
        self.maps.addresses.put(key, ip_address(address).max_prefixlen)

    def put_route(self, address: str, device: int = PORT, flags: int = RouteFlags(0)) -> None:
        """A host route."""
        route = Route(device=device, flags=flags, mtu=1500)
        if family(address) == 2:
            self.maps.routes4.put(Route4Key(prefix_length=32, addr=packed(address)[:4]), route)
        else:
            self.maps.routes6.put(Route6Key(prefix_length=128, addr=packed(address)), route)

    def put_neighbour(
        self,
        address: str,
        mac: str,
        device: int = PORT,
        state: NeighbourState = NeighbourState.REACHABLE,
        flags: int = 0,
    ) -> int:
        """A neighbour with its MAC; returns its next hop."""
        args = NeighbourArgs(
            addr=packed(address),
            device=device,
            af=family(address),
            mac=mac_bytes(mac),
            set_mac=1,
            state=state,
            set_flags=flags,
        )
        next_hop = run_xdp(self._object.program_fd("put_neighbour"), bytes(args)).action
        assert next_hop != NEXT
        return next_hop

    def neighbour(self, address: str, device: int = PORT) -> Neighbour | None:
        """The entry of an address."""
        size = self.maps.neighbours.value.size
        table = bytes(self.maps.neighbours.read(0, MAX_NEIGHBOURS + NEIGHBOUR_WINDOW))
        at = table.find(packed(address))
        while at >= 0:
            entry = Neighbour.from_bytes(table[at // size * size :])
            if entry.addr == packed(address) and entry.device == device:
                return entry
            at = table.find(packed(address), at + 1)
        return None

    def _put_slot(
        self,
        flags: int,
        key: tuple[str, int, str, int],
        to: tuple[str, int, str, int],
        flow: Flow,
        next_hop: int,
    ) -> None:
        conn = Conn(
            saddr=packed(to[0]),
            sport=to[1],
            daddr=packed(to[2]),
            dport=to[3],
            flags=flags | (ConnFlags.NAT64 if family(key[0]) != family(to[0]) else 0),
            next_hop=next_hop,
            dest=DEST,
            service=SERVICE,
            seq_delta=flow.seq_delta,
        )
        conn.key.saddr, conn.key.sport, conn.key.daddr, conn.key.dport = packed(key[0]), key[1], packed(key[2]), key[3]
        conn.key.proto, conn.key.af = flow.protocol, family(key[0])
        assert call(self._object.program_fd("put_conn"), conn) == 0

    def put_flow(self, flow: Flow, to_server: int = NEXT, to_client: int = NEXT) -> None:
        """Both slots of a connection; without next hops, those come from the routes."""
        client, vip = (flow.client, flow.client_port), (flow.vip, flow.vip_port)
        laddr, server = (flow.laddr, flow.laddr_port), (flow.server, flow.server_port)
        self._put_slot(ConnFlags.INBOUND, (*client, *vip), (*laddr, *server), flow, to_server)
        self._put_slot(0, (*server, *laddr), (*vip, *client), flow, to_client)

    def put_error(self, kind: int, code: int, value: int, reason: DropReason) -> None:
        """What test_icmp_error is to send."""
        data = b"".join(U32.encode(word) for word in (kind, code, value, reason))
        fd = self._object.map_fd("error_args")
        ArrayMap(fd, RAW16)[0] = data

    def traffic(self) -> tuple[int, int, int, int]:
        """In packets, in bytes, out packets, out bytes of the server."""
        values = self.maps.dest_stats[DEST]
        return (
            sum(v.in_packets for v in values),
            sum(v.in_bytes for v in values),
            sum(v.out_packets for v in values),
            sum(v.out_bytes for v in values),
        )

    def transmitted(self, device: int = PORT) -> int:
        """Packets sent by a device."""
        return sum(v.tx_packets for v in self.maps.device_stats[device])


@contextmanager
def slow_path() -> Iterator[SlowPath]:
    """The loaded programs, as a fixture of each module yields them."""
    missing = [] if os.geteuid() == 0 else ["root"]
    missing += [] if OBJECT.exists() else [f"{OBJECT.name} (run make)"]
    need(missing)
    with BpfObject(OBJECT) as loaded:
        loaded.set_max_entries("conns", CONN_SLOTS + CONN_WINDOW)
        loaded.load()
        plane = SlowPath(loaded)
        try:
            yield plane
        finally:
            plane.close()
