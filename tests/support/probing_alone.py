"""Probes in a network namespace of their own, and prints a line for each: its name, the verdict, the reason.

A script, run by `unshare --net`: it sets up the loopback device, routes and addresses as it needs them.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from ipaddress import ip_address
from pathlib import Path
from unittest import mock

from tests.support.probing import silence, tcp_server
from xdpvs.model.check import Check, Endpoint, PingCheck, TcpCheck, UdpCheck
from xdpvs.probing import echo
from xdpvs.probing.prober import Prober
from xdpvs.probing.sockets import open_socket

TIMEOUT_S = 0.2


async def probe(name: str, check: Check, address: str, port: int = 0, device: str = "") -> None:
    """One attempt of a new prober."""
    with contextlib.closing(Prober()) as prober:
        outcome = await prober.probe(check, Endpoint(ip_address(address), port, device=device), TIMEOUT_S)
    print(name, outcome.verdict.value, outcome.reason, sep=": ", flush=True)


def open_unless_raw(way: Endpoint, kind: int, protocol: int = 0) -> socket.socket:
    """As for a process without CAP_NET_RAW."""
    if kind == socket.SOCK_RAW:
        raise PermissionError
    return open_socket(way, kind, protocol)


def ip(words: str) -> None:
    """iproute2."""
    subprocess.run(["ip", *words.split()], check=True)


async def main() -> None:
    """Everything, in order."""
    checks: list[tuple[str, Check]] = [("tcp", TcpCheck()), ("udp", UdpCheck()), ("ping", PingCheck())]
    for name, check in checks:
        await probe(f"{name} without a network", check, "127.0.0.1", 80)
    ip("link set lo up")
    # Without ARP, frames go to the sender's own address; the peer passes them over, and nobody says anything.
    ip("link add nobody type veth peer name ground")
    ip("link set nobody arp off up")
    ip("link set ground up")
    ip("address add 192.0.2.1/24 dev nobody")
    ip("address add fe80::1/64 dev lo nodad")
    ip("route add unreachable 198.51.100.0/24")
    for name, check in checks:
        await probe(f"{name} to nobody", check, "192.0.2.9", 80)
        await probe(f"{name} to the unreachable", check, "198.51.100.9", 80)
    await probe("ping on a link", PingCheck(), "fe80::1", device="lo")
    with tcp_server(silence, "::") as server:
        await probe("tcp on a link", TcpCheck(), "fe80::1", server.port, "lo")
    with mock.patch.object(echo, "open_socket", open_unless_raw):
        await probe("ping not allowed", PingCheck(), "127.0.0.1")
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 0")
        await probe("ping without a raw socket", PingCheck(), "127.0.0.1")
        await probe("ping without a raw socket, IPv6", PingCheck(), "::1")


if __name__ == "__main__":
    asyncio.run(main())
