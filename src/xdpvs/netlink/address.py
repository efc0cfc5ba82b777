"""Addresses of host links."""

from __future__ import annotations

import errno
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from xdpvs.netlink.errors import KernelRefused, LinkExists
from xdpvs.netlink.link import HostLink
from xdpvs.netlink.rtnl import address_request

IPInterface = IPv4Interface | IPv6Interface
"""An address with the length of its subnet."""

_NO_BROADCAST_FROM = 31


def add(link: HostLink, address: IPInterface) -> bool:
    """Put an address on a link; False if it was there. IPv4 subnets get their broadcast address."""
    arguments = _arguments(link, address)
    if isinstance(address, IPv4Interface) and address.network.prefixlen < _NO_BROADCAST_FROM:
        arguments["broadcast"] = str(address.network.broadcast_address)
    try:
        address_request(f"add {address} to {link.name}", "add", **arguments)
    except LinkExists:
        return False
    return True


def remove(link: HostLink, address: IPInterface) -> bool:
    """Take an address off a link; False if it was not there."""
    try:
        address_request(f"remove {address} from {link.name}", "del", **_arguments(link, address))
    except KernelRefused as error:
        if error.code != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def addresses(link: HostLink) -> list[IPInterface]:
    """A link's addresses, as the kernel lists them."""
    messages = address_request(f"list addresses of {link.name}", "dump", index=link.index)
    found = []
    for message in messages:
        # On point-to-point links IFA_ADDRESS is the peer's.
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        if message["index"] == link.index and text:
            found.append(ip_interface(f"{text}/{message['prefixlen']}"))
    return found


def _arguments(link: HostLink, address: IPInterface) -> dict[str, object]:
    return {"index": link.index, "address": str(address.ip), "prefixlen": address.network.prefixlen}
