"""The snapshot in its file, written by a thread of its own: a whole file aside, then renamed over the old one."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from xdpvs.agent.cache_file import Cached, CorruptCache, decode

_log = logging.getLogger("xdpvs.agent.cache")

FILE_NAME = "dpvs.cache"
DIRECTORY = "conf.d"
MODE = 0o600
QUICK_S = 0.02
"""Files written within this time are written before the change they hold is answered."""
_REST = 5
_LONGEST_REST_S = 5.0


def cache_path(cache_file: str, log_dir: Path) -> Path:
    """Where the file is: upstream's reading of --cache-file."""
    if cache_file in ("", "/"):
        return log_dir / DIRECTORY / FILE_NAME
    if cache_file.startswith("/"):
        return Path(cache_file) / FILE_NAME if cache_file.endswith("/") else Path(cache_file)
    return log_dir / cache_file if "/" in cache_file else log_dir / DIRECTORY / cache_file


def load(path: Path) -> Cached:
    """What the file holds. One that is no cache file is set aside as NAME.corrupt: it must not stop the agent."""
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return Cached()
    except OSError as error:
        _log.warning("%s cannot be read: %s", path, error.strerror)
        return Cached()
    except CorruptCache as error:
        aside = path.with_name(f"{path.name}.corrupt")
        with contextlib.suppress(OSError):
            path.replace(aside)
        _log.warning("%s is no cache file and was set aside as %s: %s", path, aside.name, error)
        return Cached()


def writable(path: Path) -> str:
    """Make the file's directory; why it cannot be written there, empty if it can."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        return error.strerror or str(error)
    return ""


def write(path: Path, text: bytes) -> None:
    """Replace the file: after a crash there is the old one or the new one."""
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE), "wb") as file:
        os.fchmod(file.fileno(), MODE)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Store:
    """Saves what `text` returns, soon after `changed`. Large files are written with rests in between."""

    def __init__(self, path: Path, text: Callable[[], bytes]) -> None:
        self._path = path
        self._text = text
        self._wanted = threading.Condition()
        self._changes = 0
        self._saved = 0
        self._over = False
        self._took_s = 0.0
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="cache", daemon=True)

    def start(self) -> None:
        """Begin to save."""
        self._thread.start()

    def changed(self) -> None:
        """There is something to save."""
        with self._wanted:
            self._changes += 1
            self._wanted.notify_all()

    def settle(self, timeout_s: float = 0.25) -> None:
        """Wait until everything so far is in the file, where that takes no time to speak of."""
        with self._wanted:
            changes = self._changes
            if self._thread.is_alive() and self._took_s <= QUICK_S and not self._failing:
                self._wanted.wait_for(lambda: self._saved >= changes or self._failing, timeout_s)

    def close(self) -> None:
        """Save what there is, and stop."""
        with self._wanted:
            self._over = True
            self._wanted.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wanted:
                self._wanted.wait_for(lambda: self._changes > self._saved or self._over)
                if self._changes <= self._saved:
                    return
                changes = self._changes
            begun = time.monotonic()
            written = self._write()
            with self._wanted:
                self._saved = changes
                self._took_s = time.monotonic() - begun
                self._failing = not written
                self._wanted.notify_all()
                rest_s = 0.0 if self._took_s <= QUICK_S and written else min(_REST * self._took_s, _LONGEST_REST_S)
                self._wanted.wait_for(lambda: self._over, rest_s if written else _LONGEST_REST_S)

    def _write(self) -> bool:
        try:
            write(self._path, self._text())
        except OSError as error:
            _log.error("%s cannot be written: %s", self._path, error.strerror)
            return False
        return True
