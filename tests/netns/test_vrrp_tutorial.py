"""VRRP beside the real daemon, as in DPVS's tutorial: adverts over dpdk0.102.kni, addresses on dpdk0.102.

The peer is Debian's keepalived in the client's namespace, an untagged member of the VLAN.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import ONE_ARM, TUTORIAL
from tests.support.daemon import PLACES, add_service, configure, small_conf
from tests.support.netns import missing_for_balancer, need, wait_until
from tests.support.vrrp_lab import Case, Node, Ours, Stock, instance
from tests.support.vrrp_node import FAULT_WITHOUT_DPVS
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import VirtualAddress, VrrpInstance

PLACE = PLACES[TUTORIAL.name]
OUR_KNI, PEER = "192.168.88.29", "192.168.88.15"
VIP, VIP6 = "192.168.88.1", "2001::2"
KNI = "dpdk0.102.kni"


@pytest.fixture
def daemon(lab: Lab) -> Iterator[Balancer]:
    """The daemon with the tutorial's device, and addresses of both sides on it."""
    need(missing_for_balancer())
    need([] if shutil.which("keepalived") else ["keepalived"])
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        if lab.topology is TUTORIAL:
            set_up(lab, balancer)
        else:
            configure(balancer, PLACES[lab.topology.name])
        yield balancer


def set_up(lab: Lab, balancer: Balancer) -> None:
    """The addresses that are there before keepalived."""
    configure(balancer, PLACE)
    balancer.dpip("route", "add", f"{OUR_KNI}/32", "scope", "kni_host", "dev", "dpdk0.102")
    lab.lb.ip("address", "replace", f"{OUR_KNI}/24", "dev", KNI)
    lab.lb.ip("link", "set", KNI, "up")


def ours(config: VrrpInstance, interface: str = KNI) -> VrrpInstance:
    """The instance where the tutorial has it."""
    extra = VirtualAddress(ip_address(VIP6), 128)
    return replace(config, interface=interface, dpdk_interface="dpdk0.102", excluded_addresses=(extra,))


def start_ours(lab: Lab, balancer: Balancer, case: Case) -> Ours:
    """Our node in the balancer's namespace."""
    node = Ours(lab, "lb", side="a")
    node.start_with(KeepalivedConfig(instances=(ours(instance(case, "a")),)), str(balancer.socket))
    return node


def start_peer(lab: Lab, case: Case) -> Stock:
    """Debian's, in the client's namespace."""
    node = Stock(lab, "client", side="b")
    node.start([case])
    return node


