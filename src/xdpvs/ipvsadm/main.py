"""Process entries: `ipvsadm`, `ipvsadm-save`, `ipvsadm-restore`."""

from __future__ import annotations

import gc
import os
import sys
from io import BufferedIOBase, BytesIO
from typing import NoReturn, cast

from xdpvs.api.client import Client
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.names import SystemResolver
from xdpvs.ipvsadm.run import main

BROKEN_PIPE_STATUS = 141
INTERRUPTED_STATUS = 130

__all__ = ["main", "run", "run_restore", "run_save"]


def run() -> NoReturn:
    """`ipvsadm`. The name in messages is the word the shell was given, as far as it can still be known."""
    _leave(_run([os.path.basename(sys.argv[0]), *sys.argv[1:]], _stdin()))


def run_save() -> int:
    """`ipvsadm-save [-n]`."""
    return _run(["ipvsadm", "-S", *sys.argv[1:]], _stdin())


def run_restore() -> int:
    """`ipvsadm-restore`: clears everything, then carries out stdin without its comment lines."""
    kept = [line for line in _stdin() if not line.startswith(b"#")]
    status = _run(["ipvsadm", "-C"], BytesIO())
    if status:
        return status
    return _run(["ipvsadm", "-R"], BytesIO(b"".join(kept)))


def _leave(status: int) -> NoReturn:
    """Exit without taking objects and modules apart one by one, a tenth of the time of a small listing."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(status)


def _stdin() -> BufferedIOBase:
    # A process started without stdin has none, and only -R misses it.
    return cast(BufferedIOBase, sys.stdin.buffer) if sys.stdin is not None else BytesIO()


def _run(argv: list[str], stdin: BufferedIOBase) -> int:
    # Large tables are many objects and no cycles: collecting would take a third of the time and find nothing.
    gc.disable()
    env = Environment(stdin, sys.stdout, sys.stderr, Client(), SystemResolver())
    try:
        status = main(argv, env)
        sys.stdout.flush()
    except BrokenPipeError:
        # `ipvsadm -lnc | head`: what is still buffered must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE_STATUS
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    return status


if __name__ == "__main__":
    sys.exit(run())
