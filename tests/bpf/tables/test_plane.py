"""The data plane's life: created, adopted, refused, replaced, taken down."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from xdpvs.bpf import bpffs, errors, layout
from xdpvs.bpf.link import XdpLink, XdpMode, attached_mode
from xdpvs.bpf.maps import MapSpec, MapType, create_map
from xdpvs.dataplane import plane as plane_module
from xdpvs.dataplane.journal import MAX_DATA, Journal, RecordTooLarge
from xdpvs.dataplane.plane import DataPlane, Port, conn_slots
from xdpvs.dataplane.tunables import Tunables
from xdpvs.model.address import Family
from xdpvs.model.network import Address, AddressFlags
from xdpvs.model.service import AddressRange, Match, Service, ServiceFlags, ServiceKey

POOL = 1000
EXPERIMENTAL = 0x88B5  # ethertype for local experiments
SO_RCVBUFFORCE = 33
FRAME = bytes.fromhex("020000000001 020000000002 88b5") + bytes(46)


@contextmanager
def opened(directory: Path, tables: Path, *ports: Port, pool: int = POOL) -> Iterator[DataPlane]:
    plane = DataPlane.open(directory, ports, pool, object_path=tables)
    try:
        yield plane
    finally:
        plane.close(detach=False)


def raw_socket(receive: int) -> socket.socket:
    """A socket on the far end of the veth; receives frames of one ethertype, none for 0."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind(("right", receive))
    raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
    raw.settimeout(0.5)
    return raw


def send_slowly(sender: socket.socket, count: int) -> None:
    for _ in range(count):
        sender.send(FRAME)
        time.sleep(1e-4)


def test_slots_keep_the_memory_budget_and_the_load_factor() -> None:
    for pool in (65536, 1_000_000, 2_097_152):
        slots = conn_slots(pool)
        assert (slots + layout.CONN_WINDOW) * 128 <= pool * 400
        assert 2 * pool / slots < 0.65


def test_a_restart_finds_maps_secret_and_settings(bpffs_dir: Path, tables_path: Path) -> None:
    with opened(bpffs_dir, tables_path) as plane:
        assert not plane.adopted
        plane.maps.conns[5] = layout.Conn(tag=99)
        plane.tune(Tunables(init_timeout_s=9))
        secret = list(plane.maps.settings[0].secret)
        assert any(secret)
    with opened(bpffs_dir, tables_path) as plane:
        assert plane.adopted
        assert plane.notes == []
        assert plane.maps.conns[5].tag == 99
        assert list(plane.maps.settings[0].secret) == secret
        assert plane.maps.settings[0].init_timeout == 9


def test_another_pool_size_keeps_the_old_table(bpffs_dir: Path, tables_path: Path) -> None:
    with opened(bpffs_dir, tables_path) as plane:
        slots = plane.conn_slots
    with opened(bpffs_dir, tables_path, pool=5000) as plane:
        assert plane.adopted
        assert plane.conn_slots == slots
        assert "keeps its" in plane.notes[0]


