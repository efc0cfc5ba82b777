"""State dumps of SIGUSR1 and SIGUSR2 in files whose names everybody knows."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)

DATA = Path("/tmp/keepalived.data")
CHECK_DATA = Path("/tmp/keepalived_check.data")
STATS = Path("/tmp/keepalived.stats")


def write_dump(path: Path, text: str) -> None:
    """Replace a file. Never through what somebody else put at that name: the directory is everybody's."""
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        _log.error("cannot write %s: %s", path, error.strerror)
        if name:
            with suppress(OSError):
                os.unlink(name)
