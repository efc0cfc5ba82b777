"""A dpvs in memory: the requests keepalived makes, with a real daemon's codes, and what it was asked to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from xdpvs.api import messages as m
from xdpvs.api.errors import ApiError, ConnectionFailed, DpvsError, ShortReply
from xdpvs.api.message import Message
from xdpvs.api.requests import DestRequest, DestsSwap, LaddrRequest
from xdpvs.keepalived.health.server import DestKey, dest_key
from xdpvs.model.address import IPAddress
from xdpvs.model.counters import DaemonStatus
from xdpvs.model.network import Address, AddressStatus
from xdpvs.model.service import (
    AclEntry,
    DaemonInfo,
    Dest,
    DestStatus,
    ForwardingMode,
    Laddr,
    LaddrStatus,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
)
from xdpvs.model.table import TableEntry


class FakeDpvs:
    """Stands for `api.client.Client`. `changes` lists what was carried out; `requests` counts requests that change."""

    def __init__(self, *devices: str, native: bool = True) -> None:
        self.devices = set(devices or ("dpdk0",))
        self.native = native
        self.away = False
        self.generation = 1
        self.started_at = 1.0
        self.refused_flags = ServiceFlags.PERSISTENT
        self.has_acls = False
        self.changes: list[str] = []
        self.requests = self.polls = 0
        self.empty()
        self._handlers: dict[Message[Any, Any], Callable[[Any], None]] = {
            m.ADD: self._add,
            m.EDIT: self._edit,
            m.DEL: self._delete,
            m.XDPVS_CHANGE_DESTS: self._change_dests,
            m.ADDDEST: self._add_dest,
            m.EDITDEST: self._edit_dest,
            m.DELDEST: self._delete_dest,
            m.LADDR_ADD: self._add_laddr,
            m.LADDR_DEL: self._delete_laddr,
            m.IFADDR_ADD: self._add_address,
            m.IFADDR_DEL: self._delete_address,
            m.BLKLST_ADD: self._add_acl,
            m.WHTLST_ADD: self._add_acl,
            m.BLKLST_DEL: self._delete_acl,
            m.WHTLST_DEL: self._delete_acl,
        }

    @property
    def handlers(self) -> dict[Message[Any, Any], Callable[[Any], None]]:
        """For a server: each change is noted."""
        return {message: partial(self._handle, message) for message in self._handlers}

    def _handle(self, message: Message[Any, Any], request: Any) -> None:
        self._handlers[message](request)
        self._note(message, request)

    def empty(self) -> None:
        """Forget everything, as a clean restart does."""
        self.services: dict[ServiceKey, Service] = {}
        self.dests: dict[ServiceKey, dict[DestKey, Dest]] = {}
        self.laddrs: dict[ServiceKey, dict[IPAddress, Laddr]] = {}
        self.addresses: dict[tuple[str, IPAddress], Address] = {}
        self.acls: set[AclEntry] = set()

    def restart(self, *, clean: bool) -> None:
        """Another process; after a clean stop with nothing."""
        self.started_at += 1
        if clean:
            self.generation += 1
            self.empty()

    # The client's methods

    def call(self, message: Message[Any, Any], request: Any) -> Any:
        self._reach()
        if message is m.XDPVS_CHANGE_DESTS and not self.native:
            raise ShortReply(0, 104, header=True)
        self.requests += 1
        self._handle(message, request)

    def batch(self, changes: Sequence[tuple[Message[Any, Any], Any]]) -> list[int]:
        self._reach()
        if not self.native:
            raise ShortReply(0, 104, header=True)
        self.requests += 1
        return [self._code(message, request) for message, request in changes]

    def _code(self, message: Message[Any, Any], request: Any) -> int:
        try:
            self._handle(message, request)
        except ApiError as error:
            return error.code
        return DpvsError.OK

    def get_status(self) -> DaemonStatus:
        self._reach()
        self.polls += 1
        if not self.native:
            raise ShortReply(0, 104, header=True)
        return DaemonStatus("fake", self.generation, started_at_s=self.started_at)

    def get_info(self) -> DaemonInfo:
        self._reach()
        return DaemonInfo(0x00010A02, len(self.services))

    def get_table(self) -> list[TableEntry]:
        self._reach()
        return [
            TableEntry(status, tuple(self.get_dests(status.service.key, 0)), tuple(self.get_laddrs(status.service.key)))
            for status in self.get_services(0)
        ]

    def get_services(self, count: int) -> list[ServiceStatus]:
        return [
            ServiceStatus(service, len(self.dests[key]), len(self.laddrs[key]))
            for key, service in self.services.items()
        ]

    def get_dests(self, key: ServiceKey, num: int) -> list[DestStatus]:
        return [DestStatus(dest) for dest in self.dests[key].values()]

    def get_laddrs(self, key: ServiceKey) -> list[LaddrStatus]:
        return [LaddrStatus(Laddr(each.family, each.address)) for each in self.laddrs[key].values()]

    def get_addresses(self) -> list[AddressStatus]:
        self._reach()
        return [AddressStatus(address) for address in self.addresses.values()]

    def get_denied(self) -> list[AclEntry]:
        return list(self.acls)

    def get_allowed(self) -> list[AclEntry]:
        return []

    def flush(self) -> None:
        self._reach()
        self.changes.append("FLUSH")
        for key in list(self.services):
            self._delete(key)

    def _reach(self) -> None:
        if self.away:
            raise ConnectionFailed(2, setting=False)

    # What the messages do

    def _note(self, message: Message[Any, Any], request: Any) -> None:
        self.changes.append(f"{message.id.name} {_subject(request)}")

    def _add(self, service: Service) -> None:
        if service.key in self.services:
            raise ApiError(DpvsError.EXIST)
        self._check(service)
        self.services[service.key] = service
        self.dests[service.key], self.laddrs[service.key] = {}, {}

    def _edit(self, service: Service) -> None:
        self._get(service.key, DpvsError.INVAL)
        self._check(service)
        self.services[service.key] = service

    def _check(self, service: Service) -> None:
        if service.scheduler not in ("rr", "wrr", "wlc", "conhash", "mh"):
            raise ApiError(DpvsError.NOTEXIST)
        if service.flags & self.refused_flags:
            raise ApiError(DpvsError.NOTSUPP)

    def _get(self, key: ServiceKey, code: DpvsError) -> None:
        if key not in self.services:
            raise ApiError(code)

    def _delete(self, key: ServiceKey) -> None:
        self._get(key, DpvsError.INVAL)
        del self.services[key], self.dests[key], self.laddrs[key]

    def _change_dests(self, swap: DestsSwap) -> None:
        self._get(swap.key, DpvsError.NOSERV)
        for dest in swap.put:
            _check_dest(dest)
        for dest in swap.delete:
            self.dests[swap.key].pop(dest_key(dest), None)
        for dest in swap.put:
            self.dests[swap.key][dest_key(dest)] = dest

    def _add_dest(self, request: DestRequest) -> None:
        self._get(request.key, DpvsError.INVAL)
        if dest_key(request.dest) in self.dests[request.key]:
            raise ApiError(DpvsError.EXIST)
        _check_dest(request.dest)
        self.dests[request.key][dest_key(request.dest)] = request.dest

    def _edit_dest(self, request: DestRequest) -> None:
        self._get(request.key, DpvsError.INVAL)
        if dest_key(request.dest) not in self.dests[request.key]:
            raise ApiError(DpvsError.NOTEXIST)
        _check_dest(request.dest)
        self.dests[request.key][dest_key(request.dest)] = request.dest

    def _delete_dest(self, request: DestRequest) -> None:
        self._get(request.key, DpvsError.INVAL)
        if self.dests[request.key].pop(dest_key(request.dest), None) is None:
            raise ApiError(DpvsError.NOTEXIST)

    def _add_laddr(self, request: LaddrRequest) -> None:
        self._get(request.key, DpvsError.NOSERV)
        if request.laddr.device not in self.devices:
            raise ApiError(DpvsError.NODEV)
        if request.laddr.address in self.laddrs[request.key]:
            raise ApiError(DpvsError.EXIST)
        self.laddrs[request.key][request.laddr.address] = request.laddr

    def _delete_laddr(self, request: LaddrRequest) -> None:
        self._get(request.key, DpvsError.NOSERV)
        if self.laddrs[request.key].pop(request.laddr.address, None) is None:
            raise ApiError(DpvsError.NOTEXIST)

    def _add_address(self, address: Address) -> None:
        if address.device not in self.devices:
            raise ApiError(DpvsError.NODEV)
        if (address.device, address.address) in self.addresses:
            raise ApiError(DpvsError.EXIST)
        self.addresses[address.device, address.address] = address

    def _delete_address(self, address: Address) -> None:
        if self.addresses.pop((address.device, address.address), None) is None:
            raise ApiError(DpvsError.NOTEXIST)

    def _add_acl(self, entry: AclEntry) -> None:
        if not self.has_acls:
            raise ApiError(DpvsError.NOTSUPP)
        self.acls.add(entry)

    def _delete_acl(self, entry: AclEntry) -> None:
        self.acls.discard(entry)


def _check_dest(dest: Dest) -> None:
    if dest.forwarding is not ForwardingMode.FULLNAT:
        raise ApiError(DpvsError.NOTSUPP)


def _subject(request: Any) -> str:
    match request:
        case Service(key):
            return f"{key.address}:{key.port}"
        case ServiceKey():
            return f"{request.address}:{request.port}"
        case DestsSwap(key, put, delete):
            joined = [f"+{dest.address}={dest.weight}" for dest in put] + [f"-{dest.address}" for dest in delete]
            return f"{key.address}:{key.port} {' '.join(joined)}"
        case DestRequest(key, dest):
            return f"{key.address}:{key.port} {dest.address}"
        case LaddrRequest(key, laddr):
            return f"{key.address}:{key.port} {laddr.address}"
        case Address():
            return f"{request.address}/{request.prefix_length} {request.device}"
        case AclEntry():
            return f"{request.vip}:{request.port} {request.subject}"
    return str(request)
