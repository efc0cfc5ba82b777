"""The whole balancing table in one piece."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.model.service import DestStatus, LaddrStatus, ServiceStatus


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A service with all that belongs to it."""

    status: ServiceStatus
    dests: tuple[DestStatus, ...] = ()
    laddrs: tuple[LaddrStatus, ...] = ()
