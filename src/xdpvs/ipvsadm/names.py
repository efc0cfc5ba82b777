"""Addresses and ports as text, by number or by name, and back."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from typing import Protocol as Interface

from xdpvs.model.address import IPAddress, Protocol

TEXT_LIMIT = 59
"""ipvsadm's buffer for address:port has 60 bytes; only long host names feel it."""

SERVICE_PROTOCOLS: dict[int, str] = {
    Protocol.TCP: "tcp",
    Protocol.UDP: "udp",
    Protocol.SCTP: "sctp",
    Protocol.ICMP: "icmp",
    Protocol.ICMPV6: "icmpv6",
}


class Resolver(Interface):
    """Host names and services(5), injected so that tests need neither."""

    def host_address(self, name: str) -> IPv4Address | None: ...
    def host_name(self, address: IPv4Address) -> str | None: ...
    def service_port(self, name: str, protocol: str) -> int | None: ...
    def service_name(self, port: int, protocol: str) -> str | None: ...


class SystemResolver:
    """The C library's resolver; IPv4 only, as ipvsadm never names IPv6 hosts."""

    def host_address(self, name: str) -> IPv4Address | None:
        # Python reads the empty name as 0.0.0.0, which no operator means.
        if not name:
            return None
        try:
            return IPv4Address(socket.gethostbyname(name))
        except (OSError, ValueError):
            return None

    def host_name(self, address: IPv4Address) -> str | None:
        try:
            return socket.gethostbyaddr(str(address))[0]
        except (OSError, ValueError):
            return None

    def service_port(self, name: str, protocol: str) -> int | None:
        try:
            return socket.getservbyname(name, protocol)
        except (OSError, ValueError):
            return None

    def service_name(self, port: int, protocol: str) -> str | None:
        try:
            return socket.getservbyport(port, protocol)
        except (OSError, OverflowError):
            return None


def address_text(address: IPAddress) -> str:
    """inet_ntop's text, which ends v4-mapped addresses in a dotted quad where Python's str does not."""
    return socket.inet_ntop(socket.AF_INET if address.version == 4 else socket.AF_INET6, address.packed)


def numeric_endpoint(address: IPAddress, port: int) -> str:
    """address:port in numbers; IPv6 in brackets."""
    return f"{address_text(address)}:{port}" if address.version == 4 else f"[{address_text(address)}]:{port}"


class Endpoints:
    """Turns (address, port, protocol) into text, by name where a resolver was given.

    Every name is looked up once: a listing repeats the same servers, and the resolver may take seconds to say no.
    """

    def __init__(self, resolver: Resolver | None = None) -> None:
        self._resolver = resolver
        self._hosts: dict[IPv4Address, str] = {}
        self._ports: dict[tuple[int, int], str] = {}

    def text(self, address: IPAddress, port: int, protocol: int) -> str:
        if self._resolver is None:
            return numeric_endpoint(address, port)
        named_port = self._port(self._resolver, port, protocol)
        if isinstance(address, IPv4Address):
            return f"{self._host(self._resolver, address)}:{named_port}"[:TEXT_LIMIT]
        return f"[{address_text(address)}]:{named_port}"[:TEXT_LIMIT]

    def _host(self, resolver: Resolver, address: IPv4Address) -> str:
        name = self._hosts.get(address)
        if name is None:
            name = self._hosts[address] = resolver.host_name(address) or str(address)
        return name

    def _port(self, resolver: Resolver, port: int, protocol: int) -> str:
        name = self._ports.get((port, protocol))
        if name is None:
            transport = SERVICE_PROTOCOLS.get(protocol)
            found = resolver.service_name(port, transport) if transport else None
            name = self._ports[port, protocol] = found or str(port)
        return name
