"""Address groups and tunnels: local_address_group, deny/allow_address_group, virtual_server_group, tunnel_group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from xdpvs.config.keepalived_conf.kinds import (
    UINT_MAX,
    Choice,
    address,
    address_of,
    device,
    device_name,
    integer,
    port,
)
from xdpvs.config.keepalived_conf.reading import Block, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import IPAddress, family_of
from xdpvs.model.keepalived import AclSubject, Tunnel
from xdpvs.model.service import Laddr

T = TypeVar("T")
MAX_RANGE = 65536
_DECIMAL, _HEX = re.compile("[0-9]{1,3}"), re.compile("[0-9A-Fa-f]{1,4}")
_IPSET_NAME_MAX = 31


@dataclass(frozen=True, slots=True)
class Members:
    """A line of a virtual_server_group: addresses in a row with one port, or a fwmark."""

    addresses: tuple[IPAddress, ...] = ()
    port: int = 0
    fwmark: int = 0


@dataclass(slots=True)
class Groups:
    """All groups of a file, by name."""

    laddrs: dict[str, tuple[Laddr, ...]] = field(default_factory=dict)
    denied: dict[str, tuple[AclSubject, ...]] = field(default_factory=dict)
    allowed: dict[str, tuple[AclSubject, ...]] = field(default_factory=dict)
    services: dict[str, tuple[Members, ...]] = field(default_factory=dict)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)


def address_range(word: str, ipv6_bits: int) -> tuple[IPAddress, ...]:
    """IP, IP-LAST or IP-IP; LAST replaces the last byte, for IPv6 the last ipv6_bits in hexadecimal."""
    first_word, dash, last_word = word.partition("-")
    first = address(first_word)
    if not dash:
        return (first,)
    step: type[IPv4Address] | type[IPv6Address] = type(first)
    if "." in last_word or ":" in last_word:
        last = address(last_word)
        if last.version != first.version:
            raise Refused(f"{shown(word)} mixes IPv4 and IPv6")
        end = int(last)
    else:
        bits, digits, base = (8, _DECIMAL, 10) if first.version == 4 else (ipv6_bits, _HEX, 16)
        if digits.fullmatch(last_word) is None or int(last_word, base) >= 1 << bits:
            raise Refused(f"{shown(word)} is not a range")
        end = int(first) >> bits << bits | int(last_word, base)
    if end < int(first):
        raise Refused(f"{shown(word)} ends before it starts")
    if end - int(first) >= MAX_RANGE:
        raise Refused(f"{shown(word)} holds more than {MAX_RANGE} addresses")
    return tuple(step(number) for number in range(int(first), end + 1))


def laddr_group(reader: Reader, block: Block, groups: Groups) -> None:
    """Lines `IP DEVICE` or `IP-LAST DEVICE`."""
    found: list[Laddr] = []
    for statement, number in reader.lines(block):
        try:
            addresses = address_range(statement.word, 8)
            if len(statement.words) < 2:
                raise Refused("needs a device")
            name = device_name(statement.words[1])
        except Refused as error:
            reader.problem(number, f"local address {shown(statement.word)} {error}")
            continue
        found += [Laddr(family_of(each), each, name) for each in addresses]
    _keep(reader, block, groups.laddrs, tuple(found))


def acl_group(reader: Reader, block: Block, groups: Groups) -> None:
    """Lines `IP`, `IP-LAST` or `ipset:NAME`; no line at all is fine."""
    found: list[AclSubject] = []
    for statement, number in reader.lines(block):
        try:
            found += _subjects(statement.word)
        except Refused as error:
            reader.problem(number, f"address {error}")
    deny = block.head.word == "deny_address_group"
    _keep(reader, block, groups.denied if deny else groups.allowed, tuple(found))


def _subjects(word: str) -> list[AclSubject]:
    if not word.startswith("ipset:"):
        return [AclSubject(each) for each in address_range(word, 8)]
    name = word.removeprefix("ipset:")
    if not 0 < len(name) <= _IPSET_NAME_MAX:
        raise Refused(f"{shown(word)} needs a name of 1 to {_IPSET_NAME_MAX} characters")
    return [AclSubject(ipset=name)]


def service_group(reader: Reader, block: Block, groups: Groups) -> None:
    """Lines `IP [PORT]`, `IP-LAST [PORT]` or `fwmark N`, all addresses of one family."""
    found: list[Members] = []
    version = 0
    for statement, number in reader.lines(block):
        try:
            members = _members(statement)
        except Refused as error:
            reader.problem(number, f"address {error}")
            continue
        if members.addresses:
            if version and members.addresses[0].version != version:
                reader.problem(number, f"virtual_server_group {shown(block.name)} mixes IPv4 and IPv6")
                continue
            version = members.addresses[0].version
            length = statement.word.partition("/")[2]
            if length and length != str(members.addresses[0].max_prefixlen):
                reader.warn(number, f"/{shown(length)} is ignored: one address is one service")
        found.append(members)
    if not found:
        reader.warn(block.number, f"virtual_server_group {shown(block.name)} has no entries")
    _keep(reader, block, groups.services, tuple(found))


def _members(statement: Statement) -> Members:
    words = statement.words
    if words[0] == "fwmark":
        if len(words) < 2:
            raise Refused("fwmark needs a number")
        return Members(fwmark=integer(words[1], 0, UINT_MAX))
    return Members(address_range(words[0], 16), port(words[1]) if len(words) > 1 else 0)


_TUNNEL = Table(
    "tunnel_entry",
    {
        "kind": ("kind", Choice({"gre": "gre", "ipip": "ipip"})),
        "remote": ("remote", address_of(4)),
        "local": ("local", address_of(4)),
        "if": ("link", device),
    },
)


def tunnel_group(reader: Reader, block: Block, groups: Groups) -> None:
    """tunnel_entry blocks; the group's name means nothing."""

    def entry(reader: Reader, block: Block, values: Values) -> None:
        events = reader.events
        stated = reader.read(_TUNNEL, block, {})
        try:
            name = device_name(block.name)
        except Refused as error:
            reader.problem(block.number, f"tunnel_entry {error}")
            return
        missing = [word for word in ("kind", "remote", "local") if word not in stated]
        if missing and reader.events == events:
            reader.problem(block.number, f"tunnel_entry {shown(name)} needs {', '.join(missing)}")
        if name in groups.tunnels:
            reader.problem(block.number, f"tunnel_entry {shown(name)} stands twice")
        if not missing:
            groups.tunnels[name] = Tunnel(
                name, stated["kind"], stated["local"], stated["remote"], stated.get("link", "")
            )

    reader.read(Table("tunnel_group", {}, {"tunnel_entry": entry}), block, {})


def _keep(reader: Reader, block: Block, named: dict[str, T], value: T) -> None:
    if not block.name:
        reader.problem(block.number, f"{block.head.word} needs a name")
    elif block.name in named:
        reader.warn(block.number, f"{block.head.word} {shown(block.name)} stands twice, the first one counts")
    else:
        named[block.name] = value
