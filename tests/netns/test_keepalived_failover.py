"""Two balancers: whatever happens to one, the VIP answers from the other in time, and comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import PAIR, TUTORIAL_CONF, VIP4, VIP6, Keepalived, SecondLab, prepare
from lab.process import CommandFailed, run
from tests.support.daemon import small_conf
from tests.support.netns import missing_for_balancer, need, wait_until

ADVERT_INT_S = 1.0
DEADLINE_S = 4 * ADVERT_INT_S

pytestmark = pytest.mark.topology(PAIR)


@dataclass
class Node:
    """A balancer with its keepalived."""

    balancer: Balancer
    keepalived: Keepalived

    def has(self, address: str) -> bool:
        """Whether its dpvs has an address."""
        return f" {address}/" in self.balancer.dpip("addr", "show")


@pytest.fixture
def pair(lab: Lab) -> Iterator[tuple[Node, Node]]:
    """Two nodes of which the first is the better one, settled."""
    need(missing_for_balancer())
    poor = TUTORIAL_CONF.replace("state MASTER", "state BACKUP").replace("priority 100", "priority 99")
    # Local addresses are each node's own: servers answer to them.
    poor = poor.replace("192.168.88.240", "192.168.88.242").replace("192.168.88.241", "192.168.88.243")
    second = SecondLab(lab, "lb2")
    config = small_conf(["dpdk0"])
    with Balancer(lab, config=config) as one, Balancer(second, config=config) as two:  # type: ignore[arg-type]
        prepare(one, lab.lb)
        prepare(two, lab.hosts["lb2"], "192.168.88.29", "2001::29")
        with Keepalived(lab, one) as first, Keepalived(lab, two, poor, host="lb2") as other:
            nodes = Node(one, first), Node(two, other)
            wait_until(lambda: nodes[0].has(VIP4) and not nodes[1].has(VIP4), 20, "the better one is master")
            wait_until(lambda: asks(lab), 10, "the service answers")
            yield nodes


def asks(lab: Lab, vip: str = VIP4) -> bool:
    """Whether the service answers within a moment."""
    url = f"http://[{vip}]/" if ":" in vip else f"http://{vip}/"
    try:
        return lab.client.curl(url, timeout_s=0.3).startswith("rs")
    except CommandFailed:
        return False


def requests(balancer: Balancer) -> int:
    """Connections that its dpvs has balanced on the VIP."""
    for line in balancer.ipvsadm("-ln", "--stats").splitlines():
        words = line.split()
        if words[:1] == ["TCP"] and words[1] == f"{VIP4}:80":
            return int(words[2])
    return 0


def test_a_killed_keepalived_is_replaced_and_comes_back_by_preemption(lab: Lab, pair: tuple[Node, Node]) -> None:
    one, two = pair
    one.keepalived.kill9()
    killed = time.monotonic()
    before = requests(two.balancer)
    wait_until(lambda: asks(lab) and requests(two.balancer) > before, DEADLINE_S, "the other one answers")
    print(f"keepalived killed: the other one answered after {time.monotonic() - killed:.1f} s")
    wait_until(lambda: asks(lab, VIP6), 5, "the NAT64 service as well")
    one.keepalived.start()
    wait_until(lambda: one.has(VIP4) and not two.has(VIP4), 20, "the better one takes over again")
    before = requests(one.balancer)
    wait_until(lambda: asks(lab) and requests(one.balancer) > before, 10, "and answers")


def test_a_node_that_vanishes_is_replaced(lab: Lab, pair: tuple[Node, Node]) -> None:
    one, two = pair
    one.keepalived.kill9()
    one.balancer.kill9()
    run(["ip", "-n", lab.lb.namespace, "link", "delete", "dpdk0"])
    vanished = time.monotonic()
    wait_until(lambda: asks(lab), DEADLINE_S, "the other one answers")
    print(f"node gone: the other one answered after {time.monotonic() - vanished:.1f} s")
    wait_until(lambda: asks(lab, VIP6), 5, "the NAT64 service as well")
    assert two.has(VIP4)


def test_a_clean_stop_hands_over_at_once(lab: Lab, pair: tuple[Node, Node]) -> None:
    one, two = pair
    assert one.keepalived.stop() == 0
    wait_until(lambda: two.has(VIP4), DEADLINE_S, "priority 0 makes the other one hurry")
    assert not one.has(VIP4)
    wait_until(lambda: asks(lab), 2)
