"""What healthcheck does about virtual addresses: on kernel interfaces, and on devices of DPVS through the agent."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.healthcheck import Healthcheck
from lab.topology import TWO_ARM
from tests.netns.test_healthcheck import FIRST, SECOND, VIP, agent, balancer, wait_down, wait_up
from tests.support.http_servers import HttpServer
from tests.support.netns import wait_until

__all__ = ["agent", "balancer"]

pytestmark = pytest.mark.topology(TWO_ARM)

_CONF = """\
global:
  virtual-server: {{interval: 200ms, timeout: 200ms, action-sync-time: 1s}}
  virtual-address:
    actioner: {actioner}
    action-params: {params}
    action-sync-time: 1s
"""


@pytest.fixture
def conf(lab: Lab) -> Path:
    """Where the file is."""
    return lab.run_dir / "healthcheck.yaml"


def checking(agent: Agent, conf: Path) -> Healthcheck:
    """healthcheck of generation C."""
    interval = "-dpvs-service-list-interval=500ms"
    arguments = [f"-dpvs-agent-addr=127.0.0.1:{agent.port}", interval, f"-config-file={conf}"]
    return Healthcheck(agent, arguments=arguments)


def on_loopback(lab: Lab) -> bool:
    """Whether the kernel has the address."""
    return f" {VIP}/32 " in lab.lb.ip("-4", "addr", "show", "dev", "lo")


def on_device(balancer: Balancer) -> bool:
    """Whether DPVS has it, as healthcheck sets it."""
    return f"inet {VIP}/32 " in balancer.dpip("addr", "show")


@pytest.fixture
def servers(lab: Lab) -> tuple[HttpServer, HttpServer]:
    """Both of the service's."""
    return HttpServer(lab, "rs1"), HttpServer(lab, "rs2")


def test_the_kernels_address_goes_with_the_last_server_and_comes_back(
    lab: Lab, balancer: Balancer, agent: Agent, conf: Path, servers: tuple[HttpServer, HttpServer]
) -> None:
    conf.write_text(_CONF.format(actioner="KernelRouteAddDelVerdict", params="{ifname: lo}"))
    first, second = servers
    with checking(agent, conf) as healthcheck:
        wait_until(lambda: on_loopback(lab), 15, "the address is there")
        lab.lb.ip("addr", "del", f"{VIP}/32", "dev", "lo")
        wait_until(lambda: on_loopback(lab), 15, "somebody has taken it away, and it is there again")
        first.stop()
        wait_down(balancer, FIRST)
        assert on_loopback(lab), "one server is enough"
        second.stop()
        wait_down(balancer, SECOND)
        wait_until(lambda: not on_loopback(lab), 15, "nobody is left")
        second.start()
        wait_up(balancer, SECOND)
        wait_until(lambda: on_loopback(lab), 15, "somebody is back")
        assert healthcheck.stop() == 0
    assert on_loopback(lab), "nothing is undone"


def test_an_address_of_dpvs_and_another_action_in_its_place(
    lab: Lab, balancer: Balancer, agent: Agent, conf: Path, servers: tuple[HttpServer, HttpServer]
) -> None:
    assert agent.call("DELETE", "/v2/device/dpdk0/addr", {"addr": f"{VIP}/24"}).status == 200
    assert agent.call("PUT", "/v2/device/dpdk0/addr", {"addr": "198.51.100.5/24"}).status == 200
    conf.write_text(_CONF.format(actioner="DpvsAddrKernelRouteAddDel", params="{ifname: lo, dpvs-ifname: dpdk0}"))
    with checking(agent, conf) as healthcheck:
        wait_until(lambda: on_device(balancer) and on_loopback(lab), 15, "both have the address")
        assert lab.client.curl(f"http://{VIP}/") in ("rs1:80\n", "rs2:80\n")
        conf.write_text(_CONF.format(actioner="DpvsAddrAddDel", params="{dpvs-ifname: dpdk0}"))
        healthcheck.signal(signal.SIGHUP)
        wait_until(lambda: not on_loopback(lab), 15, "the old action is undone")
        wait_until(lambda: on_device(balancer), 15, "and the new one done after that")
        assert lab.client.curl(f"http://{VIP}/") in ("rs1:80\n", "rs2:80\n")
        for server in servers:
            server.stop()
        wait_until(lambda: not on_device(balancer), 15, "nobody is left")


def test_a_missing_interface_is_told_and_tried_again(lab: Lab, agent: Agent, conf: Path) -> None:
    conf.write_text(_CONF.format(actioner="KernelRouteAddDel", params='{ifname: vips, with-route: "yes"}'))
    with checking(agent, conf) as healthcheck:
        wait_until(lambda: "action KernelRouteAddDel UP failed" in healthcheck.log(), 15, "the failure is told")
        # A veth, for kernels without dummy devices.
        lab.lb.ip("link", "add", "vips", "type", "veth", "peer", "name", "vips-peer")
        for device in ("vips", "vips-peer"):
            lab.lb.ip("link", "set", device, "up")
        wait_until(lambda: f" {VIP}/32 " in lab.lb.ip("-4", "addr", "show", "dev", "vips"), 15, "the address is there")
        assert VIP in lab.lb.ip("route", "show", "table", "all", "dev", "vips")
