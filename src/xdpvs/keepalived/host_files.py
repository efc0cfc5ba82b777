"""Configuration files on this host's disk: the Source for the parser."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence

from xdpvs.config.keepalived_conf import NotPlainFileError

_MAX_FILE_BYTES = 256 << 20


class HostFiles:
    """Reads regular files that nobody may execute, as keepalived does, and with a bound."""

    def read(self, path: str) -> str:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o111:
                raise NotPlainFileError(f"{path} is not a regular file without execute permission")
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise OSError(f"larger than {_MAX_FILE_BYTES} bytes")
        return data.decode("utf-8", errors="replace")

    def glob(self, pattern: str) -> Sequence[str]:
        return sorted(glob.glob(pattern))
