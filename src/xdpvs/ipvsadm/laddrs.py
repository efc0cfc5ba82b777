"""Local addresses as `-G` prints them, in numbers always."""

from __future__ import annotations

from collections.abc import Iterator

from xdpvs.ipvsadm.names import address_text, numeric_endpoint
from xdpvs.model.service import LaddrStatus, ServiceKey

TITLE = f"{'VIP:VPORT':20} {'TOTAL':8} {'SNAT_IP':20} {'CONFLICTS':10} {'CONNS':10}\n"


def render_laddrs(key: ServiceKey, laddrs: list[LaddrStatus]) -> Iterator[str]:
    """A service and its local addresses; the protocol is not shown."""
    yield f"{numeric_endpoint(key.address, key.port):20} {len(laddrs):<8} \n"
    for status in laddrs:
        yield f"{'':20} {'':8} {address_text(status.laddr.address):20} {status.conflicts:<10} {status.conns:<10}\n"
