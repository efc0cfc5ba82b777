"""keepalived while dpvs is not there yet, is killed, or starts anew; and while its own processes are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import TUTORIAL_CONF, VIP4, VIP6, Keepalived, prepare
from tests.support.daemon import small_conf
from tests.support.keepalived_lab import RS1, RS2, at_vip, await_weights, conf, keepalived, real_server, service
from tests.support.netns import missing_for_balancer, need, wait_until

BOTH = at_vip(rs1=100, rs2=100)
SERVICES = conf(service(real_server(RS1), real_server(RS2)))
ALL = BOTH | {f"[{VIP6}]:80 {server}": 100 for server in (f"{RS1}:80", f"{RS2}:8080", f"{RS1}:8080")}


@pytest.fixture
def idle(lab: Lab) -> Balancer:
    """A daemon that is not started."""
    need(missing_for_balancer())
    return Balancer(lab, config=small_conf(["dpdk0"]))


def test_started_before_dpvs_it_waits_and_applies(lab: Lab, idle: Balancer) -> None:
    with Keepalived(lab, idle) as running:
        wait_until(lambda: "is not there" in running.output(), 10)
        wait_until(lambda: "VRRP waits" in running.output(), 10, "the KNI is missing")
        assert running.output().count("waiting for it") == 1
        idle.start()
        prepare(idle, lab.lb)
        await_weights(idle, ALL, 20)
        wait_until(lambda: VIP4 in idle.dpip("addr", "show"), 20, "VRRP begins as well")
        assert {lab.client.curl(f"http://{VIP4}/").strip() for _ in range(4)} == {"rs1:80", "rs2:80"}


def test_a_killed_dpvs_is_missed_and_gets_what_it_missed(lab: Lab) -> None:
    need(missing_for_balancer())
    with keepalived(lab, SERVICES) as (balancer, running):
        await_weights(balancer, BOTH)
        wait_until(lambda: running.output().count("success") >= 2, 10)
        balancer.kill9()
        wait_until(lambda: "is not there" in running.output(), 10)
        lab.hosts["rs1"].ip("link", "set", "eth0", "down")
        wait_until(lambda: f"Removing service [{RS1}]" in running.output(), 15)
        balancer.start()
        await_weights(balancer, at_vip(rs2=100))


def test_a_dpvs_that_starts_anew_gets_everything_again(lab: Lab) -> None:
    need(missing_for_balancer())
    with keepalived(lab) as (balancer, running):
        await_weights(balancer, ALL)
        wait_until(lambda: "Entering MASTER STATE" in running.output(), 15)
        balancer.restart(clean=True)
        prepare(balancer, lab.lb)
        await_weights(balancer, ALL, 30)
        wait_until(lambda: VIP4 in balancer.dpip("addr", "show"), 20, "the VIP is there again")
        wait_until(lambda: "192.168.88.241" in balancer.dpip("addr", "show"), 10, "local addresses too")
        assert lab.client.curl(f"http://{VIP4}/").strip() in ("rs1:80", "rs2:80")


def test_killed_children_are_started_again(lab: Lab) -> None:
    need(missing_for_balancer())
    with keepalived(lab) as (balancer, running):
        await_weights(balancer, ALL)
        wait_until(lambda: len(running.pids()) == 3, 5)
        parent, vrrp, checker = running.pids()
        for pid in (vrrp, checker):
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: len(set(running.pids()) - {vrrp, checker}) == 3 and running.pids()[0] == parent, 15, "new numbers"
        )
        wait_until(lambda: running.output().count("was ended by signal 9") == 2, 5)
        lab.hosts["rs1"].ip("link", "set", "eth0", "down")
        await_weights(balancer, ALL | {place: 0 for place in ALL if RS1 + ":" in place}, 25)


def test_a_killed_keepalived_leaves_services_and_the_next_one_finds_them(lab: Lab) -> None:
    need(missing_for_balancer())
    with keepalived(lab, SERVICES) as (balancer, running):
        await_weights(balancer, BOTH)
        running.kill9()
        await_weights(balancer, BOTH, 1)
        running.reload(conf(service(real_server(RS1))))
        running.start()
        await_weights(balancer, at_vip(rs1=100))
        assert "refuses" not in running.output()


def test_children_end_with_their_parent(lab: Lab) -> None:
    need(missing_for_balancer())
    with keepalived(lab, TUTORIAL_CONF) as (balancer, running):
        await_weights(balancer, ALL)
        wait_until(lambda: "Entering MASTER STATE" in running.output(), 15)
        children = running.pids()[1:]
        os.kill(running.pids()[0], signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 15, "the children end")
        wait_until(lambda: f"{VIP4}/32" not in balancer.dpip("addr", "show"), 5, "the VIP is given up")
        await_weights(balancer, ALL, 1)
