"""How logs, FIFOs and mails name servers and checks (reference: keepalived 13.4)."""

from __future__ import annotations

from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.check import DnsCheck, Endpoint, UdpCheck
from xdpvs.model.keepalived import Checker, VirtualServer
from xdpvs.model.service import Dest

_PROTOCOLS = {int(protocol): protocol.name.lower() for protocol in Protocol}


def protocol_name(number: int) -> str:
    """`tcp`, `udp`, …; the number where nobody named it."""
    return _PROTOCOLS.get(number, str(number))


def _trio(address: IPAddress, protocol: str, port: int) -> str:
    return f"[{address}]:{protocol}:{port}"


def server_name(virtual_server: VirtualServer, dest: Dest) -> str:
    """`[ip]:proto:port` with the service's protocol."""
    return _trio(dest.address, protocol_name(service_protocol(virtual_server)), dest.port)


def service_protocol(virtual_server: VirtualServer) -> int:
    """The protocol of a virtual server's services."""
    return virtual_server.services[0].key.protocol if virtual_server.services else 0


def check_name(checker: Checker) -> str:
    """Where a check goes."""
    datagrams = isinstance(checker.checks[0], (UdpCheck, DnsCheck))
    return _endpoint(checker.endpoint, "udp" if datagrams else "tcp")


def _endpoint(endpoint: Endpoint, protocol: str) -> str:
    return _trio(endpoint.address, protocol, endpoint.port)
