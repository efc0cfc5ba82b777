"""What `-S` writes and `-R` reads back. Local addresses and most flags are not in it, as upstream's."""

from __future__ import annotations

from collections.abc import Iterator

from xdpvs.ipvsadm.match import format_match
from xdpvs.ipvsadm.names import Endpoints
from xdpvs.ipvsadm.numbers import signed32
from xdpvs.ipvsadm.services import is_address_service, mask_text
from xdpvs.model.address import Family, Protocol
from xdpvs.model.service import DestStatus, ForwardingMode, ServiceFlags, ServiceKey, ServiceStatus

_SERVICE_OPTIONS: dict[int, str] = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service"}
_FORWARD_OPTIONS = {
    ForwardingMode.NAT: "-m",
    ForwardingMode.LOCAL: "-g",
    ForwardingMode.TUNNEL: "-i",
    ForwardingMode.DIRECT_ROUTE: "-g",
    ForwardingMode.BYPASS: "(null)",
    ForwardingMode.FULLNAT: "-b",
    ForwardingMode.SNAT: "-J",
}


def service_option(key: ServiceKey, endpoints: Endpoints) -> str:
    """The option that names a service."""
    if key.fwmark:
        suffix = " -6" if key.family == Family.INET6 else ""
        return f"-f {signed32(key.fwmark)}{suffix}"
    if not is_address_service(key):
        return f"-H {format_match(key.protocol, key.match)}"
    option = _SERVICE_OPTIONS.get(key.protocol, "-q")
    return f"{option} {endpoints.text(key.address, key.port, key.protocol)}"


def render_rules(status: ServiceStatus, dests: list[DestStatus], endpoints: Endpoints) -> Iterator[str]:
    """One -A line and an -a line per server."""
    service = status.service
    option = service_option(service.key, endpoints)
    yield f"-A {option} -s {service.scheduler}{_attributes(status)}\n"
    for dest in dests:
        server = endpoints.text(dest.dest.address, dest.dest.port, service.key.protocol)
        forward = _FORWARD_OPTIONS[dest.dest.forwarding]
        yield f"-a {option} -r {server} {forward} -w {signed32(dest.dest.weight)}\n"


def _attributes(status: ServiceStatus) -> str:
    service = status.service
    text = ""
    if ServiceFlags.PERSISTENT in service.flags:
        text += f" -p {service.persistence_timeout_s}"
        mask = mask_text(service)
        if mask is not None:
            text += f" -M {mask}"
    if ServiceFlags.ONE_PACKET in service.flags:
        text += " --ops"
    return text
