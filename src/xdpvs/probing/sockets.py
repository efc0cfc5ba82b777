"""Sockets that leave this host as an endpoint wants it."""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import IPv6Address

from xdpvs.model.address import IPAddress
from xdpvs.model.check import Endpoint

_IP_BIND_ADDRESS_NO_PORT = 24
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""struct linger: on, 0 seconds."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int]


def family_of(address: IPAddress) -> socket.AddressFamily:
    """The socket family of an address."""
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def address_text(address: IPAddress) -> str:
    """As sockets spell it: without a scope."""
    return socket.inet_ntop(family_of(address), address.packed)


def socket_address(address: IPAddress, port: int, device: str) -> SocketAddress:
    """What connect and bind take; a link-local address without a scope gets the device's. OSError: there is none."""
    text = address_text(address)
    if not isinstance(address, IPv6Address):
        return text, port
    scope = 0
    if address.is_link_local:
        zone = address.scope_id or device
        if not zone:
            raise OSError(errno.EINVAL, f"link-local address {text} without a device")
        scope = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
    return text, port, 0, scope


def target(endpoint: Endpoint) -> SocketAddress:
    """The address a check goes to."""
    return socket_address(endpoint.address, endpoint.port, endpoint.device)


def open_socket(endpoint: Endpoint, kind: int, protocol: int = 0) -> socket.socket:
    """A non-blocking socket with the endpoint's source, device and mark; not connected. OSError: nothing stays open."""
    opened = socket.socket(family_of(endpoint.address), kind | socket.SOCK_NONBLOCK, protocol)
    if endpoint.source is None and not endpoint.source_port and not endpoint.device and not endpoint.fwmark:
        return opened
    try:
        _bind(opened, endpoint)
    except BaseException:
        opened.close()
        raise
    return opened


def reset_on_close(connection: socket.socket) -> None:
    """Closing sends RST, drops what is unsent, and leaves no TIME_WAIT."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _bind(opened: socket.socket, endpoint: Endpoint) -> None:
    if endpoint.device:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.device.encode())
    if endpoint.fwmark:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, endpoint.fwmark)
    source = endpoint.source
    if endpoint.source_port:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    elif source is not None and opened.proto == 0:
        # The port is chosen at connect, where only the pair of addresses has to be unique. An ICMP socket's "port" is
        # its identifier, which must be known before.
        opened.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
    if source is not None:
        opened.bind(socket_address(source, endpoint.source_port, endpoint.device))
    elif endpoint.source_port:
        opened.bind(("", endpoint.source_port))
