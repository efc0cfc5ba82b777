"""keepalived's enable_script_security: root runs nothing that somebody else could have changed."""

from __future__ import annotations


def insecurity(program: str) -> str:
    """Why a program must not be run as root: a part of its path others than root may write; empty if there is none."""
    raise NotImplementedError
