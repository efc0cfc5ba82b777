"""The commands of DPVS's tutorial, against the topology of that name."""

from __future__ import annotations

DEVICE = "dpdk0.102"
FULLNAT_VIP = "192.168.88.1:80"
NAT64_VIP = "[2001::2]:80"

Command = tuple[str, ...]


def _service(vip: str, scheduler: str, servers: tuple[str, ...], laddrs: tuple[str, ...]) -> list[Command]:
    return [
        ("ipvsadm", "-A", "-t", vip, "-s", scheduler),
        *(("ipvsadm", "-a", "-t", vip, "-r", server, "-b", "-w", "100") for server in servers),
        *(("ipvsadm", "-P", "-t", vip, "-z", laddr, "-F", DEVICE) for laddr in laddrs),
    ]


NETWORK: tuple[Command, ...] = (
    ("dpip", "vlan", "add", DEVICE, "link", "dpdk0", "id", "102"),
    ("dpip", "addr", "add", "192.168.88.28/24", "dev", DEVICE),
    ("dpip", "addr", "add", "2001::28/64", "dev", DEVICE),
    ("dpip", "addr", "add", "192.168.88.1/32", "dev", DEVICE),
    ("dpip", "addr", "add", "2001::2/128", "dev", DEVICE),
)

FULLNAT: tuple[Command, ...] = tuple(
    _service(FULLNAT_VIP, "rr", ("192.168.88.30:80", "192.168.88.130:80"), ("192.168.88.240",))
)

NAT64: tuple[Command, ...] = tuple(
    _service(NAT64_VIP, "wrr", ("192.168.88.30:80", "192.168.88.130:8080"), ("192.168.88.241", "192.168.88.242"))
)

SETUP = NETWORK + FULLNAT + NAT64

SHOW: tuple[Command, ...] = (
    ("ipvsadm", "-ln"),
    ("ipvsadm", "-ln", "--stats"),
    ("ipvsadm", "-lnc"),
    ("ipvsadm", "-G"),
    ("dpip", "-s", "link", "show"),
    ("dpip", "addr", "show"),
    ("dpip", "route", "show"),
    ("dpip", "-6", "route", "show"),
    ("dpip", "neigh", "show"),
)

# What the client asks for, and who has to answer at least once.
REQUESTS: tuple[tuple[str, frozenset[str]], ...] = (
    ("http://192.168.88.1/", frozenset({"rs1:80", "rs2:80"})),
    ("http://[2001::2]/", frozenset({"rs1:80", "rs2:8080"})),
)
