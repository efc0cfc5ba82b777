"""What names the services of a virtual_server: an address, a group of them, a match or a mark."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.config.keepalived_conf.groups import Members
from xdpvs.config.keepalived_conf.kinds import UINT_MAX, address, integer, port
from xdpvs.config.keepalived_conf.ranges import match_of
from xdpvs.config.keepalived_conf.reading import Block, Refused, Values
from xdpvs.model.address import Family, IPAddress, Protocol, any_address, family_of
from xdpvs.model.service import NO_MATCH, ForwardingMode, Match, ServiceKey

_NAMES: dict[int, str] = {
    Protocol.TCP: "tcp",
    Protocol.UDP: "udp",
    Protocol.SCTP: "sctp",
    Protocol.ICMP: "icmp",
    Protocol.ICMPV6: "icmp6",
}
RANGE_WORDS = ("src-range", "dst-range", "iif", "oif")


@dataclass(frozen=True, slots=True)
class Identity:
    """The words after virtual_server; form is address, group, match or fwmark."""

    form: str
    name: str = ""
    address: IPAddress | None = None
    port: int = 0
    fwmark: int = 0


def identity_of(block: Block) -> Identity:
    """What the head of a virtual_server says."""
    words = block.head.words
    if len(words) < 2:
        raise Refused("needs an address, a group, a match or a fwmark")
    if words[1] in ("group", "match", "fwmark"):
        if len(words) < 3:
            raise Refused(f"{words[1]} needs a value")
        if words[1] == "fwmark":
            return Identity("fwmark", fwmark=integer(words[2], 0, UINT_MAX))
        return Identity(words[1], words[2])
    return Identity("address", "", address(words[1]), port(words[2]) if len(words) > 2 else 0)


def name_of(identity: Identity, stated: Values, protocol: Protocol, ordinal: int) -> str:
    """The service in logs and FIFOs; ordinal counts the blocks before that use the same group."""
    if identity.form == "group":
        return f"[{identity.name}]:{ordinal}"
    if identity.form == "fwmark":
        return f"FWM {identity.fwmark}"
    labels = zip(("from", "to", "iif", "oif"), RANGE_WORDS, strict=True)
    parts = [f"{label}={stated[word]}" for label, word in labels if stated.get(word)]
    if parts or identity.address is None:
        return f"MATCH {','.join([_NAMES[protocol], *parts])}"
    return f"[{identity.address}]:{_NAMES[protocol]}:{identity.port}"


def service_keys(
    identity: Identity,
    members: tuple[Members, ...],
    stated: Values,
    protocol: Protocol,
    forwarding: ForwardingMode,
) -> list[ServiceKey]:
    """The keys of all services, at least one."""
    if identity.form == "group":
        return _group_keys(members, stated, protocol)
    if identity.form == "fwmark":
        family = _mark_family(stated)
        return [ServiceKey(family, protocol, any_address(family), 0, identity.fwmark)]
    if forwarding is ForwardingMode.SNAT:
        return [_match_key(identity, stated, protocol)]
    assert identity.address is not None
    family = family_of(identity.address)
    _check_family(stated, family)
    return [ServiceKey(family, protocol, identity.address, identity.port)]


def _group_keys(members: tuple[Members, ...], stated: Values, protocol: Protocol) -> list[ServiceKey]:
    by_address = [each for each in members if each.addresses]
    family = family_of(by_address[0].addresses[0]) if by_address else _mark_family(stated)
    _check_family(stated, family)
    keys = [ServiceKey(family, protocol, each, line.port) for line in by_address for each in line.addresses]
    marks = [each.fwmark for each in members if not each.addresses]
    return keys + [ServiceKey(family, protocol, any_address(family), 0, mark) for mark in marks]


def _match_key(identity: Identity, stated: Values, protocol: Protocol) -> ServiceKey:
    match: Match = match_of(*(stated.get(word, "") for word in RANGE_WORDS))
    if match == NO_MATCH:
        raise Refused("with SNAT needs src-range, dst-range, iif or oif")
    family = match.family or family_of(identity.address or stated["servers"][0].address)
    _check_family(stated, family)
    return ServiceKey(family, protocol, any_address(family), identity.port, match=match)


def _check_family(stated: Values, family: Family) -> None:
    wanted = stated.get("ip_family")
    if wanted is not None and (wanted == 6) != (family == Family.INET6):
        raise Refused("has another ip_family than its addresses")


def _mark_family(stated: Values) -> Family:
    if "ip_family" in stated:
        return Family.INET6 if stated["ip_family"] == 6 else Family.INET
    return family_of(stated["servers"][0].address)
