"""Two namespaces and a veth between them, for measurements that need no more network."""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.host import NETNS_DIR
from lab.leftovers import PREFIX
from lab.process import run

CLONE_NEWNET = 0x40000000

_numbers = itertools.count(900)  # beside the labs of the same process


@dataclass(frozen=True, slots=True)
class End:
    """An end of the cable: the namespace and its netdev there."""

    namespace: str
    name: str
    ifindex: int


@contextmanager
def cable(left_mac: str, right_mac: str) -> Iterator[tuple[End, End]]:
    """Both ends up; nothing of the host talks on them."""
    prefix = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    left, right = f"{prefix}-left", f"{prefix}-right"
    try:
        for namespace in (left, right):
            run(["ip", "netns", "add", namespace])
            with inside(namespace):
                Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")
        pair = ["ip", "link", "add", "name", "left", "netns", left, "address", left_mac]
        run([*pair, "type", "veth", "peer", "name", "right", "netns", right, "address", right_mac])
        ends = []
        for namespace, name in ((left, "left"), (right, "right")):
            run(["ip", "-n", namespace, "link", "set", name, "up"])
            words = run(["ip", "-n", namespace, "-o", "link", "show", "dev", name]).stdout
            ends.append(End(namespace, name, int(words.partition(":")[0])))
        yield ends[0], ends[1]
    finally:
        for namespace in (left, right):
            run(["ip", "netns", "delete", namespace], check=False)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Have this thread's system calls meant for a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    there = os.open(NETNS_DIR / namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"entering {namespace}")
        yield
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)
