"""Logging in DPVS's form: `TYPE: message`, to stderr or to log_file, from stdlib logging.

The last part of a logger's name is its TYPE: `topic("NETIF")`, or any `logging.getLogger("xdpvs.….service")`.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from typing import TextIO

from xdpvs.config.dpvs_conf.notes import Note, Severity
from xdpvs.daemon.cli import Arguments, Version

_ROOT = "xdpvs"
NOTICE = 25

# DPVS's levels on logging's scale; logging itself knows nothing above CRITICAL and no NOTICE.
LEVELS = {
    "EMERG": 70,
    "ALERT": 60,
    "CRIT": logging.CRITICAL,
    "ERR": logging.ERROR,
    "WARNING": logging.WARNING,
    "NOTICE": NOTICE,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
}


def topic(name: str) -> logging.Logger:
    """The logger of a TYPE."""
    return logging.getLogger(f"{_ROOT}.{name}")


class _Formatter(logging.Formatter):
    """`TYPE: message`, with the time before it where log_with_timestamp asks for it."""

    def __init__(self, *, timestamps: bool) -> None:
        super().__init__()
        self._timestamps = timestamps

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.name.rpartition('.')[2].upper()}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if not self._timestamps:
            return text
        return time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(record.created)) + text


class Logs:
    """Where the daemon's log goes. configure() again on SIGHUP: it opens log_file anew, so files can be rotated."""

    def __init__(self, stderr: TextIO | None = None) -> None:
        self._stderr = sys.stderr if stderr is None else stderr
        self._logger = logging.getLogger(_ROOT)
        self._handler: logging.Handler = logging.StreamHandler(self._stderr)
        self._logger.propagate = False
        self._install(self._handler, timestamps=False)
        self._logger.setLevel(logging.INFO)

    def configure(self, level: str, log_file: str | None, *, timestamps: bool) -> None:
        """Apply the values of global_defs. A log_file that cannot be opened leaves the log on stderr."""
        problem: OSError | None = None
        handler: logging.Handler = logging.StreamHandler(self._stderr)
        if log_file is not None:
            try:
                handler = logging.FileHandler(log_file, encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                problem = error
        self._install(handler, timestamps=timestamps)
        if log_file is not None and problem is None:
            # Threshold not yet set: a rotated file starts with this line at any level, as DPVS's does at INFO.
            stamp = time.strftime("%Y/%m/%d %H:%M:%S %A")
            self._logger.setLevel(logging.INFO)
            topic("CFG_FILE").info("load dpvs configuation file at %s", stamp)
        self._logger.setLevel(LEVELS[level])
        if problem is not None:
            topic("CFG_FILE").warning("illegal log file: %s -- %s", log_file, problem.strerror)

    def close(self) -> None:
        """Stop logging and close the file."""
        self._logger.removeHandler(self._handler)
        self._handler.close()

    def _install(self, handler: logging.Handler, *, timestamps: bool) -> None:
        handler.setFormatter(_Formatter(timestamps=timestamps))
        self._logger.removeHandler(self._handler)
        if self._handler is not handler:
            self._handler.close()
        self._handler = handler
        self._logger.addHandler(handler)


def log_notes(notes: Iterable[Note]) -> None:
    """The notes of a load, each under its own TYPE."""
    for note in notes:
        level = logging.WARNING if note.severity is Severity.WARNING else logging.INFO
        topic(note.topic).log(level, "%s", note.message)


def log_start(arguments: Arguments, version: Version) -> None:
    """The lines DPVS begins with, then what of the command line has no effect."""
    dpvs = topic("DPVS")
    dpvs.info("%s", version)
    dpvs.info("dpvs-conf-file: %s", arguments.conf)
    dpvs.info("dpvs-pid-file: %s", arguments.pid_file)
    dpvs.info("dpvs-ipc-file: %s", arguments.ipc_file)
    for note in arguments.notes:
        dpvs.info("%s", note)


def affinity_line(cpus: Iterable[int]) -> str:
    """The first line on stdout; DPVS prints the low 64 CPUs as a mask."""
    mask = sum(1 << cpu for cpu in set(cpus) if cpu < 64)
    return f"current thread affinity is set to {mask:X}"
