"""Logs as glog writes them: lines, file names and the links beside them."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import sys
import time
from pathlib import Path

from xdpvs.healthcheck.flag_table import PROGRAM
from xdpvs.healthcheck.options import LogOptions

_LETTERS = {logging.DEBUG: "I", logging.INFO: "I", logging.WARNING: "W", logging.ERROR: "E", logging.CRITICAL: "F"}
_FILES = (("INFO", logging.DEBUG), ("WARNING", logging.WARNING), ("ERROR", logging.ERROR))
_THRESHOLDS = (logging.DEBUG, logging.WARNING, logging.ERROR, logging.CRITICAL)


class GlogFormatter(logging.Formatter):
    """`I1125 21:04:05.678901   12345 runner.py:42] text`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as one line (a traceback follows on lines of its own)."""
        moment = time.strftime("%m%d %H:%M:%S", time.localtime(record.created))
        micros = int(record.created % 1 * 1_000_000)
        letter = _LETTERS.get(record.levelno, "I")
        line = (
            f"{letter}{moment}.{micros:06d} {os.getpid():7d} {record.filename}:{record.lineno}] {record.getMessage()}"
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(options: LogOptions) -> None:
    """Where the log goes. A directory that cannot be written is named on stderr, which then has everything."""
    logger = logging.getLogger("xdpvs")
    logger.setLevel(logging.DEBUG if options.verbose else logging.INFO)
    logger.propagate = False
    handlers: list[logging.Handler] = []
    if options.directory and not options.to_stderr:
        try:
            handlers = _files(Path(options.directory))
        except OSError as error:
            print(f"{PROGRAM}: -log_dir {options.directory}: {error.strerror}; logging to stderr", file=sys.stderr)
    stderr = logging.StreamHandler(sys.stderr)
    # Beside files only what is grave goes to stderr, as glog has it.
    if handlers and not options.also_to_stderr:
        stderr.setLevel(_THRESHOLDS[options.stderr_threshold])
    for handler in (*handlers, stderr):
        handler.setFormatter(GlogFormatter())
        logger.addHandler(handler)


def close() -> None:
    """Flush and close."""
    logger = logging.getLogger("xdpvs")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def _files(directory: Path) -> list[logging.Handler]:
    directory.mkdir(parents=True, exist_ok=True)
    moment = time.strftime("%Y%m%d-%H%M%S")
    host = socket.gethostname().partition(".")[0]
    handlers: list[logging.Handler] = []
    for word, level in _FILES:
        name = f"{PROGRAM}.{host}.{_user()}.log.{word}.{moment}.{os.getpid()}"
        handler = logging.FileHandler(directory / name, encoding="utf-8", delay=word != "INFO")
        handler.setLevel(level)
        link = directory / f"{PROGRAM}.{word}"
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        handlers.append(handler)
    return handlers


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
