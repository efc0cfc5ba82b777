"""Sends any bytes as VRRP: `python -m tests.support.vrrp_forger DESTINATION TTL`, payloads as hex lines on stdin."""

from __future__ import annotations

import socket
import sys

from xdpvs.packet.vrrp import PROTOCOL


def main(argv: list[str]) -> int:
    """Send each line."""
    destination, ttl = argv[0], int(argv[1])
    is_ipv6 = ":" in destination
    family, level = (socket.AF_INET6, socket.IPPROTO_IPV6) if is_ipv6 else (socket.AF_INET, socket.IPPROTO_IP)
    options = (
        (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS) if is_ipv6 else (socket.IP_MULTICAST_TTL, socket.IP_TTL)
    )
    with socket.socket(family, socket.SOCK_RAW, PROTOCOL) as sending:
        sending.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
        for option in options:
            sending.setsockopt(level, option, ttl)
        for line in sys.stdin:
            target = (destination, 0, 0, socket.if_nametoindex("eth0")) if is_ipv6 else (destination, 0)
            sending.sendto(bytes.fromhex(line.strip()), target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
