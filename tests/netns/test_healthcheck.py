"""healthcheck, agent and daemon against real servers that die in different ways."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.healthcheck import Healthcheck
from lab.topology import TWO_ARM
from lab.tutorial_api import CALLS
from tests.support.daemon import small_conf
from tests.support.http_servers import HttpServer
from tests.support.netns import missing_for_balancer, need, wait_until

VIP = "198.51.100.1"
SERVICE = f"/v2/vs/{VIP}-80-tcp"
FIRST, SECOND = "192.0.2.30:80", "192.0.2.130:80"
QUICK = ("-check_interval=200ms", "-check_timeout=200ms", "-fetch_interval=500ms", "-notify_interval=500ms")


@pytest.fixture
def balancer(lab: Lab) -> Iterator[Balancer]:
    """The daemon with nothing configured."""
    need(missing_for_balancer())
    ports = [interface.name for interface in lab.topology.host("lb").interfaces]
    with Balancer(lab, config=small_conf(ports)) as running:
        yield running


@pytest.fixture
def agent(balancer: Balancer) -> Iterator[Agent]:
    """The agent, with a service of two servers; checks leave the namespace by addresses of its own."""
    with Agent(balancer) as running:
        for device, address in (("dpdk0", f"{VIP}/24"), ("dpdk1", "192.0.2.1/24")):
            assert running.call("PUT", f"/v2/device/{device}/addr", {"addr": address}).status == 200
        assert running.call("PUT", "/v2/device/dpdk1/addr?sapool=true", {"addr": "192.0.2.200"}).status == 200
        balancer.lab.lb.add_address("192.0.2.9/24", "dpdk1")
        assert running.call("PUT", SERVICE, {"SchedName": "rr"}).status == 201
        assert running.call("PUT", f"{SERVICE}/laddr", {"device": "dpdk1", "addr": "192.0.2.200"}).status == 200
        servers = [{"ip": each.partition(":")[0], "port": 80, "weight": 100} for each in (FIRST, SECOND)]
        assert running.call("PUT", f"{SERVICE}/rs", {"Items": servers}).status == 200
        yield running


@pytest.fixture
def healthcheck(agent: Agent) -> Iterator[Healthcheck]:
    """healthcheck in a hurry, after its first checks."""
    with Healthcheck(agent, arguments=[f"-lb_iface_addr=localhost:{agent.port}", *QUICK]) as running:
        wait_until(lambda: 'servers{state="healthy"} 2.0' in running.page("/metrics/prometheus"), 10, "both are up")
        yield running


@pytest.fixture
def first(lab: Lab) -> HttpServer:
    """The first server's nginx."""
    return HttpServer(lab, "rs1")


def weights(balancer: Balancer) -> dict[str, tuple[str, bool]]:
    """(weight, inhibited) of each server."""
    found = {}
    for line in balancer.ipvsadm("-ln").splitlines():
        if line.startswith("  -> ") and "Forward" not in line:
            words = line.split()
            found[words[1]] = words[3], "inhibited" in line
    return found


def wait_down(balancer: Balancer, server: str) -> None:
    """The server leaves the service."""
    wait_until(lambda: weights(balancer)[server] == ("0", True), 10, f"{server} is down")


def wait_up(balancer: Balancer, server: str, weight: int = 100) -> None:
    """The server is back."""
    wait_until(lambda: weights(balancer)[server] == (str(weight), False), 10, f"{server} is up")


def test_the_tutorials_dead_server_is_inhibited_within_ten_seconds(lab: Lab, balancer: Balancer) -> None:
    with Agent(balancer) as agent:
        for method, path, body in CALLS:
            agent.call(method, f"/v2{path}", body)
        with Healthcheck(agent) as healthcheck:
            wait_until(lambda: weights(balancer)["10.1.1.1:80"] == ("0", True), 10, "10.1.1.1 is inhibited")
            assert weights(balancer)["192.168.88.30:80"] == ("100", False)
            assert lab.client.curl("http://[2001::2]/") in ("rs1:80\n", "rs2:8080\n")
            assert "10.1.1.1 port 80 is down" in healthcheck.log()
            assert healthcheck.stop() == 0
        assert weights(balancer)["10.1.1.1:80"] == ("0", True), "nothing is undone"


