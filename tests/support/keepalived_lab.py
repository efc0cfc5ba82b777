"""keepalived with a real daemon and real servers: waiting for what ipvsadm shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import LADDRS, TUTORIAL_CONF, VIP4, Keepalived, prepare
from tests.support.daemon import small_conf
from tests.support.netns import wait_until

RS1, RS2 = "192.168.88.30", "192.168.88.130"


@contextmanager
def keepalived(lab: Lab, config: str = TUTORIAL_CONF, *arguments: str) -> Iterator[tuple[Balancer, Keepalived]]:
    """The daemon with the tutorial's device, and keepalived."""
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        prepare(balancer, lab.lb)
        with Keepalived(lab, balancer, config, arguments=arguments) as running:
            yield balancer, running


def check(kind: str = "TCP_CHECK", *lines: str) -> str:
    """A checker that makes up its mind quickly."""
    body = "\n".join(f"            {line}" for line in lines)
    return f"        {kind} {{\n            retry 1\n            delay_before_retry 0.2\n{body}\n        }}\n"


TCP = check("TCP_CHECK", "connect_timeout 1")


def real_server(address: str, *lines: str, port: int = 80, weight: int = 100, checks: str = TCP) -> str:
    """A server."""
    body = "\n".join(f"        {line}" for line in lines)
    return f"    real_server {address} {port} {{\n        weight {weight}\n{body}\n{checks}    }}\n"


def service(*servers: str, lines: tuple[str, ...] = (), vip: str = VIP4, port: int = 80) -> str:
    """A FullNAT service, checked every half second."""
    body = "\n".join(f"    {line}" for line in lines)
    return (
        f"virtual_server {vip} {port} {{\n    delay_loop 0.5\n    warmup 0\n    lb_algo rr\n    lb_kind FNAT\n"
        f"    protocol TCP\n    laddr_group_name laddr_g1\n{body}\n{''.join(servers)}}}\n"
    )


def conf(*services: str) -> str:
    """A file of services; the VIP is not its business."""
    return LADDRS + "".join(services)


def weights(balancer: Balancer) -> dict[str, int]:
    """Servers of all services, by `service server`, with their weights."""
    found: dict[str, int] = {}
    vip = ""
    for line in balancer.ipvsadm("-ln").splitlines():
        words = line.split()
        if words[:1] in (["TCP"], ["UDP"]):
            vip = words[1]
        elif words[:1] == ["->"] and vip:
            found[f"{vip} {words[1]}"] = int(words[3])
    return found


def at_vip(**servers: int) -> dict[str, int]:
    """What `weights` says of the service on the VIP: rs1=100 and so on."""
    return {f"{VIP4}:80 {RS1 if name == 'rs1' else RS2}:80": weight for name, weight in servers.items()}


def await_weights(balancer: Balancer, expected: dict[str, int], deadline_s: float = 15.0) -> None:
    """Wait until exactly these servers are there."""
    wait_until(lambda: weights(balancer) == expected, deadline_s, f"the servers are {expected}")
