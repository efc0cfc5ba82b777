"""The life of the pinned data plane: create it, find it again, swap its program, take it down.

Everything stands in one directory of a BPF filesystem: `maps/`, one link per netdev, the journal, and `layout`, which
says what the maps are. A daemon that starts adopts maps whose layout is the one it was built with and replaces
programs in place, so that no packet is lost; other maps are replaced, which costs their connections and is said.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xdpvs.bpf import bpffs
from xdpvs.bpf.errors import BpfError, PortBusy
from xdpvs.bpf.layout import CONN_WINDOW, DISPOSABLE_MAPS, LAYOUT_HASH, MAPS, MAX_PORTS, Maps, Settings
from xdpvs.bpf.libbpf import possible_cpus
from xdpvs.bpf.link import XdpLink, XdpMode, attached_mode
from xdpvs.bpf.maps import ArrayMap, MapFlags, MapSpec, MapType, create_map, map_spec
from xdpvs.bpf.object import OBJECT_PATH, BpfObject
from xdpvs.bpf.structure import Codec
from xdpvs.dataplane import jiffies
from xdpvs.dataplane.journal import Journal
from xdpvs.dataplane.tunables import Tunables

log = logging.getLogger(__name__)

SLOT_SIZE = 128
BYTES_PER_CONN = 399  # pages are rounded up: 400 stays true
RECORD_SIZE = 256
# The kernel adds flags of its own (BPF_F_RDONLY_PROG to device maps).
_OUR_FLAGS = MapFlags.NO_PREALLOC | MapFlags.MMAPABLE


@dataclass(frozen=True, slots=True)
class Port:
    """A netdev of ours, named as the kernel does."""

    name: str
    ifindex: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What the pinned maps are; conn_slots counts homes, without the window behind them."""

    hash: str
    conn_slots: int


def _encode_record(data: bytes) -> bytes:
    return data.ljust(RECORD_SIZE, b"\0")


def _decode_record(data: bytes | bytearray | memoryview) -> bytes:
    return bytes(data).rstrip(b"\0")


_RECORD = Codec(RECORD_SIZE, _encode_record, _decode_record)


