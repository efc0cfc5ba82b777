"""`/vs/{VipPort}/rs` and `/rs/health`: servers, and what health checks say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from xdpvs.agent.answer import INVALID_BACKEND, INVALID_FRONTEND, NOTHING, OK, UNEXPECTED, Answer, Malformed, Refused
from xdpvs.agent.bodies import MASQ, MODES, RealServerSpecTiny, RealServerTinyList
from xdpvs.agent.call import Call
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.identifiers import parse_address, parse_service_id, service_id
from xdpvs.agent.rendering import virtual_server
from xdpvs.agent.snapshot import MissingServer, Reporter, ServerKey, ServerReport
from xdpvs.agent.table import Row, Table
from xdpvs.api.errors import DpvsError
from xdpvs.model.address import family_of
from xdpvs.model.service import Dest, ForwardingMode, ServiceKey

_GONE: dict[int, int] = {DpvsError.NOTEXIST: INVALID_FRONTEND}


class RealServers:
    """Handlers of servers."""

    def __init__(self, table: Table, counts: HealthCounts) -> None:
        self._table = table
        self._counts = counts

    def list_all(self, call: Call) -> Answer:
        """GET /vs/{VipPort}/rs: the `RSs` of the service (not in upstream)."""
        key = parse_service_id(call.path["VipPort"])
        row = self._table.row(key)
        if row is None:
            raise _no_service(key, 404)
        return Answer(200, virtual_server(row, both_weights=call.flag("operatorWeight"))["RSs"])

    def put(self, call: Call) -> Answer:
        """PUT /vs/{VipPort}/rs: add or update the listed servers; with healthcheck=true a report of generation A."""
        key = parse_service_id(call.path["VipPort"])
        items = _items(call)
        if not items:
            return OK
        if call.flag("healthcheck"):
            return self._report_unversioned(key, _reports(items))
        with self._table.holding(key, unreachable=INVALID_BACKEND) as row:
            if row is None:
                raise _no_service(key, INVALID_BACKEND)
            self._change(key, list(_wanted(items, row).values()), [], otherwise=INVALID_BACKEND)
        return OK

    def post(self, call: Call) -> Answer:
        """POST /vs/{VipPort}/rs: make the servers be exactly these."""
        key = parse_service_id(call.path["VipPort"])
        body = cast(RealServerTinyList | None, call.body)
        if body is None or body.items is None:
            raise Malformed("Items in body is required: an empty list removes every server")
        items = _items(call)
        with self._table.holding(key, unreachable=500) as row:
            if row is None:
                raise _no_service(key, 500)
            put = _wanted(items, row)
            delete = [state.seen for server, state in row.state.servers.items() if server not in put]
            self._change(key, list(put.values()), delete, otherwise=500)
        return OK

    def delete(self, call: Call) -> Answer:
        """DELETE /vs/{VipPort}/rs: missing servers are no error."""
        key = parse_service_id(call.path["VipPort"])
        items = _items(call)
        with self._table.holding(key, unreachable=500) as row:
            if row is None:
                raise _no_service(key, 500)
            servers = row.state.servers
            delete = [servers[server].seen for server in dict.fromkeys(items) if server in servers]
            if delete:
                self._change(key, [], delete, otherwise=500)
        return NOTHING

    def _change(self, key: ServiceKey, put: list[Dest], delete: list[Dest], *, otherwise: int) -> None:
        self._table.control.attempt(
            f"servers of {service_id(key)}{_suspects(put)}",
            lambda: self._table.change(key, put, delete),
            otherwise=otherwise,
        )

    # Health reports

    def health(self, call: Call) -> Answer:
        """PUT /vs/{VipPort}/rs/health: a report with the version it was made for."""
        key = parse_service_id(call.path["VipPort"])
        reports = _reports(_items(call))
        with self._table.holding(key, unreachable=INVALID_BACKEND) as row:
            if row is None:
                raise _no_service(key, 500)
            if call.text("version") != str(row.state.version):
                self._counts.stale()
                return Answer(UNEXPECTED, virtual_server(row, both_weights=call.flag("operatorWeight")))
            wanted = self._table.judge(key, reports, versioned=True)
            self._carry_out(key, wanted, reports, Reporter.VERSIONED)
        return NOTHING

    def _report_unversioned(self, key: ServiceKey, reports: Sequence[ServerReport]) -> Answer:
        with self._table.holding(key, unreachable=INVALID_BACKEND) as row:
            if row is None:
                raise _no_service(key, INVALID_BACKEND)
            try:
                wanted = self._table.judge(key, reports, versioned=False)
            except MissingServer as error:
                raise Refused(INVALID_FRONTEND, f"service {service_id(key)}: {error}") from None
            self._carry_out(key, wanted, reports, Reporter.UNVERSIONED)
        return OK

    def _carry_out(
        self, key: ServiceKey, wanted: Sequence[Dest], reports: Sequence[ServerReport], by: Reporter
    ) -> None:
        self._table.control.attempt(
            f"servers of {service_id(key)}",
            lambda: self._table.report(key, wanted, reports, by),
            otherwise=INVALID_BACKEND,
            codes=_GONE,
        )
        self._counts.reported(reports, by)


def _no_service(key: ServiceKey, status: int) -> Refused:
    return Refused(status, f"service {service_id(key)}: no such service")


def _items(call: Call) -> dict[ServerKey, RealServerSpecTiny]:
    """The list by server: the last item about a server counts, in its first one's place."""
    body = cast(RealServerTinyList | None, call.body)
    found: dict[ServerKey, RealServerSpecTiny] = {}
    for number, item in enumerate((body.items or []) if body else []):
        found[parse_address(item.address, f"Items.{number}.ip"), item.port] = item
    return found


def _wanted(items: Mapping[ServerKey, RealServerSpecTiny], row: Row) -> dict[ServerKey, Dest]:
    """The servers as they are to be; limits are kept, for this API has no words for them."""
    wanted = {}
    for (address, port), item in items.items():
        known = row.state.servers.get((address, port))
        before = None if known is None else known.seen
        wanted[address, port] = Dest(
            family_of(address),
            address,
            port,
            _mode(item.mode),
            item.weight or 0,
            before.max_conn if before else 0,
            before.min_conn if before else 0,
            item.inhibited if item.inhibited is not None else before is not None and before.inhibited,
        )
    return wanted


def _mode(word: str) -> ForwardingMode:
    if word == MASQ:
        return ForwardingMode.NAT
    return MODES[word] if word else ForwardingMode.FULLNAT


def _reports(items: Mapping[ServerKey, RealServerSpecTiny]) -> list[ServerReport]:
    return [ServerReport(server, item.weight, bool(item.inhibited)) for server, item in items.items()]


def _suspects(put: Sequence[Dest]) -> str:
    modes = sorted({dest.forwarding.name for dest in put if dest.forwarding is not ForwardingMode.FULLNAT})
    return f" with mode {', '.join(modes)}" if modes else ""
