"""What option arguments mean: addresses with ports, fwmarks, netmasks, socket pairs, dest-check.

Every function answers None for text it does not understand; the caller words the complaint.
"""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from xdpvs.ipvsadm.names import SERVICE_PROTOCOLS, Resolver
from xdpvs.ipvsadm.numbers import bounded
from xdpvs.model.address import Family, IPAddress, Protocol
from xdpvs.model.service import CheckConfig, CheckTypes, ProxyProtocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.model.conn import SocketPair

MAX_TIMEOUT_S = 31 * 24 * 3600
DEFAULT_PERSISTENCE_S = 360
PORT_MAX = 65535
FWMARK_MAX = 2**32 - 1

DEFAULT_CHECK = CheckConfig(CheckTypes.PASSIVE, 1, 1, 3, 5, 3600)
_EXTERNAL_CHECKS = {
    "tcp": CheckTypes.TCP,
    "udp": CheckTypes.UDP,
    "sctp": CheckTypes.SCTP,
    "ping": CheckTypes.PING,
}
_PROXY_PROTOCOLS = {
    "v1": ProxyProtocol.V1,
    "v2": ProxyProtocol.V2,
    "v1-insecure": ProxyProtocol.V1_INSECURE,
    "v2-insecure": ProxyProtocol.V2_INSECURE,
}


