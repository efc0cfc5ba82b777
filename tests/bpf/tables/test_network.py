"""Devices, addresses, routes, neighbours, counters and the sweep's driver."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address

import pytest

from xdpvs.bpf import errors, layout
from xdpvs.bpf.layout import DropReason, NeighbourFlags, NeighbourState, SlotKind
from xdpvs.bpf.libbpf import possible_cpus
from xdpvs.bpf.object import BpfObject
from xdpvs.dataplane import drops
from xdpvs.dataplane.network import DeviceEntry, Network, RouteEntry, decode_event
from xdpvs.dataplane.stats import ConnCounts, Counters, DeviceTraffic, Traffic
from xdpvs.dataplane.sweeper import Pass, Sweeper

MAC = bytes.fromhex("020000000001")
PORT = DeviceEntry(0, 0, 9, MAC)
V4, V6 = ip_address("192.0.2.1"), ip_address("2001:db8::1")


@pytest.fixture
def network(tables: BpfObject, maps: layout.Maps) -> Network:
    return Network(maps, tables.program_fd("neighbour_update"), lambda: 1000)


def loopback_index() -> int:
    return 1


def test_a_port_and_its_vlan(network: Network, maps: layout.Maps) -> None:
    port = DeviceEntry(0, 0, loopback_index(), MAC)
    vlan = DeviceEntry(3, 0, loopback_index(), MAC, 1496, vlan=102)
    network.put_device(port)
    network.put_device(vlan)
    assert maps.vlan_devices[0] == 1
    assert maps.vlan_devices[102] == 4
    assert network.devices() == {0: port, 3: vlan}
    network.remove_device(3)
    network.remove_device(3)
    assert maps.vlan_devices[102] == 0
    assert network.devices() == {0: port}


@pytest.mark.usefixtures("namespace")
def test_a_kni_peer(network: Network, maps: layout.Maps) -> None:
    shown = subprocess.run(["cat", "/sys/class/net/lo/ifindex"], check=True, capture_output=True, text=True)
    peer = int(shown.stdout)
    network.put_device(DeviceEntry(3, 0, peer, MAC, vlan=102, kni_peer=peer))
    assert maps.kni_devices.get(peer) == 3
    network.remove_device(3)
    assert maps.kni_devices.get(peer) is None


def test_addresses(network: Network) -> None:
    network.put_address(2, V4, 24)
    network.put_address(2, V6, 64)
    assert sorted(network.addresses(), key=str) == [(2, V4, 24), (2, V6, 64)]
    assert network.remove_address(2, V4)
    assert not network.remove_address(3, V6)


def test_routes(network: Network) -> None:
    default = RouteEntry(2, 1500, ip_address("192.0.2.254"))
    local = RouteEntry(2, 1500, flags=layout.RouteFlags.LOCAL)
    network.put_route(ip_address("0.0.0.0"), 0, default)
    network.put_route(V6, 128, local)
    assert list(network.routes()) == [(ip_address("0.0.0.0"), 0, default), (V6, 128, local)]
    assert network.remove_route(V6, 128)
    assert not network.remove_route(V6, 64)
    with pytest.raises(errors.BpfError, match="no prefix"):
        network.put_route(V4, 33, local)


def test_neighbours(network: Network) -> None:
    index = network.update_neighbour(2, V4, mac=MAC, state=NeighbourState.REACHABLE, set_flags=NeighbourFlags.WANTED)
    (found,) = network.neighbours()
    assert (found.index, found.device_id, found.address, found.mac) == (index, 2, V4, MAC)
    assert (found.state, found.flags) == (NeighbourState.REACHABLE, NeighbourFlags.WANTED)
    assert network.remove_neighbour(2, V4)
    assert not network.remove_neighbour(2, V4)
    assert network.neighbours() == []


def test_events() -> None:
    event = layout.Event(kind=2, device=4, addr=V4.packed, mac=MAC, af=2)
    found = decode_event(bytes(event))
    assert (found.kind, found.device_id, found.address, found.mac) == (layout.EventKind.NEIGHBOUR_LEARNED, 4, V4, MAC)
    with pytest.raises(ValueError, match="99"):
        decode_event(bytes(layout.Event(kind=99, af=2)))


def test_counters_are_summed_over_cpus(maps: layout.Maps) -> None:
    counters = Counters(maps)
    cpus = possible_cpus()
    maps.dest_stats[7] = layout.TrafficStats(conns=1, in_packets=2, in_bytes=3, out_packets=4, out_bytes=5)
    maps.device_stats[1] = layout.DeviceStats(rx_packets=6, kni_packets=7)
    maps.dest_conns[5] = layout.DestConns(active=4, inactive=(1 << 64) - 1, refused=1)
    assert counters.dests([7, 6]) == {7: Traffic(cpus, 2 * cpus, 3 * cpus, 4 * cpus, 5 * cpus), 6: Traffic()}
    assert counters.devices([1]) == {1: DeviceTraffic(rx_packets=6 * cpus, kni_packets=7 * cpus)}
    assert counters.conns([5]) == {5: ConnCounts(4, 0, 1)}
    assert counters.dests([]) == {}


def test_drops_have_reasons_and_sentences(maps: layout.Maps) -> None:
    maps.drops[DropReason.NO_DEST] = 3
    assert Counters(maps).drops() == {DropReason.NO_DEST: 3 * possible_cpus()}
    assert set(drops.SENTENCES) == set(DropReason) - {DropReason.REASON_MAX}
    assert "server" in drops.sentence(DropReason.NO_DEST)


def test_the_sweep_covers_the_table_in_steps(tables: BpfObject, maps: layout.Maps) -> None:
    live = SlotKind.LIVE << 32
    last = 8192 - 1
    maps.conns[0] = layout.Conn(tag=live, last_seen=1)
    maps.conns[last] = layout.Conn(tag=live)
    sweeper = Sweeper(tables.program_fd("sweep"), 8192 - layout.CONN_WINDOW)
    assert sweeper.due(0.25) == 2048
    assert sweeper.step(1) is None
    done = sweeper.step(8192)
    assert done is not None
    assert (done.live, done.freed) == (1, 1)
    assert sweeper.last_pass == done
    assert done != Pass()
