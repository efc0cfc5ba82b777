"""Watching links and addresses of this network namespace: what is there, and every change.

Plain rtnetlink messages (linux/rtnetlink.h): two dumps and five kinds of event need no pyroute2, and a socket without a
loop of its own can be watched by the caller's.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from xdpvs.model.address import Family, IPAddress, family_of
from xdpvs.netlink.errors import NetlinkError

_RTMGRP = 0x1 | 0x10 | 0x100  # links, IPv4 addresses, IPv6 addresses
_NEWLINK, _DELLINK, _GETLINK, _NEWADDR, _DELADDR, _GETADDR = 16, 17, 18, 20, 21, 22
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x1 | 0x300
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
_IFLA_IFNAME, _IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 3, 52, 53
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_TENTATIVE, _IFA_F_DADFAILED, _IFA_F_OPTIMISTIC = 0x40, 0x08, 0x04
_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_BUFFER = 1 << 16
_RECEIVE_BUFFER = 1 << 20
_SO_RCVBUFFORCE = 33


@dataclass(frozen=True, slots=True)
class WatchedLink:
    """up: set up, and able to carry packets (IFF_RUNNING)."""

    index: int
    name: str
    up: bool
    altnames: tuple[str, ...] = ()


@dataclass(slots=True)
class _Seen:
    links: dict[int, WatchedLink] = field(default_factory=dict)
    addresses: dict[int, list[IPAddress]] = field(default_factory=dict)


class LinkWatch:
    """The links and usable addresses of the namespace it was made in. `read` when `fileno` is readable."""

    def __init__(self) -> None:
        # Listening begins before the dump, so nothing falls between them.
        self._socket = _open(_RTMGRP)
        try:
            self._seen = _dump()
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """The socket, for the caller's loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Stop watching."""
        self._socket.close()

    def read(self) -> bool:
        """Take in all that has happened; whether anything is different now."""
        before = _Seen(dict(self._seen.links), {index: list(a) for index, a in self._seen.addresses.items()})
        while self._take_events():
            # Events were lost. Those before the loss are taken in, so the dump is not followed by older news.
            self._seen = _dump()
        return before != self._seen

    def _take_events(self) -> bool:
        """Read until nothing is left; whether some were lost on the way."""
        lost = False
        while True:
            try:
                data = self._socket.recv(_BUFFER)
            except BlockingIOError:
                return lost
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise NetlinkError(f"watch links: {error}") from error
                lost = True
                continue
            for kind, body in _messages(data):
                _take(self._seen, kind, body)

    def link(self, name: str) -> WatchedLink | None:
        """The link of a name or alternative name."""
        for link in self._seen.links.values():
            if name == link.name or name in link.altnames:
                return link
        return None

    def addresses(self, name: str, family: Family) -> tuple[IPAddress, ...]:
        """A link's addresses of a family that can be sent from, in the kernel's order."""
        link = self.link(name)
        if link is None:
            return ()
        return tuple(a for a in self._seen.addresses.get(link.index, ()) if family_of(a) == family)


def _open(groups: int) -> socket.socket:
    try:
        watching = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    except OSError as error:
        raise NetlinkError(f"watch links: {error}") from error
    try:
        if groups:
            watching.setblocking(False)
            try:
                watching.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            except PermissionError:
                watching.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        watching.bind((0, groups))
    except OSError as error:
        watching.close()
        raise NetlinkError(f"watch links: {error}") from error
    return watching


def _dump() -> _Seen:
    seen = _Seen()
    with _open(0) as asking:
        for request, head in ((_GETLINK, bytes(_IFINFO.size)), (_GETADDR, bytes(_IFADDR.size))):
            asking.send(_HEADER.pack(_HEADER.size + len(head), request, _REQUEST_DUMP, 1, 0) + head)
            _take_dump(seen, asking)
    return seen


def _take_dump(seen: _Seen, asking: socket.socket) -> None:
    while True:
        for kind, body in _messages(asking.recv(_BUFFER)):
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR:
                code = -struct.unpack_from("=i", body)[0]
                raise NetlinkError(f"list links and addresses: {os.strerror(code)}")
            _take(seen, kind, body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _TYPE_MASK, data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3


def _take(seen: _Seen, kind: int, body: bytes) -> None:
    if kind in (_NEWLINK, _DELLINK):
        _take_link(seen, kind, body)
    elif kind in (_NEWADDR, _DELADDR):
        _take_address(seen, kind, body)


def _take_link(seen: _Seen, kind: int, body: bytes) -> None:
    family, _type, index, flags, _change = _IFINFO.unpack_from(body)
    if family != socket.AF_UNSPEC:
        return  # a bridge's port says the same in a dialect of its own, and DELLINK when it leaves the bridge
    if kind == _DELLINK:
        seen.links.pop(index, None)
        seen.addresses.pop(index, None)
        return
    attributes = dict(_attributes(body[_IFINFO.size :]))
    altnames = tuple(
        _text(value) for at, value in _attributes(attributes.get(_IFLA_PROP_LIST, b"")) if at == _IFLA_ALT_IFNAME
    )
    up = flags & (_IFF_UP | _IFF_RUNNING) == _IFF_UP | _IFF_RUNNING
    seen.links[index] = WatchedLink(index, _text(attributes.get(_IFLA_IFNAME, b"")), up, altnames)


def _take_address(seen: _Seen, kind: int, body: bytes) -> None:
    family, _length, flags, _scope, index = _IFADDR.unpack_from(body)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    attributes = dict(_attributes(body[_IFADDR.size :]))
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS)
    if packed is None:
        return
    if _IFA_FLAGS in attributes:
        (flags,) = struct.unpack("=I", attributes[_IFA_FLAGS])
    address = ip_address(packed)
    unusable = flags & _IFA_F_DADFAILED or (flags & _IFA_F_TENTATIVE and not flags & _IFA_F_OPTIMISTIC)
    addresses = seen.addresses.setdefault(index, [])
    if kind == _DELADDR or unusable:
        if address in addresses:
            addresses.remove(address)
    elif address not in addresses:
        addresses.append(address)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
