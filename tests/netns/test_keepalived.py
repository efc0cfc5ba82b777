"""keepalived in the tutorial's network: the tutorial's file, servers that die, reloads, daemons that come and go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import GLOBALS, LADDRS, SERVICE4, TUTORIAL_CONF, VIP4, VIP6, VRRP, Keepalived, prepare
from tests.support.daemon import small_conf
from tests.support.keepalived_lab import await_weights, keepalived, weights
from tests.support.netns import missing_for_balancer, need, wait_until

FULLNAT = {f"{VIP4}:80 192.168.88.30:80": 100, f"{VIP4}:80 192.168.88.130:80": 100}
NAT64 = {
    f"[{VIP6}]:80 192.168.88.30:80": 100,
    f"[{VIP6}]:80 192.168.88.130:8080": 100,
    f"[{VIP6}]:80 192.168.88.30:8080": 100,
}

Pair = tuple[Balancer, Keepalived]


@pytest.fixture
def running(lab: Lab) -> Iterator[Pair]:
    """The tutorial's file, with both services up."""
    need(missing_for_balancer())
    with keepalived(lab) as pair:
        await_weights(pair[0], FULLNAT | NAT64)
        wait_until(lambda: VIP4 in pair[0].dpip("addr", "show"), 15, "the VIP is there")
        yield pair


def test_the_tutorials_file_brings_up_both_services(lab: Lab, running: Pair) -> None:
    balancer, _ = running
    print(balancer.ipvsadm("-ln"))
    answers = Counter(lab.client.curl(f"http://{VIP4}/").strip() for _ in range(8))
    assert set(answers) == {"rs1:80", "rs2:80"}
    assert {lab.client.curl(f"http://[{VIP6}]/", source=f"2001::{n}").strip() for n in (15, 16)} <= {
        "rs1:80",
        "rs2:8080",
        "rs1:8080",
    }
    print(balancer.dpip("addr", "show"))
    print(running[1].output())
