"""keepalived with a real daemon and real servers: waiting for what ipvsadm shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import TUTORIAL_CONF, Keepalived, prepare
from tests.support.daemon import small_conf
from tests.support.netns import wait_until


@contextmanager
def keepalived(lab: Lab, config: str = TUTORIAL_CONF, *arguments: str) -> Iterator[tuple[Balancer, Keepalived]]:
    """The daemon with the tutorial's device, and keepalived."""
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        prepare(balancer, lab.lb)
        with Keepalived(lab, balancer, config, arguments=arguments) as running:
            yield balancer, running


def weights(balancer: Balancer) -> dict[str, int]:
    """Servers of all services, by `service server`, with their weights."""
    found: dict[str, int] = {}
    service = ""
    for line in balancer.ipvsadm("-ln").splitlines():
        words = line.split()
        if words[:1] in (["TCP"], ["UDP"]):
            service = words[1]
        elif words[:1] == ["->"] and service:
            found[f"{service} {words[1]}"] = int(words[3])
    return found


def await_weights(balancer: Balancer, expected: dict[str, int], deadline_s: float = 15.0) -> None:
    """Wait until exactly these servers are there."""
    wait_until(lambda: weights(balancer) == expected, deadline_s, f"servers are {expected}, not {weights(balancer)}")


def flat(text: str) -> str:
    """Without the numbers of connections, which come and go."""
    return re.sub(r" +", " ", text)
