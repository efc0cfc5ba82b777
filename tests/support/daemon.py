"""The daemon in each topology of the lab: which addresses it needs there, and a balanced service on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.balancer import Balancer, dpvs_conf
from lab.topology import IPV6, ONE_ARM, ROUTED_CLIENT, TUTORIAL, TWO_ARM, TWO_ARM_GATEWAY, Topology

SMALL_POOL = "ipvs_defs {\n    conn {\n        <init> conn_pool_size 65536\n    }\n}\n"


def small_conf(devices: list[str]) -> str:
    """Defaults, but a connection table that is made quickly."""
    return dpvs_conf(devices) + SMALL_POOL


@dataclass(frozen=True, slots=True)
class Place:
    """How to configure the balancer in a topology. setup is dpip command lines; front is the VIPs' device."""

    topology: Topology
    setup: tuple[str, ...]
    front: str
    back: str
    vip4: str = ""
    vip6: str = ""
    servers4: tuple[str, ...] = ()
    servers6: tuple[str, ...] = ()
    laddrs4: tuple[str, ...] = ()
    laddrs6: tuple[str, ...] = ()

    @property
    def vip64(self) -> str:
        """An IPv6 VIP for IPv4 servers."""
        return f"{self.vip6}:64"


_LAN = ("addr add 192.0.2.1/24 dev dpdk0", "addr add 2001:db8::1/64 dev dpdk0")

PLACES = {
    place.topology.name: place
    for place in (
        Place(
            TUTORIAL,
            (
                "vlan add dpdk0.102 link dpdk0 id 102",
                "addr add 192.168.88.28/24 dev dpdk0.102",
                "addr add 2001::28/64 dev dpdk0.102",
            ),
            "dpdk0.102",
            "dpdk0.102",
            "192.168.88.1",
            "2001::2",
            ("192.168.88.30", "192.168.88.130"),
            (),
            ("192.168.88.240", "192.168.88.241"),
        ),
        Place(
            ONE_ARM,
            _LAN,
            "dpdk0",
            "dpdk0",
            "192.0.2.100",
            "2001:db8::100",
            ("192.0.2.30", "192.0.2.130"),
            ("2001:db8::30", "2001:db8::130"),
            ("192.0.2.200",),
            ("2001:db8::200",),
        ),
        Place(
            TWO_ARM,
            (
                "addr add 198.51.100.1/24 dev dpdk0",
                "addr add 2001:db8:1::1/64 dev dpdk0",
                "addr add 192.0.2.1/24 dev dpdk1",
                "addr add 2001:db8:2::1/64 dev dpdk1",
            ),
            "dpdk0",
            "dpdk1",
            "198.51.100.100",
            "2001:db8:1::100",
            ("192.0.2.30", "192.0.2.130"),
            ("2001:db8:2::30", "2001:db8:2::130"),
            ("192.0.2.200",),
            ("2001:db8:2::200",),
        ),
        Place(
            ROUTED_CLIENT,
            (
                *_LAN,
                "route add default via 192.0.2.254 dev dpdk0",
                "-6 route add default via 2001:db8::fe dev dpdk0",
            ),
            "dpdk0",
            "dpdk0",
            "192.0.2.100",
            "2001:db8::100",
            ("192.0.2.30", "192.0.2.130"),
            ("2001:db8::30", "2001:db8::130"),
            ("192.0.2.200",),
            ("2001:db8::200",),
        ),
        Place(
            IPV6,
            ("addr add 2001:db8::1/64 dev dpdk0",),
            "dpdk0",
            "dpdk0",
            vip6="2001:db8::100",
            servers6=("2001:db8::30", "2001:db8::130"),
            laddrs6=("2001:db8::200",),
        ),
    )
}

PLACES[TWO_ARM_GATEWAY.name] = replace(PLACES[TWO_ARM.name], topology=TWO_ARM_GATEWAY)


def hostport(address: str, port: int) -> str:
    """As URLs and ipvsadm write it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def configure(balancer: Balancer, place: Place) -> None:
    """Devices, addresses and routes."""
    for line in place.setup:
        balancer.dpip(*line.split())


def add_service(
    balancer: Balancer,
    place: Place,
    vip: str,
    servers: tuple[str, ...],
    laddrs: tuple[str, ...],
    *,
    protocol: str = "-t",
    port: int = 80,
    scheduler: str = "rr",
    weights: tuple[int, ...] = (),
) -> None:
    """A FullNAT service with its VIP on the front device."""
    service = hostport(vip, port)
    balancer.dpip("addr", "add", f"{vip}/{128 if ':' in vip else 32}", "dev", place.front)
    balancer.ipvsadm("-A", protocol, service, "-s", scheduler)
    for number, server in enumerate(servers):
        weight = str(weights[number] if weights else 100)
        balancer.ipvsadm("-a", protocol, service, "-r", hostport(server, port), "-b", "-w", weight)
    for laddr in laddrs:
        balancer.ipvsadm("-P", protocol, service, "-z", laddr, "-F", place.back)
