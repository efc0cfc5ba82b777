"""Schedulers by the names operators use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched import conhash, fo, mh, rr, wlc, wrr
from xdpvs.sched.schedule import Schedule

Builder = Callable[[Sequence[Dest], ServiceFlags], Schedule]

SCHEDULERS: Final[dict[str, Builder]] = {
    "rr": rr.build,
    "wrr": wrr.build,
    "wlc": wlc.build,
    "fo": fo.build,
    "conhash": conhash.build,
    "mh": mh.build,
}


def build(name: str, flags: ServiceFlags, dests: Sequence[Dest]) -> Schedule:
    """The schedule of a service; KeyError if DPVS has no scheduler of that name."""
    return SCHEDULERS[name](dests, flags)
