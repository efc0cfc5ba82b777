"""`/vs/{VipPort}/laddr`: a service's local addresses."""

from __future__ import annotations

from typing import cast

from xdpvs.agent.answer import OK, Answer, Malformed, Refused
from xdpvs.agent.bodies import LocalAddressSpecTiny
from xdpvs.agent.call import Call
from xdpvs.agent.identifiers import parse_device, parse_prefix, parse_service_id, service_id
from xdpvs.agent.rendering import local_address
from xdpvs.agent.table import Table
from xdpvs.api.errors import DpvsError
from xdpvs.api.messages import AGENT_DEL_LADDR
from xdpvs.api.requests import LaddrsChange
from xdpvs.model.address import family_of
from xdpvs.model.service import Laddr


class LocalAddresses:
    """Handlers of local addresses."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_all(self, call: Call) -> Answer:
        """GET /vs/{VipPort}/laddr."""
        key = parse_service_id(call.path["VipPort"])
        row = self._table.row(key)
        if row is None:
            raise Refused(404, f"service {service_id(key)}: no such service")
        return Answer(200, {"Items": [local_address(status) for status in row.entry.laddrs]})

    def put(self, call: Call) -> Answer:
        """PUT /vs/{VipPort}/laddr: one that is there already is fine."""
        key = parse_service_id(call.path["VipPort"])
        laddr = _laddr(call)
        control = self._table.control
        what = f"service {service_id(key)}: local address {laddr.address} on device {laddr.device!r}"
        with self._table.holding(key, unreachable=500):
            # Not upstream's AGENT_ADD_LADDR: that does not look whether the device is there.
            control.attempt(
                what,
                lambda: control.client.add_laddr(key, laddr),
                otherwise=500,
                fine=[DpvsError.EXIST],
            )
            self._table.look_again(key)
        return OK

    def delete(self, call: Call) -> Answer:
        """DELETE /vs/{VipPort}/laddr: a missing one is fine."""
        key = parse_service_id(call.path["VipPort"])
        laddr = _laddr(call)
        control = self._table.control
        with self._table.holding(key, unreachable=500):
            control.attempt(
                f"service {service_id(key)}: local address {laddr.address}",
                lambda: control.client.call(AGENT_DEL_LADDR, LaddrsChange(key, (laddr,))),
                otherwise=500,
                fine=[DpvsError.NOTEXIST],
            )
            self._table.look_again(key)
        return OK


def _laddr(call: Call) -> Laddr:
    body = cast(LocalAddressSpecTiny | None, call.body)
    if body is None:
        raise Malformed("addr in body is required")
    address, length = parse_prefix(body.address, "addr")
    if length != address.max_prefixlen:
        raise Malformed(f"addr in body must be one address, not the prefix {body.address!r}")
    device = parse_device(body.device, "device in body") if body.device else ""
    return Laddr(family_of(address), address, device)
