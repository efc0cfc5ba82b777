"""Path MTU discovery through the daemon, when the way to the servers or to the client is narrower than the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.servers import BIG_SIZE
from lab.topology import ROUTED_CLIENT, TWO_ARM, Topology
from tests.support.daemon import PLACES, add_service, configure, hostport, small_conf
from tests.support.netns import missing_for_balancer, missing_for_lab, need, wait_until

NARROW = 1400


def narrow_far_side(topology: Topology) -> Topology:
    """The network between client and router is narrow, so the router has to refuse what servers send."""
    hosts = []
    for host in topology.hosts:
        far = tuple(replace(i, mtu=NARROW) if i.switch == "far" else i for i in host.interfaces)
        hosts.append(replace(host, interfaces=far))
    return replace(topology, name="narrow-client", hosts=tuple(hosts))


PLANS = (
    replace(PLACES[TWO_ARM.name], topology=TWO_ARM.with_mtu(NARROW, "rs1", "rs2")),
    replace(PLACES[ROUTED_CLIENT.name], topology=narrow_far_side(ROUTED_CLIENT)),
)


@pytest.fixture(scope="module", params=PLANS, ids=["narrow-servers", "narrow-client"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, dict[str, str]]]:
    """A lab with the daemon, and VIPs by kind."""
    need(missing_for_lab())
    need(missing_for_balancer())
    plan = request.param
    with Lab(plan.topology) as lab:
        devices = [interface.name for interface in plan.topology.host("lb").interfaces]
        with Balancer(lab, config=small_conf(devices)) as balancer:
            configure(balancer, plan)
            add_service(balancer, plan, plan.vip4, plan.servers4, plan.laddrs4)
            add_service(balancer, plan, plan.vip6, plan.servers6, plan.laddrs6)
            add_service(balancer, plan, plan.vip64, plan.servers4, ())
            for laddr in plan.laddrs4:
                balancer.ipvsadm("-P", "-t", hostport(plan.vip64, 80), "-z", laddr, "-F", plan.back, check=False)
            wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 4, 5, "the servers are resolved")
            yield lab, {"ipv4": plan.vip4, "ipv6": plan.vip6, "nat64": plan.vip64}


@pytest.mark.parametrize("kind", ["ipv4", "ipv6", "nat64"])
def test_a_download_completes(place: tuple[Lab, dict[str, str]], kind: str) -> None:
    lab, vips = place
    for _ in range(2):
        assert len(lab.client.curl(f"http://{hostport(vips[kind], 80)}/big", timeout_s=8)) >= BIG_SIZE


@pytest.mark.parametrize("kind", ["ipv4", "ipv6", "nat64"])
def test_an_upload_completes(place: tuple[Lab, dict[str, str]], kind: str) -> None:
    lab, vips = place
    body = lab.run_dir / "body"
    body.write_bytes(bytes(300_000))
    argv = ["curl", "-sSg", "-m", "8", "--data-binary", f"@{body}", "-H", "Expect:"]
    sent = ["-o", "/dev/null", "-w", "%{size_upload}", f"http://{hostport(vips[kind], 80)}/"]
    for _ in range(2):
        assert lab.client.run(*argv, *sent).stdout == "300000"
