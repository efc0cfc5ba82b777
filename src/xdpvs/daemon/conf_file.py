"""dpvs.conf on this host's disk: the Source for the parser, and `dpvs --check`."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from typing import TextIO

from xdpvs.config.dpvs_conf.load import load
from xdpvs.config.dpvs_conf.notes import ConfigError
from xdpvs.daemon.cli import EXIT_FAILURE, EXIT_OK

_MAX_FILE_BYTES = 16 << 20


class HostFiles:
    """Reads files, with a bound: a configuration is not a disk image or an endless device."""

    def read(self, path: str) -> str:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise ValueError(f"larger than {_MAX_FILE_BYTES} bytes")
        return data.decode("utf-8", errors="replace")

    def glob(self, pattern: str) -> Sequence[str]:
        return sorted(glob.glob(pattern))


def check(path: str, stdout: TextIO, stderr: TextIO) -> int:
    """Print what a start with this file would log, or what is wrong with it, and return the exit code."""
    try:
        result = load(path, HostFiles())
    except ConfigError as error:
        print(error, file=stderr)
        return EXIT_FAILURE
    for note in result.notes:
        print(note, file=stdout)
    return EXIT_OK
