"""keepalived's enable_script_security: root runs nothing that somebody else could have changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from xdpvs.probing.faults import reason_of

_MOST_LINKS = 40
"""The kernel's own bound of symbolic links in a path."""


def insecurity(program: str) -> str:
    """Why a program must not be run as root: a part of its path others than root may write; empty if there is none.

    program is a path; symbolic links are followed, and the directories on their way count too.
    """
    if not program.startswith("/"):
        return f"{program}: no absolute path"
    links = 0
    parts = [part for part in Path(program).parts[1:] if part]
    at = Path("/")
    while True:
        try:
            found = at.lstat()
        except OSError as error:
            return f"{at}: {reason_of(error)}"
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _MOST_LINKS:
                return f"{program}: too many symbolic links"
            aim = Path(os.readlink(at))
            parts = [*(aim.parts[1:] if aim.is_absolute() else aim.parts), *parts]
            at = Path("/") if aim.is_absolute() else at.parent
        elif why := _writable_by_others(found):
            return f"{at}: {why}"
        if not parts:
            return ""
        part = parts.pop(0)
        at = at.parent if part == ".." else at if part == "." else at / part


def _writable_by_others(found: os.stat_result) -> str:
    if found.st_uid != 0:
        return f"belongs to user {found.st_uid}"
    if found.st_mode & stat.S_IWOTH:
        return "writable by everybody"
    if found.st_mode & stat.S_IWGRP and found.st_gid != 0:
        return f"writable by group {found.st_gid}"
    return ""
