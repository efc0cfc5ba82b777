"""The control socket's messages, each bound to what answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from xdpvs.api import messages as m
from xdpvs.api.dispatch import Handler
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.api.messages import Message
from xdpvs.api.requests import (
    AddressFilter,
    ConnPage,
    ConnRequest,
    ConnSliceRequest,
    ConnsRequest,
    DestsChange,
    DestsRequest,
    LaddrRequest,
    LaddrsChange,
    LaddrsRequest,
    RouteChange,
    ServiceRequest,
    ServicesRequest,
)
from xdpvs.api.structs_conn import PAGE_CONNS
from xdpvs.api.structs_table import encode_table_entry
from xdpvs.bpf.errors import MapFull
from xdpvs.daemon.refusal import no_room, refuse, unsupported
from xdpvs.daemon.services import ServiceEntry
from xdpvs.daemon.state import State
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.conn import Conn
from xdpvs.model.network import Address, AddressFlags, AddressStatus, Neighbour, Route, Vlan
from xdpvs.model.service import AclEntry, DaemonInfo, DestStatus, LaddrStatus, Service, ServiceKey, ServiceStatus

VERSION = 0x00010A02
"""The DPVS whose protocol this is: tools show it as the version of the daemon."""
VERSION_TEXT = "dpvs:v1.10-2"
MAX_SLICE = 65536

# What DPVS's sapool shows for an idle local address: 64511 ports towards each of 16 groups of servers.
PORTS_OF_LADDR = 64511 * 16

T = TypeVar("T")


class Handlers:
    """Every handler is one method; `table` binds them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def table(self) -> dict[Message[Any, Any], Handler]:
        """Message by message."""
        return {
            **self._service_messages(),
            **self._network_messages(),
            **self._device_messages(),
        }

    def _service_messages(self) -> dict[Message[Any, Any], Handler]:
        s = self._state.services
        return {
            m.GET_VERSION: lambda _: VERSION_TEXT,
            m.GET_INFO: lambda _: DaemonInfo(VERSION, len(s)),
            m.GET_SERVICES: self.get_services,
            m.GET_SERVICE: self.get_service,
            m.GET_DESTS: self.get_dests,
            m.AGENT_GET_SERVICES: self.get_services,
            m.AGENT_GET_DESTS: self.get_dests,
            m.FLUSH: self._setting(lambda _: s.flush()),
            m.ZERO: self._setting(s.zero),
            m.ADD: self._setting(self.add_service),
            m.EDIT: self._setting(s.edit),
            m.DEL: self._setting(s.delete),
            m.ADDDEST: self._setting(lambda r: s.add_dest(r.key, r.dest)),
            m.EDITDEST: self._setting(lambda r: s.edit_dest(r.key, r.dest)),
            m.DELDEST: self._setting(lambda r: s.delete_dest(r.key, r.dest)),
            m.AGENT_ADD_DESTS: self._setting(lambda r: self._each_dest(r, s.put_dest)),
            m.AGENT_EDIT_DESTS: self._setting(lambda r: self._each_dest(r, s.weigh_dest)),
            m.AGENT_DEL_DESTS: self._setting(lambda r: self._each_dest(r, s.delete_dest)),
            m.GRATARP: self._setting(self.announce),
            m.LADDR_ADD: self._setting(self.add_laddr),
            m.LADDR_DEL: self._setting(lambda r: s.delete_laddr(r.key, r.laddr)),
            m.LADDR_FLUSH: self._setting(s.flush_laddrs),
            m.LADDR_GETALL: self.get_laddrs,
            m.AGENT_GET_LADDR: self.get_laddrs,
            m.AGENT_ADD_LADDR: self._setting(lambda r: self._each_laddr(r, s.add_laddr)),
            m.AGENT_DEL_LADDR: self._setting(lambda r: self._each_laddr(r, s.delete_laddr)),
            m.BLKLST_ADD: self.refuse_acl,
            m.BLKLST_DEL: self.delete_acl,
            m.BLKLST_GETALL: lambda _: [],
            m.WHTLST_ADD: self.refuse_acl,
            m.WHTLST_DEL: self.delete_acl,
            m.WHTLST_GETALL: lambda _: [],
            m.GET_CONN_ALL: self.get_conns,
            m.GET_CONN_SPECIFIED: self.get_conn,
            m.XDPVS_CHANGE_DESTS: self._setting(lambda r: s.change_dests(r.key, r.put, r.delete)),
            m.XDPVS_ANNOUNCE: self._setting(self.announce),
            m.XDPVS_GET_TABLE: self.get_table,
            m.XDPVS_GET_CONNS: self.get_conn_slice,
        }

    def _network_messages(self) -> dict[Message[Any, Any], Handler]:
        net, static = self._state.layer3, self._state.static_neighbours
        return {
            m.IFADDR_ADD: self._setting(net.add_address),
            m.IFADDR_DEL: self._setting(net.delete_address),
            m.IFADDR_SET: self._setting(net.set_address),
            m.IFADDR_FLUSH: self._setting(net.flush_addresses),
            m.IFADDR_SHOW: self.get_addresses,
            m.IFMADDR_SHOW: self._state.links.multicast,
            m.AGENT_IFADDR_ADD: self._setting(net.add_address),
            m.AGENT_IFADDR_DEL: self._setting(net.delete_address),
            m.AGENT_IFADDR_GET_BASE: self.get_addresses,
            m.AGENT_IFADDR_GET_STATS: self.get_addresses,
            m.ROUTE_ADD: self._setting(net.add_route),
            m.ROUTE_DEL: self._setting(net.delete_route),
            m.ROUTE_FLUSH: self._setting(lambda device: net.flush_routes(Family.INET, device)),
            m.ROUTE_SHOW: lambda device: net.routes(Family.INET, device),
            m.ROUTE6_ADD_DEL: self._setting(self.change_route6),
            m.ROUTE6_FLUSH: self._setting(lambda device: net.flush_routes(Family.INET6, device)),
            m.ROUTE6_SHOW: self.get_routes6,
            m.AGENT_ROUTE_GET: lambda device: net.routes(Family.INET, device),
            m.AGENT_ROUTE_ADD: self._setting(net.add_route),
            m.AGENT_ROUTE_DEL: self._setting(net.delete_route),
            m.AGENT_ROUTE6_GET: self.get_routes6,
            m.AGENT_ROUTE6_ADD: self._setting(lambda route: self.change_route6(RouteChange(True, route))),
            m.AGENT_ROUTE6_DEL: self._setting(lambda route: self.change_route6(RouteChange(False, route))),
            m.NEIGH_ADD: self._setting(static.add),
            m.NEIGH_DEL: self._setting(static.delete),
            m.NEIGH_SHOW: self.get_neighbours,
            m.VLAN_ADD: self._setting(self.add_vlan),
            m.VLAN_DEL: self._setting(self.delete_vlan),
            m.VLAN_SHOW: self._state.devices.vlans,
        }

    def _device_messages(self) -> dict[Message[Any, Any], Handler]:
        links = self._state.links
        return {
            m.SET_LCORE: links.set_lcore,
            m.SET_PORT: self._setting(links.set),
            m.GET_LCORE_MASK: lambda _: links.lcore_mask(),
            m.GET_LCORE_BASIC: links.lcore,
            m.GET_LCORE_STATS: links.lcore_stats,
            m.GET_PORT_LIST: lambda _: links.ports(),
            m.GET_PORT_BASIC: links.link,
            m.GET_PORT_STATS: links.stats,
            m.GET_PORT_XSTATS: links.counters,
            m.GET_PORT_EXT_INFO: links.details,
            m.GET_MADDR: links.hardware_multicast,
            m.IP6_STATS: lambda _: self._state.ipv6_stats(),
            m.XDPVS_GET_DROPS: lambda _: self._state.drops(),
            m.XDPVS_GET_STATUS: lambda _: self._state.status(),
        }

    def _setting(self, change: Callable[[Any], None]) -> Handler:
        """A handler for a SET: full tables become a code, and what follows from the change is done."""

        def handle(request: Any) -> None:
            try:
                change(request)
            except MapFull as error:
                raise no_room(error) from error
            finally:
                self._state.settle()

        return handle

    # Services

    def add_service(self, service: Service) -> None:
        """ADD."""
        self._state.services.add(service)

    def _service(self, key: ServiceKey) -> ServiceEntry:
        """For GETs, which call what they do not find a failed message."""
        entry = self._state.services.find(key)
        if entry is None:
            raise refuse(DpvsError.MSG_FAIL)
        return entry

    def get_services(self, request: ServicesRequest) -> list[ServiceStatus]:
        """GET_SERVICES."""
        _check_worker(request.worker)
        return self._state.listing.services()

    def get_service(self, request: ServiceRequest) -> ServiceStatus:
        """GET_SERVICE."""
        _check_worker(request.worker)
        return self._state.listing.service(self._service(request.key))

    def get_dests(self, request: DestsRequest) -> list[DestStatus]:
        """GET_DESTS."""
        _check_worker(request.worker)
        return self._state.listing.dests(self._service(request.key))

    def _each_dest(self, change: DestsChange, do: Callable[[ServiceKey, Any], None]) -> None:
        """The agent's changes: all are tried, the last one's code is the answer."""
        if self._state.services.find(change.key) is None:
            raise refuse(DpvsError.INVAL)
        _last_code(do, change.key, change.dests)

    def _each_laddr(self, change: LaddrsChange, do: Callable[[ServiceKey, Any], None]) -> None:
        if self._state.services.find(change.key) is None:
            raise refuse(DpvsError.NOSERV)
        _last_code(do, change.key, change.laddrs)

    def add_laddr(self, request: LaddrRequest) -> None:
        """LADDR_ADD."""
        if self._state.services.find(request.key) is None:
            raise refuse(DpvsError.NOSERV)
        self._state.devices.get(request.laddr.device)
        self._state.services.add_laddr(request.key, request.laddr)

    async def get_laddrs(self, request: LaddrsRequest) -> list[LaddrStatus]:
        """LADDR_GETALL."""
        _check_worker(request.worker)
        self._service(request.key)
        await self._state.count_laddrs()
        return self._state.listing.laddrs(self._service(request.key))

    async def get_table(self, _request: None) -> Iterator[bytes]:
        """XDPVS_GET_TABLE, service by service: others have their turn, and the objects of a large table go at once."""
        await self._state.count_laddrs()
        return map(encode_table_entry, self._state.listing.table())

    def announce(self, address: IPAddress) -> None:
        """GRATARP, XDPVS_ANNOUNCE."""
        devices = self._state.layer3.devices_of(address)
        if not devices:
            raise refuse(DpvsError.NOTEXIST)
        for device in devices:
            self._state.asking.announce(device, address)

    def refuse_acl(self, _entry: AclEntry) -> None:
        """BLKLST_ADD, WHTLST_ADD."""
        raise unsupported("deny and allow lists")

    def delete_acl(self, _entry: AclEntry) -> None:
        """BLKLST_DEL, WHTLST_DEL: there are none."""
        raise refuse(DpvsError.NOTEXIST)

    # Connections

    async def get_conns(self, request: ConnsRequest) -> ConnPage:
        """GET_CONN_ALL."""
        if request.templates or (request.more and not request.cursor):
            return ConnPage(b"")
        if not request.more and not self._state.balancer.any_conns():
            return ConnPage(b"")
        return await self._state.conn_pages.page(request.cursor if request.more else 0, PAGE_CONNS)

    async def get_conn_slice(self, request: ConnSliceRequest) -> ConnPage:
        """XDPVS_GET_CONNS."""
        if request.templates or (not request.cursor and not self._state.balancer.any_conns()):
            return ConnPage(b"")
        limit = max(1, min(request.limit, MAX_SLICE))
        return await self._state.conn_slices.page(request.cursor, limit)

    def get_conn(self, request: ConnRequest) -> Conn:
        """GET_CONN_SPECIFIED."""
        found = None if request.template else self._state.conns.find(request.pair)
        if found is None:
            raise refuse(DpvsError.NOTEXIST)
        return found

    # Layer 3

    async def get_addresses(self, request: AddressFilter) -> list[AddressStatus]:
        """IFADDR_SHOW: pool counters only where asked for."""
        addresses = self._state.layer3.addresses(request.device)
        if not (request.stats or request.verbose):
            return [AddressStatus(address) for address in addresses]
        await self._state.count_laddrs()
        return [self._pool(address) for address in addresses]

    def _pool(self, address: Address) -> AddressStatus:
        if not address.flags & AddressFlags.SAPOOL:
            return AddressStatus(address)
        used, misses = self._state.laddr_use(address.address)
        return AddressStatus(address, used, max(0, PORTS_OF_LADDR - used), misses & 0xFFFFFFFF)

    def change_route6(self, change: RouteChange) -> None:
        """ROUTE6_ADD_DEL."""
        if change.add:
            self._state.layer3.add_route(change.route)
        else:
            self._state.layer3.delete_route(change.route)

    def get_routes6(self, device: str) -> list[Route] | None:
        """ROUTE6_SHOW: an unknown device is an empty reply."""
        if device and self._state.devices.find(device) is None:
            return None
        return self._state.layer3.routes(Family.INET6, device)

    def get_neighbours(self, device: str) -> list[Neighbour]:
        """NEIGH_SHOW."""
        return self._state.static_neighbours.show(device)

    def add_vlan(self, vlan: Vlan) -> None:
        """VLAN_ADD."""
        self._state.layer3.add_vlan(vlan)

    def delete_vlan(self, vlan: Vlan) -> None:
        """VLAN_DEL."""
        device = self._state.devices.vlan_to_delete(vlan)
        self._state.static_neighbours.forget_device(device.name)
        self._state.asking.forget_device(device.id)
        self._state.layer3.delete_vlan(vlan)


def _check_worker(worker: int) -> None:
    """Totals, or the only worker there is."""
    if worker not in (0, 1):
        raise refuse(DpvsError.INVAL)


def _last_code(do: Callable[[ServiceKey, T], None], key: ServiceKey, items: Iterable[T]) -> None:
    last: ApiError | None = None
    for item in items:
        try:
            do(key, item)
            last = None
        except ApiError as error:
            last = error
    if last is not None:
        raise last
