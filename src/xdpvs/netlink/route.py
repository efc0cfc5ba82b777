"""Host routes through a link."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address, IPv6Address

from xdpvs.netlink.errors import KernelRefused, LinkExists
from xdpvs.netlink.link import HostLink
from xdpvs.netlink.rtnl import route_request


def add(link: HostLink, destination: IPv4Address | IPv6Address) -> bool:
    """Add the route to one address through a link; False if it was there."""
    try:
        route_request(f"add a route to {destination} through {link.name}", "add", **_arguments(link, destination))
    except LinkExists:
        return False
    return True


def remove(link: HostLink, destination: IPv4Address | IPv6Address) -> bool:
    """Remove it; False if it was not there."""
    try:
        route_request(f"remove the route to {destination}", "del", **_arguments(link, destination))
    except KernelRefused as error:
        if error.code != errno.ESRCH:
            raise
        return False
    return True


def _arguments(link: HostLink, destination: IPv4Address | IPv6Address) -> dict[str, object]:
    return {"oif": link.index, "dst": f"{destination}/{destination.max_prefixlen}"}
