"""Service ids `<vip>-<port>-<proto>`, and addresses in requests."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from xdpvs.agent.answer import INVALID_FRONTEND, Malformed, Refused
from xdpvs.model.address import IPAddress, Protocol, family_of, full_prefix_length
from xdpvs.model.service import ServiceKey

_PORT = re.compile(r"[0-9]{1,9}")
_PORTS = 0x10000
DEVICE_BYTES = 15


def parse_service_id(text: str) -> ServiceKey:
    """The service an id names; Refused with 460.

    The port is taken modulo 65536 and any protocol but udp means tcp, as upstream's parser has it.
    """
    parts = text.split("-")
    if len(parts) != 3:
        raise Refused(INVALID_FRONTEND, f"service id {text!r}: must be VIP-PORT-PROTOCOL")
    vip, port, protocol = parts
    if _PORT.fullmatch(port) is None:
        raise Refused(INVALID_FRONTEND, f"service id {text!r}: port {port!r} is not a number")
    try:
        address = _unmapped(_address(vip))
    except ValueError:
        raise Refused(INVALID_FRONTEND, f"service id {text!r}: vip {vip!r} is not an IP address") from None
    number = Protocol.UDP if protocol.lower() == "udp" else Protocol.TCP
    return ServiceKey(family_of(address), number, address, int(port) % _PORTS)


def service_id(key: ServiceKey) -> str:
    """The canonical id."""
    try:
        protocol = Protocol(key.protocol).name.lower()
    except ValueError:
        protocol = str(key.protocol)
    return f"{key.address}-{key.port}-{protocol}"


def parse_address(text: str, field: str) -> IPAddress:
    """An address without a length in a body; Malformed names the field."""
    try:
        return _address(text)
    except ValueError:
        raise Malformed(f"{field} in body must be an IP address, not {text!r}") from None


def parse_prefix(text: str, field: str, *, default_length: int | None = None) -> tuple[IPAddress, int]:
    """ADDRESS or ADDRESS/LENGTH; without a length it is the whole address."""
    address_text, slash, length_text = text.partition("/")
    address = parse_address(address_text, field)
    full = full_prefix_length(address)
    if not slash:
        return address, full if default_length is None else default_length
    if not length_text.isascii() or not length_text.isdigit() or len(length_text) > 3 or int(length_text) > full:
        raise Malformed(f"{field} in body must have a length of 0 to {full}, not {length_text!r}")
    return address, int(length_text)


def parse_device(name: str, field: str = "name in path") -> str:
    """A device name out of a path or a body."""
    if not name or len(name.encode()) > DEVICE_BYTES or not name.isprintable() or "/" in name:
        raise Malformed(f"{field} must be a device of 1 to {DEVICE_BYTES} bytes, not {name!r}")
    return name


def _address(text: str) -> IPAddress:
    if "%" in text:
        raise ValueError("zones have no meaning here")
    return ip_address(text)


def _unmapped(address: IPAddress) -> IPAddress:
    """IPv4-mapped addresses are IPv4, as Go prints them."""
    if isinstance(address, IPv6Address) and isinstance(address.ipv4_mapped, IPv4Address):
        return address.ipv4_mapped
    return address
