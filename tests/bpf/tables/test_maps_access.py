"""Maps through libbpf: what is written is read, ranges included."""

from __future__ import annotations

import logging
import mmap
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.netns import need
from tests.support.tables import TOP
from xdpvs.bpf import errors, layout
from xdpvs.bpf.maps import HashMap, MapSpec, MapType, create_map, map_spec, mapped
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.ringbuf import RingBuffer
from xdpvs.bpf.structure import U32
from xdpvs.bpf.testrun import XdpAction, call, run_xdp

KEY = layout.ServiceKey(addr=bytes([192, 0, 2, 1]), port=80, proto=6, af=2)


def test_hash_entries_come_and_go(maps: layout.Maps) -> None:
    assert maps.services.get(KEY) is None
    maps.services.put(KEY, layout.Service(id=5, flags=0x10))
    assert maps.services.get(KEY) == layout.Service(id=5, flags=0x10)
    assert list(maps.services.items()) == [(KEY, layout.Service(id=5, flags=0x10))]
    assert maps.services.delete(KEY)
    assert not maps.services.delete(KEY)


def test_big_endian_fields_convert_themselves() -> None:
    assert KEY.port == 80
    assert bytes(KEY)[16:18] == b"\0\x50"


def test_bytes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="addr"):
        layout.ServiceKey(addr=bytes(17))


def test_arrays_by_index_and_by_range(maps: layout.Maps) -> None:
    maps.schedules.write(100, struct.pack("<4I", 1, 2, 3, 4))
    assert maps.schedules[102] == 3
    assert maps.schedules.read(99, 3) == struct.pack("<3I", 0, 1, 2)
    assert len(maps.schedules.read(layout.MAX_SCHEDULE - 2, 10)) == 8
    with pytest.raises(IndexError):
        maps.schedules[layout.MAX_SCHEDULE]


def test_percpu_values(maps: layout.Maps) -> None:
    maps.dest_stats[7] = layout.TrafficStats(conns=3)
    assert {stats.conns for stats in maps.dest_stats[7]} == {3}
    assert len(maps.dest_stats.read(5, 4)) == 4 * maps.dest_stats.element_size
    maps.laddr_ports[3] = 9
    assert set(maps.laddr_ports[3]) == {9}


def test_longest_prefix(maps: layout.Maps) -> None:
    maps.routes4.put(layout.Route4Key(prefix_length=8, addr=bytes([10, 0, 0, 0])), layout.Route(device=1))
    maps.routes4.put(layout.Route4Key(prefix_length=16, addr=bytes([10, 1, 0, 0])), layout.Route(device=2))
    found = maps.routes4.get(layout.Route4Key(prefix_length=32, addr=bytes([10, 1, 2, 3])))
    assert found is not None
    assert found.device == 2
    assert {key.prefix_length for key in maps.routes4} == {8, 16}


def test_a_mapped_array_shows_what_is_written(maps: layout.Maps) -> None:
    maps.conns[40] = layout.Conn(tag=77)
    with mapped(maps.conns.fd, mmap.PAGESIZE, mmap.PAGESIZE) as window:
        assert layout.Conn.from_bytes(window[(40 - 32) * 128 : (41 - 32) * 128]).tag == 77


def test_rodata_reaches_the_program(tables: BpfObject) -> None:
    run = run_xdp(tables.program_fd("xdpvs"), bytes(60), repeat=10)
    assert run.action == XdpAction.TX
    assert run.data[0] == 9


def test_a_syscall_program_writes_its_context(tables: BpfObject, maps: layout.Maps) -> None:
    live = layout.SlotKind.LIVE << 32
    maps.conns[10] = layout.Conn(tag=live, last_seen=1)
    maps.conns[11] = layout.Conn(tag=live)
    args = layout.SweepArgs(last=20, count=20)
    call(tables.program_fd("sweep"), args)
    assert (args.live, args.freed) == (1, 1)


def test_events_arrive(tables: BpfObject, maps: layout.Maps) -> None:
    ring = RingBuffer(maps.events)
    assert ring.consume() == []
    run_xdp(tables.program_fd("emit_event"), bytes(60), repeat=3)
    events = [layout.Event.from_bytes(sample) for sample in ring.consume()]
    assert [event.device for event in events] == [7, 7, 7]
    assert ring.consume() == []
    ring.close()


def test_map_spec_is_what_was_asked_for() -> None:
    spec = MapSpec("short", MapType.HASH, 4, 8, 16)
    assert map_spec(create_map(spec)) == spec


def test_a_full_table_says_so() -> None:
    fd = create_map(MapSpec("full", MapType.HASH, 4, 4, 1))
    table = HashMap(fd, U32, U32)
    table.put(1, 1)
    with pytest.raises(errors.MapFull):
        table.put(2, 2)


def test_the_verifiers_reason_is_told_and_nothing_is_printed(
    tables_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with BpfObject(tables_path) as bpf:
        bpf.set_autoload("broken", True)
        with pytest.raises(errors.ProgramRejected, match="of the packet") as caught:
            bpf.load()
    assert "invalid access to packet" in caught.value.log
    assert capfd.readouterr().err == ""
    assert caplog.records == []


def test_missing_object() -> None:
    with pytest.raises(errors.BpfError, match="build it"):
        BpfObject(Path("/nonexistent.o"))


@pytest.mark.parametrize(
    ("kept", "missing"),
    [("-all", "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"), ("-all,+bpf,+perfmon", "CAP_NET_ADMIN")],
)
def test_missing_capabilities_are_named(tables_path: Path, kept: str, missing: str) -> None:
    need([] if shutil.which("setpriv") else ["setpriv"])
    load = f"import pathlib, xdpvs.bpf.object as o; o.BpfObject(pathlib.Path({str(tables_path)!r})).load()"
    argv = ["setpriv", f"--bounding-set={kept}", "--inh-caps=-all", "--reuid=0", sys.executable, "-c", load]
    run = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(TOP / "src")})
    assert f"not permitted, {missing} missing" in run.stderr
