"""The final listing of DPVS's container tutorial, and whether another is the same.

What a listing of ours may have besides stands in docs/compatibility.md: link-local addresses, which DPVS 1.10 has and
the tutorial's 1.9 had not; the broadcast address that dpvs-agent gives a KNI, as DPVS's does; and what the kernel says
of a veth pair instead of a KNI device.
"""

from __future__ import annotations

import re

SERVICES = """\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.168.88.1:80 rr conn-timeout 60
  -> 192.168.88.30:80             FullNat 100    N N
  -> 192.168.88.130:80            FullNat 100    N N
TCP  [2001::1]:80 conhash sip
  -> 192.168.88.30:80             FullNat 100    N N
  -> 192.168.88.30:8080           FullNat 100    N N
  -> 192.168.88.130:8080          FullNat 100    N N
TCP  [2001::2]:80 wrr
  -> 192.168.88.30:80             FullNat 100    N N
  -> 192.168.88.130:8080          FullNat 100    N N
  -> 10.1.1.1:80                  FullNat 0      N N          inhibited
"""

LADDRS = """\
VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS
[2001::2]:80         2
                              192.168.88.241       N N
                              192.168.88.242       N N
[2001::1]:80         2
                              192.168.88.240       N N
                              192.168.88.241       N N
192.168.88.1:80      2
                              192.168.88.240       N N
                              192.168.88.241       N N
"""

ADDRESSES = """\
inet6 2001::28/64 scope global dpdk0.102
inet 192.168.88.242/32 scope global dpdk0.102
inet6 2001::1/128 scope global dpdk0.102
inet 192.168.88.1/32 scope global dpdk0.102
inet6 2001::2/128 scope global dpdk0.102
inet 192.168.88.240/32 scope global dpdk0.102
inet 192.168.88.28/24 scope global dpdk0.102
inet 192.168.88.241/32 scope global dpdk0.102
"""
LIFETIMES = "     valid_lft forever preferred_lft forever"

_ROUTE = "inet {} via 0.0.0.0 src {} dev dpdk0.102 mtu 1500 tos 0 scope {} metric 0 proto auto"
ROUTES = "".join(
    _ROUTE.format(f"192.168.88.{host}/32", "0.0.0.0", "host") + "\n" for host in (1, 28, 240, 241, 242)
) + (_ROUTE.format("192.168.88.0/24", "192.168.88.28", "link") + "\n")

ROUTES6 = """\
inet6 2001::1/128 dev dpdk0.102 mtu 1500 scope host
inet6 2001::2/128 dev dpdk0.102 mtu 1500 scope host
inet6 2001::28/128 dev dpdk0.102 mtu 1500 scope host
inet6 2001::/64 src 2001::28 dev dpdk0.102 mtu 1500 scope link
"""

KNI = """\
    inet 192.168.88.28/24 scope global dpdk0.102.kni
       valid_lft forever preferred_lft forever
    inet6 2001::28/64 scope global
       valid_lft forever preferred_lft forever
    inet6 fe80::LL/64 scope link
       valid_lft forever preferred_lft forever
"""

CONTAINERS = """\
"/usr/bin/healthchec…" healthcheck
"/usr/bin/dpvs-agent…" dpvs-agent
"/usr/bin/keepalived…" keepalived
"/usr/bin/dpvs -c /d…" dpvs
"""


def lines(text: str) -> list[str]:
    """Without blanks at the ends of lines."""
    return [line.rstrip() for line in text.rstrip("\n").splitlines()]


def without_counts(text: str) -> list[str]:
    """A listing of ipvsadm with N for what traffic changes."""
    server = re.compile(r"^(  -> \S+ +\w+ \d+ +)\d+ +\d+")
    laddr = re.compile(r"^( {30}\S+ +)\d+ +\d+")
    return [laddr.sub(r"\1N N", server.sub(r"\1N N", line)) for line in lines(text)]


def without_link_local(text: str) -> list[str]:
    """A listing of dpip without what a link-local address adds, lifetimes included."""
    kept, skipping = [], False
    for line in lines(text):
        skipping = line.startswith("inet6 fe80::") or (skipping and line.startswith(" "))
        if not skipping:
            kept.append(line)
    return kept


def kni_of(text: str) -> list[str]:
    """`ip addr show` of a KNI after its first two lines, which are checked here."""
    first, second, *rest = lines(text)
    assert re.match(r"\d+: dpdk0\.102\.kni(@\S+)?: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 .*state UP ", first), (
        first
    )
    assert re.match(r"    link/ether (\w\w:){5}\w\w brd ff:ff:ff:ff:ff:ff$", second), second
    return [re.sub(r"fe80::[0-9a-f:]+", "fe80::LL", line.replace(" brd 192.168.88.255", "")) for line in rest]


def containers_of(text: str) -> list[str]:
    """`docker ps`: each command and name, youngest first, the lab's own container left out."""
    shown = [re.split(r" {2,}", line) for line in lines(text)[1:]]
    return [f"{columns[2]} {columns[-1]}" for columns in shown if columns[-1] != "dpvs-lab"]


def check(listing: dict[str, str]) -> None:
    """Compare every part, line by line: command → what it printed. Which container is the oldest, scripts differ in."""
    assert sorted(containers_of(listing["docker ps"])) == sorted(lines(CONTAINERS))
    version, *services = without_counts(listing["ipvsadm -ln"])
    assert re.fullmatch(r"IP Virtual Server version \S+ \(size=0\)", version)
    assert services == lines(SERVICES)
    assert without_counts(listing["ipvsadm -G"]) == lines(LADDRS)
    addresses = [line for each in lines(ADDRESSES) for line in (each, LIFETIMES)]
    assert without_link_local(listing["dpip addr show"]) == addresses
    assert without_link_local(listing["dpip route show"]) == lines(ROUTES)
    assert without_link_local(listing["dpip -6 route show"]) == lines(ROUTES6)
    assert kni_of(listing["ip addr show dpdk0.102.kni"]) == lines(KNI)


def sections(text: str) -> dict[str, str]:
    """A transcript cut at its prompts: command → what it printed."""
    parts = re.split(r"^\[dpvs\]# (.*)\n", text, flags=re.MULTILINE)[1:]
    return {command: text.rstrip("\n") for command, text in zip(parts[::2], parts[1::2], strict=True)}
