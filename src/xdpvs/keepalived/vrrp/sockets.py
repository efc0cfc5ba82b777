"""Raw sockets for adverts: one for each interface and family, which sends and receives, never blocking."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from xdpvs.model.address import Family, IPAddress
from xdpvs.netlink.watch import WatchedLink
from xdpvs.packet.vrrp import PROTOCOL, TRAFFIC_CLASS, TTL
from xdpvs.vrrp.inspection import Datagram

_IP_MULTICAST_ALL = 49
_IPV6_MULTICAST_ALL = 29
_TC_PRIO_CONTROL = 7
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER = 1 << 20
_IPV4_HEADER = struct.Struct("!BBHHHBBH4s4s")
_PKTINFO6 = struct.Struct("=16si")
_BUFFER = 1 << 16
_CONTROL = socket.CMSG_SPACE(_PKTINFO6.size) + socket.CMSG_SPACE(4)
MAX_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Place:
    """Where a socket listens: an interface, as the configuration calls it, and a family."""

    interface: str
    family: Family


class AdvertSocket:
    """Joined to groups on a link. Opening needs CAP_NET_RAW; OSError if it or the link is missing."""

    def __init__(self, link: WatchedLink, family: Family, groups: Iterable[IPAddress]) -> None:
        self.link = link
        self.family = family
        self.groups = frozenset(groups)
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(int(family), kind, PROTOCOL)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.name.encode() + b"\0")
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, _TC_PRIO_CONTROL)
            # So that a real advert finds room behind a flood of forged ones.
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            if family == Family.INET:
                self._set_up_ipv4()
            else:
                self._set_up_ipv6()
        except OSError:
            self._socket.close()
            raise

    def _set_up_ipv4(self) -> None:
        def set_option(option: int, value: int | bytes) -> None:
            self._socket.setsockopt(socket.IPPROTO_IP, option, value)

        any_on_link = struct.pack("=4s4si", bytes(4), bytes(4), self.link.index)
        set_option(socket.IP_HDRINCL, 1)
        set_option(socket.IP_MULTICAST_LOOP, 0)
        set_option(_IP_MULTICAST_ALL, 0)
        set_option(socket.IP_MULTICAST_IF, any_on_link)
        for group in self.groups:
            set_option(socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", group.packed, bytes(4), self.link.index))

    def _set_up_ipv6(self) -> None:
        def set_option(option: int, value: int | bytes) -> None:
            self._socket.setsockopt(socket.IPPROTO_IPV6, option, value)

        set_option(socket.IPV6_RECVHOPLIMIT, 1)
        set_option(socket.IPV6_RECVPKTINFO, 1)
        set_option(socket.IPV6_MULTICAST_LOOP, 0)
        set_option(_IPV6_MULTICAST_ALL, 0)
        set_option(socket.IPV6_MULTICAST_HOPS, TTL)
        set_option(socket.IPV6_UNICAST_HOPS, TTL)
        set_option(socket.IPV6_TCLASS, TRAFFIC_CLASS)
        set_option(socket.IPV6_MULTICAST_IF, self.link.index)
        for group in self.groups:
            set_option(socket.IPV6_JOIN_GROUP, struct.pack("=16si", group.packed, self.link.index))

    def fileno(self) -> int:
        """The socket, for the caller's loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Leave the groups and close."""
        self._socket.close()

    def send(self, payload: bytes, source: IPAddress, destination: IPAddress) -> None:
        """Send a packet from source; OSError if it cannot be sent right now."""
        if self.family == Family.INET:
            length = _IPV4_HEADER.size + len(payload)
            # The kernel fills in the identification and the checksum.
            header = _IPV4_HEADER.pack(
                0x45, TRAFFIC_CLASS, length, 0, 0, TTL, PROTOCOL, 0, source.packed, destination.packed
            )
            self._socket.sendto(header + payload, (str(destination), 0))
            return
        info = _PKTINFO6.pack(source.packed, self.link.index)
        target = (str(destination), 0, 0, self.link.index if _needs_scope(destination) else 0)
        self._socket.sendmsg([payload], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, info)], 0, target)

    def receive(self) -> list[Datagram]:
        """What has arrived, at most MAX_AT_ONCE packets."""
        arrived: list[Datagram] = []
        for _ in range(MAX_AT_ONCE):
            try:
                data, control, flags, address = self._socket.recvmsg(_BUFFER, _CONTROL)
            except OSError:
                # Nothing more (EAGAIN), or the link went down (ENETDOWN), which netlink tells as well.
                break
            if flags & socket.MSG_TRUNC:
                continue
            datagram = _ipv4(data) if self.family == Family.INET else _ipv6(data, control, address)
            if datagram is not None:
                arrived.append(datagram)
        return arrived


def _ipv4(data: bytes) -> Datagram | None:
    """A raw IPv4 socket delivers the header too; the kernel has checked it."""
    if len(data) < _IPV4_HEADER.size:
        return None
    first, _tos, length, _id, _fragment, ttl, _protocol, _check, source, destination = _IPV4_HEADER.unpack_from(data)
    payload = data[(first & 0xF) * 4 : length]
    return Datagram(payload, IPv4Address(source), IPv4Address(destination), ttl)


def _ipv6(data: bytes, control: list[tuple[int, int, bytes]], address: tuple[str, int, int, int]) -> Datagram | None:
    found = {kind: value for level, kind, value in control if level == socket.IPPROTO_IPV6}
    info, hop_limit = found.get(socket.IPV6_PKTINFO), found.get(socket.IPV6_HOPLIMIT)
    if info is None or hop_limit is None or len(info) < _PKTINFO6.size:
        return None
    source = IPv6Address(address[0].partition("%")[0])
    return Datagram(data, source, IPv6Address(info[:16]), struct.unpack("=i", hop_limit)[0])


def _needs_scope(address: IPAddress) -> bool:
    return address.is_link_local or address.is_multicast
