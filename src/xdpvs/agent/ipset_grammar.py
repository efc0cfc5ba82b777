"""Entries of ipsets: parts separated by commas, in the order the type names them.

ip|net := v4 | v4-v4 | v4/len | v6 | v6/len      port := [proto:]N[-N]      mac := xx:xx:xx:xx:xx:xx
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from xdpvs.model.address import IPAddress

TYPES = {
    "bitmap:ip": ("ip",),
    "bitmap:ip,mac": ("ip", "mac"),
    "bitmap:port": ("port",),
    "hash:ip": ("ip",),
    "hash:net": ("net",),
    "hash:ip,port": ("ip", "port"),
    "hash:net,port": ("net", "port"),
    "hash:net,port,iface": ("net", "port", "iface"),
    "hash:ip,port,ip": ("ip", "port", "ip"),
    "hash:ip,port,net": ("ip", "port", "net"),
    "hash:net,port,net": ("net", "port", "net"),
    "hash:net,port,net,port": ("net", "port", "net", "port"),
}
_PROTOCOLS = frozenset({"tcp", "udp", "icmp", "icmp6"})
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_NUMBER = re.compile(r"[0-9]{1,5}")
_OPTIONAL_PORT = frozenset({"hash:ip,port", "hash:net,port"})

_MAX_HASH_RANGE = 0xFFFF
_MAX_SMALL_RANGE = 256


class BadEntry(ValueError):
    """A text that is no entry of its type."""


@dataclass(frozen=True, slots=True)
class Net:
    """An address with its length, or a range of IPv4 addresses."""

    first: IPAddress
    length: int
    last: IPAddress | None = None

    @property
    def single(self) -> bool:
        """Whether it is one address."""
        return self.last is None and self.length == self.first.max_prefixlen

    @property
    def size(self) -> int:
        """How many addresses."""
        if self.last is not None:
            return int(self.last) - int(self.first) + 1
        return 1 << (self.first.max_prefixlen - self.length)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of a protocol, empty if none was named."""

    protocol: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Entry:
    """The parts of an entry."""

    nets: tuple[Net, ...] = ()
    ports: tuple[Ports, ...] = ()
    mac: str = ""
    interface: str = ""


def parse_entry(kind: str, text: str) -> Entry:
    """An entry of a type of set, or BadEntry."""
    wanted = list(TYPES[kind])
    parts = text.split(",")
    if kind in _OPTIONAL_PORT and len(parts) == len(wanted) - 1:
        wanted.remove("port")
    if len(parts) != len(wanted):
        raise BadEntry(f"entry {text!r} must have {len(wanted)} parts for {kind}")
    nets: list[Net] = []
    ports: list[Ports] = []
    mac = interface = ""
    for what, part in zip(wanted, parts, strict=True):
        if what in ("ip", "net"):
            nets.append(parse_net(part))
        elif what == "port":
            ports.append(parse_ports(part))
        elif what == "mac":
            if _MAC.fullmatch(part) is None:
                raise BadEntry(f"{part!r} is no MAC address")
            mac = part.lower()
        else:
            if not part:
                raise BadEntry("the interface is missing")
            interface = part
    if len({net.first.version for net in nets}) > 1:
        raise BadEntry(f"entry {text!r} mixes address families")
    if len({each.protocol for each in ports}) > 1:
        raise BadEntry(f"entry {text!r} mixes protocols")
    return Entry(tuple(nets), tuple(ports), mac, interface)


def parse_net(text: str) -> Net:
    """`ip|net`."""
    head, dash, tail = text.partition("-")
    if dash:
        first, last = _address(head), _address(tail)
        if first.version != 4 or last.version != 4:
            raise BadEntry(f"{text!r}: ranges are of IPv4 addresses")
        if int(last) < int(first):
            raise BadEntry(f"{text!r} ends before it starts")
        return Net(first, first.max_prefixlen, last)
    head, slash, length = text.partition("/")
    address = _address(head)
    if not slash:
        return Net(address, address.max_prefixlen)
    if _NUMBER.fullmatch(length) is None or int(length) > address.max_prefixlen:
        raise BadEntry(f"{text!r}: the length must be 0 to {address.max_prefixlen}")
    return Net(address, int(length))


def parse_ports(text: str) -> Ports:
    """`port`."""
    protocol, colon, numbers = text.rpartition(":")
    if colon and protocol.lower() not in _PROTOCOLS:
        raise BadEntry(f"{protocol!r} is no protocol: tcp, udp, icmp or icmp6")
    first, dash, last = numbers.partition("-")
    bounds = [first, last] if dash else [first, first]
    if not all(_NUMBER.fullmatch(each) and int(each) <= 0xFFFF for each in bounds):
        raise BadEntry(f"{text!r} is no port or range of ports")
    if int(bounds[1]) < int(bounds[0]):
        raise BadEntry(f"{text!r} ends before it starts")
    return Ports(protocol.lower(), int(bounds[0]), int(bounds[1]))


def is_address_range(text: str) -> bool:
    """Whether a `Range` is one of addresses, else it is one of ports."""
    return ("." in text or ":" in text) and text[:1] in "0123456789abcdefABCDEF"


def check_range(kind: str, text: str) -> Net | Ports | None:
    """The `Range` of a new set; bitmaps need one that is bounded."""
    if not text:
        if kind.startswith("bitmap:"):
            raise BadEntry(f"Range is required for {kind}")
        return None
    if not is_address_range(text):
        return parse_ports(text)
    net = parse_net(text)
    if kind.startswith("bitmap:"):
        if net.first.version != 4:
            raise BadEntry(f"Range {text!r}: bitmaps are of IPv4 addresses")
        if net.last is None and net.length < 16:
            raise BadEntry(f"Range {text!r}: the length must be at least 16")
    return net


def check_member(kind: str, entry: Entry) -> None:
    """What the agent itself refuses to add or delete."""
    if kind.startswith("bitmap:") and any(net.first.version != 4 for net in entry.nets):
        raise BadEntry("bitmaps are of IPv4 addresses")
    if kind == "bitmap:ip,mac" and not all(net.single for net in entry.nets):
        raise BadEntry("one address belongs to a MAC")
    if kind == "bitmap:port" and any(ports.protocol not in ("tcp", "udp") for ports in entry.ports):
        raise BadEntry("the protocol must be tcp or udp")
    if kind == "hash:ip":
        _check_ips(entry.nets[:1], 16, _MAX_HASH_RANGE)
    elif kind in ("hash:ip,port", "hash:ip,port,ip", "hash:ip,port,net"):
        _check_ips(entry.nets if kind == "hash:ip,port,ip" else entry.nets[:1], 24, _MAX_SMALL_RANGE)
        if any(ports.last - ports.first + 1 >= _MAX_SMALL_RANGE for ports in entry.ports):
            raise BadEntry(f"fewer than {_MAX_SMALL_RANGE} ports at once")


def _check_ips(nets: tuple[Net, ...], least_length: int, ends_at: int) -> None:
    for net in nets:
        if net.first.version == 6 and not net.single:
            raise BadEntry("no IPv6 prefixes in sets of addresses")
        if net.last is None and net.first.version == 4 and net.length < least_length:
            raise BadEntry(f"the length must be at least {least_length}")
        if net.last is not None and net.size >= ends_at:
            raise BadEntry(f"fewer than {ends_at} addresses at once")


def _address(text: str) -> IPAddress:
    try:
        if "%" in text:
            raise ValueError
        return ip_address(text)
    except ValueError:
        raise BadEntry(f"{text!r} is no IP address") from None
