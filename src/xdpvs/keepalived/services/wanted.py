"""One service as the configuration and the servers' health make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xdpvs.keepalived.health.server import DestKey
from xdpvs.model.keepalived import VirtualServer, acl_entries
from xdpvs.model.service import AclEntry, Dest, ForwardingMode, Laddr, Service, ServiceKey

NO_DESTS: Mapping[DestKey, Dest] = {}
_WITH_LADDRS = (ForwardingMode.FULLNAT, ForwardingMode.SNAT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A service and what belongs to it; name is its virtual server's, for the log. Never changed once made."""

    name: str
    service: Service
    dests: Mapping[DestKey, Dest] = field(default_factory=dict)
    laddrs: tuple[Laddr, ...] = ()
    denied: tuple[AclEntry, ...] = ()
    allowed: tuple[AclEntry, ...] = ()


def wanted_services(config: VirtualServer, pool: Mapping[DestKey, Dest]) -> dict[ServiceKey, Wanted]:
    """The services of a virtual server; they share the pool. Local addresses are FullNAT's and SNAT's only."""
    dests = dict(pool)
    modes = {server.dest.forwarding for server in config.servers}
    laddrs = config.laddrs if modes.intersection(_WITH_LADDRS) else ()
    return {
        service.key: Wanted(
            config.name,
            _without_idle_limit(service),
            dests,
            laddrs,
            acl_entries(config.denied, service.key),
            acl_entries(config.allowed, service.key),
        )
        for service in config.services
    }


def _without_idle_limit(service: Service) -> Service:
    """limit_proportion 100 lets every packet pass, as 0 does, which a dpvs without limits takes as well."""
    return replace(service, limit_proportion=0) if service.limit_proportion == 100 else service