CASES = [
    Case("multicast", 107, (VIP,), Node(150, password="12345"), Node(100, password="12345")),
    Case("unicast", 107, (VIP,), Node(150, peer=PEER), Node(100, peer=OUR_KNI), version=3, interval=0.3),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_vip_is_put_on_the_dpvs_device_and_fails_over(lab: Lab, daemon: Balancer, case: Case) -> None:
    add_service(daemon, PLACE, VIP, PLACE.servers4, PLACE.laddrs4)
    daemon.dpip("addr", "del", f"{VIP}/32", "dev", "dpdk0.102", check=False)
    peer = start_peer(lab, case)
    wait_until(lambda: peer.states() == {case.name: "MASTER"}, 10, "the peer is alone")
    node = start_ours(lab, daemon, case)
    wait_until(lambda: node.states() == {case.name: "MASTER"}, 10, "ours takes over")
    wait_until(lambda: peer.states() == {case.name: "BACKUP"}, 10, "the peer hears it, through the port")
    wait_until(lambda: f"{VIP}/32" in daemon.dpip("addr", "show"), 5, "the address is on dpdk0.102")
    wait_until(lambda: lab.client.ping(VIP), 5, "the VIP answers")
    assert lab.client.ping(VIP6)
    assert {lab.client.curl(f"http://{VIP}/") for _ in range(4)} == {"rs1:80\n", "rs2:80\n"}
    node.kill9()
    wait_until(lambda: peer.states() == {case.name: "MASTER"}, 5, "the peer takes over from a dead one")
    node = start_ours(lab, daemon, case)
    wait_until(lambda: node.states() == {case.name: "MASTER"}, 10, "it is back")
    better = replace(case, b=replace(case.b, priority=200))
    peer.process.stop()
    peer.start([better])
    wait_until(lambda: node.states() == {case.name: "BACKUP"}, 10, "ours hears a better one, through XDP")
    wait_until(lambda: f"{VIP}/32" not in daemon.dpip("addr", "show"), 5, "the address is gone")
    node.process.stop()


def test_everything_comes_back_after_the_daemon_and_its_kni_were_away(lab: Lab, daemon: Balancer) -> None:
    case = Case("vip", 107, (VIP,), Node(255, state="MASTER"), Node(100), version=3, interval=0.2)
    node = start_ours(lab, daemon, case)
    wait_until(lambda: f"{VIP}/32" in daemon.dpip("addr", "show"), 10, "the address is there")
    daemon.restart(clean=False)
    assert f"{VIP}/32" in daemon.dpip("addr", "show")
    assert node.transitions("vip") == ["MASTER"]
    daemon.restart(clean=True)
    wait_until(lambda: node.states() == {"vip": "FAULT"}, 5, "without its interface it is in FAULT")
    set_up(lab, daemon)
    wait_until(lambda: f"{VIP}/32" in daemon.dpip("addr", "show"), 10, "the address is back")
    wait_until(lambda: lab.client.ping(VIP), 5, "the VIP answers")
    node.process.stop()
    assert f"{VIP}/32" not in daemon.dpip("addr", "show")


@pytest.mark.topology(ONE_ARM)
def test_addresses_are_put_back_into_a_daemon_that_lost_them(lab: Lab, daemon: Balancer) -> None:
    vip = "192.0.2.100"
    case = Case("vip", 107, (vip,), Node(255, state="MASTER"), Node(100), version=3, interval=0.2)
    config = replace(instance(case, "a"), interface="dpdk0", dpdk_interface="dpdk0")
    lab.lb.ip("address", "add", "192.0.2.9/24", "dev", "dpdk0")
    node = Ours(lab, "lb", side="a")
    node.start_with(KeepalivedConfig(instances=(config,)), str(daemon.socket))
    wait_until(lambda: lab.client.ping(vip), 10, "the VIP answers")
    daemon.kill9()
    daemon.start()
    assert lab.client.ping(vip)
    daemon.restart(clean=True)
    configure(daemon, PLACES[ONE_ARM.name])
    wait_until(lambda: f"{vip}/32" in daemon.dpip("addr", "show"), 10, "the address is back")
    wait_until(lambda: lab.client.ping(vip), 5, "the VIP answers again")
    assert node.transitions("vip") == ["MASTER"]
    assert "dpvs began anew: 1 addresses" in node.process.output()


@pytest.mark.topology(ONE_ARM)
def test_adverts_go_on_while_the_daemon_hangs(lab: Lab, daemon: Balancer) -> None:
    case = Case("vip", 107, ("192.0.2.100",), Node(150), Node(100), version=3, interval=0.2)
    config = replace(instance(case, "a"), interface="dpdk0", dpdk_interface="dpdk0")
    lab.lb.ip("address", "add", "192.0.2.9/24", "dev", "dpdk0")
    daemon.process.signal(signal.SIGSTOP)
    try:
        node = Ours(lab, "lb", side="a")
        node.start_with(KeepalivedConfig(instances=(config,)), str(daemon.socket))
        wait_until(lambda: node.states() == {"vip": "MASTER"}, 10, "it is master")
        peer = start_peer(lab, case)
        wait_until(lambda: "dpvs does not answer" in node.process.output(), 15, "it gives up asking")
        assert peer.transitions("vip") == ["BACKUP"]
    finally:
        daemon.process.signal(signal.SIGCONT)
    wait_until(lambda: lab.client.ping("192.0.2.100"), 15, "the address is added late")


@pytest.mark.topology(ONE_ARM)
def test_it_can_be_told_to_be_no_master_without_a_daemon(lab: Lab, daemon: Balancer) -> None:
    case = Case("vip", 107, ("192.0.2.100",), Node(150), Node(100), version=3, interval=0.2)
    config = replace(instance(case, "a"), interface="dpdk0", dpdk_interface="dpdk0")
    lab.lb.ip("address", "add", "192.0.2.9/24", "dev", "dpdk0")
    node = Ours(lab, "lb", side="a")
    node.start_with(KeepalivedConfig(instances=(config,)), str(daemon.socket), {FAULT_WITHOUT_DPVS: "1"})
    wait_until(lambda: lab.client.ping("192.0.2.100"), 10, "the VIP answers")
    peer = start_peer(lab, case)
    daemon.kill9()
    wait_until(lambda: node.states() == {"vip": "FAULT"}, 5, "it gives up")
    wait_until(lambda: peer.states() == {"vip": "MASTER"}, 5, "the peer takes over")
    daemon.start()
    wait_until(lambda: node.states() == {"vip": "MASTER"}, 10, "it is back")
    wait_until(lambda: lab.client.ping("192.0.2.100"), 5, "the VIP answers again")
