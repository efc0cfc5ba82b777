"""Lines of virtual_ipaddress, unicast_peer and virtual_routes."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from xdpvs.config.keepalived_conf.kinds import UINT_MAX, address, device_name, integer
from xdpvs.config.keepalived_conf.reading import Block, BlockReader, Reader, Refused, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import VirtualAddress, VirtualRoute

_IGNORED_OPTIONS = {"brd", "broadcast", "dev", "scope", "label", "peer", "track_group", "preferred_lft"}
_IGNORED_FLAGS = {"home", "-nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "use_vmac"}

_ROUTE_IGNORED_OPTIONS = frozenset(
    "scope table protocol proto tos dsfield hoplimit advmss rtt rttvar reordering window cwnd ssthresh realms rto_min"
    " initcwnd initrwnd vrf features quickack congctl pref expires track_group fastopen_no_cookie ttl-propagate or"
    " weight as".split()
)
_ROUTE_IGNORED_FLAGS = frozenset("no_track onlink append inet inet6 lock unicast".split())
_ROUTE_REFUSED_TYPES = frozenset(
    "local broadcast multicast throw unreachable prohibit blackhole nat nexthop encap".split()
)
_METRICS = ("metric", "priority", "preference")


def prefix(word: str) -> tuple[IPAddress, int]:
    """ADDR[/LEN]; without a length the whole address."""
    text, slash, length = word.partition("/")
    found = address(text)
    return found, integer(length, 0, found.max_prefixlen) if slash else found.max_prefixlen


def addresses(name: str) -> BlockReader:
    """The reader of a block of addresses, which adds them to values under the name."""

    def read(reader: Reader, block: Block, values: Values) -> None:
        for statement, number in reader.lines(block):
            try:
                found = VirtualAddress(*_address_line(reader, statement, number))
            except Refused as error:
                reader.problem(number, f"{block.head.word}: {error}")
                continue
            values.setdefault(name, []).append((found, number))

    return read


def _address_line(reader: Reader, statement: Statement, number: int) -> tuple[IPAddress, int]:
    found: tuple[IPAddress, int] | None = None
    words = iter(statement.words)
    for word in words:
        if word in _IGNORED_OPTIONS:
            if next(words, None) is None:
                raise Refused(f"{word} needs a value")
            reader.once(number, f"{word} is ignored: addresses go to dpdk_interface as they are", fails_test=False)
        elif word in _IGNORED_FLAGS:
            reader.once(number, f"{word} is ignored: addresses go to dpdk_interface as they are", fails_test=False)
        elif found is None:
            found = prefix(word)
        else:
            raise Refused(f"{shown(word)} is not an option of an address")
    if found is None:
        raise Refused("an address is missing")
    return found


def peers(reader: Reader, block: Block, values: Values) -> None:
    """unicast_peer: an address a line."""
    for statement, number in reader.lines(block):
        try:
            values.setdefault("peers", []).append((address(statement.word), number))
        except Refused as error:
            reader.problem(number, f"unicast_peer: {error}")
            continue
        words = iter(statement.words[1:])
        for word in words:
            if word not in ("min_ttl", "max_ttl"):
                reader.problem(number, f"unicast_peer: {shown(word)} is not an option")
                break
            next(words, None)
            reader.once(number, f"{word} is not supported and ignored", fails_test=False)


def routes(reader: Reader, block: Block, values: Values) -> None:
    """virtual_routes: a route a line."""
    for statement, number in reader.lines(block):
        try:
            route = _route(reader, statement, number)
        except Refused as error:
            reader.problem(number, f"virtual_routes: {error}")
            continue
        if route is not None:
            values.setdefault("routes", []).append(route)


def _route(reader: Reader, statement: Statement, number: int) -> VirtualRoute | None:
    """[to] DST[/LEN] [via A] [dev D] [src A] [metric N] [mtu N]; None for a kind of route DPVS has not."""
    if refused := next((word for word in statement.words if word in _ROUTE_REFUSED_TYPES), None):
        reader.warn(number, f"a route with {refused} is not supported and ignored", fails_test=False)
        return None
    stated: Values = {}
    words = iter(statement.words)
    for word in words:
        if word in _ROUTE_IGNORED_FLAGS:
            continue
        if word == "to" or word in _ROUTE_IGNORED_OPTIONS or word in ("via", "gw", "dev", "src", "mtu", *_METRICS):
            value = next((each for each in words if each != "lock"), None)
            if value is None:
                raise Refused(f"{word} needs a value")
            _route_option(reader, number, stated, word, value)
        elif "to" not in stated:
            stated["to"] = word
        else:
            raise Refused(f"{shown(word)} is not an option of a route")
    if "to" not in stated:
        raise Refused("a destination is missing")
    gateway: IPAddress | None = stated.get("gateway")
    destination, length = _destination(stated["to"], gateway or stated.get("source"))
    return VirtualRoute(
        destination,
        length,
        gateway,
        stated.get("device", ""),
        stated.get("source"),
        stated.get("metric", 0),
        stated.get("mtu", 0),
    )


def _route_option(reader: Reader, number: int, stated: Values, word: str, value: str) -> None:
    match word:
        case "to":
            stated["to"] = value
        case "via" | "gw":
            stated["gateway"] = address(value)
        case "dev":
            stated["device"] = device_name(value)
        case "src":
            stated["source"] = address(value)
        case "mtu":
            stated["mtu"] = integer(value, 0, 65535)
        case "metric" | "priority" | "preference":
            stated["metric"] = integer(value, 0, UINT_MAX)
        case _:
            reader.once(number, f"{word} of a route is not supported and ignored", fails_test=False)


def _destination(word: str, hint: IPAddress | None) -> tuple[IPAddress, int]:
    if word in ("default", "default6"):
        is_ipv6 = word == "default6" or (hint is not None and hint.version == 6)
        return (IPv6Address(0) if is_ipv6 else IPv4Address(0)), 0
    return prefix(word)
