"""How many descriptors this process may have."""

from __future__ import annotations

import resource

_KEPT_FREE = 64
"""For everything that is no attempt: logs, control sockets, listeners."""


def raise_open_files_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def attempts_room() -> int:
    """How many attempts may have a descriptor open under the present limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft - _KEPT_FREE, soft // 2)
