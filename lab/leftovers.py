"""What runs leave behind when they die, and taking it away.

A run signs its directory with its process; only what belongs to no living process is a leftover, so a demo can be
cleaned up after while tests go on.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from pathlib import Path

from lab.host import NETNS_DIR
from lab.process import run

PREFIX = "xdpvs-"
# Before the name of a namespace that is somebody's home: it may lose its name, not its processes.
HERE = "here-"
RUN = Path("/run")
_RUN_PREFIX = re.compile(rf"{PREFIX}(\d+)-\d+")


def sign(run_dir: Path) -> None:
    """Note in a run's directory who owns it."""
    (run_dir / "owner").write_text(f"{os.getpid()} {_start_time(os.getpid())}\n")


def clean() -> list[str]:
    """Remove what dead runs left: their processes, namespaces, mounts and directories. Returns the runs' prefixes."""
    dead = [prefix for prefix in _prefixes() if not _alive(prefix)]
    for prefix in dead:
        for namespace in _namespaces(prefix):
            _kill_all_in(namespace)
            run(["ip", "netns", "delete", namespace], check=False)
        for namespace in _namespaces(HERE + prefix):
            run(["ip", "netns", "delete", namespace], check=False)
        for mount in _mounts_below(RUN / prefix):
            run(["umount", mount], check=False)
        shutil.rmtree(RUN / prefix, ignore_errors=True)
    return dead


def _prefixes() -> list[str]:
    entries = [*RUN.glob(f"{PREFIX}*"), *NETNS_DIR.glob(f"{PREFIX}*")]
    return sorted({match[0] for entry in entries if (match := _RUN_PREFIX.match(entry.name))})


def _alive(prefix: str) -> bool:
    match = _RUN_PREFIX.match(prefix)
    pid = int(match[1]) if match else 0
    try:
        owner = (RUN / prefix / "owner").read_text().split()
        return _start_time(pid) == owner[1]
    except (OSError, IndexError):
        # No signature: a run that has only just begun, or one that died while it ended.
        return Path(f"/proc/{pid}").exists()


def _start_time(pid: int) -> str:
    """When a process began, which tells it from a later one with the same number."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def _namespaces(prefix: str) -> list[str]:
    return sorted(entry.name for entry in NETNS_DIR.glob(f"{prefix}-*"))


def _kill_all_in(namespace: str) -> None:
    for pid in run(["ip", "netns", "pids", namespace], check=False).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue


def _mounts_below(directory: Path) -> list[str]:
    points = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{directory}/")), reverse=True)
