"""All parts of a running daemon, wired: the data plane below, the control socket's handlers above."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xdpvs.api.server import ServerCounters
from xdpvs.bpf import layout
from xdpvs.bpf.link import XdpMode
from xdpvs.config.dpvs_conf import DpvsConfig
from xdpvs.daemon.asking import Asking, PortSockets
from xdpvs.daemon.conn_pages import ConnPages, LaddrConns
from xdpvs.daemon.devices import Device, Devices
from xdpvs.daemon.estimator import Estimator
from xdpvs.daemon.host import Host
from xdpvs.daemon.links import Links
from xdpvs.daemon.listing import Listing
from xdpvs.daemon.network import Layer3
from xdpvs.daemon.ports import ChosenPort
from xdpvs.daemon.records import RECORDS, DestRecord, GenerationRecord, Kind, ServiceRecord
from xdpvs.daemon.services import Services
from xdpvs.daemon.static_neighbours import StaticNeighbours
from xdpvs.daemon.version import own_version
from xdpvs.daemon.watch import PortWatch
from xdpvs.dataplane.balancer import Balancer
from xdpvs.dataplane.conns import ConnTable
from xdpvs.dataplane.drops import sentence
from xdpvs.dataplane.network import Network
from xdpvs.dataplane.plane import DataPlane
from xdpvs.dataplane.stats import Counters
from xdpvs.dataplane.sweeper import Sweeper
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.counters import DaemonStatus, DropCounter, Ipv6Stats

_DPVS_CURSORS = 255
_OUR_CURSORS = 65535


class State:
    """Made over an open data plane; `adopt` then makes it what the journal says."""

    def __init__(self, plane: DataPlane, config: DpvsConfig) -> None:
        self.plane = plane
        maps = plane.maps
        self.sockets = PortSockets()
        self.network = Network(maps, plane.program_fd("neighbour_update"))
        self.counters = Counters(maps)
        self.balancer = Balancer(maps, plane.journal)
        self.estimator = Estimator()
        self.sweeper = Sweeper(plane.program_fd("sweep"), plane.conn_slots)
        self.conns = ConnTable(maps, plane.conn_slots + layout.CONN_WINDOW)
        self.conn_pages = ConnPages(self.conns, _DPVS_CURSORS)
        self.conn_slices = ConnPages(self.conns, _OUR_CURSORS)
        self.laddr_conns = LaddrConns(self.conns)
        host = Host(plane)
        self.devices = Devices(self.network, host, plane.journal, self._reset_counters)
        self.asking = Asking(
            self.network,
            self.devices,
            self.sockets.send,
            timeout_s=config.neigh.timeout_s,
            used=self.conns.next_hops,
        )
        self.layer3 = Layer3(
            self.network,
            self.devices,
            host,
            plane.journal,
            announce=self.asking.announce,
            changed=self.asking.routes_changed,
            link_local=config.ipv6.addr_gen_mode != "none",
        )
        self.asking.follow(self.layer3)
        self.static_neighbours = StaticNeighbours(self.network, self.devices, plane.journal, self.asking.routes_changed)
        self.services = Services(
            self.balancer,
            plane.journal,
            traffic_of=self.counters.dests,
            want=self.asking.want,
            unwant=self.asking.unwant,
        )
        self.listing = Listing(
            self.services, self.counters, self.estimator, self.balancer.laddr_id, self.laddr_conns.of
        )
        self.links = Links(
            self.devices, self.counters, self.layer3, self._mac_changed, generic=plane.mode is XdpMode.GENERIC
        )
        self.watch = PortWatch(self.devices, self._mac_changed, self.asking.device_changed)
        self.settled: Callable[[], None] = self.asking.refresh
        self.requests = ServerCounters()
        self.generation = 0
        self._started_at_s = time.time()
        self._version = own_version().text

    def _reset_counters(self, device_id: int) -> None:
        self.plane.maps.device_stats[device_id] = layout.DeviceStats()

    def _mac_changed(self, device: Device) -> None:
        self.asking.device_changed(device)
        for address in self.layer3.addresses_of(device.name):
            self.asking.announce(device, address.address)

    def adopt(self, ports: list[ChosenPort]) -> None:
        """Ports, then everything the journal has; afterwards the maps hold that and nothing else."""
        found: dict[int, dict[int, Any]] = {int(kind): {} for kind in Kind}
        for key, record in self.plane.journal.load_all({int(kind): cls for kind, cls in RECORDS.items()}):
            found[key.kind][key.id] = record
        known = {record.name for record in found[Kind.DEVICE].values() if not record.vlan}
        for device_id, entry in self.network.devices().items():
            if device_id < len(ports) and entry.vlan:
                # A port was added since: the VLAN's id is a port's now.
                self.network.remove_device(device_id)
        devices = [_port_device(number, port) for number, port in enumerate(ports)]
        for device in devices:
            self.devices.add_port(device)
        self.layer3.adopt(found[Kind.DEVICE], found[Kind.ADDRESS], found[Kind.ROUTE])
        for device in devices:
            if device.name not in known:
                self.layer3.add_link_local(device)
        self.static_neighbours.adopt(found[Kind.NEIGHBOUR])
        self._adopt_generation(found[Kind.GENERATION])
        self._adopt_services(found[Kind.SERVICE], found[Kind.DEST], found[Kind.LADDR])

    def _adopt_generation(self, found: dict[int, GenerationRecord]) -> None:
        if not found:
            found = {0: GenerationRecord(secrets.randbits(63) | 1)}
            self.plane.journal.put(Kind.GENERATION, 0, found[0])
        self.generation = found[0].number

    def _adopt_services(
        self, services: dict[int, ServiceRecord], dests: dict[int, DestRecord], laddrs: dict[int, Any]
    ) -> None:
        self.balancer.retain(services.keys(), dests.keys())
        self.services.adopt(services, dests, laddrs)

    def settle(self) -> None:
        """After a change: next hops that are needed now are asked for."""
        self.settled()

    # Counters

    def received(self) -> int:
        """Frames of all devices so far."""
        ids = [device.id for device in self.devices]
        return sum(traffic.rx_packets for traffic in self.counters.devices(ids).values())

    async def count_laddrs(self) -> None:
        """Make connections per local address current."""
        await self.laddr_conns.refresh(any_conns=self.balancer.any_conns())

    def laddr_use(self, address: IPAddress) -> tuple[int, int]:
        """(connections, ports not found) of a local address."""
        index = self.balancer.laddr_id(address)
        if index is None:
            return 0, 0
        return self.laddr_conns.of_laddr(index), self.counters.laddrs([index])[index].misses

    def drops(self) -> list[DropCounter]:
        """XDPVS_GET_DROPS."""
        return [
            DropCounter(reason.name.lower(), sentence(reason), count) for reason, count in self.counters.drops().items()
        ]

    def status(self) -> DaemonStatus:
        """XDPVS_GET_STATUS."""
        sweeper, requests = self.sweeper, self.requests
        now = time.time()
        return DaemonStatus(
            version=self._version,
            generation=self.generation,
            started_at_s=self._started_at_s,
            uptime_s=max(0.0, now - self._started_at_s),
            conns=sweeper.last_pass.live,
            conn_slots=sweeper.size,
            conns_expired=sweeper.expired,
            sweeps=sweeper.passes,
            sweep_s=sweeper.last_pass.busy_s,
            services=len(self.services),
            dests=sum(len(entry.dests) for entry in self.services),
            laddrs=sum(len(entry.laddrs) for entry in self.services),
            devices=len(list(self.devices)),
            addresses=len(self.layer3.addresses()),
            routes=len(self.layer3.routes(Family.INET)) + len(self.layer3.routes(Family.INET6)),
            neighbours=self.asking.known,
            requests=requests.requests,
            request_errors=requests.errors,
            request_garbage=requests.garbage,
            request_timeouts=requests.timeouts,
            resident_bytes=_resident_bytes(),
            cpu_s=time.process_time(),
        )

    def ipv6_stats(self) -> Ipv6Stats:
        """IP6_STATS: nothing of it is counted."""
        return Ipv6Stats()


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def _port_device(number: int, port: ChosenPort) -> Device:
    netdev = port.netdev
    return Device(number, port.name, number, netdev.index, netdev.name, netdev.mac, netdev.mtu)
