"""Links and addresses watched in a namespace, as they change."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from lab.builder import Lab
from lab.host import Host
from tests.support.inside import inside
from tests.support.netns import wait_until
from tests.support.vrrp_lab import WIRE
from xdpvs.model.address import Family
from xdpvs.netlink.watch import LinkWatch

pytestmark = pytest.mark.topology(WIRE)


@pytest.fixture
def host(lab: Lab) -> Host:
    """A host with eth0."""
    return lab.hosts["a"]


@pytest.fixture
def watch(host: Host) -> Iterator[LinkWatch]:
    """What is watched in it."""
    with inside(host):
        made = LinkWatch()
        yield made
        made.close()


def addresses(watch: LinkWatch, family: Family = Family.INET, name: str = "eth0") -> list[str]:
    """Addresses after what has happened."""
    watch.read()
    return [str(address) for address in watch.addresses(name, family)]


def is_up(watch: LinkWatch, name: str = "eth0") -> bool | None:
    """Whether a link is up after what has happened, None if it is not there."""
    watch.read()
    link = watch.link(name)
    return None if link is None else link.up


def test_what_is_there(watch: LinkWatch) -> None:
    assert is_up(watch)
    assert addresses(watch) == ["192.0.2.11"]
    assert ip_address("fe80::11") in watch.addresses("eth0", Family.INET6)
    assert watch.link("eth9") is None
    assert watch.addresses("eth9", Family.INET) == ()
    assert watch.read() is False


def test_up_and_down_of_it_and_of_its_other_end(lab: Lab, host: Host, watch: LinkWatch) -> None:
    host.ip("link", "set", "eth0", "down")
    wait_until(lambda: is_up(watch) is False)
    host.ip("link", "set", "eth0", "up")
    wait_until(lambda: is_up(watch) is True)
    switch = Host("switch", f"{lab.prefix}-switch", lab.run_dir)
    switch.ip("link", "set", "a-eth0", "down")
    wait_until(lambda: is_up(watch) is False)
    switch.ip("link", "set", "a-eth0", "up")
    wait_until(lambda: is_up(watch) is True)


def test_addresses_come_and_go_in_the_kernels_order(host: Host, watch: LinkWatch) -> None:
    host.ip("address", "add", "192.0.2.99/24", "dev", "eth0")
    wait_until(lambda: addresses(watch) == ["192.0.2.11", "192.0.2.99"])
    host.ip("address", "del", "192.0.2.99/24", "dev", "eth0")
    wait_until(lambda: addresses(watch) == ["192.0.2.11"])
    host.ip("address", "flush", "dev", "eth0")
    wait_until(lambda: not addresses(watch) and not addresses(watch, Family.INET6))


def test_an_address_counts_once_it_is_known_to_be_unique(host: Host, watch: LinkWatch) -> None:
    host.sysctl("net.ipv6.conf.all.accept_dad=1", "net.ipv6.conf.eth0.accept_dad=1")
    host.ip("address", "add", "2001:db8::99/64", "dev", "eth0")
    assert "2001:db8::99" not in addresses(watch, Family.INET6)
    wait_until(lambda: "2001:db8::99" in addresses(watch, Family.INET6))


def test_links_come_and_go_under_all_their_names(host: Host, watch: LinkWatch) -> None:
    host.ip("link", "add", "kni0", "type", "veth", "peer", "name", "kni0p")
    host.ip("link", "property", "add", "dev", "kni0", "altname", "dpdk0.1020.with-a-long-name.kni")
    host.ip("address", "add", "198.51.100.1/24", "dev", "kni0")
    host.ip("link", "set", "kni0", "up")
    host.ip("link", "set", "kni0p", "up")
    wait_until(lambda: is_up(watch, "dpdk0.1020.with-a-long-name.kni") is True)
    assert addresses(watch, name="dpdk0.1020.with-a-long-name.kni") == ["198.51.100.1"]
    host.ip("link", "del", "kni0")
    wait_until(lambda: is_up(watch, "kni0") is None)
    assert addresses(watch, name="kni0") == []


def test_leaving_a_bridge_is_not_the_end_of_a_link(host: Host, watch: LinkWatch) -> None:
    host.ip_batch([
        "link add br0 type bridge", "link add d0 type veth peer name d0p", "link set d0p up",
        "link set d0 master br0 up",
    ])  # fmt: skip
    wait_until(lambda: is_up(watch, "d0") is True)
    host.ip("link", "set", "d0", "nomaster")
    host.ip("link", "add", "d1", "type", "veth", "peer", "name", "d1p")
    wait_until(lambda: is_up(watch, "d1") is False)
    assert is_up(watch, "d0") is True


def test_more_events_than_the_socket_holds(host: Host, watch: LinkWatch) -> None:
    # 40,000 events of some 100 bytes each are several times the socket's buffer.
    names = [f"198.18.{n >> 8}.{n & 255}/32" for n in range(2000)]
    for verb in ("add", "del", "add", "del", "add", "del", "add", "del"):
        host.ip_batch([f"address {verb} {name} dev eth0" for name in names])
    host.ip("address", "add", "192.0.2.98/24", "dev", "eth0")
    wait_until(lambda: addresses(watch) == ["192.0.2.11", "192.0.2.98"], 10)
