"""xdpvs.netlink against a kernel, inside a namespace of the lab."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from lab.builder import Lab
from lab.topology import Host as HostPlan
from lab.topology import Interface, Topology
from tests.support.inside import inside
from xdpvs.netlink import ethtool, link, stats, veth
from xdpvs.netlink.errors import LinkExists, LinkNotFound, OperatorError, ValueRefused
from xdpvs.netlink.ethtool import Offload

TOPOLOGY = Topology("one-host", (HostPlan("lb", (Interface("dpdk0", "lan", configured=False),)),))
pytestmark = pytest.mark.topology(TOPOLOGY)


@pytest.fixture(autouse=True)
def _in_balancer(lab: Lab) -> Iterator[None]:
    with inside(lab.lb):
        yield


def test_a_link_is_found_by_name_and_by_alternative_name() -> None:
    port = link.find("dpdk0")
    assert (port.name, port.kind, port.up, port.mtu, len(port.mac)) == ("dpdk0", "veth", False, 1500, 6)
    link.add_altname(port, "a-name-longer-than-fifteen")
    link.add_altname(port, "dpdk0.kni")
    assert link.find("a-name-longer-than-fifteen").index == port.index
    assert link.find("dpdk0.kni").altnames == ("a-name-longer-than-fifteen", "dpdk0.kni")
    link.remove_altname(port, "dpdk0.kni")
    with pytest.raises(LinkNotFound):
        link.find("dpdk0.kni")


def test_an_alternative_name_is_given_twice_without_complaint_but_not_to_two_links() -> None:
    port, other = link.find("dpdk0"), link.find("lo")
    link.add_altname(port, "kni")
    link.add_altname(port, "kni")
    with pytest.raises(LinkExists):
        link.add_altname(other, "kni")
    link.remove_altname(port, "kni")
    link.remove_altname(port, "kni")


def test_only_links_of_this_namespace_are_listed() -> None:
    # /sys/class/net would show those of the namespace where sysfs was mounted.
    assert {"lo", "dpdk0"} <= {one.name for one in link.all_links()}
    assert "eth0" not in {one.name for one in link.all_links()}


def test_a_pci_address_without_device_here_is_not_found() -> None:
    assert link.is_pci_address("0000:af:00.0")
    with pytest.raises(LinkNotFound, match="PCI"):
        link.find("0000:af:00.0")


def test_settings_of_a_port() -> None:
    port = link.find("dpdk0")
    link.set_mtu(port, 1400)
    link.set_up(port, True)
    link.set_promiscuous(port, True)
    link.set_allmulticast(port, True)
    seen = link.by_index(port.index)
    assert (seen.mtu, seen.up, seen.carrier, seen.promiscuous, seen.allmulticast) == (1400, True, True, True, True)
    link.set_promiscuous(port, False)
    link.set_allmulticast(port, False)
    link.set_up(port, False)
    seen = link.by_index(port.index)
    assert (seen.up, seen.promiscuous, seen.allmulticast) == (False, False, False)
    with pytest.raises(ValueRefused):
        link.set_mtu(port, 1)


def test_a_veth_pair_comes_and_goes() -> None:
    mac = bytes.fromhex("020000000001")
    twin, peer = veth.create("dpdk0.102.kni", "xdpvs-kni0", mac=mac, mtu=1400)
    assert (twin.name, twin.mac, twin.mtu, peer.mtu) == ("dpdk0.102.kni", mac, 1400, 1400)
    with pytest.raises(LinkExists):
        veth.create("dpdk0.102.kni", "xdpvs-kni1")
    veth.delete("xdpvs-kni0")
    veth.delete("dpdk0.102.kni")
    with pytest.raises(LinkNotFound):
        link.find("dpdk0.102.kni")


def test_a_veth_whose_name_is_too_long_gets_it_as_alternative_name() -> None:
    twin, _peer = veth.create("dpdk0.1002.kni.x", "xdpvs-kni0")
    assert twin.name == "kni0"
    assert link.find("dpdk0.1002.kni.x").index == twin.index


def test_offloads_go_off_and_on() -> None:
    stayed = ethtool.disable("dpdk0", *Offload)
    assert stayed == []
    assert not any(ethtool.is_on("dpdk0", offload) for offload in Offload)
    ethtool.enable("dpdk0", Offload.TX_CHECKSUM, Offload.RX_VLAN)
    assert ethtool.is_on("dpdk0", Offload.TX_CHECKSUM)
    assert ethtool.is_on("dpdk0", Offload.RX_VLAN)


def test_offloads_a_driver_has_fixed_are_returned() -> None:
    assert ethtool.disable("lo", Offload.TX_CHECKSUM, Offload.GRO) == [Offload.TX_CHECKSUM]


def test_driver_speed_and_queues() -> None:
    assert ethtool.driver("dpdk0").name == "veth"
    assert ethtool.settings("dpdk0") == ethtool.Settings(10000, True, False)
    assert ethtool.settings("lo").speed_mbps == 0
    assert ethtool.queues("dpdk0") == (1, 1)
    with pytest.raises(LinkNotFound):
        ethtool.disable("none", Offload.TSO)
    with pytest.raises(OperatorError, match="too long"):
        ethtool.driver("a-name-longer-than-fifteen")


def test_statistics_count(lab: Lab) -> None:
    before = stats.read(link.find("lo"))
    lab.lb.ip("link", "set", "lo", "up")
    assert lab.lb.ping("127.0.0.1")
    after = stats.read(link.find("lo"))
    assert after.rx_packets >= before.rx_packets + 2
    assert after.tx_bytes > before.tx_bytes


def test_requests_work_inside_an_event_loop() -> None:
    async def ask() -> str:
        return link.find("dpdk0").name

    assert asyncio.run(ask()) == "dpdk0"
