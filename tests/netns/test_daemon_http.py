"""HTTP and UDP through the daemon, in each topology: FullNAT in both families, and NAT64."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.process import CommandFailed
from tests.support.daemon import PLACES, Place, add_service, configure, hostport, small_conf
from tests.support.netns import missing_for_balancer, missing_for_lab, need, wait_until

BOTH = {"rs1:80", "rs2:80"}

Place_ = tuple[Lab, Balancer, Place]


@pytest.fixture(scope="module", params=sorted(PLACES))
def place(request: pytest.FixtureRequest) -> Iterator[Place_]:
    """The daemon with its devices, addresses and routes in one topology."""
    need(missing_for_lab())
    need(missing_for_balancer())
    plan = PLACES[request.param]
    with Lab(plan.topology) as lab:
        devices = [interface.name for interface in plan.topology.host("lb").interfaces]
        with Balancer(lab, config=small_conf(devices)) as balancer:
            configure(balancer, plan)
            yield lab, balancer, plan


def answers(lab: Lab, url: str, count: int) -> Counter[str]:
    """Who answered so many requests, each by a connection of its own."""
    return Counter(lab.client.curl(url).strip() for _ in range(count))


def resolved(balancer: Balancer, addresses: tuple[str, ...]) -> Callable[[], bool]:
    """Whether the MACs of these neighbours are known."""

    def known() -> bool:
        lines = balancer.dpip("neigh", "show").splitlines()
        return all(any(address in line.split() and "REACHABLE" in line for line in lines) for address in addresses)

    return known


def test_fullnat_ipv4(place: Place_) -> None:
    lab, balancer, plan = place
    if not plan.vip4:
        pytest.skip("a topology without IPv4")
    add_service(balancer, plan, plan.vip4, plan.servers4, plan.laddrs4)
    wait_until(resolved(balancer, plan.servers4), 5, "the servers are resolved")
    assert answers(lab, f"http://{plan.vip4}/", 8) == Counter({"rs1:80": 4, "rs2:80": 4})


def test_fullnat_ipv6(place: Place_) -> None:
    lab, balancer, plan = place
    if not plan.servers6:
        pytest.skip("a topology without IPv6 servers")
    add_service(balancer, plan, plan.vip6, plan.servers6, plan.laddrs6)
    wait_until(resolved(balancer, plan.servers6), 5, "the servers are resolved")
    assert set(answers(lab, f"http://{hostport(plan.vip6, 80)}/", 8)) == BOTH


def test_nat64(place: Place_) -> None:
    lab, balancer, plan = place
    if not plan.servers4:
        pytest.skip("a topology without IPv4")
    add_service(balancer, plan, plan.vip64, plan.servers4, plan.laddrs4[:0], port=8080)
    for number, laddr in enumerate(plan.laddrs4):
        # The address is there for the IPv4 service already; ipvsadm says so and goes on.
        service = hostport(plan.vip64, 8080)
        balancer.ipvsadm("-P", "-t", service, "-z", laddr, "-F", plan.back, check=False)
        assert laddr in balancer.ipvsadm("-G", "-t", service), number
    wait_until(resolved(balancer, plan.servers4), 5, "the servers are resolved")
    assert set(answers(lab, f"http://[{plan.vip64}]:8080/", 8)) == {"rs1:8080", "rs2:8080"}


def test_a_large_answer_arrives_whole(place: Place_) -> None:
    lab, _balancer, plan = place
    vip = plan.vip4 or plan.vip6
    for _ in range(2):
        assert len(lab.client.curl(f"http://{hostport(vip, 80)}/big", timeout_s=20)) >= 1 << 20


def test_an_echo_to_the_vip_is_answered(place: Place_) -> None:
    lab, _balancer, plan = place
    for vip in (plan.vip4, plan.vip64) if plan.vip4 else (plan.vip6,):
        assert lab.client.ping(vip), vip


def test_what_nobody_serves_fails(place: Place_) -> None:
    lab, _balancer, plan = place
    started = time.monotonic()
    with pytest.raises(CommandFailed):
        lab.client.curl(f"http://{hostport(plan.vip4 or plan.vip6, 81)}/", timeout_s=2)
    assert time.monotonic() - started < 4
