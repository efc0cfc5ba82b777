"""The control socket as the applier uses it: many changes at a time, the whole table, and whether dpvs is another one.

A real DPVS knows neither our batches nor our status; it is driven by its own messages, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from xdpvs.api.errors import ApiError, DpvsError, ShortReply, TransportError
from xdpvs.api.message import Message
from xdpvs.keepalived.services.applied import Table, observed
from xdpvs.keepalived.services.changes import Change, ChangeAddress
from xdpvs.model.counters import DaemonStatus
from xdpvs.model.network import AddressStatus
from xdpvs.model.service import AclEntry, DaemonInfo, DestStatus, LaddrStatus, ServiceKey, ServiceStatus
from xdpvs.model.table import TableEntry


class DpvsClient(Protocol):
    """The methods of `api.client.Client` that are used here."""

    def call(self, message: Message[Any, Any], request: Any) -> Any: ...
    def batch(self, changes: Sequence[tuple[Message[Any, Any], Any]]) -> list[int]: ...
    def get_status(self) -> DaemonStatus: ...
    def get_info(self) -> DaemonInfo: ...
    def get_table(self) -> list[TableEntry]: ...
    def get_services(self, count: int) -> list[ServiceStatus]: ...
    def get_dests(self, key: ServiceKey, num: int) -> list[DestStatus]: ...
    def get_laddrs(self, key: ServiceKey) -> list[LaddrStatus]: ...
    def get_addresses(self) -> list[AddressStatus]: ...
    def get_denied(self) -> list[AclEntry]: ...
    def get_allowed(self) -> list[AclEntry]: ...
    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Which dpvs answers. generation changes with its state, started_at with its process; 0 where it does not tell."""

    generation: int = 0
    started_at_s: float = 0.0


class DpvsLink:
    """Requests to dpvs. TransportError: it is away, or said nothing usable."""

    def __init__(self, client: DpvsClient) -> None:
        self._client = client
        self.native = True
        """Whether it knows our own messages; found out by asking."""

    def identity(self) -> Identity:
        """Who is there."""
        try:
            status = self._client.get_status()
        except ShortReply as error:
            if not error.unanswered:
                raise
            self.native = False
            self._client.get_info()
            return Identity()
        self.native = True
        return Identity(status.generation, status.started_at_s)

    def run(self, changes: Sequence[Change | ChangeAddress]) -> list[int]:
        """The code of each change, in order."""
        messages = [change.message() for change in changes]
        if len(messages) > 1 and self.native:
            return self._client.batch(messages)
        return [self._run_one(message, request) for message, request in messages]

    def _run_one(self, message: Message[Any, Any], request: Any) -> int:
        try:
            self._client.call(message, request)
        except ApiError as error:
            return error.code
        return DpvsError.OK

    def flush(self) -> int:
        """Delete every service."""
        try:
            self._client.flush()
        except ApiError as error:
            return error.code
        return DpvsError.OK

    def look(self) -> Table:
        """Everything dpvs has."""
        client = self._client
        entries = client.get_table() if self.native else self._entries()
        return observed(entries, client.get_addresses(), self._acls(client.get_denied), self._acls(client.get_allowed))

    def _entries(self) -> list[TableEntry]:
        client, entries = self._client, []
        for status in client.get_services(client.get_info().num_services):
            key = status.service.key
            dests = tuple(client.get_dests(key, status.num_dests)) if status.num_dests else ()
            laddrs = tuple(client.get_laddrs(key)) if status.num_laddrs else ()
            entries.append(TableEntry(status, dests, laddrs))
        return entries

    def _acls(self, listing: Any) -> list[AclEntry]:
        try:
            found: list[AclEntry] = listing()
        except (ApiError, TransportError):
            # A dpvs without access lists, or with some that it cannot list: entries are then put there again.
            return []
        return found
