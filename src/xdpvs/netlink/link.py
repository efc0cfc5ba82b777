"""Host links: find one, and set what a balancer's port needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from xdpvs.netlink import ethtool
from xdpvs.netlink.errors import LinkExists, LinkNotFound, NetlinkError
from xdpvs.netlink.rtnl import link_request

IFF_UP = 0x1
IFF_PROMISC = 0x100
IFF_ALLMULTI = 0x200
IFF_LOWER_UP = 0x10000

_ADDR_GEN_MODE_NONE = 1

IFNAMSIZ = 16
_PCI_ADDRESS = re.compile(r"(?:[0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]")


@dataclass(frozen=True, slots=True)
class HostLink:
    """A link of the host as rtnetlink shows it. operstate is the kernel's word ("UP", "DOWN", "UNKNOWN", …).

    promiscuous and allmulticast say what the link does, whoever asked for it. max_mtu 0 means no limit known.
    rx_queues and tx_queues are those allocated; `ethtool.queues` knows how many are in use.
    xdp_program_id is 0 without an XDP program.
    """

    index: int
    name: str
    mac: bytes
    mtu: int
    up: bool
    carrier: bool
    operstate: str
    altnames: tuple[str, ...] = ()
    kind: str = ""
    max_mtu: int = 0
    rx_queues: int = 1
    tx_queues: int = 1
    promiscuous: bool = False
    allmulticast: bool = False
    xdp_program_id: int = 0


def is_pci_address(text: str) -> bool:
    """Whether the text is a PCI address, with or without its domain, as DPDK's -a takes it."""
    return _PCI_ADDRESS.fullmatch(text) is not None


def find(name: str) -> HostLink:
    """The link called NAME, by name, alternative name or PCI address."""
    if is_pci_address(name):
        return by_pci_address(name)
    key = "ifname" if len(name) < IFNAMSIZ else "altname"
    # The kernel looks an IFLA_IFNAME of fifteen characters up among the alternative names too.
    replies = link_request(f"find link {name}", "get", **{key: name})
    if not replies:
        raise LinkNotFound(f"find link {name}: no such link")
    return from_message(replies[0])


def by_index(index: int) -> HostLink:
    """The link with that interface index."""
    replies = link_request(f"find link with index {index}", "get", index=index)
    if not replies:
        raise LinkNotFound(f"find link with index {index}: no such link")
    return from_message(replies[0])


def all_links() -> list[HostLink]:
    """Every link of this namespace, in index order."""
    return sorted((from_message(m) for m in link_request("list links", "dump")), key=lambda link: link.index)


def by_pci_address(address: str) -> HostLink:
    """The link whose driver reports that PCI address; of a device with several ports, the first.

    Asks the driver, not /sys/bus/pci: that lists only the links of the namespace sysfs was mounted in.
    """
    wanted = _full_pci_address(address)
    for link in all_links():
        try:
            bus = ethtool.driver(link.name).bus_info
        except NetlinkError:
            continue  # lo, tunnels and links that went away meanwhile have no driver to ask
        if is_pci_address(bus) and _full_pci_address(bus) == wanted:
            return link
    raise LinkNotFound(f"find link at PCI address {address}: no driver in this namespace reports it")


def set_mtu(link: HostLink, mtu: int) -> None:
    """Set the MTU; ValueRefused when the driver, or XDP in it, allows less."""
    link_request(f"set mtu of {link.name} to {mtu}", "set", index=link.index, mtu=mtu)


def set_up(link: HostLink, up: bool) -> None:
    """Bring a link up or down."""
    _set_flag(link, IFF_UP, up, "up")


def set_promiscuous(link: HostLink, on: bool) -> None:
    """Switch our request for promiscuous mode; others' requests keep it on."""
    _set_flag(link, IFF_PROMISC, on, "promiscuous mode")


def set_allmulticast(link: HostLink, on: bool) -> None:
    """Switch our request to receive all multicast; others' requests keep it on."""
    _set_flag(link, IFF_ALLMULTI, on, "all-multicast")


def set_mac(link: HostLink, mac: bytes) -> None:
    """Set the hardware address."""
    link_request(f"set address of {link.name}", "set", index=link.index, address=mac.hex(":"))


def set_no_link_local(link: HostLink) -> None:
    """Have the kernel give a link no IPv6 link-local address, so that it solicits and reports nothing there.

    The sysctl disable_ipv6 would say more, but in a container sysctls are read-only.
    """
    mode = ("IFLA_INET6_ADDR_GEN_MODE", _ADDR_GEN_MODE_NONE)
    request = {"attrs": [("AF_INET6", {"attrs": [mode]})]}
    link_request(f"keep {link.name} without link-local address", "set", index=link.index, IFLA_AF_SPEC=request)


def add_altname(link: HostLink, altname: str) -> None:
    """Give a link an alternative name, up to 127 characters; nothing happens when it has it already."""
    if altname == link.name:
        return
    try:
        link_request(
            f"add alternative name {altname} to {link.name}", "property_add", index=link.index, altname=altname
        )
    except LinkExists:
        if find(altname).index != link.index:
            raise


def remove_altname(link: HostLink, altname: str) -> None:
    """Take an alternative name away; nothing happens when the link does not have it."""
    if altname in by_index(link.index).altnames:
        doing = f"remove alternative name {altname} of {link.name}"
        link_request(doing, "property_del", index=link.index, altname=altname)


def _set_flag(link: HostLink, flag: int, on: bool, what: str) -> None:
    doing = f"set {what} of {link.name} {'on' if on else 'off'}"
    link_request(doing, "set", index=link.index, flags=flag if on else 0, change=flag)


def _full_pci_address(address: str) -> str:
    domain, bus, device = ("0000:" + address).split(":")[-3:]
    return f"{int(domain, 16):04x}:{bus}:{device}".lower()


def from_message(message: Any) -> HostLink:
    """The link an RTM_NEWLINK message of pyroute2 describes."""
    attribute = message.get_attr
    flags: int = message["flags"]
    properties = attribute("IFLA_PROP_LIST")
    info = attribute("IFLA_LINKINFO")
    xdp = attribute("IFLA_XDP")
    return HostLink(
        index=message["index"],
        name=attribute("IFLA_IFNAME"),
        mac=bytes.fromhex((attribute("IFLA_ADDRESS") or "").replace(":", "")),
        mtu=attribute("IFLA_MTU"),
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_LOWER_UP),
        operstate=attribute("IFLA_OPERSTATE") or "UNKNOWN",
        altnames=tuple(properties.get_attrs("IFLA_ALT_IFNAME")) if properties else (),
        kind=(info.get_attr("IFLA_INFO_KIND") if info else None) or "",
        max_mtu=attribute("IFLA_MAX_MTU") or 0,
        rx_queues=attribute("IFLA_NUM_RX_QUEUES") or 1,
        tx_queues=attribute("IFLA_NUM_TX_QUEUES") or 1,
        promiscuous=bool(attribute("IFLA_PROMISCUITY")),
        allmulticast=bool(attribute("IFLA_ALLMULTI")) or bool(flags & IFF_ALLMULTI),
        xdp_program_id=(xdp.get_attr("IFLA_XDP_PROG_ID") if xdp else None) or 0,
    )
