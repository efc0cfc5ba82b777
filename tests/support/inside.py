"""Doing something in another namespace from this process."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lab.host import NETNS_DIR, Host

CLONE_NEWNET = 0x40000000


@contextmanager
def inside(host: Host) -> Iterator[None]:
    """Have the calling thread in a host's namespace; os.setns is only in Python 3.12."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    away = os.open(NETNS_DIR / host.namespace, os.O_RDONLY)
    try:
        assert libc.setns(away, CLONE_NEWNET) == 0
        yield
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)
        os.close(away)
