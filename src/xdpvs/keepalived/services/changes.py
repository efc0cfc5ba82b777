"""The difference between a service as wanted and as dpvs has it, as messages in the order they must go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xdpvs.api import messages as m
from xdpvs.api.errors import DpvsError
from xdpvs.api.message import Message
from xdpvs.api.requests import DestRequest, DestsSwap, LaddrRequest
from xdpvs.keepalived.health.server import dest_key
from xdpvs.keepalived.services.applied import Applied, pool_address, same_service
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.service import AclEntry, Dest, Laddr, Service, ServiceKey

_OK = (DpvsError.OK,)
_OK_OR_THERE = (DpvsError.OK, DpvsError.EXIST)
_OK_OR_GONE = (DpvsError.OK, DpvsError.NOTEXIST, DpvsError.NOSERV)


@dataclass(frozen=True, slots=True)
class PutService:
    """Add a service, or replace all of it but its key."""

    service: Service
    edit: bool = False
    accepts = _OK

    def message(self) -> tuple[Message[Any, Any], Any]:
        return (m.EDIT if self.edit else m.ADD), self.service

    def confirm(self, applied: Applied) -> None:
        applied.service = self.service


@dataclass(frozen=True, slots=True)
class DropService:
    """Delete a service with all that belongs to it. DPVS calls a missing one an invalid parameter."""

    key: ServiceKey
    accepts = (*_OK_OR_GONE, DpvsError.INVAL)

    def message(self) -> tuple[Message[Any, Any], Any]:
        return m.DEL, self.key

    def confirm(self, applied: Applied) -> None:
        applied.service = None
        for part in (applied.dests, applied.laddrs, applied.denied, applied.allowed):
            part.clear()


@dataclass(frozen=True, slots=True)
class ChangeDests:
    """Several servers at once, all or none (xdpvs only); `singly` is the same for DPVS."""

    key: ServiceKey
    put: tuple[Dest, ...]
    drop: tuple[Dest, ...]
    accepts = _OK

    def message(self) -> tuple[Message[Any, Any], Any]:
        return m.XDPVS_CHANGE_DESTS, DestsSwap(self.key, self.put, self.drop)

    def confirm(self, applied: Applied) -> None:
        for dest in self.drop:
            applied.dests.pop(dest_key(dest), None)
        for dest in self.put:
            applied.dests[dest_key(dest)] = dest

    def singly(self, applied: Applied) -> Iterator[ChangeDest]:
        """One by one: who joins or changes first, so that the service is never without servers in between."""
        for dest in self.put:
            yield ChangeDest(self.key, dest, m.EDITDEST if dest_key(dest) in applied.dests else m.ADDDEST)
        for dest in self.drop:
            yield ChangeDest(self.key, dest, m.DELDEST)


@dataclass(frozen=True, slots=True)
class ChangeDest:
    """One server."""

    key: ServiceKey
    dest: Dest
    how: Message[Any, Any]

    @property
    def accepts(self) -> tuple[DpvsError, ...]:
        return _OK_OR_GONE if self.how is m.DELDEST else _OK

    def message(self) -> tuple[Message[Any, Any], Any]:
        return self.how, DestRequest(self.key, self.dest)

    def confirm(self, applied: Applied) -> None:
        if self.how is m.DELDEST:
            applied.dests.pop(dest_key(self.dest), None)
        else:
            applied.dests[dest_key(self.dest)] = self.dest


@dataclass(frozen=True, slots=True)
class ChangeLaddr:
    """A service gets or loses a local address."""

    key: ServiceKey
    laddr: Laddr
    drop: bool = False

    @property
    def accepts(self) -> tuple[DpvsError, ...]:
        return _OK_OR_GONE if self.drop else _OK_OR_THERE

    def message(self) -> tuple[Message[Any, Any], Any]:
        return (m.LADDR_DEL if self.drop else m.LADDR_ADD), LaddrRequest(self.key, self.laddr)

    def confirm(self, applied: Applied) -> None:
        if self.drop:
            applied.laddrs.pop(self.laddr.address, None)
        else:
            applied.laddrs[self.laddr.address] = self.laddr


@dataclass(frozen=True, slots=True)
class ChangeAcl:
    """An entry of a service's deny or allow list."""

    entry: AclEntry
    allow: bool
    drop: bool = False

    @property
    def accepts(self) -> tuple[DpvsError, ...]:
        return _OK_OR_GONE if self.drop else _OK_OR_THERE

    def message(self) -> tuple[Message[Any, Any], Any]:
        if self.allow:
            return (m.WHTLST_DEL if self.drop else m.WHTLST_ADD), self.entry
        return (m.BLKLST_DEL if self.drop else m.BLKLST_ADD), self.entry

    def confirm(self, applied: Applied) -> None:
        entries = applied.allowed if self.allow else applied.denied
        if self.drop:
            entries.discard(self.entry)
        else:
            entries.add(self.entry)


Change = PutService | DropService | ChangeDests | ChangeDest | ChangeLaddr | ChangeAcl


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """The address behind a local address joins or leaves its device."""

    laddr: Laddr
    drop: bool = False

    @property
    def accepts(self) -> tuple[DpvsError, ...]:
        return (*_OK_OR_GONE, DpvsError.NODEV) if self.drop else _OK_OR_THERE

    def message(self) -> tuple[Message[Any, Any], Any]:
        return (m.IFADDR_DEL if self.drop else m.IFADDR_ADD), pool_address(self.laddr)


def differences(wanted: Wanted | None, has: Applied, key: ServiceKey) -> list[Change]:
    """What makes a service of dpvs the wanted one; wanted None: it must not be there.

    Access lists go first after the service itself, so that nobody who is denied gets in before; then local addresses,
    without which servers could not be reached; servers last, which also means one schedule for all of it.
    """
    if wanted is None:
        return [DropService(key)] if has.service is not None else []
    changes: list[Change] = []
    if has.service is None:
        # What dpvs had of it went with the service.
        has = Applied()
        changes.append(PutService(wanted.service))
    elif not same_service(wanted.service, has.service):
        changes.append(PutService(wanted.service, edit=True))
    for allow, entries, present in ((False, wanted.denied, has.denied), (True, wanted.allowed, has.allowed)):
        if entries or present:
            new = dict.fromkeys(entries)
            changes += [ChangeAcl(entry, allow) for entry in new if entry not in present]
            changes += [ChangeAcl(entry, allow, drop=True) for entry in present if entry not in new]
    changes += [ChangeLaddr(key, laddr) for laddr in wanted.laddrs if laddr.address not in has.laddrs]
    if (dests := _changed_dests(wanted, has, key)) is not None:
        changes.append(dests)
    if has.laddrs:
        kept = {laddr.address for laddr in wanted.laddrs}
        changes += [ChangeLaddr(key, laddr, drop=True) for laddr in has.laddrs.values() if laddr.address not in kept]
    return changes


def _changed_dests(wanted: Wanted, has: Applied, key: ServiceKey) -> ChangeDests | None:
    put = tuple(
        dest for place, dest in wanted.dests.items() if (found := has.dests.get(place)) != dest or found is None
    )
    drop = tuple(dest for place, dest in has.dests.items() if place not in wanted.dests)
    return ChangeDests(key, put, drop) if put or drop else None
