"""What listings and balancing promise, with real traffic."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from lab import tutorial
from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import ONE_ARM, TUTORIAL
from tests.support.daemon import PLACES, add_service, configure, small_conf
from tests.support.netns import missing_for_balancer, missing_for_lab, need, wait_until

PLAN = PLACES[ONE_ARM.name]
TOPOLOGY = ONE_ARM
SERVICE = f"{PLAN.vip4}:80"
URL = f"http://{PLAN.vip4}/"
FIRST, SECOND = (f"{address}:80" for address in PLAN.servers4)


@pytest.fixture(scope="module")
def running(module_lab: Lab) -> Iterator[Balancer]:
    """The daemon, for all tests of this module."""
    need(missing_for_lab())
    need(missing_for_balancer())
    with Balancer(module_lab, config=small_conf(["dpdk0"])) as balancer:
        configure(balancer, PLAN)
        yield balancer


@pytest.fixture
def balancer(running: Balancer) -> Iterator[Balancer]:
    """The daemon with one service, gone afterwards."""
    add_service(running, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
    wait_until(
        lambda: all(re.search(rf"{server} .*REACHABLE", running.dpip("neigh", "show")) for server in PLAN.servers4), 5
    )
    yield running
    running.ipvsadm("-C")
    running.dpip("addr", "del", f"{PLAN.vip4}/32", "dev", "dpdk0")
    for laddr in PLAN.laddrs4:
        running.dpip("addr", "del", f"{laddr}/32", "dev", "dpdk0")


def answers(lab: Lab, count: int) -> Counter[str]:
    """Who answered so many requests."""
    return Counter(lab.client.curl(URL).strip() for _ in range(count))


def test_weights_are_kept_and_take_effect_at_once(module_lab: Lab, balancer: Balancer) -> None:
    balancer.ipvsadm("-E", "-t", SERVICE, "-s", "wrr")
    balancer.ipvsadm("-e", "-t", SERVICE, "-r", FIRST, "-b", "-w", "3")
    balancer.ipvsadm("-e", "-t", SERVICE, "-r", SECOND, "-b", "-w", "1")
    assert answers(module_lab, 16) == Counter({"rs1:80": 12, "rs2:80": 4})
    balancer.ipvsadm("-e", "-t", SERVICE, "-r", FIRST, "-b", "-w", "0")
    assert answers(module_lab, 4) == Counter({"rs2:80": 4})


@pytest.mark.parametrize("scheduler", ["rr", "wrr", "wlc", "conhash", "mh", "fo"])
def test_every_scheduler_balances(module_lab: Lab, balancer: Balancer, scheduler: str) -> None:
    balancer.ipvsadm("-E", "-t", SERVICE, "-s", scheduler)
    assert sum(answers(module_lab, 6).values()) == 6
    assert f"TCP  {SERVICE} {scheduler}" in balancer.ipvsadm("-ln")


def test_max_conn_is_exact_and_shown(module_lab: Lab, balancer: Balancer) -> None:
    balancer.ipvsadm("-d", "-t", SERVICE, "-r", SECOND)
    balancer.ipvsadm("-e", "-t", SERVICE, "-r", FIRST, "-b", "-w", "1", "-x", "3", "-y", "1")
    assert sum(answers(module_lab, 3).values()) == 3
    assert "overload" in balancer.ipvsadm("-ln")
    assert module_lab.client.run("curl", "-s", "-m", "1", URL, check=False).returncode == 28
    balancer.ipvsadm("-e", "-t", SERVICE, "-r", FIRST, "-b", "-w", "1")
    assert sum(answers(module_lab, 1).values()) == 1


def test_a_deleted_servers_traffic_stays_in_the_services(module_lab: Lab, balancer: Balancer) -> None:
    answers(module_lab, 4)

    def totals() -> list[str]:
        shown = balancer.ipvsadm("-ln", "--stats", "-t", SERVICE)
        return next(line for line in shown.splitlines() if line.startswith("TCP")).split()[2:]

    time.sleep(0.2)
    before = totals()
    assert before[0] == "4"
    balancer.ipvsadm("-d", "-t", SERVICE, "-r", SECOND)
    assert totals() == before
    balancer.ipvsadm("-Z", "-t", SERVICE)
    assert totals()[0] == "0"


def test_a_deleted_servers_connections_go_on(module_lab: Lab, balancer: Balancer) -> None:
    script = f"curl -s -o /dev/null -w %{{size_download}} --limit-rate 400k {URL}big"
    balancer.ipvsadm("-d", "-t", SERVICE, "-r", SECOND)
    download = module_lab.client.start("download", *script.split())
    time.sleep(0.5)
    balancer.ipvsadm("-d", "-t", SERVICE, "-r", FIRST)
    assert download.wait(20) == 0
    assert download.output() == str(1 << 20)


def test_addresses_expire_with_their_routes_and_nothing_else(module_lab: Lab, balancer: Balancer) -> None:
    routes = balancer.dpip("route", "show")
    balancer.dpip("addr", "add", "192.0.2.77/32", "dev", "dpdk0", "valid_lft", "2")
    assert module_lab.client.ping("192.0.2.77")
    assert "valid_lft 2 preferred_lft 2" in balancer.dpip("addr", "show", "dev", "dpdk0")
    wait_until(lambda: "192.0.2.77" not in balancer.dpip("addr", "show"), 5, "its time is up")
    assert balancer.dpip("route", "show") == routes
    assert not module_lab.client.ping("192.0.2.77", timeout_s=1)
    assert answers(module_lab, 2)


def test_rates_follow_the_traffic(module_lab: Lab, balancer: Balancer) -> None:
    module_lab.client.run("wrk", "-t1", "-c10", "-d5s", URL)
    shown = balancer.ipvsadm("-ln", "--rate")
    line = next(line for line in shown.splitlines() if FIRST in line)
    assert int(line.split()[3].rstrip("KMG")) > 100, shown


def test_connections_are_listed_until_they_expire(module_lab: Lab, balancer: Balancer) -> None:
    balancer.ipvsadm("-E", "-t", SERVICE, "-s", "rr", "--conn-timeout", "30")
    answers(module_lab, 2)
    lines = [line for line in balancer.ipvsadm("-lnc").splitlines() if SERVICE in line]
    assert lines
    assert all(laddr in line for line in lines for laddr in PLAN.laddrs4)
    wait_until(lambda: SERVICE not in balancer.ipvsadm("-lnc"), 20, "TIME_WAIT is over")
    active = [line.split()[-2:] for line in balancer.ipvsadm("-ln").splitlines() if "FullNat" in line]
    assert active == [["0", "0"], ["0", "0"]]


def test_a_thousand_connections_at_once(module_lab: Lab, balancer: Balancer) -> None:
    argv = ("wrk", "-t2", "-c1000", "-d3s", "--timeout", "4s", "-H", "Connection: close", URL)
    report = module_lab.client.run(*argv, timeout_s=40).stdout
    assert "Socket errors" not in report, report
    assert "Non-2xx" not in report, report


def test_what_the_data_plane_cannot_do_is_refused_by_name(balancer: Balancer) -> None:
    for argv, name in (
        (("-a", "-t", SERVICE, "-r", "192.0.2.31:80", "-g", "-w", "1"), "direct routing"),
        (("-A", "-f", "7", "-s", "rr"), "fwmark"),
        (("-A", "-t", "192.0.2.101:80", "-s", "rr", "-p", "60"), "persistence"),
        (("-A", "-u", "192.0.2.101:53", "-s", "rr", "-o"), "one-packet"),
        (("-U", "-t", SERVICE, "-k", "192.0.2.15"), "deny and allow lists"),
    ):
        assert "not support(-14)" in balancer.ipvsadm(*argv, check=False), argv
        assert name in balancer.process.output()
    assert balancer.ipvsadm("-ln").count("TCP") == 1


def test_static_neighbours_are_not_asked_for(balancer: Balancer) -> None:
    balancer.dpip("neigh", "add", "192.0.2.99", "lladdr", "02:00:00:00:00:99", "dev", "dpdk0")
    assert re.search(
        r"192\.0\.2\.99 +mac: 02:00:00:00:00:99 +state: REACHABLE .*static", balancer.dpip("neigh", "show")
    )
    balancer.dpip("neigh", "del", "192.0.2.99", "dev", "dpdk0")
    assert "192.0.2.99" not in balancer.dpip("neigh", "show")


TUTORIAL_ROUTES = """\
inet 192.168.88.1/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto 
inet 192.168.88.28/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto 
inet 192.168.88.240/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto 
inet 192.168.88.241/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto 
inet 192.168.88.242/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto 
inet 192.168.88.0/24 via 0.0.0.0 src 192.168.88.28 dev dpdk0.102 mtu 1500 tos 0 scope link metric 0 proto auto 
"""  # noqa: W291
TUTORIAL_SERVICES = """\
IP Virtual Server version 1.10.2 (size=0)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.168.88.1:80 rr
  -> 192.168.88.30:80             FullNat 100    0          0         
  -> 192.168.88.130:80            FullNat 100    0          0         
