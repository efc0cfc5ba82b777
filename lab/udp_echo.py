"""UDP echo: answers "NAME:PORT " and the datagram, from the address it was sent to.

A script without imports from the lab: `udp_echo.py [--no-checksum] NAME PORT...`. With --no-checksum its IPv4 answers
carry none (RFC 768).
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

IP_PKTINFO = 8
SO_NO_CHECK = 11


def serve(name: str, ports: list[int], *, checksum: bool = True) -> None:
    """Answer for ever."""
    selector = selectors.DefaultSelector()
    for port in ports:
        for family in (socket.AF_INET, socket.AF_INET6):
            selector.register(_listen(family, port, checksum), selectors.EVENT_READ, f"{name}:{port} ".encode())
    while True:
        for key, _events in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            _answer(key.fileobj, key.data)


def _listen(family: socket.AddressFamily, port: int, checksum: bool) -> socket.socket:
    server = socket.socket(family, socket.SOCK_DGRAM)
    if not checksum:
        server.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    if family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind(("", port))
    return server


def _answer(server: socket.socket, greeting: bytes) -> None:
    try:
        data, ancillary, _flags, peer = server.recvmsg(65535, 256)
        server.sendmsg([greeting, data], [_from_same_address(item) for item in ancillary], 0, peer)
    except OSError:
        return  # an earlier answer was refused: the client's business


def _from_same_address(item: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """The packet info to answer with: the address the datagram came to, and no interface, so that routing decides."""
    level, kind, info = item
    if kind == IP_PKTINFO and level == socket.IPPROTO_IP:
        _interface, local, _destination = struct.unpack("=I4s4s", info)
        return level, kind, struct.pack("=I4s4s", 0, local, bytes(4))
    if kind == socket.IPV6_PKTINFO and level == socket.IPPROTO_IPV6:
        # A link-local source needs its interface; any other does not.
        keep = info[:2] == b"\xfe\x80"
        return level, kind, info if keep else info[:16] + bytes(4)
    return item


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--no-checksum"]
    serve(words[0], [int(port) for port in words[1:]], checksum="--no-checksum" not in sys.argv)