def test_another_layout_costs_the_connections_and_keeps_the_journal(
    bpffs_dir: Path, tables_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(bpffs_dir, tables_path) as plane:
        plane.maps.conns[5] = layout.Conn(tag=99)
        plane.journal.put(1, 1, SERVICE)
    monkeypatch.setattr(plane_module, "LAYOUT_HASH", "another")
    with opened(bpffs_dir, tables_path, pool=5000) as plane:
        assert not plane.adopted
        assert "connections are lost" in plane.notes[0]
        assert plane.maps.conns[5].tag == 0
        assert plane.conn_slots == conn_slots(5000)
        assert plane.journal.load(1, Service) == {1: SERVICE}


def test_counters_of_another_shape_cost_no_connection(bpffs_dir: Path, tables_path: Path) -> None:
    with opened(bpffs_dir, tables_path) as plane:
        plane.maps.conns[5] = layout.Conn(tag=99)
        pin = plane.directory / "maps" / "drops"
    pin.unlink()
    bpffs.pin(create_map(MapSpec("drops", MapType.PERCPU_ARRAY, 4, 8, 3)), pin)
    with opened(bpffs_dir, tables_path) as plane:
        assert plane.adopted
        assert plane.maps.conns[5].tag == 99


def test_an_interrupted_start_is_not_adopted(bpffs_dir: Path, tables_path: Path) -> None:
    with opened(bpffs_dir, tables_path) as plane:
        (plane.directory / "layout").unlink()
    with opened(bpffs_dir, tables_path) as plane:
        assert not plane.adopted


def test_two_daemons_exclude_each_other(bpffs_dir: Path, tables_path: Path) -> None:
    with (
        opened(bpffs_dir, tables_path),
        pytest.raises(errors.PortBusy, match="another dpvs"),
        opened(bpffs_dir, tables_path),
    ):
        pass


@pytest.mark.usefixtures("namespace")
def test_links_survive_and_are_updated(bpffs_dir: Path, tables_path: Path) -> None:
    left = Port("left", socket.if_nametoindex("left"))
    with opened(bpffs_dir, tables_path, left) as plane:
        assert attached_mode(left.ifindex) is None
        plane.attach()
    assert attached_mode(left.ifindex) is XdpMode.NATIVE
    with opened(bpffs_dir, tables_path, left) as plane:
        assert plane.adopted
        plane.attach()
        plane.close(detach=True)
        assert attached_mode(left.ifindex) is None
        assert not plane.directory.exists()


@pytest.mark.usefixtures("namespace")
def test_links_of_ports_no_longer_named_are_pruned(bpffs_dir: Path, tables_path: Path) -> None:
    left, right = (Port(name, socket.if_nametoindex(name)) for name in ("left", "right"))
    with opened(bpffs_dir, tables_path, left) as plane:
        plane.attach()
    with opened(bpffs_dir, tables_path, right) as plane:
        plane.attach()
        plane.prune_links()
    assert attached_mode(left.ifindex) is None
    assert attached_mode(right.ifindex) is XdpMode.NATIVE


@pytest.mark.usefixtures("namespace")
def test_a_port_that_is_taken(bpffs_dir: Path, tables_path: Path) -> None:
    left = Port("left", socket.if_nametoindex("left"))
    with opened(bpffs_dir, tables_path, left) as plane:
        plane.attach()
        other = DataPlane.open(bpffs_dir, [left], POOL, prefix="other", object_path=tables_path)
        with pytest.raises(errors.PortBusy, match="left"):
            other.attach()
        other.close(detach=True)
        plane.close(detach=True)


@pytest.mark.usefixtures("namespace")
def test_native_mode_is_not_silently_generic(bpffs_dir: Path, tables_path: Path) -> None:
    loopback = Port("lo", socket.if_nametoindex("lo"))
    with (
        opened(bpffs_dir, tables_path, loopback) as plane,
        pytest.raises(errors.NoNativeXdp, match="--xdp-mode generic"),
    ):
        plane.attach()
    plane = DataPlane.open(bpffs_dir, [loopback], POOL, XdpMode.GENERIC, object_path=tables_path)
    plane.attach()
    assert attached_mode(loopback.ifindex) is XdpMode.GENERIC
    assert "generic" in plane.notes[0]
    plane.close(detach=True)


@pytest.mark.usefixtures("namespace")
def test_kni_links(bpffs_dir: Path, tables_path: Path) -> None:
    left, right = (Port(name, socket.if_nametoindex(name)) for name in ("left", "right"))
    with opened(bpffs_dir, tables_path) as plane:
        plane.attach_kni(left, right)
        assert attached_mode(left.ifindex) is XdpMode.NATIVE
        assert attached_mode(right.ifindex) is XdpMode.NATIVE
        plane.close(detach=True)


SERVICE = Service(
    ServiceKey(
        Family.INET,
        6,
        ip_address("192.0.2.1"),
        80,
        match=Match(source=AddressRange(min_address=ip_address("10.0.0.0"), max_port=9), input_device="dpdk0"),
    ),
    scheduler="conhash",
    flags=ServiceFlags.SIP_HASH,
)
ADDRESS = Address(Family.INET6, ip_address("2001:db8::1"), 64, "dpdk0", flags=AddressFlags.SAPOOL)


def test_journal_gives_back_what_was_put(bpffs_dir: Path) -> None:
    journal = Journal.open(bpffs_dir / "journal")
    journal.put(1, 7, SERVICE)
    journal.put(2, 7, ADDRESS)
    journal.close()
    journal = Journal.open(bpffs_dir / "journal")
    assert journal.load(1, Service) == {7: SERVICE}
    assert journal.load(2, Address) == {7: ADDRESS}
    assert {key.kind: value for key, value in journal.load_all({1: Service, 2: Address})} == {1: SERVICE, 2: ADDRESS}
    assert journal.delete(1, 7)
    assert not journal.delete(1, 7)
    journal.clear()
    assert journal.load(2, Address) == {}


def test_journal_refuses_what_does_not_fit(bpffs_dir: Path) -> None:
    journal = Journal.open(bpffs_dir / "journal")
    address = Address(Family.INET, ip_address("192.0.2.1"), 24, "x" * MAX_DATA)
    with pytest.raises(RecordTooLarge):
        journal.put(1, 1, address)
    assert journal.load(1, Address) == {}


@pytest.mark.usefixtures("namespace")
def test_no_frame_is_lost_while_daemons_come_and_go(bpffs_dir: Path, tables_path: Path) -> None:
    """The program sends every frame back, so what returns counts what was not lost."""
    left, right = (Port(name, socket.if_nametoindex(name)) for name in ("left", "right"))
    plane = DataPlane.open(bpffs_dir, [left], POOL, object_path=tables_path)
    plane.attach()
    # Native XDP_TX on a veth reaches the other end only if that has a program too.
    far = XdpLink.attach(plane.program_fd("kni_receive"), right.ifindex, right.name, XdpMode.NATIVE)
    with raw_socket(0) as sender, raw_socket(EXPERIMENTAL) as receiver:
        for _ in range(5):
            flood = threading.Thread(target=send_slowly, args=(sender, 500))
            flood.start()
            plane.close(detach=False)
            plane = DataPlane.open(bpffs_dir, [left], POOL, object_path=tables_path)
            assert plane.adopted
            plane.attach()
            flood.join()
        returned = 0
        with suppress(TimeoutError):
            while receiver.recv(2048):
                returned += 1
    assert returned == 5 * 500
    far.close()
    plane.close(detach=True)
