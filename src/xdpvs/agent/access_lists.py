"""`/vs/{VipPort}/deny` and `/allow`: clients kept out of a service, or let in alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from xdpvs.agent.answer import INVALID_BACKEND, INVALID_FRONTEND, NOTHING, OK, Answer, Malformed, Refused
from xdpvs.agent.bodies import AclAddrList
from xdpvs.agent.call import Call
from xdpvs.agent.control import Control
from xdpvs.agent.identifiers import parse_address, parse_service_id, service_id
from xdpvs.agent.rendering import Json, address_text
from xdpvs.api.client import Client
from xdpvs.api.errors import DpvsError
from xdpvs.model.address import IPAddress, any_address, family_of
from xdpvs.model.service import AclEntry, ServiceKey

_IPSET = "ipset:"
_IPSET_NAME_BYTES = 31


@dataclass(frozen=True, slots=True)
class Messages:
    """What a list's handlers ask of the daemon."""

    name: str
    entries: Callable[[Client], list[AclEntry]]
    add: Callable[[Client, AclEntry], None]
    delete: Callable[[Client, AclEntry], None]


DENY = Messages("deny", Client.get_denied, Client.add_denied, Client.del_denied)
ALLOW = Messages("allow", Client.get_allowed, Client.add_allowed, Client.del_allowed)


class AccessList:
    """Handlers of one of the lists. Every item is checked before the first is sent."""

    def __init__(self, control: Control, messages: Messages) -> None:
        self._control = control
        self._messages = messages

    def list_all(self, call: Call) -> Answer:
        """GET: the entries of the service (not in upstream)."""
        key = parse_service_id(call.path["VipPort"])
        return Answer(200, {"Items": [_item(entry) for entry in self._entries(key)]})

    def put(self, call: Call) -> Answer:
        """PUT: add entries. Whether the service is there is not looked at, as in DPVS."""
        key = parse_service_id(call.path["VipPort"])
        for entry in _wanted(call, key):
            self._add(key, entry)
        return OK

    def post(self, call: Call) -> Answer:
        """POST: make the list be exactly this (not in upstream); what is new is added before the rest goes."""
        key = parse_service_id(call.path["VipPort"])
        body = cast(AclAddrList | None, call.body)
        if body is None or body.items is None:
            raise Malformed("Items in body is required: an empty list removes every entry")
        wanted = _wanted(call, key)
        before = self._entries(key)
        for entry in wanted:
            if entry not in before:
                self._add(key, entry)
        for entry in before:
            if entry not in wanted:
                self._delete(key, entry)
        return OK

    def delete(self, call: Call) -> Answer:
        """DELETE: remove entries; a missing one is 461, as in upstream, after the others are gone."""
        key = parse_service_id(call.path["VipPort"])
        failure: Refused | None = None
        for entry in _wanted(call, key):
            try:
                self._delete(key, entry)
            except Refused as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return NOTHING

    def _entries(self, key: ServiceKey) -> list[AclEntry]:
        client = self._control.client
        entries = self._control.read(f"{self._messages.name} lists", lambda: self._messages.entries(client))
        return [
            entry
            for entry in entries
            if (entry.vip, entry.port, entry.protocol) == (key.address, key.port, key.protocol)
        ]

    def _add(self, key: ServiceKey, entry: AclEntry) -> None:
        self._control.attempt(
            self._what(key, entry),
            lambda: self._messages.add(self._control.client, entry),
            otherwise=INVALID_BACKEND,
            fine=[DpvsError.EXIST],
        )

    def _delete(self, key: ServiceKey, entry: AclEntry) -> None:
        self._control.attempt(
            self._what(key, entry),
            lambda: self._messages.delete(self._control.client, entry),
            otherwise=INVALID_BACKEND,
        )

    def _what(self, key: ServiceKey, entry: AclEntry) -> str:
        return f"service {service_id(key)}: {self._messages.name} {_item(entry)}"


def _wanted(call: Call, key: ServiceKey) -> list[AclEntry]:
    body = cast(AclAddrList | None, call.body)
    if body is None:
        raise Malformed("Items in body is required")
    entries = []
    for number, item in enumerate(body.items or []):
        if item.ipset:
            entries.append(_ipset_entry(key, item.ipset, f"Items.{number}.ipset"))
            continue
        subject = _subject(item.address, f"Items.{number}.addr")
        entries.append(AclEntry(family_of(subject), key.protocol, key.address, key.port, subject))
    return list(dict.fromkeys(entries))


def _subject(text: str, field: str) -> IPAddress:
    try:
        return parse_address(text, field)
    except Malformed as error:
        raise Refused(INVALID_FRONTEND, error.message) from None


def _ipset_entry(key: ServiceKey, text: str, field: str) -> AclEntry:
    name = text.removeprefix(_IPSET)
    if name == text or not 0 < len(name.encode()) <= _IPSET_NAME_BYTES:
        raise Refused(INVALID_FRONTEND, f"{field} in body must be ipset:NAME, not {text!r}")
    return AclEntry(key.family, key.protocol, key.address, key.port, any_address(key.family), name)


def _item(entry: AclEntry) -> Json:
    return {"ipset": f"{_IPSET}{entry.ipset}"} if entry.ipset else {"addr": address_text(entry.subject)}
