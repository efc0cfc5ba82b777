"""The daemon as the agent sees it: its failures told apart and counted, DPVS's messages where ours are unknown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import TypeVar

from xdpvs.agent.answer import Refused
from xdpvs.api import messages as m
from xdpvs.api.client import Client
from xdpvs.api.errors import ApiError, ConnectionFailed, DpvsError, ShortReply, TransportError
from xdpvs.api.requests import DestsChange, DestsRequest, LaddrsRequest, ServicesRequest
from xdpvs.model.service import Dest, DestStatus, LaddrStatus, ServiceKey, ServiceStatus
from xdpvs.model.table import TableEntry

T = TypeVar("T")

TIMEOUT_S = 10.0
"""Of each read: a daemon that hangs must not hang the request."""


class Trouble(Enum):
    """How a request to the daemon can fail; `refused` is an answer, the others are none."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"


def trouble_of(error: ApiError | TransportError) -> Trouble:
    """The kind of a failure."""
    if isinstance(error, ApiError):
        return Trouble.REFUSED
    return Trouble.UNREACHABLE if isinstance(error, ConnectionFailed) else Trouble.NO_ANSWER


def reason(error: ApiError | TransportError) -> str:
    """A failure in words for the client of the API."""
    if isinstance(error, ApiError):
        if error.code == DpvsError.NOTSUPP:
            return "not supported by the data plane"
        return error.text
    if isinstance(error, ConnectionFailed):
        return f"the daemon cannot be reached: {error.strerror}"
    return "the daemon did not answer"


class Control:
    """Every call blocks, each over a connection of its own; `count` is told of failures."""

    def __init__(self, client: Client, count: Callable[[Trouble], None] = lambda trouble: None) -> None:
        self.client = client
        self._count = count

    def attempt(
        self,
        what: str,
        do: Callable[[], object],
        *,
        otherwise: int,
        fine: Collection[int] = (),
        codes: Mapping[int, int] | None = None,
    ) -> bool:
        """Do it; False if the daemon answers one of the `fine` codes, else Refused with the status for its code."""
        try:
            do()
        except ApiError as error:
            if error.code in fine:
                return False
            self._count(Trouble.REFUSED)
            raise Refused((codes or {}).get(error.code, otherwise), f"{what}: {reason(error)}") from error
        except TransportError as error:
            self._count(trouble_of(error))
            raise Refused(otherwise, f"{what}: {reason(error)}") from error
        return True

    def read(self, what: str, ask: Callable[[], T], *, otherwise: int = 500, unreachable: int = 503) -> T:
        """What the daemon answers, or Refused."""
        try:
            return ask()
        except (ApiError, TransportError) as error:
            self._count(trouble_of(error))
            status = otherwise if isinstance(error, ApiError) else unreachable
            raise Refused(status, f"{what}: {reason(error)}") from error

    # The balancing table

    def table(self) -> list[TableEntry]:
        """Everything, by one request or, from DPVS itself, by many."""
        try:
            return self.client.get_table()
        except ShortReply as error:
            if not error.unanswered:
                raise
        services = self.client.call(m.AGENT_GET_SERVICES, ServicesRequest(None))
        found = [self._entry(status) for status in services]
        return [entry for entry in found if entry is not None]

    def entry(self, key: ServiceKey) -> TableEntry | None:
        """One service with its servers and local addresses, None if it is not there."""
        try:
            status = self.client.get_service(key)
        except ApiError:
            return None
        return self._entry(status)

    def _entry(self, status: ServiceStatus) -> TableEntry | None:
        key = status.service.key
        try:
            dests = self.client.call(m.AGENT_GET_DESTS, DestsRequest(key, None)) if status.num_dests else []
            laddrs = self.laddrs(key) if status.num_laddrs else []
        except ApiError:
            return None
        return TableEntry(status, tuple(dests), tuple(laddrs))

    def dests(self, key: ServiceKey) -> list[DestStatus]:
        """A service's servers."""
        return self.client.call(m.AGENT_GET_DESTS, DestsRequest(key, None))

    def laddrs(self, key: ServiceKey) -> list[LaddrStatus]:
        """A service's local addresses with their devices."""
        return self.client.call(m.AGENT_GET_LADDR, LaddrsRequest(key))

    def change_dests(self, key: ServiceKey, put: Collection[Dest], delete: Collection[Dest] = ()) -> None:
        """Servers added or replaced and removed: all or none, except with DPVS itself."""
        try:
            self.client.change_dests(key, tuple(put), tuple(delete))
        except ShortReply as error:
            if not error.unanswered:
                raise
            if put:
                self.client.call(m.AGENT_ADD_DESTS, DestsChange(key, tuple(put)))
            if delete:
                self.client.call(m.AGENT_DEL_DESTS, DestsChange(key, tuple(delete)))

    def weigh_dests(self, key: ServiceKey, dests: Collection[Dest]) -> None:
        """Weight and inhibition of servers that are there; ApiError NOTEXIST if one has gone."""
        # Message by server would rebuild the schedule as often; a few servers are worth it, for this message
        # cannot bring back a server that another tool removes at this moment.
        if len(dests) > _FEW:
            self.change_dests(key, dests)
        else:
            self.client.call(m.AGENT_EDIT_DESTS, DestsChange(key, tuple(dests)))


_FEW = 8
