"""The pid file: refuse a second daemon, and tell "ready" by being written last (DPVS src/pidfile.c).

Because it is written last it cannot keep two starts apart by itself. A lock on FILE.lock does, from the first moment to
the last; the kernel drops it with the process, so a killed daemon blocks nobody.
"""

from __future__ import annotations

import fcntl
import logging
import os

_log = logging.getLogger("xdpvs.DPVS")


class AlreadyRunningError(Exception):
    """Another daemon has this pid file."""


class PidFile:
    """acquire() first, write() when ready, release() at the end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock_path = f"{path}.lock"
        self._lock_fd: int | None = None
        self._written = False

    def acquire(self) -> None:
        """Claim the file, removing one a dead process left; AlreadyRunningError if its process lives.

        A directory that cannot be written is not an error yet: as in DPVS, only write() fails on it.
        """
        try:
            self._lock()
        except BlockingIOError:
            raise AlreadyRunningError("dpvs is already running") from None
        except OSError as error:
            _log.warning("no lock on %s: %s", self._lock_path, error.strerror)
        pid = _read_pid(self._path)
        if pid is None or pid == os.getpid():
            # Our own number: a container restarted, where every start has the same pid.
            return
        if _alive(pid):
            self.release()
            raise AlreadyRunningError("dpvs is already running")
        _log.info("removing the pid file %s of dead process %d", self._path, pid)
        _unlink(self._path)

    def write(self) -> bool:
        """Say "ready"; False if the file cannot be written."""
        try:
            with open(self._path, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            _log.error("cannot write pid file %s: %s", self._path, error.strerror)
            return False
        self._written = True
        return True

    def release(self) -> None:
        """Remove the pid file if it is still ours, and let go of the lock."""
        if self._written and _read_pid(self._path) == os.getpid():
            _unlink(self._path)
        self._written = False
        if self._lock_fd is not None:
            _unlink(self._lock_path)
            os.close(self._lock_fd)
            self._lock_fd = None

    def _lock(self) -> None:
        while True:
            fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_file_at(fd, self._lock_path):
                    self._lock_fd = fd
                    return
            except OSError:
                os.close(fd)
                raise
            # The holder before us removed the file between our open and our lock: lock the new one.
            os.close(fd)


def _is_file_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _read_pid(path: str) -> int | None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            pid = int(file.readline(32))
    except (OSError, ValueError):
        return None
    return pid if pid > 0 else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            _log.warning("cannot remove %s: %s", path, error.strerror)
