"""The match string of `-H`: which packets a service takes when no address names it (SNAT)."""

from __future__ import annotations

from xdpvs.ipvsadm.grammar import ipv4, ipv6
from xdpvs.ipvsadm.names import address_text
from xdpvs.ipvsadm.numbers import leading
from xdpvs.model.address import IPV4_ANY, IPV6_ANY, Family, IPAddress, Protocol
from xdpvs.model.service import AddressRange, Match

NO_PROTOCOL = 59
"""IPv6's "no next header": sent when proto= is missing, and refused by the daemon."""

_PROTOCOLS = {
    "tcp": Protocol.TCP,
    "udp": Protocol.UDP,
    "sctp": Protocol.SCTP,
    "icmp": Protocol.ICMP,
    "icmpv6": Protocol.ICMPV6,
}
_NAMES: dict[int, str] = {protocol: name for name, protocol in _PROTOCOLS.items()}
_FAMILIES = {"ipv4": Family.INET, "ipv6": Family.INET6}
VALUE_LIMIT = 127
DEVICE_LIMIT = 15


class _Draft:
    def __init__(self) -> None:
        self.protocol = NO_PROTOCOL
        self.family: Family | None = None
        self.match_family = Family.UNSPEC
        self.ranges = {"src-range": AddressRange(), "dst-range": AddressRange()}
        self.devices = {"iif": "", "oif": ""}
        self.names_traffic = False

    def set(self, key: str, value: str) -> bool:
        if key == "proto" and value in _PROTOCOLS:
            self.protocol = _PROTOCOLS[value]
        elif key == "af" and value in _FAMILIES:
            self.family = _FAMILIES[value]
            self.names_traffic = True
        elif key in self.ranges:
            return self.set_range(key, value)
        elif key in self.devices:
            self.devices[key] = value[:DEVICE_LIMIT]
        else:
            return False
        return True

    def set_range(self, key: str, value: str) -> bool:
        self.names_traffic = True
        if not value:
            return True
        parsed = parse_range(value)
        if parsed is None:
            return False
        family, self.ranges[key] = parsed
        self.match_family = family
        if self.family is None:
            self.family = family
        return True


def parse_match(text: str) -> tuple[Family, int, Match] | None:
    """(family, protocol, match) of a comma list; order is free, the last of a key wins.

    A malformed range is refused, where upstream goes on with half of it (and so with "any" as its end). Length is not
    limited: upstream cuts at 255 characters, which shortens the device at the end of what its own -S wrote.
    """
    draft = _Draft()
    for parameter in text.split(","):
        if not parameter:
            continue
        key, _, rest = parameter.partition("=")
        value = (rest.split() or [""])[0][:VALUE_LIMIT]
        if not draft.set(key, value):
            return None
    if not draft.names_traffic:
        return None
    match = Match(
        draft.match_family,
        _in_family(draft.ranges["src-range"], draft.match_family),
        _in_family(draft.ranges["dst-range"], draft.match_family),
        draft.devices["iif"],
        draft.devices["oif"],
    )
    return draft.family or Family.UNSPEC, draft.protocol, match


def _in_family(addresses: AddressRange, family: Family) -> AddressRange:
    """A range without addresses, in the family of the match: the wire has one family for both ranges."""
    if family == Family.INET6 and addresses.min_address == IPV4_ANY and addresses.max_address == IPV4_ANY:
        return AddressRange(IPV6_ANY, IPV6_ANY, addresses.min_port, addresses.max_port)
    return addresses


def parse_range(text: str) -> tuple[Family, AddressRange] | None:
    """IP[-IP][:PORT[-PORT]], [IP6[-IP6]]:PORT[-PORT] or IP6[-IP6]; a missing end equals the start."""
    ports = ""
    if text.startswith("["):
        addresses, bracket, rest = text[1:].rpartition("]")
        if not bracket or not rest.startswith(":"):
            return None
        ports = rest[1:]
    elif text.count(":") == 1:
        addresses, _, ports = text.partition(":")
    else:
        addresses = text
    first, _, last = addresses.rpartition("-") if "-" in addresses else (addresses, "", "")
    bounds = _addresses(first, last)
    if bounds is None:
        return None
    low, _, high = ports.rpartition("-") if "-" in ports else (ports, "", "")
    min_port = leading(low) & 0xFFFF
    max_port = leading(high) & 0xFFFF if high else min_port
    family = Family.INET6 if bounds[0].version == 6 else Family.INET
    return family, AddressRange(bounds[0], bounds[1], min_port, max_port)


def _addresses(first: str, last: str) -> tuple[IPAddress, IPAddress] | None:
    start6 = ipv6(first) if first else None
    if start6 is not None:
        end6 = ipv6(last) if last else start6
        return None if end6 is None else (start6, end6)
    start = ipv4(first) if first else IPV4_ANY
    end = ipv4(last) if last else start
    return None if start is None or end is None else (start, end)


def protocol_name(protocol: int) -> str:
    """Lower case as `-H` takes it; upstream calls everything else icmpv6."""
    return _NAMES.get(protocol, "icmpv6")


def format_range(addresses: AddressRange) -> str:
    """A range in full, as listings and save write it."""
    bounds = f"{address_text(addresses.min_address)}-{address_text(addresses.max_address)}"
    if addresses.min_address.version == 6:
        bounds = f"[{bounds}]"
    return f"{bounds}:{addresses.min_port}-{addresses.max_port}"


def is_any(addresses: AddressRange) -> bool:
    """Whether a range excludes nothing."""
    return not (int(addresses.min_address) or int(addresses.max_address) or addresses.min_port or addresses.max_port)


def format_match(protocol: int, match: Match) -> str:
    """A match as -H takes it, every key written."""
    return (
        f"proto={protocol_name(protocol)},src-range={format_range(match.source)},"
        f"dst-range={format_range(match.destination)},iif={match.input_device},oif={match.output_device}"
    )


def describe_match(protocol: int, match: Match) -> str:
    """A match as listings show it: what excludes nothing is left out."""
    parts = [protocol_name(protocol)]
    if not is_any(match.source):
        parts.append(f"from={format_range(match.source)}")
    if not is_any(match.destination):
        parts.append(f"to={format_range(match.destination)}")
    if match.input_device:
        parts.append(f"iif={match.input_device}")
    if match.output_device:
        parts.append(f"oif={match.output_device}")
    return ",".join(parts)
