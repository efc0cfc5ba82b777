"""The real program on maps the data plane filled: a connection is made, listed, counted and swept away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from tests.support.netns import need
from xdpvs.bpf.layout import CONN_WINDOW, NeighbourState, TcpState
from xdpvs.bpf.object import OBJECT_PATH
from xdpvs.bpf.testrun import XdpAction, run_xdp
from xdpvs.dataplane.balancer import Balancer
from xdpvs.dataplane.conns import ConnTable
from xdpvs.dataplane.network import DeviceEntry, Network, RouteEntry
from xdpvs.dataplane.plane import DataPlane, Port
from xdpvs.dataplane.stats import Counters
from xdpvs.dataplane.sweeper import Sweeper
from xdpvs.dataplane.tunables import Tunables
from xdpvs.model.address import Family
from xdpvs.model.service import Dest, ForwardingMode, Service, ServiceKey
from xdpvs.sched.registry import build

LOOPBACK = 1
MAC, ROUTER, SERVER_MAC = (bytes.fromhex(f"0200000000{last:02x}") for last in (1, 2, 3))
CLIENT, VIP, LADDR, SERVER = (ip_address(text) for text in ("198.51.100.7", "192.0.2.1", "10.0.0.1", "10.0.0.9"))
WEB = Service(ServiceKey(Family.INET, 6, VIP, 80), scheduler="rr")


@pytest.fixture
def plane(bpffs_dir: Path) -> Iterator[DataPlane]:
    need([] if OBJECT_PATH.exists() else [f"{OBJECT_PATH.name} (run make)"])
    plane = DataPlane.open(bpffs_dir, [Port("lo", LOOPBACK)], 1000)
    yield plane
    plane.close(detach=True)


def configured(plane: DataPlane) -> Balancer:
    network = Network(plane.maps, plane.program_fd("neighbour_update"))
    network.put_device(DeviceEntry(0, 0, LOOPBACK, MAC))
    network.put_address(0, VIP, 32)
    network.put_route(ip_address("10.0.0.0"), 24, RouteEntry(0, 1500))
    network.put_route(ip_address("0.0.0.0"), 0, RouteEntry(0, 1500, ip_address("10.0.0.254")))
    network.update_neighbour(0, SERVER, mac=SERVER_MAC, state=NeighbourState.REACHABLE)
    network.update_neighbour(0, ip_address("10.0.0.254"), mac=ROUTER, state=NeighbourState.REACHABLE)
    balancer = Balancer(plane.maps, plane.journal)
    service_id, dest_id = balancer.new_service_id(), balancer.new_dest_id()
    dest = Dest(Family.INET, SERVER, 8080, ForwardingMode.FULLNAT)
    balancer.put_dest(dest_id, service_id, dest)
    balancer.put_service(service_id, WEB, build("rr", WEB.flags, [dest]), [dest_id], [LADDR])
    return balancer


def syn() -> bytes:
    frame = Ether(dst=MAC.hex(":"), src=ROUTER.hex(":")) / IP(src=str(CLIENT), dst=str(VIP))
    return bytes(frame / TCP(sport=50000, dport=80, flags="S", seq=1000))


def test_a_connection_from_syn_to_sweep(plane: DataPlane) -> None:
    balancer = configured(plane)
    run = run_xdp(plane.program_fd("xdpvs"), syn(), ifindex=LOOPBACK)
    assert run.action in (XdpAction.TX, XdpAction.REDIRECT), Counters(plane.maps).drops()

    table = ConnTable(plane.maps, plane.conn_slots + CONN_WINDOW)
    ((conn,),) = [part for part in table.conns() if part]
    out = Ether(run.data)
    assert out.dst == SERVER_MAC.hex(":")
    assert (conn.client, conn.client_port, conn.vip, conn.vip_port) == (CLIENT, 50000, VIP, 80)
    assert (conn.laddr, conn.server, conn.server_port) == (LADDR, SERVER, 8080)
    assert (str(conn.laddr), conn.laddr_port) == (out[IP].src, out[TCP].sport)
    assert (conn.state, conn.timeout_s) == ("SYN_RECV", 30)
    laddr_id = balancer.laddr_id(LADDR)
    assert sum(table.laddr_counts(), Counter()) == {(0, laddr_id): 1}
    counters = Counters(plane.maps)
    assert counters.conns([0])[0].inactive == 1
    assert counters.dests([0])[0].in_packets == 1

    timeouts = [9] * len(TcpState)
    timeouts[TcpState.SYN_RECV] = 0
    plane.tune(Tunables(tcp_timeouts=tuple(timeouts)))
    sweeper = Sweeper(plane.program_fd("sweep"), plane.conn_slots)
    deadline = time.monotonic() + 5  # a slot seen within the last second is passed by
    while time.monotonic() < deadline:
        done = sweeper.step(sweeper.size)
        if done is not None and not done.live:
            break
        time.sleep(0.05)
    assert [part for part in table.conns() if part] == []
    assert counters.conns([0])[0].inactive == 0