def ipv6(text: str) -> IPv6Address | None:
    """An IPv6 literal by inet_pton's rules (no zone)."""
    try:
        return IPv6Address(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None


def ipv4(text: str) -> IPv4Address | None:
    """A dotted quad by inet_pton's rules."""
    try:
        return IPv4Address(socket.inet_pton(socket.AF_INET, text))
    except (OSError, ValueError):
        return None


def ipv4_or_host(text: str, resolver: Resolver) -> IPv4Address | None:
    """What inet_aton takes (1.2, hex, …), else a host name."""
    try:
        return IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return resolver.host_address(text)


def address_port(text: str, protocol: int, resolver: Resolver) -> tuple[IPAddress, int | None] | None:
    """ADDR[:PORT], [ADDR6]:PORT or a bare ADDR6; the port is None where none was written.

    Digits alone are refused: inet_aton would take a lone port for an address.
    """
    if text.isdigit():
        return None
    port_text: str | None = None
    if text.startswith("["):
        text, bracket, rest = text[1:].partition("]")
        if not bracket or not rest.startswith(":"):
            return None
        port_text = rest[1:]
    address: IPAddress | None = ipv6(text)
    if address is None:
        # A port behind a bracket stays: upstream forgets it here, and reads "[192.0.2.1]:80" as port 0.
        host, colon, tail = text.rpartition(":")
        if colon:
            text, port_text = host, tail
        address = ipv4_or_host(text, resolver)
    if address is None:
        return None
    if port_text is None:
        return address, None
    port = _port(port_text, protocol, resolver)
    return None if port is None else (address, port)


def _port(text: str, protocol: int, resolver: Resolver) -> int | None:
    port = bounded(text, 0, PORT_MAX)
    if port is not None:
        return port
    transport = SERVICE_PROTOCOLS.get(protocol)
    return resolver.service_port(text, transport) if transport else None


def netmask(text: str, family: Family, resolver: Resolver) -> int | None:
    """IPv4: a quad (contiguity unchecked) or a host name; IPv6: a prefix length."""
    if family == Family.INET6:
        match = re.match(r"\s*\+?(\d+)", text)
        length = int(match[1]) if match else 0
        return length if 1 <= length <= 128 else None
    mask = ipv4_or_host(text, resolver)
    return None if mask is None else int(mask)


def fwmark(text: str) -> int | None:
    """A decimal number above 0."""
    return bounded(text, 1, FWMARK_MAX)


def socket_pair(text: str) -> SocketPair | None:
    """PROTO:SIP:SPORT:TIP:TPORT in literals and numbers; with any bracket both addresses are bracketed IPv6."""
    name, colon, rest = text.partition(":")
    protocol = _pair_protocol(name)
    if not colon or protocol is None:
        return None
    family = Family.INET6 if "[" in text else Family.INET
    source = _pair_address(rest, family)
    if source is None:
        return None
    port_text, colon, rest = source[1].partition(":")
    source_port = bounded(port_text, 0, PORT_MAX)
    target = _pair_address(rest, family)
    if not colon or source_port is None or target is None:
        return None
    target_port = bounded(target[1], 0, PORT_MAX)
    if target_port is None:
        return None
    # Here, since only -l -c --sockpair wants it.
    from xdpvs.model.conn import SocketPair

    return SocketPair(family, protocol, source[0], source_port, target[0], target_port)


def _pair_protocol(name: str) -> Protocol | None:
    for prefix, protocol in (("tcp", Protocol.TCP), ("udp", Protocol.UDP), ("sctp", Protocol.SCTP)):
        if name.startswith(prefix):
            return protocol
    return None


def _pair_address(text: str, family: Family) -> tuple[IPAddress, str] | None:
    """The address that text begins with, and what follows its colon."""
    address: IPAddress | None
    if family == Family.INET6:
        literal, bracket, rest = text[1:].partition("]:")
        address = ipv6(literal) if text.startswith("[") and bracket else None
    else:
        literal, colon, rest = text.partition(":")
        address = ipv4(literal) if colon else None
    return None if address is None else (address, rest)


def proxy_protocol(text: str) -> ProxyProtocol:
    """Whatever is not a known word switches it off, as upstream's does."""
    return _PROXY_PROTOCOLS.get(text.lower(), ProxyProtocol.OFF)


def dest_check(text: str, before: CheckConfig) -> CheckConfig | None:
    """Adds one --dest-check to those before it; `disable` clears them."""
    if text == "disable":
        return CheckConfig()
    if text in _EXTERNAL_CHECKS:
        return replace(before, types=before.types | _EXTERNAL_CHECKS[text])
    if text == "default":
        return replace(DEFAULT_CHECK, types=before.types | CheckTypes.PASSIVE)
    detail = _check_detail(text)
    if detail is None:
        return None
    check = replace(detail, types=before.types | CheckTypes.PASSIVE)
    # Upstream judges the values only if a passive check was asked for before; otherwise the daemon repairs them.
    if CheckTypes.PASSIVE in before.types and not check_is_sane(check):
        return None
    return check


_NUMBER = r"\s*([+-]?\d+)"
_UP_DOWN = rf"{_NUMBER},{_NUMBER},{_NUMBER}s,{_NUMBER}-{_NUMBER}"
_DOWN_ONLY = rf"{_NUMBER},{_NUMBER}"


def _check_detail(text: str) -> CheckConfig | None:
    """sscanf of both forms: whatever follows the last number is ignored, and numbers wrap at their width."""
    match = re.match(_UP_DOWN, text, re.ASCII)
    if match:
        down, up, wait, low, high = (int(group) for group in match.groups())
        return CheckConfig(CheckTypes(0), down & 0xFF, up & 0xFF, wait & 0xFF, low & 0xFFFF, high & 0xFFFF)
    match = re.match(_DOWN_ONLY, text, re.ASCII)
    if match:
        return CheckConfig(CheckTypes(0), int(match[1]) & 0xFF, 0, int(match[2]) & 0xFF, 0, 0)
    return None


def is_down_only(check: CheckConfig) -> bool:
    """A passive check that takes servers out and leaves bringing them back to others."""
    return check.up_notice == check.inhibit_min_s == check.inhibit_max_s == 0


def check_is_sane(check: CheckConfig) -> bool:
    """Whether the daemon would take a passive check as it is, without repairing values."""
    if not check.down_notice or not check.down_wait_s:
        return False
    if is_down_only(check):
        return True
    return bool(check.up_notice and check.inhibit_min_s and check.inhibit_min_s <= check.inhibit_max_s)
