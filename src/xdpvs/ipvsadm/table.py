"""Fetching what listings show: by one request where the daemon knows it, by upstream's three kinds of request else."""

from __future__ import annotations

from xdpvs.api.errors import ShortReply
from xdpvs.ipvsadm.order import sort_dests, sort_services
from xdpvs.model.service import DaemonInfo, DestStatus, LaddrStatus, ServiceStatus
from xdpvs.model.table import TableEntry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.api.client import Client

COUNT_LIMIT = 0xFFFF
"""Upstream's request has 16 bits for the number of services expected."""


class Row:
    """A service; its servers and local addresses are asked for when wanted, unless they came with it."""

    __slots__ = ("_client", "_cpu", "_entry", "status")

    def __init__(self, client: Client, cpu: int, status: ServiceStatus, entry: TableEntry | None) -> None:
        self._client = client
        self._cpu = cpu
        self._entry = entry
        self.status = status

    def dests(self, *, ordered: bool) -> list[DestStatus]:
        """The servers, in upstream's order or in the daemon's."""
        if self._entry is not None:
            dests = list(self._entry.dests)
        else:
            dests = self._client.get_dests(self.status.service.key, self.status.num_dests, self._cpu)
        return sort_dests(dests) if ordered else dests

    def laddrs(self) -> list[LaddrStatus]:
        """The local addresses in the order of adding."""
        if self._entry is not None:
            return list(self._entry.laddrs)
        return self._client.get_laddrs(self.status.service.key, self._cpu)


def fetch_rows(client: Client, cpu: int, info: DaemonInfo, *, ordered: bool) -> list[Row]:
    """All services, in upstream's order or in the daemon's. cpu other than 0 is one worker's share."""
    entries = None if cpu else fetch_table(client)
    if entries is not None:
        rows = [Row(client, cpu, entry.status, entry) for entry in entries]
    else:
        services = client.get_services(info.num_services & COUNT_LIMIT, cpu)
        rows = [Row(client, cpu, status, None) for status in services]
    return sort_services(rows, lambda row: row.status.service.key) if ordered else rows


def fetch_table(client: Client) -> list[TableEntry] | None:
    """The whole table, or None from upstream's daemon: it closes the connection on messages it does not know."""
    try:
        return client.get_table()
    except ShortReply as error:
        if error.unanswered:
            return None
        raise