TCP  [2001::2]:80 wrr
  -> 192.168.88.30:80             FullNat 100    0          0         
  -> 192.168.88.130:8080          FullNat 100    0          0         
"""  # noqa: W291


@pytest.mark.topology(TUTORIAL)
def test_the_tutorials_commands_print_what_the_tutorial_prints(lab: Lab) -> None:
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        for name, *arguments in tutorial.SETUP:
            assert balancer.tool(name, *arguments) == ""
        assert balancer.dpip("route", "show") == TUTORIAL_ROUTES
        assert balancer.ipvsadm("-ln") == TUTORIAL_SERVICES
        shown = balancer.dpip("addr", "show", "dev", "dpdk0.102")
        assert "inet 192.168.88.28/24 scope global dpdk0.102\n     valid_lft forever preferred_lft forever\n" in shown
        assert "dpdk0.102 link dpdk0 proto 802.1q id 102" in balancer.tool(
            "dpip", "vlan", "show", "dpdk0.102", check=False
        )


def test_a_connection_is_found_by_either_end(module_lab: Lab, balancer: Balancer) -> None:
    answers(module_lab, 1)
    line = next(line for line in balancer.ipvsadm("-lnc").splitlines() if SERVICE in line)
    client, vip, laddr, server = re.findall(r"[\d.]+:\d+", line)[-4:]
    for source, target in ((client, vip), (server, laddr)):
        shown = balancer.ipvsadm("-lnc", "--sockpair", f"tcp:{source}:{target}")
        assert client in shown
        assert server in shown
