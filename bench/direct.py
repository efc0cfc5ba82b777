"""The data plane in the lab without the daemon: one TCP service, everything static.

Rows about packets use it when the daemon is not to be had, and say so.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from bench.cable import inside
from bench.scene import settings_of
from lab.builder import Lab
from xdpvs.bpf.layout import CONN_WINDOW, Dest, Laddr, Maps, NeighbourState, ScheduleKind, Service, ServiceKey
from xdpvs.bpf.link import XdpLink, XdpMode
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.structure import pack_address
from xdpvs.dataplane import jiffies
from xdpvs.dataplane.network import DeviceEntry, Network, RouteEntry
from xdpvs.dataplane.plane import conn_slots
from xdpvs.dataplane.tunables import Tunables
from xdpvs.model.service import ForwardingMode

POOL = 200_000
TCP, INET = 6, 2


class Direct:
    """A context manager: forwards while it is open."""

    def __init__(self, lab: Lab, object_path: Path) -> None:
        lab.lb.ip("link", "set", "dpdk0", "up")
        words = lab.lb.ip("-o", "link", "show", "dev", "dpdk0")
        ifindex = int(words.partition(":")[0])
        slots = conn_slots(POOL)
        self._object = BpfObject(object_path)
        self._object.set_max_entries("conns", slots + CONN_WINDOW)
        self._object.set_rodata({"num_ports": 1, "port_ifindexes": [ifindex]})
        self._object.load()
        self._maps = Maps.of(self._object.map_fd)
        self._maps.settings[0] = settings_of(slots, Tunables(), jiffies.measure(self._object.program_fd("clock_read")))
        self._network = Network(self._maps, self._object.program_fd("neighbour_update"))
        mac = bytes.fromhex(lab.lb.mac("dpdk0").replace(":", ""))
        self._network.put_device(DeviceEntry(0, 0, ifindex, mac))
        self._network.put_route(ip_address("192.0.2.0"), 24, RouteEntry(0, 1500))
        with inside(lab.lb.namespace):
            self._link = XdpLink.attach(self._object.program_fd("xdpvs"), ifindex, "dpdk0", XdpMode.NATIVE)

    def close(self) -> None:
        """Detach."""
        self._link.close()
        self._object.close()

    def put_neighbour(self, address: str, mac: str) -> None:
        """A host on the link."""
        packed = bytes.fromhex(mac.replace(":", ""))
        self._network.update_neighbour(0, ip_address(address), mac=packed, state=NeighbourState.REACHABLE)

    def put_service(self, vip: str, server: str, port: int, laddr: str) -> None:
        """TCP to one server by FullNAT."""
        for address in (vip, laddr):
            self._network.put_address(0, ip_address(address), 32)
        self._maps.dests[0] = Dest(
            addr=pack_address(ip_address(server)), port=port, af=INET, forwarding=ForwardingMode.FULLNAT, weight=1
        )
        self._maps.schedules[0] = 0
        self._maps.laddrs[0] = Laddr(addr=pack_address(ip_address(laddr)), id=0)
        packed = pack_address(ip_address(vip))
        value = Service(schedule_kind=ScheduleKind.SEQUENCE, schedule_length=1, laddr4_length=1)
        self._maps.services.put(ServiceKey(addr=packed, port=port, proto=TCP, af=INET), value)
        self._maps.vips.put(ServiceKey(addr=packed, proto=TCP, af=INET), 1)
