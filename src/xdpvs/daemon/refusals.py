"""What may be configured in DPVS and this data plane cannot do yet: refused by name, never accepted silently."""

from __future__ import annotations

from xdpvs.model.address import Family, Protocol
from xdpvs.model.service import (
    NO_MATCH,
    CheckTypes,
    Dest,
    ForwardingMode,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

_FLAGS = {
    ServiceFlags.PERSISTENT: "persistence",
    ServiceFlags.ONE_PACKET: "one-packet scheduling",
    ServiceFlags.SYNPROXY: "synproxy",
    ServiceFlags.QUIC: "QUIC",
    ServiceFlags.QID_HASH: "hashing by QUIC connection id",
    ServiceFlags.SCHED2: "hashing by client port",
}
_MODES = {
    ForwardingMode.NAT: "NAT (masquerading)",
    ForwardingMode.LOCAL: "local delivery",
    ForwardingMode.TUNNEL: "tunnel",
    ForwardingMode.DIRECT_ROUTE: "direct routing",
    ForwardingMode.BYPASS: "bypass",
    ForwardingMode.SNAT: "SNAT",
}


def refused_key(key: ServiceKey) -> str | None:
    """Why services of this form cannot be, None if they can."""
    if not names_address(key):
        return "a service named by a fwmark" if key.fwmark else "a service named by a match (SNAT)"
    if key.protocol not in (Protocol.TCP, Protocol.UDP):
        return f"a service of IP protocol {key.protocol}"
    return None


def names_address(key: ServiceKey) -> bool:
    """Whether address or port name the service, which they do before fwmark and match."""
    return bool(int(key.address)) or bool(key.port)


def names_no_service(key: ServiceKey) -> bool:
    """Whether nothing names a new service; a port alone does not, though lookups take it for an address."""
    return not int(key.address) and not key.fwmark and key.match == NO_MATCH


def refused_service(service: Service) -> str | None:
    """Why a service cannot be as asked for."""
    for flag, name in _FLAGS.items():
        if service.flags & flag:
            return name
    if service.proxy_protocol is not ProxyProtocol.OFF:
        return "proxy protocol"
    if service.check.types & CheckTypes.PASSIVE:
        return "passive checks of servers (dest-check)"
    if service.bps or service.limit_proportion:
        return "limits of bandwidth (bps, limit-proportion)"
    return refused_key(service.key)


def refused_dest(key: ServiceKey, dest: Dest) -> str | None:
    """Why a server of a service cannot be as asked for."""
    if dest.forwarding is not ForwardingMode.FULLNAT:
        return f"forwarding mode {_MODES[dest.forwarding]}: only FullNAT (-b) is there"
    if key.family == Family.INET and dest.family == Family.INET6:
        return "IPv6 servers of an IPv4 service"
    return None
