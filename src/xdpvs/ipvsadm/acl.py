"""Deny and allow lists as `-B` and `-W` print them, in numbers always."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xdpvs.ipvsadm.names import address_text, numeric_endpoint
from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.service import AclEntry, ServiceKey

# "IMCPv6" is upstream's spelling.
_PROTOCOLS: dict[int, str] = {
    Protocol.TCP: "TCP",
    Protocol.UDP: "UDP",
    Protocol.SCTP: "SCTP",
    Protocol.ICMP: "ICMP",
    Protocol.ICMPV6: "IMCPv6",
}

Place = tuple[IPAddress, int, int]


def title(column: str) -> str:
    """column is BLACKLIST or WHITELIST."""
    return f"{'PROTO':8} {'VIP:VPORT':30} {column:30}\n"


def by_service(entries: Iterable[AclEntry]) -> dict[Place, list[AclEntry]]:
    """The daemon answers the entries of all services at once."""
    found: dict[Place, list[AclEntry]] = {}
    for entry in entries:
        found.setdefault((entry.vip, entry.port, entry.protocol), []).append(entry)
    return found


def render_entries(entries: dict[Place, list[AclEntry]], key: ServiceKey) -> Iterator[str]:
    """The entries of one service."""
    for entry in entries.get((key.address, key.port, key.protocol), ()):
        subject = f"ipset:{entry.ipset}" if entry.ipset else address_text(entry.subject)
        protocol = _PROTOCOLS.get(entry.protocol, "")
        yield f"{protocol:8} {numeric_endpoint(entry.vip, entry.port):30} {subject:30}\n"
