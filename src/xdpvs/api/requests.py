"""Requests that are more than one model value. Field names are the model's; index 0 = totals over all workers."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.model.address import Family
from xdpvs.model.conn import SocketPair
from xdpvs.model.network import Route
from xdpvs.model.service import Dest, Laddr, ServiceKey


@dataclass(frozen=True, slots=True)
class ServicesRequest:
    """List services: `count` is how many the client expects and at most takes, None (the agent's form) = all."""

    count: int | None
    index: int = 0


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One service."""

    key: ServiceKey
    index: int = 0


@dataclass(frozen=True, slots=True)
class DestsRequest:
    """A service's servers: `count` as in ServicesRequest."""

    key: ServiceKey
    count: int | None
    index: int = 0


@dataclass(frozen=True, slots=True)
class DestRequest:
    """Add, edit or delete one server of a service."""

    key: ServiceKey
    dest: Dest


@dataclass(frozen=True, slots=True)
class DestsChange:
    """The agent's add, edit or delete of several servers."""

    key: ServiceKey
    dests: tuple[Dest, ...]


@dataclass(frozen=True, slots=True)
class LaddrRequest:
    """Add or delete one local address of a service."""

    key: ServiceKey
    laddr: Laddr


@dataclass(frozen=True, slots=True)
class LaddrsRequest:
    """List a service's local addresses."""

    key: ServiceKey
    index: int = 0


@dataclass(frozen=True, slots=True)
class LaddrsChange:
    """The agent's add or delete of several local addresses."""

    key: ServiceKey
    laddrs: tuple[Laddr, ...]


@dataclass(frozen=True, slots=True)
class ConnsRequest:
    """One page of connections; `more` with the cursor of the page before to go on."""

    templates: bool = False
    more: bool = False
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class ConnRequest:
    """One connection, named by its client's packets."""

    pair: SocketPair
    template: bool = False


@dataclass(frozen=True, slots=True)
class ConnPage:
    """A page of connections, still packed (see structs_conn): listings go through millions of them.

    With `more`, `cursor` (8 bits in DPVS's message, 64 in ours) is where the next page starts.
    """

    records: bytes
    more: bool = False
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class ConnSliceRequest:
    """One page of connections by our own message: cursor 0 starts, `limit` bounds the page."""

    templates: bool = False
    cursor: int = 0
    limit: int = 16384


@dataclass(frozen=True, slots=True)
class AddressFilter:
    """List addresses, of one device or (empty) of all. The family is carried but, as upstream, filters nothing."""

    device: str = ""
    family: Family = Family.UNSPEC
    verbose: bool = False
    stats: bool = False


@dataclass(frozen=True, slots=True)
class RouteChange:
    """Add or delete an IPv6 route (one message does both)."""

    add: bool
    route: Route


@dataclass(frozen=True, slots=True)
class LldpRequest:
    """LLDP text of a device: node 0 = what we send, 1 = what the neighbour sent."""

    device: str
    node: int = 0
