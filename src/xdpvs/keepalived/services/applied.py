"""What dpvs has, as far as is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from xdpvs.keepalived.health.server import DestKey, dest_key
from xdpvs.model.address import IPAddress, full_prefix_length
from xdpvs.model.network import Address, AddressFlags, AddressStatus
from xdpvs.model.service import AclEntry, Dest, Laddr, Service, ServiceFlags, ServiceKey
from xdpvs.model.table import TableEntry

LaddrPlace = tuple[str, IPAddress]
"""Device and address."""


@dataclass(slots=True)
class Applied:
    """A service of dpvs. service is None where dpvs has none of that key."""

    service: Service | None = None
    dests: dict[DestKey, Dest] = field(default_factory=dict)
    laddrs: dict[IPAddress, Laddr] = field(default_factory=dict)
    denied: set[AclEntry] = field(default_factory=set)
    allowed: set[AclEntry] = field(default_factory=set)


@dataclass(slots=True)
class Table:
    """All that is known of dpvs, of services that are ours or were."""

    services: dict[ServiceKey, Applied] = field(default_factory=dict)
    pool_addresses: set[LaddrPlace] = field(default_factory=set)
    """Addresses with a pool of ports, on their devices."""

    def of(self, key: ServiceKey) -> Applied:
        """The service of that key, which need not be there."""
        found = self.services.get(key)
        if found is None:
            found = self.services[key] = Applied()
        return found


def observed(
    entries: Iterable[TableEntry],
    addresses: Iterable[AddressStatus],
    denied: Iterable[AclEntry],
    allowed: Iterable[AclEntry],
) -> Table:
    """What dpvs lists, whoever made it."""
    table = Table()
    for entry in entries:
        service = entry.status.service
        table.services[service.key] = Applied(
            service,
            {dest_key(status.dest): _unsigned(status.dest) for status in entry.dests},
            {status.laddr.address: status.laddr for status in entry.laddrs},
        )
    table.pool_addresses = {
        (status.address.device, status.address.address)
        for status in addresses
        if status.address.flags & AddressFlags.SAPOOL
    }
    by_vip = {(key.protocol, key.address, key.port): applied for key, applied in table.services.items()}
    for acls, kind in ((denied, "denied"), (allowed, "allowed")):
        for acl in acls:
            applied = by_vip.get((acl.protocol, acl.vip, acl.port))
            if applied is not None:
                getattr(applied, kind).add(acl)
    return table


def _unsigned(dest: Dest) -> Dest:
    """DPVS keeps weights in 16 bits with a sign."""
    return dest if dest.weight >= 0 else replace(dest, weight=dest.weight & 0xFFFF)


def same_service(wanted: Service, has: Service) -> bool:
    """Whether an edit would change nothing. Listings do not carry bps and limit_proportion, nor what HASHED says."""
    return wanted == has or _comparable(wanted) == _comparable(has)


def _comparable(service: Service) -> Service:
    return replace(service, bps=0, limit_proportion=0, flags=service.flags & ~ServiceFlags.HASHED)


def pool_address(laddr: Laddr) -> Address:
    """The address behind a local address: its whole prefix, with a pool of ports."""
    return Address(
        laddr.family, laddr.address, full_prefix_length(laddr.address), laddr.device, flags=AddressFlags.SAPOOL
    )