@pytest.mark.topology(TWO_ARM)
@pytest.mark.usefixtures("healthcheck")
class TestServers:
    """Servers die and come back."""

    def test_killed(self, lab: Lab, balancer: Balancer, first: HttpServer) -> None:
        first.stop()
        wait_down(balancer, FIRST)
        assert {lab.client.curl(f"http://{VIP}/") for _ in range(4)} == {"rs2:80\n"}
        first.start()
        wait_up(balancer, FIRST)
        assert {lab.client.curl(f"http://{VIP}/") for _ in range(4)} == {"rs1:80\n", "rs2:80\n"}

    def test_firewalled(self, lab: Lab, balancer: Balancer) -> None:
        rs1 = lab.hosts["rs1"]
        rs1.run("nft", "add table inet wall; add chain inet wall in { type filter hook input priority 0; }")
        rs1.run("nft", "add rule inet wall in tcp dport 80 drop")
        wait_down(balancer, FIRST)
        rs1.run("nft", "flush ruleset")
        wait_up(balancer, FIRST)

    def test_resetting_and_flapping(self, lab: Lab, balancer: Balancer) -> None:
        rs1 = lab.hosts["rs1"]
        rs1.run("nft", "add table inet wall; add chain inet wall in { type filter hook input priority 0; }")
        for _ in range(2):
            rs1.run("nft", "add rule inet wall in tcp dport 80 reject with tcp reset")
            wait_down(balancer, FIRST)
            rs1.run("nft", "flush chain inet wall in")
            wait_up(balancer, FIRST)
        assert weights(balancer)[SECOND] == ("100", False)


@pytest.mark.topology(TWO_ARM)
def test_a_frozen_server_is_seen_by_http_and_not_by_tcp(
    lab: Lab, balancer: Balancer, agent: Agent, first: HttpServer
) -> None:
    conf = lab.run_dir / "healthcheck.yaml"
    conf.write_text(
        "global:\n  virtual-address: {actioner: Blank}\n"
        "  virtual-server: {method: http, interval: 200ms, timeout: 300ms, action-sync-time: 1s}\n"
    )
    flags = [f"-dpvs-agent-addr=127.0.0.1:{agent.port}", "-dpvs-service-list-interval=500ms", f"-config-file={conf}"]
    with Healthcheck(agent, arguments=flags) as healthcheck:
        wait_until(lambda: "198.51.100.1" in healthcheck.page("/metrics"), 10, "the service is there")
        with first.frozen():
            wait_down(balancer, FIRST)
        wait_up(balancer, FIRST)
        conf.write_text("global:\n  virtual-server: {methode: http}\n")
        healthcheck.signal(signal.SIGHUP)
        wait_until(lambda: f"{conf}:2: unknown key methode" in healthcheck.log(), 10, "the mistake is told")
        assert "INVALID" in healthcheck.page("/conf/check")
        assert "method: 6" in healthcheck.page("/conf"), "the old configuration stays"


@pytest.mark.topology(TWO_ARM)
def test_agent_and_daemon_restarted_during_checks(
    balancer: Balancer, agent: Agent, healthcheck: Healthcheck, first: HttpServer
) -> None:
    agent.kill9()
    first.stop()
    wait_until(lambda: "report of 1 servers failed" in healthcheck.log(), 10, "the report fails")
    assert weights(balancer)[FIRST] == ("100", False)
    agent.start()
    wait_down(balancer, FIRST)
    balancer.kill9()
    first.start()
    wait_until(lambda: f"{FIRST.partition(':')[0]} port 80 is up" in healthcheck.log(), 10, "it is seen to be up")
    balancer.start()
    wait_up(balancer, FIRST)


@pytest.mark.topology(TWO_ARM)
@pytest.mark.usefixtures("healthcheck")
def test_an_operators_weight_survives_a_server_that_is_down(
    balancer: Balancer, agent: Agent, first: HttpServer
) -> None:
    first.stop()
    wait_down(balancer, FIRST)
    item = {"ip": FIRST.partition(":")[0], "port": 80, "weight": 40}
    assert agent.call("PUT", f"{SERVICE}/rs", {"Items": [item]}).status == 200
    balancer.ipvsadm("-e", "-t", f"{VIP}:80", "-r", SECOND, "-b", "-w", "7")
    assert weights(balancer)[FIRST] == ("40", True), "still held down, with its new weight"
    first.start()
    wait_up(balancer, FIRST, 40)
    assert weights(balancer)[SECOND] == ("7", False)


@pytest.mark.topology(TWO_ARM)
def test_clients_of_a_stopped_server_see_no_more_errors_than_its_detection_time_explains(
    lab: Lab, balancer: Balancer, agent: Agent, first: HttpServer
) -> None:
    assert agent.port
    flags = [f"-lb_iface_addr=localhost:{agent.port}", "-check_interval=500ms", "-check_timeout=500ms"]
    with Healthcheck(agent, arguments=flags):
        assert lab.client.curl(f"http://{VIP}/")
        first.stop()
        wait_down(balancer, FIRST)
        # Two checks, 500 ms apart, and a report: from now on nobody meets the dead server.
        for _ in range(20):
            assert lab.client.curl(f"http://{VIP}/") == "rs2:80\n"
