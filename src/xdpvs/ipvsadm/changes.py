"""The commands that change something: which messages they are, and what -E makes of the service it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from xdpvs.api import messages as m
from xdpvs.api.errors import ApiError
from xdpvs.api.messages import Message
from xdpvs.api.requests import DestRequest, LaddrRequest
from xdpvs.ipvsadm import failures
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.errors import FAILED_STATUS
from xdpvs.ipvsadm.grammar import check_is_sane
from xdpvs.ipvsadm.options import Command, Tracked
from xdpvs.ipvsadm.request import Request
from xdpvs.model.address import family_of, full_prefix_length
from xdpvs.model.service import CheckTypes, Service, ServiceFlags

_HASHES = ServiceFlags.SIP_HASH | ServiceFlags.QID_HASH


@dataclass(frozen=True, slots=True)
class Change:
    """One SET. If not decisive, its failure is printed and otherwise ignored."""

    message: Message[Any, Any]
    request: object
    decisive: bool = True


def changes_of(request: Request) -> list[Change] | None:
    """The messages of a command, None for one that is no plain change."""
    make = _CHANGES.get(request.command)
    return None if make is None else make(request)


def apply(change: Change, env: Environment) -> int:
    """Sends one change by itself; the command's exit status."""
    try:
        env.client.call(change.message, change.request)
    except failures.RequestFailure as error:
        return complain(change, error, env)
    return 0


def complain(change: Change, error: Exception, env: Environment) -> int:
    """Says what became of a refused change; the command's exit status."""
    env.complain(failures.line(error))
    if not change.decisive:
        return 0
    env.complain(failures.reason(error))
    return failures.exit_status(error)


def refusal(change: Change, code: int) -> ApiError:
    """A batch's code for one of its changes, as if it had come by itself."""
    return ApiError(code, change.message.id)


def edit_service(request: Request, env: Environment) -> int:
    """-E: fetch, merge, replace. A service that is not there is reported twice, with its own status."""
    try:
        found = env.client.get_service(request.key())
    except failures.RequestFailure as error:
        env.complain(failures.line(error))
        env.complain(failures.reason(error))
        env.complain(failures.reason(error))
        return FAILED_STATUS
    return apply(Change(m.EDIT, merge(found.service, request)), env)


def merge(before: Service, request: Request) -> Service:
    """Only what was given changes, except conn-timeout, proxy-protocol and dest-check, which always do."""
    given, wanted = request.given, request.service()
    check = wanted.check
    if CheckTypes.PASSIVE in check.types and not check_is_sane(check):
        check = before.check
    return replace(
        before,
        scheduler=wanted.scheduler if Tracked.SCHEDULER in given else before.scheduler,
        flags=_merge_flags(before.flags, request),
        persistence_timeout_s=(
            wanted.persistence_timeout_s if Tracked.PERSISTENT in given else before.persistence_timeout_s
        ),
        netmask=wanted.netmask if Tracked.NETMASK in given else before.netmask,
        conn_timeout_s=wanted.conn_timeout_s,
        proxy_protocol=wanted.proxy_protocol,
        check=check,
    )


def _merge_flags(flags: ServiceFlags, request: Request) -> ServiceFlags:
    given = request.given
    if Tracked.SCHEDULER in given:
        # conhash adds its default target to whatever target was there; every other scheduler has none.
        flags = flags | ServiceFlags.SIP_HASH if request.scheduler == "conhash" else flags & ~_HASHES
    if Tracked.SYNPROXY in given:
        flags = (flags & ~ServiceFlags.SYNPROXY) | (request.flags & ServiceFlags.SYNPROXY)
    if Tracked.HASH_TARGET in given:
        flags = (flags & ~_HASHES) | (request.flags & _HASHES)
    return flags | (request.flags & (ServiceFlags.PERSISTENT | ServiceFlags.EXPIRE_QUIESCENT | ServiceFlags.ONE_PACKET))


def _laddr_changes(address: Message[Any, Any], laddr: Message[Any, Any], request: Request) -> list[Change]:
    """The device gets or loses the address first; that this often fails (services share it) does not matter."""
    # Here, since only -P and -Q want it: it would cost every other command a tenth of its time.
    from xdpvs.model.network import Address, AddressFlags

    local = request.local_address()
    on_device = Address(
        family=family_of(local.address),
        address=local.address,
        prefix_length=full_prefix_length(local.address),
        device=local.device,
        flags=AddressFlags.SAPOOL,
    )
    return [Change(address, on_device, decisive=False), Change(laddr, LaddrRequest(request.key(), local))]


def _zero(request: Request) -> list[Change]:
    return [Change(m.ZERO, request.key() if Tracked.SERVICE in request.given else None)]


_CHANGES: dict[Command, Callable[[Request], list[Change]]] = {
    Command.FLUSH: lambda _: [Change(m.FLUSH, None)],
    Command.ADD_SERVICE: lambda request: [Change(m.ADD, request.service())],
    Command.DELETE_SERVICE: lambda request: [Change(m.DEL, request.key())],
    Command.ZERO: _zero,
    Command.ADD_SERVER: lambda request: [Change(m.ADDDEST, DestRequest(request.key(), request.dest()))],
    Command.EDIT_SERVER: lambda request: [Change(m.EDITDEST, DestRequest(request.key(), request.dest()))],
    Command.DELETE_SERVER: lambda request: [Change(m.DELDEST, DestRequest(request.key(), request.dest()))],
    Command.ADD_LADDR: lambda request: _laddr_changes(m.IFADDR_ADD, m.LADDR_ADD, request),
    Command.DELETE_LADDR: lambda request: _laddr_changes(m.IFADDR_DEL, m.LADDR_DEL, request),
    Command.ADD_DENY: lambda request: [Change(m.BLKLST_ADD, request.acl_entry())],
    Command.DELETE_DENY: lambda request: [Change(m.BLKLST_DEL, request.acl_entry())],
    Command.ADD_ALLOW: lambda request: [Change(m.WHTLST_ADD, request.acl_entry())],
    Command.DELETE_ALLOW: lambda request: [Change(m.WHTLST_DEL, request.acl_entry())],
}
