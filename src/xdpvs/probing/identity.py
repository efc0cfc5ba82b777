"""Who runs a program."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """What a child process has to become; None where it stays what we are."""

    uid: int | None = None
    gid: int | None = None
    groups: list[int] | None = None


def find_identity(user: str, group: str) -> Identity | None:
    """A user with a group, by name or number; without a group, the user's own, with those it is a member of.

    None: there is no such user or group. Both empty: nothing changes.
    """
    try:
        gid = _gid(group) if group else None
        if not user:
            return Identity(gid=gid, groups=None if gid is None else [])
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except KeyError:
        return None
    if gid is None:
        gid = entry.pw_gid
    if (entry.pw_uid, gid) == (os.geteuid(), os.getegid()):
        return Identity()
    return Identity(entry.pw_uid, gid, os.getgrouplist(entry.pw_name, gid))


def _gid(group: str) -> int:
    return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
