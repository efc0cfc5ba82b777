"""The agent's log: a file an hour, kept for a week, with a link to the current one."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from pathlib import Path
from typing import TextIO

NAME = "dpvs-agent.log"
DEFAULT_DIRECTORY = Path("/var/log")
KEPT_S = 7 * 24 * 3600


class _Formatter(logging.Formatter):
    """`2025-05-09T06:31:02.802Z [INFO]  dpvs-agent.log.main.TOPIC: text`; line breaks cannot start a false line."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        level = {"WARNING": "WARN", "CRITICAL": "ERROR"}.get(record.levelname, record.levelname)
        topic = record.name.removeprefix("xdpvs.agent.")
        text = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{stamp}.{int(record.msecs):03d}Z {f'[{level}]':<7} {NAME}.main.{topic}: {text}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class HourlyFile(logging.Handler):
    """Writes to NAME-YYYYmmddHHMM, which NAME points to. OSError if the first one cannot be opened."""

    def __init__(self, directory: Path, stderr: TextIO | None = None) -> None:
        super().__init__()
        self._directory = directory
        self._stderr = stderr or sys.stderr
        self._hour = -1
        self._complained = False
        self._file: TextIO | None = None
        self.setFormatter(_Formatter())
        self._open(time.time())

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, into a new file if the hour has changed."""
        try:
            if _hour(record.created) != self._hour:
                self._open(record.created)
            assert self._file is not None
            self._file.write(self.format(record) + "\n")
            self._file.flush()
            self._complained = False
        except (OSError, ValueError) as error:
            # Once, not for every line: a full disk is trouble enough.
            if not self._complained:
                self._complained = True
                print(f"dpvs-agent: the log cannot be written: {error}", file=self._stderr)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None
        super().close()

    def _open(self, now: float) -> None:
        path = self._directory / f"{NAME}-{time.strftime('%Y%m%d%H%M', time.localtime(now))}"
        file = path.open("a", encoding="utf-8", errors="backslashreplace")
        if self._file is not None:
            self._file.close()
        self._file = file
        self._hour = _hour(now)
        self._point_to(path)
        self._remove_old(now)

    def _point_to(self, path: Path) -> None:
        link = self._directory / NAME
        new = self._directory / f".{NAME}.new"
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
            new.symlink_to(path.name)
            new.replace(link)

    def _remove_old(self, now: float) -> None:
        for old in self._directory.glob(f"{NAME}-*"):
            with contextlib.suppress(OSError):
                if old.stat().st_mtime < now - KEPT_S:
                    old.unlink()


def _hour(at: float) -> int:
    return int(at // 3600)


def log_directory(wanted: str) -> Path:
    """The directory asked for if it is one, else the default, as upstream."""
    directory = Path(wanted)
    return directory if directory.is_dir() else DEFAULT_DIRECTORY


def install(handler: logging.Handler) -> None:
    """Send our own lines and the HTTP server's complaints there."""
    for name, level in (("xdpvs", logging.INFO), ("uvicorn", logging.WARNING), ("asyncio", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.setLevel(level)
        logger.propagate = False
        logger.addHandler(handler)


def uninstall(handler: logging.Handler) -> None:
    """Undo `install`."""
    for name in ("xdpvs", "uvicorn", "asyncio"):
        logger = logging.getLogger(name)
        logger.removeHandler(handler)
        logger.propagate = True
    handler.close()
