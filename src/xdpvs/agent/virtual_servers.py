"""`/vs` and `/vs/{VipPort}`: services."""

from __future__ import annotations

from typing import cast

from xdpvs.agent.answer import CREATED, INVALID_BACKEND, OK, Answer, Refused
from xdpvs.agent.bodies import PROXY_PROTOCOLS, VirtualServerSpecTiny
from xdpvs.agent.call import Call
from xdpvs.agent.identifiers import parse_service_id, service_id
from xdpvs.agent.rendering import virtual_server
from xdpvs.agent.snapshot import Shown
from xdpvs.agent.table import Row, Table
from xdpvs.api.errors import DpvsError
from xdpvs.model.address import Family
from xdpvs.model.service import ProxyProtocol, Service, ServiceFlags, ServiceKey

_NETMASKS = {Family.INET: 0xFFFFFFFF, Family.INET6: 128}
_NOT_YET = {
    "SynProxy": ServiceFlags.SYNPROXY,
    "Quic": ServiceFlags.QUIC,
    "Timeout": ServiceFlags.PERSISTENT,
}


class VirtualServers:
    """Handlers of services."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_all(self, call: Call) -> Answer:
        """GET /vs."""
        return _listing(call, self._table.rows())

    def get(self, call: Call) -> Answer:
        """GET /vs/{VipPort}; an id that is none means all services, as upstream has it."""
        try:
            key = parse_service_id(call.path["VipPort"])
        except Refused:
            return self.list_all(call)
        row = self._table.row(key)
        if row is None:
            raise Refused(404, f"service {service_id(key)}: no such service")
        return _listing(call, [row])

    def put(self, call: Call) -> Answer:
        """PUT /vs/{VipPort}: add, or replace everything but servers, local addresses and counters."""
        key = parse_service_id(call.path["VipPort"])
        body = cast(VirtualServerSpecTiny, call.body or VirtualServerSpecTiny.model_validate({}))
        service = wanted_service(key, body)
        control = self._table.control
        with self._table.holding(key, unreachable=INVALID_BACKEND) as row:
            what = f"service {service_id(key)}{_suspects(service)}"
            add, edit = control.client.add_service, control.client.edit_service
            created = row is None and control.attempt(
                what, lambda: add(service), otherwise=INVALID_BACKEND, fine=[DpvsError.EXIST]
            )
            if not created:
                control.attempt(what, lambda: edit(service), otherwise=INVALID_BACKEND)
            self._table.look_again(key)
        return CREATED if created else OK

    def delete(self, call: Call) -> Answer:
        """DELETE /vs/{VipPort}, with all that belongs to the service."""
        try:
            key = parse_service_id(call.path["VipPort"])
        except Refused as error:
            raise Refused(500, error.message) from None
        control = self._table.control
        what = f"service {service_id(key)}"
        with self._table.holding(key, unreachable=500) as row:
            if row is None:
                raise Refused(404, f"{what}: no such service")
            control.attempt(what, lambda: control.client.del_service(key), otherwise=500)
            self._table.forget(key)
        return OK


def wanted_service(key: ServiceKey, body: VirtualServerSpecTiny) -> Service:
    """The service a body describes."""
    flags = ServiceFlags(0)
    scheduler = body.scheduler or "wrr"
    for wanted, flag in (
        (body.synproxy, ServiceFlags.SYNPROXY),
        (body.expire_quiescent, ServiceFlags.EXPIRE_QUIESCENT),
        (body.quic, ServiceFlags.QUIC),
        (bool(body.persistence_timeout_s), ServiceFlags.PERSISTENT),
        (scheduler == "conhash", ServiceFlags.SIP_HASH),
    ):
        if wanted:
            flags |= flag
    return Service(
        key=ServiceKey(key.family, key.protocol, key.address, key.port, body.fwmark),
        scheduler=scheduler,
        flags=flags,
        persistence_timeout_s=body.persistence_timeout_s,
        conn_timeout_s=body.conn_timeout_s,
        netmask=_NETMASKS[key.family],
        proxy_protocol=PROXY_PROTOCOLS.get(body.proxy_protocol, ProxyProtocol.OFF),
        bps=body.bps,
        limit_proportion=body.limit_proportion,
    )


def _suspects(service: Service) -> str:
    """Options that the data plane may refuse, for the message: its refusal does not name them."""
    given = [name for name, flag in _NOT_YET.items() if service.flags & flag]
    given += ["ProxyProtocol"] if service.proxy_protocol != ProxyProtocol.OFF else []
    given += [name for name, value in (("Bps", service.bps), ("LimitProportion", service.limit_proportion)) if value]
    return f" with {', '.join(given)}" if given else ""


def _listing(call: Call, rows: list[Row]) -> Answer:
    shown = Shown.DAEMON if call.flag("healthcheck") else Shown.BY_REPORTER
    both = call.flag("operatorWeight")
    return Answer(200, {"Items": [virtual_server(row, shown, both_weights=both) for row in rows]})
