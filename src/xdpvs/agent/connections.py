"""`/conns`: connections, in pages (not in upstream)."""

from __future__ import annotations

from collections import Counter

from xdpvs.agent.answer import Answer
from xdpvs.agent.call import Call, Choice, Number
from xdpvs.agent.control import Control
from xdpvs.agent.rendering import Json, address_text
from xdpvs.api.errors import ShortReply
from xdpvs.api.messages import GET_CONN_ALL, XDPVS_GET_CONNS
from xdpvs.api.requests import ConnPage, ConnSliceRequest, ConnsRequest
from xdpvs.api.structs_conn import decode_conns
from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.conn import Conn

MAX_PAGE = 10_000
PAGE = Number("limit", 1000, 1, MAX_PAGE, "connections in the answer, at most")
CURSOR = Number("cursor", 0, 0, (1 << 64) - 1, "`Cursor` of the page before; 0 begins")
PROTOCOL = Choice("proto", ("tcp", "udp"), "", "only connections of this protocol")


class Connections:
    """Handlers of connections. A page is what the daemon's page holds; a filter thins it out."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def list_all(self, call: Call) -> Answer:
        """GET /conns."""
        page = self._control.read("connections", lambda: self._page(call.number("cursor"), call.number("limit")))
        wanted = call.text("proto").upper()
        items = [_item(conn) for conn in decode_conns(page.records) if not wanted or conn.protocol == Protocol[wanted]]
        body: Json = {"Count": len(items), "Items": items}
        if page.more:
            # A string, for it may have more bits than a number in JavaScript.
            body["Cursor"] = str(page.cursor)
        return Answer(200, body)

    def counts(self, _call: Call) -> Answer:
        """GET /conns/count: without walking through them."""
        entries = self._control.read("services", self._control.table)
        totals: Counter[str] = Counter()
        for entry in entries:
            for dest in entry.dests:
                totals["Active"] += dest.active_conns
                totals["Inactive"] += dest.inactive_conns
                totals["Persistent"] += dest.persistent_conns
        return Answer(200, {name: totals[name] for name in ("Active", "Inactive", "Persistent")})

    def _page(self, cursor: int, limit: int) -> ConnPage:
        client = self._control.client
        try:
            return client.call(XDPVS_GET_CONNS, ConnSliceRequest(False, cursor, limit))
        except ShortReply as error:
            if not error.unanswered:
                raise
        return client.call(GET_CONN_ALL, ConnsRequest(False, bool(cursor), cursor & 0xFF))


def _item(conn: Conn) -> Json:
    try:
        protocol = Protocol(conn.protocol).name.lower()
    except ValueError:
        protocol = str(conn.protocol)
    return {
        "client": _endpoint(conn.client, conn.client_port),
        "laddr": _endpoint(conn.laddr, conn.laddr_port),
        "proto": protocol,
        "rs": _endpoint(conn.server, conn.server_port),
        "state": conn.state,
        "timeout": conn.timeout_s,
        "vip": _endpoint(conn.vip, conn.vip_port),
    }


def _endpoint(address: IPAddress, port: int) -> str:
    text = address_text(address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
