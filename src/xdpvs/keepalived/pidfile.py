"""The pid files of the parent and its two children (DPVS keepalived core/pidfile.c)."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from xdpvs.keepalived.options import Arguments
from xdpvs.model.keepalived import GlobalDefs

_log = logging.getLogger(__name__)

RUN = "/run"
PID_DIR = "/run/keepalived"


@dataclass(frozen=True, slots=True)
class PidFiles:
    """Where they are."""

    parent: Path
    vrrp: Path
    checkers: Path

    def all(self) -> tuple[Path, Path, Path]:
        """All three."""
        return self.parent, self.vrrp, self.checkers


def pid_files(arguments: Arguments, settings: GlobalDefs) -> PidFiles:
    """As given, or the defaults, which an instance name or use_pid_dir move."""
    moved = settings.use_pid_dir or settings.instance or settings.net_namespace
    directory, suffix = (PID_DIR, f"_{settings.instance}" if settings.instance else "") if moved else (RUN, "")

    def place(given: str, name: str) -> Path:
        return Path(given) if given else Path(directory, f"{name}{suffix}.pid")

    return PidFiles(
        place(arguments.pid_file, "keepalived"),
        place(arguments.vrrp_pid_file, "vrrp"),
        place(arguments.checkers_pid_file, "checkers"),
    )


def running(files: PidFiles) -> Path | None:
    """A file that names a living keepalived, if there is one.

    A container's next start has the same numbers as its last: the process must also look like keepalived, and be
    neither this one, nor a thread of it (which has an entry in /proc too), nor a child.
    """
    for path in files.all():
        pid = _read(path)
        if pid is not None and _is_keepalived(pid) and not _is_ours(pid):
            return path
    return None


def write(path: Path, pid: int) -> None:
    """Write one; a directory that is missing is made, what cannot be written is logged."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(f"{pid}\n", encoding="ascii")
        new.chmod(0o644)
        new.replace(path)
    except OSError as error:
        _log.error("cannot write pid file %s: %s", path, error.strerror)


def remove(path: Path) -> None:
    """Remove one, if it is there."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.error("cannot remove pid file %s: %s", path, error.strerror)


def _read(path: Path) -> int | None:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            pid = int(file.readline(32))
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def _is_keepalived(pid: int) -> bool:
    try:
        return b"keepalived" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _is_ours(pid: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    status = dict(line.partition(":")[::2] for line in lines)
    return str(os.getpid()) in (status["Tgid"].strip(), status["PPid"].strip())
