"""Where `make` puts what the lab loads."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build" / "lab"

XDP_PASS = BUILD / "xdp_pass.o"
XDP_REFLECT = BUILD / "xdp_reflect.o"


class NotBuilt(Exception):
    """An object file is missing."""


def vlan_object(vlan: int) -> Path:
    """The switch port's program for one VLAN; the Makefile lists which are built."""
    return BUILD / f"tc_vlan_{vlan}.o"


def built(path: Path) -> Path:
    """The path itself, if it is there."""
    if not path.exists():
        raise NotBuilt(f"{path.relative_to(TOP)} is missing: run make")
    return path
