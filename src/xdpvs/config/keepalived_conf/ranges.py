"""src-range and dst-range: `IP-IP:PORT-PORT`."""

from __future__ import annotations

import re

from xdpvs.config.keepalived_conf.kinds import address, port
from xdpvs.config.keepalived_conf.reading import Refused
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import IPV4_ANY, IPV6_ANY, Family, family_of
from xdpvs.model.service import AddressRange, Match

_RANGE = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]+)(?:-([0-9]+))?)?|([^\[\]]*:[^\[\]]*)")


def address_range(text: str) -> AddressRange:
    """IP[-IP][:PORT[-PORT]], for IPv6 [IP-IP]:PORT-PORT or IP-IP; a missing end equals the start."""
    match = _RANGE.fullmatch(text)
    if match is None:
        raise Refused(f"{shown(text)} is not a range")
    first_word, dash, last_word = (match[1] or match[2] or match[5] or "").partition("-")
    ports = (port(match[3] or "0"), port(match[4] or match[3] or "0"))
    if ports[0] > ports[1]:
        raise Refused(f"{shown(text)} ends before it starts")
    if not first_word and not dash:
        return AddressRange(IPV4_ANY, IPV4_ANY, *ports)
    first = address(first_word)
    last = address(last_word) if dash else first
    if first.version != last.version:
        raise Refused(f"{shown(text)} mixes IPv4 and IPv6")
    if int(first) > int(last):
        raise Refused(f"{shown(text)} ends before it starts")
    return AddressRange(first, last, *ports)


def match_of(source: str, destination: str, input_device: str, output_device: str) -> Match:
    """The match of the four keywords; its family is that of the ranges, UNSPEC without them."""
    stated = [address_range(text) for text in (source, destination) if text]
    families = {family_of(each.min_address) for each in stated if each.max_address != IPV4_ANY}
    if len(families) > 1:
        raise Refused("src-range and dst-range are of different families")
    family = families.pop() if families else Family.INET if stated else Family.UNSPEC
    return Match(family, _in_family(source, family), _in_family(destination, family), input_device, output_device)


def _in_family(text: str, family: Family) -> AddressRange:
    """The range, or all of the match's family; the wire has one family for both."""
    found = address_range(text) if text else AddressRange()
    if family == Family.INET6 and found.max_address == IPV4_ANY:
        return AddressRange(IPV6_ANY, IPV6_ANY, found.min_port, found.max_port)
    return found
