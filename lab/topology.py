"""Topologies as data.

A host has interfaces, an interface hangs on a switch. The lab configures every interface except those marked
`configured=False`, which are the balancer's ports: they arrive as a new machine's would, down and without addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface and the switch its cable goes to.

    vlan is how the switch tags frames on this cable; the other ports of that switch are untagged members of the VLAN.
    """

    name: str
    switch: str
    addresses: tuple[str, ...] = ()
    mtu: int = 1500
    vlan: int | None = None
    configured: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a host; destination may be "default"."""

    destination: str
    gateway: str


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace. http_ports are served by nginx, udp_echo_ports by an echo server, both on all addresses."""

    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    forwards: bool = False
    http_ports: tuple[int, ...] = ()
    udp_echo_ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """Hosts and, implied by their interfaces, the switches between them."""

    name: str
    hosts: tuple[Host, ...]

    def host(self, name: str) -> Host:
        """The host of that name."""
        return next(host for host in self.hosts if host.name == name)

    def switches(self) -> tuple[str, ...]:
        """The switches' names, in order of appearance."""
        return tuple(dict.fromkeys(interface.switch for host in self.hosts for interface in host.interfaces))

    def with_mtu(self, mtu: int, *host_names: str) -> Topology:
        """The same with another MTU on the named hosts' interfaces, or on all and their cables without names."""

        def changed(host: Host) -> Host:
            if host_names and host.name not in host_names:
                return host
            return replace(host, interfaces=tuple(replace(i, mtu=mtu) for i in host.interfaces))

        return replace(self, name=f"{self.name}-mtu{mtu}", hosts=tuple(map(changed, self.hosts)))


HTTP_PORTS = (80, 8080)
UDP_ECHO_PORTS = (53, 5300)


def balancer(*ports: Interface) -> Host:
    """The balancer's host."""
    return Host("lb", ports)


def port(name: str, switch: str = "lan", *, vlan: int | None = None) -> Interface:
    """A port of the balancer."""
    return Interface(name, switch, vlan=vlan, configured=False)


def server(name: str, *addresses: str, switch: str = "lan", routes: tuple[Route, ...] = ()) -> Host:
    """A real server with nginx and the UDP echo."""
    interface = Interface("eth0", switch, addresses)
    return Host(name, (interface,), routes, http_ports=HTTP_PORTS, udp_echo_ports=UDP_ECHO_PORTS)


def client(*addresses: str, switch: str = "lan", routes: tuple[Route, ...] = ()) -> Host:
    """The client."""
    return Host("client", (Interface("eth0", switch, addresses),), routes)


# DPVS's tutorial: everything in VLAN 102, which the balancer sees tagged and nobody else does.
TUTORIAL = Topology(
    "tutorial",
    (
        client("192.168.88.15/24", "192.168.88.16/24", "192.168.88.17/24", "2001::15/64", "2001::16/64"),
        balancer(port("dpdk0", vlan=102)),
        server("rs1", "192.168.88.30/24"),
        server("rs2", "192.168.88.130/24"),
    ),
)

_LAN_CLIENT = client("192.0.2.15/24", "192.0.2.16/24", "192.0.2.17/24", "2001:db8::15/64", "2001:db8::16/64")
_LAN_SERVERS = (
    server("rs1", "192.0.2.30/24", "2001:db8::30/64"),
    server("rs2", "192.0.2.130/24", "2001:db8::130/64"),
)

# Client, balancer and servers in one subnet, no VLAN.
ONE_ARM = Topology("one-arm", (_LAN_CLIENT, balancer(port("dpdk0")), *_LAN_SERVERS))

# The client's subnet on dpdk0, the servers' on dpdk1. The servers know no way to the client: only FullNAT can work.
TWO_ARM = Topology(
    "two-arm",
    (
        client("198.51.100.15/24", "198.51.100.16/24", "2001:db8:1::15/64", switch="front"),
        balancer(port("dpdk0", "front"), port("dpdk1", "back")),
        server("rs1", "192.0.2.30/24", "2001:db8:2::30/64", switch="back"),
        server("rs2", "192.0.2.130/24", "2001:db8:2::130/64", switch="back"),
    ),
)

# The same with the balancer (192.0.2.1, 2001:db8:2::1) as the servers' gateway, as NAT and SNAT need it.
_VIA_BALANCER = (Route("default", "192.0.2.1"), Route("default", "2001:db8:2::1"))
TWO_ARM_GATEWAY = Topology(
    "two-arm-gateway",
    tuple(replace(h, routes=_VIA_BALANCER) if h.name.startswith("rs") else h for h in TWO_ARM.hosts),
)

# The client in a subnet of its own behind a router, 192.0.2.254 and 2001:db8::fe on the balancer's side.
ROUTED_CLIENT = Topology(
    "routed-client",
    (
        client(
            "203.0.113.15/24",
            "203.0.113.16/24",
            "2001:db8:3::15/64",
            switch="far",
            routes=(Route("default", "203.0.113.254"), Route("default", "2001:db8:3::fe")),
        ),
        Host(
            "router",
            (
                Interface("eth0", "far", ("203.0.113.254/24", "2001:db8:3::fe/64")),
                Interface("eth1", "lan", ("192.0.2.254/24", "2001:db8::fe/64")),
            ),
            forwards=True,
        ),
        balancer(port("dpdk0")),
        *(
            replace(host, routes=(Route("default", "192.0.2.254"), Route("default", "2001:db8::fe")))
            for host in _LAN_SERVERS
        ),
    ),
)

# IPv6 and nothing else.
IPV6 = Topology(
    "ipv6",
    (
        client("2001:db8::15/64", "2001:db8::16/64"),
        balancer(port("dpdk0")),
        server("rs1", "2001:db8::30/64"),
        server("rs2", "2001:db8::130/64"),
    ),
)

TOPOLOGIES = {t.name: t for t in (TUTORIAL, ONE_ARM, TWO_ARM, TWO_ARM_GATEWAY, ROUTED_CLIENT, IPV6)}