def conn_slots(conn_pool_size: int) -> int:
    """Homes for a pool: two slots a connection fill 64 % of what BYTES_PER_CONN buy, window included."""
    return max(conn_pool_size * BYTES_PER_CONN // SLOT_SIZE - CONN_WINDOW, conn_pool_size * 3)


class DataPlane:
    """The loaded data plane; links appear with attach(), after the caller has put its state into the maps."""

    def __init__(self, directory: Path, ports: Sequence[Port], mode: XdpMode) -> None:
        self.directory = directory
        self.ports = tuple(ports)
        self.mode = mode
        self.notes: list[str] = []
        self.adopted = False
        self._links: dict[str, XdpLink] = {}
        self._lock = _locked(directory)
        self._object: BpfObject | None = None
        self._layout_fd = -1

    @classmethod
    def open(
        cls,
        bpffs_dir: Path,
        ports: Sequence[Port],
        conn_pool_size: int,
        mode: XdpMode = XdpMode.NATIVE,
        *,
        prefix: str = "xdpvs",
        object_path: Path = OBJECT_PATH,
    ) -> DataPlane:
        """Create the data plane or adopt the pinned one; `notes` says in sentences what the operator should know."""
        if len(ports) > MAX_PORTS:
            raise BpfError(f"{len(ports)} ports, but at most {MAX_PORTS} are possible")
        bpffs.ensure_bpffs(bpffs_dir)
        directory = bpffs_dir / prefix
        (directory / "maps").mkdir(mode=0o700, parents=True, exist_ok=True)
        plane = cls(directory, ports, mode)
        try:
            plane._load(conn_slots(conn_pool_size), object_path)
        except BaseException:
            plane.close(detach=False)
            _remove_empty(directory)
            raise
        return plane

    def _load(self, slots: int, object_path: Path) -> None:
        slots = self._settle_layout(slots)
        bpf = self._object = BpfObject(object_path)
        bpf.set_max_entries("conns", slots + CONN_WINDOW)
        found = [spec.name for spec in MAPS if self._reuse(bpf, spec.name)]
        indices = [port.ifindex for port in self.ports]
        bpf.set_rodata({"num_ports": len(indices), "port_ifindexes": indices})
        bpf.load()
        for spec in MAPS:
            if spec.name not in found:
                bpffs.pin(bpf.map_fd(spec.name), self._map_path(spec.name))
        self.maps = Maps.of(bpf.map_fd)
        self.journal = Journal.open(self.directory / "journal")
        if not self.adopted:
            self._initialise(slots)
        self.conn_slots = slots

    def _reuse(self, bpf: BpfObject, name: str) -> bool:
        fd = bpffs.open_pinned(self._map_path(name))
        if fd is None:
            return False
        try:
            bpf.reuse_map(name, fd)
        finally:
            os.close(fd)
        return True

    def _settle_layout(self, slots: int) -> int:
        """Decide between adopting and replacing what is pinned; returns the homes of the connection table."""
        layout_path = self.directory / "layout"
        found = self._read_layout(layout_path)
        misfits = self._misfits()
        self.adopted = found is not None and found.hash == LAYOUT_HASH and not misfits - DISPOSABLE_MAPS
        if self.adopted and found is not None:
            for name in misfits:
                self._map_path(name).unlink(missing_ok=True)
            if found.conn_slots != slots:
                self._note(
                    f"the connection table keeps its {found.conn_slots} slots ({slots} are configured): "
                    "it is resized by a clean stop and start, which loses all connections"
                )
            return found.conn_slots
        if any((self.directory / "maps").iterdir()):
            was = "of no known layout" if found is None else f"of layout {found.hash}"
            self._note(f"connections are lost because the pinned maps are {was}, and this is layout {LAYOUT_HASH}")
        layout_path.unlink(missing_ok=True)
        for path in (self.directory / "maps").iterdir():
            path.unlink()
        return slots

    def _misfits(self) -> set[str]:
        """Pinned maps that are missing or differ from what the program expects, the size of `conns` aside."""
        return {spec.name for spec in MAPS if not self._fits(spec)}

    def _fits(self, spec: MapSpec) -> bool:
        fd = bpffs.open_pinned(self._map_path(spec.name))
        if fd is None:
            return False
        try:
            found = map_spec(fd)
        except BpfError:
            return False
        finally:
            os.close(fd)
        return (
            found.type == spec.type
            and (found.key_size, found.value_size) == (spec.key_size, spec.value_size)
            and found.flags & _OUR_FLAGS == spec.flags
            and (found.max_entries == spec.max_entries or spec.name == "conns")
        )

    def _read_layout(self, path: Path) -> Layout | None:
        fd = bpffs.open_pinned(path)
        if fd is None:
            return None
        try:
            return Layout(**json.loads(ArrayMap(fd, _RECORD)[0]))
        except (BpfError, ValueError, TypeError):
            return None
        finally:
            os.close(fd)

    def _initialise(self, slots: int) -> None:
        """First contents of new maps; `layout` comes last: an interrupted start is not taken for a whole one."""
        settings = Settings(conn_slots=slots, cpus=possible_cpus())
        for index in range(len(settings.secret)):
            settings.secret[index] = secrets.randbits(32)
        clock = jiffies.measure(self.program_fd("clock_read"))
        settings.jiffy_ns, settings.jiffies_offset_ns = clock.jiffy_ns, clock.offset_ns
        self.maps.settings[0] = settings
        self.tune(Tunables())
        fd = create_map(MapSpec("layout", MapType.ARRAY, 4, _RECORD.size, 1))
        try:
            ArrayMap(fd, _RECORD)[0] = json.dumps({"hash": LAYOUT_HASH, "conn_slots": slots}).encode()
            bpffs.pin(fd, self.directory / "layout")
        finally:
            os.close(fd)

    def tune(self, tunables: Tunables) -> None:
        """Change the settings that may change while packets flow."""
        settings = self.maps.settings[0]
        for state, timeout in enumerate(tunables.tcp_timeouts):
            settings.tcp_timeout[state] = timeout
        for state, timeout in enumerate(tunables.udp_timeouts):
            settings.udp_timeout[state] = timeout
        settings.init_timeout = tunables.init_timeout_s
        settings.flags = tunables.flags
        settings.default_ttl = tunables.default_ttl
        settings.icmp_errors_per_second = tunables.icmp_errors_per_second
        self.maps.settings[0] = settings

    def program_fd(self, name: str) -> int:
        """A program's descriptor, owned by the data plane."""
        if self._object is None:
            raise BpfError("the data plane is closed")
        return self._object.program_fd(name)

    def attach(self) -> None:
        """Put the program on every port, or replace it there without losing a packet."""
        for port in self.ports:
            self._ensure_link(f"port_{port.ifindex}", "xdpvs", port, self.mode)

    def attach_kni(self, visible: Port, peer: Port) -> None:
        """Programs of a KNI: the hidden peer takes the host's frames, the visible side accepts what is redirected."""
        self._ensure_link(f"kni_{visible.ifindex}", "kni_receive", visible, XdpMode.NATIVE)
        self._ensure_link(f"kni_{peer.ifindex}", "kni_transmit", peer, XdpMode.NATIVE)

    def prune_links(self) -> None:
        """Detach from netdevs of an earlier run that this one did not name."""
        for path in self._link_paths():
            if path.name not in self._links:
                self._drop_link(path)

    def _link_paths(self) -> list[Path]:
        return [path for path in self.directory.iterdir() if path.name.startswith(("port_", "kni_"))]

    def _ensure_link(self, pin: str, program: str, port: Port, mode: XdpMode) -> None:
        path = self.directory / pin
        link = XdpLink.open(path)
        if link is not None and (link.ifindex() != port.ifindex or attached_mode(port.ifindex) is not mode):
            link.close()
            self._drop_link(path)
            link = None
        if link is not None:
            link.update(self.program_fd(program))
        else:
            link = XdpLink.attach(self.program_fd(program), port.ifindex, port.name, mode)
            link.pin(path)
            if mode is XdpMode.GENERIC:
                self._note(f"{port.name} runs in generic mode: every packet is slow")
        if previous := self._links.pop(pin, None):
            previous.close()
        self._links[pin] = link

    def _drop_link(self, path: Path) -> None:
        """Unpinning alone would leave the program on while a descriptor is open somewhere."""
        link = XdpLink.open(path)
        if link is not None:
            link.detach()
            link.close()
        path.unlink(missing_ok=True)

    def _note(self, sentence: str) -> None:
        log.warning("%s", sentence)
        self.notes.append(sentence)

    def _map_path(self, name: str) -> Path:
        return self.directory / "maps" / name

    def close(self, detach: bool) -> None:
        """Let go; with detach take programs off the ports and forget maps and journal, else all goes on without us."""
        for link in self._links.values():
            link.close()
        self._links.clear()
        if detach:
            for path in self._link_paths():
                self._drop_link(path)
        if self._object is not None:
            self._object.close()
            self._object = None
            if hasattr(self, "journal"):
                self.journal.close()
        if detach:
            self._remove_pins()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _remove_pins(self) -> None:
        (self.directory / "layout").unlink(missing_ok=True)
        for path in (self.directory / "maps").iterdir():
            path.unlink()
        (self.directory / "journal").unlink(missing_ok=True)
        _remove_empty(self.directory)


def _remove_empty(directory: Path) -> None:
    """The directory and its `maps`, if nothing is in them."""
    with contextlib.suppress(OSError):
        (directory / "maps").rmdir()
        directory.rmdir()


def _locked(directory: Path) -> int:
    """A descriptor that keeps other daemons off the directory."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise PortBusy(f"another dpvs uses {directory}: stop it, or choose another prefix", errno.EBUSY) from None
    return fd
