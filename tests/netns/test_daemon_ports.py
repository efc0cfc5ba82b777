"""What happens to a port's netdev while the daemon runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import ONE_ARM, TWO_ARM
from tests.support.daemon import PLACES, add_service, configure, small_conf
from tests.support.netns import missing_for_balancer, need, wait_until

PLAN = PLACES[ONE_ARM.name]
URL = f"http://{PLAN.vip4}/"
NEW_MAC = "02:00:00:00:aa:01"
pytestmark = pytest.mark.topology(ONE_ARM)


@pytest.fixture
def daemon(lab: Lab) -> Iterator[Balancer]:
    """The daemon with a service whose servers are resolved, and which has answered."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        assert lab.client.curl(URL)
        yield balancer


def test_a_mac_changed_by_others_is_used_and_announced(lab: Lab, daemon: Balancer) -> None:
    lab.lb.ip("link", "set", "dpdk0", "address", NEW_MAC)
    wait_until(lambda: NEW_MAC.upper() in daemon.dpip("link", "show", "dpdk0"), 4)
    wait_until(lambda: f"{PLAN.vip4} dev eth0 lladdr {NEW_MAC}" in lab.client.ip("neigh", "show"), 4)
    assert lab.client.curl(URL)
    assert f"dpdk0: MAC is {NEW_MAC} now" in daemon.process.output()


@pytest.mark.topology(TWO_ARM)
def test_an_mtu_changed_by_others_is_kept_to(lab: Lab) -> None:
    need(missing_for_balancer())
    plan = PLACES[TWO_ARM.name]
    body = lab.run_dir / "body"
    body.write_bytes(bytes(300_000))
    with Balancer(lab, config=small_conf(["dpdk0", "dpdk1"])) as balancer:
        configure(balancer, plan)
        add_service(balancer, plan, plan.vip4, plan.servers4, plan.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        lab.lb.ip("link", "set", "dpdk1", "mtu", "1400")
        wait_until(lambda: "mtu 1400 " in balancer.dpip("link", "show", "dpdk1"), 4)
        argv = ["curl", "-sS", "-m", "8", "--data-binary", f"@{body}", "-H", "Expect:", "-o", "/dev/null"]
        assert lab.client.run(*argv, "-w", "%{size_upload}", f"http://{plan.vip4}/").stdout == "300000"
        assert "mtu 1400" in lab.client.ip("route", "get", plan.vip4), "the client was told"


def test_a_link_set_down_answers_nothing_until_it_is_up(lab: Lab, daemon: Balancer) -> None:
    daemon.dpip("link", "set", "dpdk0", "link", "down")
    assert not lab.client.ping(PLAN.vip4, timeout_s=1)
    assert "DOWN" in daemon.dpip("link", "show", "dpdk0")
    wait_until(lambda: "dpdk0: link is down" in daemon.process.output(), 4)
    daemon.dpip("link", "set", "dpdk0", "link", "up")
    wait_until(lambda: lab.client.ping(PLAN.vip4, timeout_s=1), 5)
    assert lab.client.curl(URL)


def test_a_netdev_that_vanishes_does_not_end_the_daemon(lab: Lab, daemon: Balancer) -> None:
    lab.lb.ip("link", "del", "dpdk0")
    wait_until(lambda: "its netdev dpdk0 is gone" in daemon.process.output(), 4)
    assert "dpdk0" in daemon.dpip("addr", "show")
    assert daemon.stop() == 0
