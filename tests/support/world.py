"""The network of the data plane's tests: two ports, VLANs on them, services of every kind, by role.

Plain facts, from which the plane's maps are filled and the oracle predicts. Frames of a test run come from the
loopback device (ifindex 1), so that is the first port; the second only exists as a destination.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from tests.support.frames import TCP, UDP

PORT0_IFINDEX, PORT1_IFINDEX = 1, 77
CONN_SLOTS = 4096


def packed(text: str) -> bytes:
    """4 or 16 bytes of an address."""
    return ip_address(text).packed


def mac(text: str) -> bytes:
    """Six bytes."""
    return bytes.fromhex(text.replace(":", ""))


@dataclass(frozen=True, slots=True)
class Device:
    """A port, or a VLAN on one; with a KNI, frames for the host are redirected there without the tag."""

    id: int
    port: int
    mac: bytes
    vlan: int = 0
    mtu: int = 1500
    has_kni: bool = False


PORT0 = Device(0, 0, mac("02:00:00:00:00:01"))
PORT1 = Device(1, 1, mac("02:00:00:00:00:02"))
VLAN100 = Device(3, 0, mac("02:00:00:00:00:01"), vlan=100, has_kni=True)
VLAN200 = Device(4, 0, mac("02:00:00:00:00:03"), vlan=200, mtu=1400)
VLAN300 = Device(5, 1, mac("02:00:00:00:00:02"), vlan=300)
DEVICES = (PORT0, PORT1, VLAN100, VLAN200, VLAN300)


@dataclass(frozen=True, slots=True)
class Hop:
    """Where a rewritten packet goes."""

    device: Device
    mac: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """A server and the way to it."""

    id: int
    address: bytes
    port: int
    hop: Hop
    gateway: bytes | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A FullNAT service; servers of another family than the vip make it NAT64."""

    id: int
    proto: int
    vip: bytes
    port: int
    servers: tuple[Server, ...]
    laddrs: tuple[bytes, ...]
    timeout_s: int = 0


GATEWAY_MAC = mac("02:00:00:00:00:fe")
CLIENT_MACS = tuple(mac(f"02:00:00:00:0c:{i:02x}") for i in range(1, 9))
# Clients of these networks are behind a router we have a route to; others are answered by the way they came.
ROUTED4, ROUTED6 = packed("198.51.100.0"), packed("2001:db8:c::")
ROUTER4, ROUTER6 = packed("192.0.2.254"), packed("2001:db8::fe")
CLIENT_HOP = Hop(PORT0, GATEWAY_MAC)

VIP4, VIP6, VIP64 = packed("192.0.2.1"), packed("2001:db8::1"), packed("2001:db8::64")
LADDRS4 = (packed("10.0.0.1"), packed("10.0.0.2"), packed("10.0.0.3"))
LADDRS6 = (packed("fd00::1"), packed("fd00::2"))

HOPS = (
    Hop(PORT0, mac("02:00:00:00:0d:01")),
    Hop(VLAN100, mac("02:00:00:00:0d:02")),
    Hop(PORT1, mac("02:00:00:00:0d:03")),
    Hop(VLAN200, mac("02:00:00:00:0d:04")),
    Hop(VLAN300, mac("02:00:00:00:0d:05")),
)


def _servers(first_id: int, port: int, version: int) -> tuple[Server, ...]:
    """One server by each hop; the one on the second port is behind a router."""
    servers = []
    for i, hop in enumerate(HOPS, 1):
        text = f"10.{i}.0.9" if version == 4 else f"fd00:{i}::9"
        router = f"10.{i}.0.254" if version == 4 else f"fd00:{i}::fe"
        gateway = packed(router) if hop.device is PORT1 else None
        servers.append(Server(first_id + i, packed(text), port, hop, gateway))
    return tuple(servers)


SERVICES = (
    Service(1, TCP, VIP4, 80, _servers(10, 8080, 4), LADDRS4),
    Service(2, UDP, VIP4, 53, _servers(20, 5353, 4), LADDRS4),
    Service(3, TCP, VIP6, 80, _servers(30, 8080, 6), LADDRS6),
    Service(4, UDP, VIP6, 53, _servers(40, 5353, 6), LADDRS6),
    Service(5, TCP, VIP64, 80, _servers(50, 6480, 4), LADDRS4),
    Service(6, UDP, VIP64, 53, _servers(60, 6453, 4), LADDRS4),
)


def service_at(vip: bytes, port: int, proto: int) -> Service | None:
    """The service of an address and port."""
    return next((s for s in SERVICES if (s.vip, s.port, s.proto) == (vip, port, proto)), None)


def is_routed(client: bytes) -> bool:
    """Whether there is a route to a client's network."""
    return client[:3] == ROUTED4[:3] if len(client) == 4 else client[:6] == ROUTED6[:6]
