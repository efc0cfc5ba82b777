"""Kernel maps for tests: an object with the tables and trivial programs, a private bpffs, a private namespace."""

from __future__ import annotations

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.netns import need
from xdpvs.bpf import bpffs
from xdpvs.bpf.errors import BpfError
from xdpvs.bpf.layout import Maps
from xdpvs.bpf.object import BpfObject

TOP = Path(__file__).resolve().parents[2]
SOURCE = TOP / "tests" / "bpf" / "tables.bpf.c"
CLONE_NEWNET = 0x40000000


@functools.cache
def missing() -> tuple[str, ...]:
    """What these tests lack on this machine."""
    lacks = [] if os.geteuid() == 0 else ["root"]
    return tuple(lacks + [tool for tool in ("clang", "cc", "ip") if shutil.which(tool) is None])


@pytest.fixture(scope="session")
def tables_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled object."""
    need(missing())
    path = tmp_path_factory.mktemp("object") / "tables.bpf.o"
    multiarch = subprocess.run(["cc", "-print-multiarch"], check=True, capture_output=True, text=True).stdout.strip()
    includes = [f"-I{TOP / 'bpf'}", f"-I/usr/include/{multiarch or 'x86_64-linux-gnu'}"]
    flags = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror"]
    subprocess.run(["clang", *flags, *includes, "-c", str(SOURCE), "-o", str(path)], check=True)
    return path


@pytest.fixture
def tables(tables_path: Path) -> Iterator[BpfObject]:
    """The object, loaded, with one port of ifindex 9."""
    with BpfObject(tables_path) as bpf:
        bpf.set_max_entries("conns", 8192)
        bpf.set_rodata({"num_ports": 1, "port_ifindexes": [9]})
        bpf.load()
        yield bpf


@pytest.fixture
def maps(tables: BpfObject) -> Maps:
    """The object's maps."""
    return Maps.of(tables.map_fd)


@pytest.fixture
def bpffs_dir(tmp_path: Path) -> Iterator[Path]:
    """A BPF filesystem of the test's own."""
    need(missing())
    path = tmp_path / "bpffs"
    try:
        bpffs.ensure_bpffs(path)
    except BpfError as error:
        need([str(error)])
    yield path
    bpffs.unmount(path)


@pytest.fixture
def namespace() -> Iterator[None]:
    """Runs the test in a network namespace of its own, with the veth pair left and right."""
    need(missing())
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(CLONE_NEWNET):
            need([f"a network namespace ({os.strerror(ctypes.get_errno())})"])
        try:
            subprocess.run(["ip", "link", "add", "left", "type", "veth", "peer", "name", "right"], check=True)
            subprocess.run(["ip", "link", "set", "left", "up"], check=True)
            subprocess.run(["ip", "link", "set", "right", "up"], check=True)
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
    finally:
        os.close(home)
