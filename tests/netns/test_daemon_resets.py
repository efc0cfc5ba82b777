"""Connections that end with a reset: expired ones, and those we do not know."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import TWO_ARM
from tests.support.daemon import PLACES, add_service, configure, hostport, small_conf
from tests.support.netns import missing_for_balancer, need, wait_until

PLAN = PLACES[TWO_ARM.name]
IDLE = Path(__file__).parents[1] / "support" / "tcp_idle.py"
ONE_SECOND = "ipvs_defs {\n    tcp {\n        timeout {\n            established 1\n        }\n    }\n}\n"


def established(lab: Lab) -> int:
    """Connections that the servers' sockets have."""
    shown = [lab.hosts[name].run("ss", "-Htn", "state", "established").stdout for name in ("rs1", "rs2")]
    return sum(len(text.splitlines()) for text in shown)


@pytest.mark.topology(TWO_ARM)
@pytest.mark.parametrize("vip", [PLAN.vip4, PLAN.vip6, PLAN.vip64])
def test_both_ends_of_an_expired_connection_are_reset(lab: Lab, vip: str) -> None:
    need(missing_for_balancer())
    servers, laddrs = (PLAN.servers6, PLAN.laddrs6) if vip == PLAN.vip6 else (PLAN.servers4, PLAN.laddrs4)
    with Balancer(lab, config=small_conf(["dpdk0", "dpdk1"]) + ONE_SECOND) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, vip, servers, laddrs)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        idle = lab.on_exit(lab.client.start("idle", sys.executable, "-I", str(IDLE), vip, "80", "8"))
        wait_until(lambda: "connected" in idle.output(), 3)
        assert established(lab) == 1
        wait_until(lambda: "reset" in idle.output(), 6, "the client is reset")
        assert established(lab) == 0


@pytest.mark.topology(TWO_ARM)
def test_a_segment_of_an_unknown_connection_is_reset(lab: Lab) -> None:
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0", "dpdk1"])) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        idle = lab.on_exit(lab.client.start("idle", sys.executable, "-I", str(IDLE), PLAN.vip4, "80", "8", "2.5"))
        wait_until(lambda: "connected" in idle.output(), 3)
        # A clean stop forgets all connections; the client's next segment then finds nothing.
        balancer.restart()
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        assert hostport(PLAN.vip4, 80) in balancer.ipvsadm("-ln")
        wait_until(lambda: "reset" in idle.output(), 6, "the client is reset")
