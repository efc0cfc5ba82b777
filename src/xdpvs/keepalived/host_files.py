"""Configuration files on this host's disk: the Source for the parser."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from xdpvs.config.keepalived_conf import NotPlainFileError

_MAX_FILE_BYTES = 256 << 20


class HostFiles:
    """Reads regular files that nobody may execute, as keepalived does, and with a bound."""

    def check(self, path: str) -> None:
        """OSError where `read` would not begin."""
        with self._open(path):
            pass

    @contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        # Not blocking: a FIFO at that name has nobody at its other end.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & 0o111:
                raise NotPlainFileError(f"{path} is not a regular file without execute permission")
            yield file

    def read(self, path: str) -> str:
        with self._open(path) as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise OSError(f"larger than {_MAX_FILE_BYTES} bytes")
        return data.decode("utf-8", errors="replace")

    def glob(self, pattern: str) -> Sequence[str]:
        return sorted(glob.glob(pattern))
