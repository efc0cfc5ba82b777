"""Veth pairs, for the kernel-side twin of a device the kernel does not have (`dpdk0.102.kni`)."""

from __future__ import annotations

from xdpvs.netlink.errors import LinkNotFound
from xdpvs.netlink.link import IFNAMSIZ, HostLink, add_altname, find, from_message
from xdpvs.netlink.rtnl import link_request


def create(name: str, peer: str, *, mac: bytes | None = None, mtu: int = 1500) -> tuple[HostLink, HostLink]:
    """Make a veth pair, both ends down, and return (link, peer). mac is that of the first end.

    Names of sixteen characters and more (`dpdk0.1020.kni0`) become alternative names of a link called kniN.
    """
    arguments: dict[str, object] = {"kind": "veth", "mtu": mtu, "peer": {"ifname": peer, "mtu": mtu}}
    if mac is not None:
        arguments["address"] = mac.hex(":")
    arguments["ifname"] = name if len(name) < IFNAMSIZ else "kni%d"
    link_request(f"create veth {name}", "add", **arguments)
    other = find(peer)
    if len(name) < IFNAMSIZ:
        return find(name), other
    link = _other_end(other)
    add_altname(link, name)
    return find(name), other


def delete(name: str) -> None:
    """Delete a veth pair by the name of either end; nothing happens when it is gone."""
    try:
        link = find(name)
        link_request(f"delete link {name}", "del", index=link.index)
    except LinkNotFound:
        return


def _other_end(end: HostLink) -> HostLink:
    messages = link_request(f"find the peer of {end.name}", "get", index=end.index)
    replies = link_request(f"find the peer of {end.name}", "get", index=messages[0].get_attr("IFLA_LINK"))
    return from_message(replies[0])
