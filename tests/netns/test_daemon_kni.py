"""Neighbours, KNIs and the host beside the data plane."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.balancer import Balancer, dpvs_conf
from lab.builder import Lab
from lab.topology import ONE_ARM, TUTORIAL
from tests.support.daemon import PLACES, SMALL_POOL, add_service, configure
from tests.support.netns import missing_for_balancer, need, wait_until

CONFIG = dpvs_conf(["dpdk0"]) + SMALL_POOL + "neigh_defs {\n    <init> timeout 2\n}\n"


@pytest.fixture
def daemon(lab: Lab) -> Iterator[Balancer]:
    """The daemon with a FullNAT service, and neighbours that are soon old."""
    need(missing_for_balancer())
    place = PLACES[lab.topology.name]
    with Balancer(lab, config=CONFIG) as balancer:
        configure(balancer, place)
        add_service(balancer, place, place.vip4, place.servers4, place.laddrs4)
        wait_until(
            lambda: {state(balancer, server) for server in place.servers4} == {"REACHABLE"}, 5, "servers are resolved"
        )
        yield balancer


def state(balancer: Balancer, address: str) -> str:
    """A neighbour's state, empty if there is none."""
    found = re.search(rf"ip: {re.escape(address)} .*state: (\w+)", balancer.dpip("neigh", "show"))
    return found[1] if found else ""


@pytest.mark.topology(ONE_ARM)
def test_servers_stay_reachable_by_being_asked_before_they_are_old(lab: Lab, daemon: Balancer) -> None:
    seen = set()
    for _ in range(12):
        seen.add(state(daemon, "192.0.2.30"))
        assert lab.client.curl("http://192.0.2.100/")
        lab.client.run("sleep", "0.5")
    assert seen == {"REACHABLE"}


@pytest.mark.topology(ONE_ARM)
def test_a_server_that_vanishes_loses_its_mac_and_is_found_again(lab: Lab, daemon: Balancer) -> None:
    server = lab.hosts["rs1"]
    server.ip("link", "set", "eth0", "down")
    wait_until(lambda: state(daemon, "192.0.2.30") == "SEND", 15, "it no longer answers")
    server.ip("link", "set", "eth0", "up")
    wait_until(lambda: state(daemon, "192.0.2.30") == "REACHABLE", 10, "it answers again")
    answers = {lab.client.curl("http://192.0.2.100/") for _ in range(4)}
    assert answers == {"rs1:80\n", "rs2:80\n"}


@pytest.mark.topology(ONE_ARM)
def test_a_server_with_a_new_mac_is_followed(lab: Lab, daemon: Balancer) -> None:
    server = lab.hosts["rs1"]
    server.ip("link", "set", "eth0", "address", "02:00:00:00:77:77")
    wait_until(lambda: "02:00:00:00:77:77" in daemon.dpip("neigh", "show"), 15, "its MAC is learned")
    assert {lab.client.curl("http://192.0.2.100/") for _ in range(4)} == {"rs1:80\n", "rs2:80\n"}


@pytest.mark.topology(ONE_ARM)
def test_the_host_keeps_its_port(lab: Lab, daemon: Balancer) -> None:
    lab.lb.ip("address", "add", "192.0.2.9/24", "dev", "dpdk0")
    assert lab.client.ping("192.0.2.9")
    assert lab.lb.ping("192.0.2.30")
    assert "UP" in daemon.dpip("link", "show", "dpdk0")


@pytest.mark.topology(TUTORIAL)
def test_the_host_speaks_in_a_vlan_through_its_kni(lab: Lab, daemon: Balancer) -> None:
    lab.lb.ip("address", "add", "192.168.88.9/24", "dev", "dpdk0.102.kni")
    daemon.dpip("route", "add", "192.168.88.9/32", "dev", "dpdk0.102", "scope", "kni_host")
    assert lab.lb.ping("192.168.88.30")
    assert lab.client.ping("192.168.88.9")
    assert lab.lb.curl("http://192.168.88.130/") == "rs2:80\n"
    daemon.restart(clean=False)
    assert lab.client.ping("192.168.88.9")
    daemon.dpip("vlan", "del", "dpdk0.102")
    assert "kni" not in lab.lb.ip("-o", "link", "show", "type", "veth").replace("dpdk0.kni", "")


@pytest.mark.topology(TUTORIAL)
def test_the_hidden_end_of_a_kni_says_nothing_of_its_own(lab: Lab, daemon: Balancer) -> None:
    """Its link-local address would be announced through the KNI; the KNI itself has one, as any netdev."""
    lab.lb.ip("link", "set", "dpdk0.102.kni", "up")
    wait_until(lambda: "fe80::" in lab.lb.ip("-6", "address", "show", "dev", "dpdk0.102.kni"), 5, "the KNI has one")
    hidden = lab.lb.ip("-o", "link", "show", "dev", "dpdk0.102.kni").partition("@")[2].partition(":")[0]
    assert lab.lb.ip("-6", "address", "show", "dev", hidden) == ""
