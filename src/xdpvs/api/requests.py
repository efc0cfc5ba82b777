"""Requests that are more than one model value. Field names are the model's; worker 0 = totals over all workers.

Named tuples, not dataclasses: every CLI loads all of them, and a dataclass takes five times as long to make.
"""

from __future__ import annotations

from typing import NamedTuple

from xdpvs.model.address import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.model.conn import SocketPair
    from xdpvs.model.network import Route
    from xdpvs.model.service import Dest, Laddr, ServiceKey


class ServicesRequest(NamedTuple):
    """List services: `expected` is how many the client takes at most, None (the agent's form) = all."""

    expected: int | None
    worker: int = 0


class ServiceRequest(NamedTuple):
    """One service."""

    key: ServiceKey
    worker: int = 0


class DestsRequest(NamedTuple):
    """A service's servers: `expected` as in ServicesRequest."""

    key: ServiceKey
    expected: int | None
    worker: int = 0


class DestRequest(NamedTuple):
    """Add, edit or delete one server of a service."""

    key: ServiceKey
    dest: Dest


class DestsChange(NamedTuple):
    """The agent's add, edit or delete of several servers."""

    key: ServiceKey
    dests: tuple[Dest, ...]


class DestsSwap(NamedTuple):
    """Our own change of several servers, all or none: `put` are added or replaced, `delete` removed (if there)."""

    key: ServiceKey
    put: tuple[Dest, ...]
    delete: tuple[Dest, ...] = ()


class LaddrRequest(NamedTuple):
    """Add or delete one local address of a service."""

    key: ServiceKey
    laddr: Laddr


class LaddrsRequest(NamedTuple):
    """List a service's local addresses."""

    key: ServiceKey
    worker: int = 0


class LaddrsChange(NamedTuple):
    """The agent's add or delete of several local addresses."""

    key: ServiceKey
    laddrs: tuple[Laddr, ...]


class ConnsRequest(NamedTuple):
    """One page of connections; `more` with the cursor of the page before to go on."""

    templates: bool = False
    more: bool = False
    cursor: int = 0


class ConnRequest(NamedTuple):
    """One connection, named by its client's packets."""

    pair: SocketPair
    template: bool = False


class ConnPage(NamedTuple):
    """A page of connections, still packed (see structs_conn): listings go through millions of them.

    With `more`, `cursor` (8 bits in DPVS's message, 64 in ours) is where the next page starts.
    """

    records: bytes
    more: bool = False
    cursor: int = 0


class ConnSliceRequest(NamedTuple):
    """One page of connections by our own message: cursor 0 starts, `limit` bounds the page."""

    templates: bool = False
    cursor: int = 0
    limit: int = 16384


class AddressFilter(NamedTuple):
    """List addresses, of one device or (empty) of all. The family is carried but, as upstream, filters nothing."""

    device: str = ""
    family: Family = Family.UNSPEC
    verbose: bool = False
    stats: bool = False


class RouteChange(NamedTuple):
    """Add or delete an IPv6 route (one message does both)."""

    add: bool
    route: Route


class LldpRequest(NamedTuple):
    """LLDP text of a device: node 0 = what we send, 1 = what the neighbour sent."""

    device: str
    node: int = 0
