"""Leaving the terminal: the first process stays until the parent says how the start went."""

from __future__ import annotations

import os
from collections.abc import Callable


def daemonise() -> Callable[[int], None]:
    """Go on in a process of its own session without a terminal; returns how to tell the first one its exit status.

    The first process ends with the status it is told, or with 1 if nobody tells it.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    if os.fork():
        os.close(writing)
        status = os.read(reading, 1)
        os._exit(status[0] if status else 1)
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    told = False

    def tell(status: int) -> None:
        nonlocal told
        if not told:
            told = True
            os.write(writing, bytes([status]))
            os.close(writing)

    return tell
