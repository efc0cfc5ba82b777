"""Where messages go: syslog under upstream's idents, with -l and -n stderr as well.

A container without a syslog socket loses nothing but syslog; one that comes later is found.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import socket
import sys
import time
from contextlib import suppress

from xdpvs.keepalived.options import Arguments

PARENT, CHECKER, VRRP = "Keepalived", "Keepalived_healthcheckers", "Keepalived_vrrp"

DEV_LOG = "/dev/log"
_RECONNECT_S = 5.0
_ROOT = "xdpvs"

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

_DAEMON = logging.handlers.SysLogHandler.LOG_DAEMON
_LOCAL0 = logging.handlers.SysLogHandler.LOG_LOCAL0


def _severity(level: int) -> int:
    for least, severity in ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6)):
        if level >= least:
            return severity
    return 7


class SyslogHandler(logging.Handler):
    """Datagrams to /dev/log, never blocking; without a socket there, nothing."""

    def __init__(self, facility: int, ident: str, path: str = DEV_LOG) -> None:
        super().__init__()
        self._facility = facility
        self._ident = ident
        self._path = path
        self._socket: socket.socket | None = None
        self._retry_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Send one message a line, each with the ident."""
        now = time.localtime(record.created)
        stamp = f"{_MONTHS[now.tm_mon - 1]} {now.tm_mday:2} {time.strftime('%H:%M:%S', now)}"
        head = f"<{self._facility << 3 | _severity(record.levelno)}>{stamp} {self._ident}[{os.getpid()}]: "
        for line in self.format(record).splitlines():
            self._send((head + line).encode(errors="backslashreplace"))

    def _send(self, data: bytes) -> None:
        for _ in range(2):
            if self._socket is None and not self._connect():
                return
            assert self._socket is not None
            try:
                self._socket.send(data)
                return
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # syslog was restarted.
                self.close_socket()

    def _connect(self) -> bool:
        if time.monotonic() < self._retry_at:
            return False
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        connection.setblocking(False)
        try:
            connection.connect(self._path)
        except OSError:
            connection.close()
            self._retry_at = time.monotonic() + _RECONNECT_S
            return False
        self._socket = connection
        return True

    def close_socket(self) -> None:
        """Let go of the connection; the next message makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """End."""
        self.close_socket()
        super().close()


class _Console(logging.StreamHandler):  # type: ignore[type-arg]
    """`<local date and time>: text`; a stderr that nobody reads any more ends nothing."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class _Formatter(logging.Formatter):
    def __init__(self, *, timestamps: bool) -> None:
        super().__init__()
        self._timestamps = timestamps

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return (
            f"{time.strftime('%a %b %e %H:%M:%S %Y', time.localtime(record.created))}: {text}"
            if self._timestamps
            else text
        )


def configure(arguments: Arguments, ident: str) -> None:
    """Send what this process says where the command line wants it; called again after a fork, with another ident."""
    logger = logging.getLogger(_ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()
    logger.propagate = False
    logger.setLevel(logging.DEBUG if arguments.log_detail else logging.INFO)
    handlers: list[logging.Handler] = []
    if not arguments.no_syslog:
        facility = _DAEMON if arguments.log_facility is None else _LOCAL0 + arguments.log_facility
        handlers.append(SyslogHandler(facility, ident))
    if arguments.log_console:
        handlers.append(_Console(sys.stderr))
    if arguments.log_file:
        with suppress(OSError):
            handlers.append(logging.FileHandler(arguments.log_file, encoding="utf-8", errors="backslashreplace"))
    for handler in handlers or [logging.NullHandler()]:
        handler.setFormatter(_Formatter(timestamps=not isinstance(handler, SyslogHandler)))
        logger.addHandler(handler)
