"""Which xdpvs this is."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError, version

from xdpvs.daemon.cli import Version


def own_version() -> Version:
    """What -v prints: this project's version, not the DPVS whose protocol it speaks."""
    try:
        text = version("xdpvs")
    except PackageNotFoundError:
        text = "unknown"
    built = time.strftime("%Y-%m-%d", time.gmtime(os.stat(__file__).st_mtime))
    return Version(f"xdpvs {text}", built)
