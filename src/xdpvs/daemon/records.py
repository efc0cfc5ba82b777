"""What the daemon keeps in the journal, so that a restart finds the operator's configuration again.

Numbers of kinds are part of the pinned state: never give one another meaning. `sequence` tells the order of creation,
which the listings depend on and the journal, a hash, does not keep.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.dataplane.stats import Traffic
from xdpvs.model.network import Address, Neighbour, Route
from xdpvs.model.service import Dest, Laddr, Service

NO_TRAFFIC = Traffic()


class Kind(enum.IntEnum):
    """Kinds of records."""

    SERVICE = 1
    DEST = 2
    LADDR = 3
    DEVICE = 4
    ADDRESS = 5
    ROUTE = 6
    NEIGHBOUR = 7
    GENERATION = 8


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service; its id is that of the data plane. retired counts what its removed servers had carried."""

    sequence: int
    service: Service
    retired: Traffic = NO_TRAFFIC


@dataclass(frozen=True, slots=True)
class DestRecord:
    """A server; its id is that of the data plane. zeroed is what its counters stood at when they were last zeroed."""

    sequence: int
    service_id: int
    dest: Dest
    zeroed: Traffic = NO_TRAFFIC


@dataclass(frozen=True, slots=True)
class LaddrRecord:
    """A local address of a service."""

    service_id: int
    laddr: Laddr


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """A port or (vlan ≠ 0) a VLAN device on the port real_device; its id is that of the data plane."""

    name: str
    real_device: str = ""
    vlan: int = 0
    forward2kni: bool = False


@dataclass(frozen=True, slots=True)
class AddressRecord:
    """An address; expires_at is on the monotonic clock, which goes on while the host does, None = never."""

    address: Address
    expires_at: float | None = None


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """A route, made by the operator or with an address."""

    route: Route


@dataclass(frozen=True, slots=True)
class NeighbourRecord:
    """A static neighbour."""

    neighbour: Neighbour


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    """Which configuration this is: a random number, made when there was none. Its id is 0."""

    number: int


RECORDS = {
    Kind.SERVICE: ServiceRecord,
    Kind.DEST: DestRecord,
    Kind.LADDR: LaddrRecord,
    Kind.DEVICE: DeviceRecord,
    Kind.ADDRESS: AddressRecord,
    Kind.ROUTE: RouteRecord,
    Kind.NEIGHBOUR: NeighbourRecord,
    Kind.GENERATION: GenerationRecord,
}
