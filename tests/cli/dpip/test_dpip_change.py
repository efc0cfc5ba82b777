"""What dpip's changing verbs ask of the daemon, and the objects that are not there yet."""

from __future__ import annotations

import io
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.support.dpip import dpip
from xdpvs.api.client import Client
from xdpvs.api.errors import ApiError
from xdpvs.dpip.command import Environment
from xdpvs.dpip.main import main
from xdpvs.model.address import IPV4_ANY, IPV6_ANY, Family
from xdpvs.model.device import LinkSettings
from xdpvs.model.network import Address, AddressFlags, AddressScope, Neighbour, Route, RouteFlags, Vlan

VIP = Address(Family.INET, ip_address("192.0.2.1"), 32, "dpdk0")
REFUSED = "[sockopt_msg_recv] errcode set in socket msg#54 header: invalid parameter(-1)\n"


def route(text: str, length: int, flags: RouteFlags = RouteFlags.FORWARD, mtu: int = 0, metric: int = 0) -> Route:
    return Route(Family.INET, ip_address(text), length, "dpdk0", IPV4_ANY, IPV4_ANY, flags, mtu, metric)


def route6(text: str, length: int, flags: RouteFlags = RouteFlags.FORWARD, mtu: int = 0) -> Route:
    return Route(Family.INET6, ip_address(text), length, "dpdk0", IPV6_ANY, IPV6_ANY, flags, mtu)


@pytest.mark.parametrize(
    ("line", "method", "argument"),
    [
        ("addr add 192.0.2.1 dev dpdk0", "add_address", VIP),
        ("addr add dev dpdk0 192.0.2.1/0", "add_address", VIP),
        ("addr add 192.0.2.9 192.0.2.1 dev dpdk0", "add_address", VIP),  # the last word wins
        ("addr del 192.0.2.1/32 dev dpdk0", "del_address", VIP),
        (
            "addr change 2001:db8::1/64 scope host dev a-name-of-20-chars valid_lft 60 prefered_lft forever sapool",
            "set_address",
            Address(
                Family.INET6,
                ip_address("2001:db8::1"),
                64,
                "a-name-of-20-ch",
                IPV6_ANY,
                AddressScope.HOST,
                AddressFlags.SAPOOL,
                60,
            ),
        ),
        (
            "addr add 192.0.2.1/33 broadcast 192.0.2.255 scope 7 dev dpdk0",
            "add_address",
            Address(Family.INET, ip_address("192.0.2.1"), 33, "dpdk0", ip_address("192.0.2.255"), 7),
        ),
        ("-6 addr flush dev dpdk0", "flush_addresses", "dpdk0"),
        ("route add default dev dpdk0", "add_route", route("0.0.0.0", 0)),
        ("route add 192.0.2.0/24 dev dpdk0 mtu 1400 metric 3", "add_route", route("192.0.2.0", 24, mtu=1400, metric=3)),
        (
            "route add 192.0.2.7 dev dpdk0 scope kni_host",
            "add_route",
            route("192.0.2.7", 32, RouteFlags.FORWARD | RouteFlags.KNI_HOST),
        ),
        ("route add 192.0.2.7 dev dpdk0 local scope site", "add_route", route("192.0.2.7", 32)),
        ("route del 192.0.2.0/24 dev dpdk0", "del_route", route("192.0.2.0", 24)),
        ("route set 192.0.2.0/24 dev dpdk0", "set_route", route("192.0.2.0", 24)),
        ("route add 2001:db8::/64 dev dpdk0", "add_route", route6("2001:db8::", 64)),  # the daemon refuses it
        ("route flush dev dpdk0", "flush_routes", "dpdk0"),
        ("-6 route flush dev dpdk0", "flush_routes6", "dpdk0"),
        ("-6 route add default dev dpdk0 mtu 1400", "add_route6", route6("::", 0, mtu=1400)),
        (
            "-6 route add 2001:db8::7 dev dpdk0 scope host tos 1 proto boot metric 3 onlink",
            "add_route6",
            route6("2001:db8::7", 128, RouteFlags.LOCALIN),
        ),
        ("-6 route del 2001:db8::7 dev dpdk0 local", "del_route6", route6("2001:db8::7", 128, RouteFlags.LOCALIN)),
        (
            "neigh add 192.0.2.7 lladdr 2:0:0:0:0:aF dev dpdk0",
            "add_neighbour",
            Neighbour(Family.INET, ip_address("192.0.2.7"), "dpdk0", bytes.fromhex("0200000000af")),
        ),
        (
            "neigh del 2001:db8::7 dev dpdk0",
            "del_neighbour",
            Neighbour(Family.INET6, ip_address("2001:db8::7"), "dpdk0"),
        ),
        ("vlan add dpdk0.102 link dpdk0 id 102", "add_vlan", Vlan("dpdk0.102", "dpdk0", 102)),
        ("vlan add link dpdk0 proto QinQ id 102", "add_vlan", Vlan("", "dpdk0", 102, 0x88A8)),
        ("vlan del dpdk0.102", "del_vlan", Vlan("dpdk0.102", "", 0)),
        ("link set dpdk0 promisc on", "set_link", LinkSettings("dpdk0", promisc=True)),
        ("link set dpdk0 link down", "set_link", LinkSettings("dpdk0", up=False)),
        ("link set dpdk0 forward2kni off", "set_link", LinkSettings("dpdk0", forward2kni=False)),
        ("link set dpdk0 addr 02:00:00:00:00:01:junk", "set_link", LinkSettings("dpdk0", mac="02:00:00:00:00:01")),
    ],
)
def test_request(line: str, method: str, argument: object) -> None:
    result = dpip(line)
    assert (result.rc, result.stdout, result.stderr) == (0, "", "")
    assert result.calls == [(method, (argument,), {})]


def test_verbose_route_changes_are_announced() -> None:
    assert dpip("-v route add 10.0.0.0/8 via 192.0.2.254 dev dpdk0").stdout == (
        "inet 10.0.0.0/8 via 192.0.2.254 src 0.0.0.0 dev dpdk0 mtu 0 tos 0 scope global metric 0 proto auto \n"
    )
    assert dpip("-6 -v route del default via 2001:db8::fe dev dpdk0").stdout == (
        "inet6 default via 2001:db8::fe dev dpdk0 scope global\n"
    )


@pytest.mark.parametrize(
    ("line", "stdout", "stderr"),
    [
        ("link set dpdk0 promisc maybe", "", "invalid arguement value for 'promisc'\n"),
        ("link set dpdk0 link on", "", "invalid argument value for 'link'\n"),
        ("link set bond0 bond-mode 7", "invalid bonding mode: 7\n", ""),
        ("link set bond0 bond-mode 1x", "invalid bonding mode: 1x\n", ""),
        ("link set bond0 bond-xmit-policy Layer2", "invalid xmit-poliy: Layer2\n", ""),
        ("link set bond0 bond-monitor-interval 0", "invalid link_monitor_interval: 0\n", ""),
        ("link set bond0 bond-link-down-prop -- -1", "invalid link_down_prop: -1\n", ""),
        ("link set bond0 bond-link-up-prop x", "invalid link_up_prop: x\n", ""),
        ("link set cpu1 promisc on", "", ""),
        ("link add dpdk0 promisc on", "", ""),
    ],
)
def test_link_set_succeeds_even_with_nothing_to_send(line: str, stdout: str, stderr: str) -> None:
    result = dpip(line)
    assert (result.rc, result.stdout, result.stderr, result.calls) == (0, stdout, stderr, [])


def test_link_set_succeeds_when_refused() -> None:
    result = dpip("link set nosuch promisc on", set_link=ApiError(-1, 54))
    assert (result.rc, result.stdout, result.stderr) == (0, "", REFUSED)


@pytest.mark.parametrize(
    "line",
    [
        "ipset create foo hash:ip",
        "qsch add dev dpdk0 root pfifo_fast",
        "cls del dev dpdk0 handle 1:",
        "tunnel add t0 mode ipip",
        "flow add type kni dev dpdk0 192.0.2.1",
        "iftraf enable",
        "lldp set dev dpdk0",
    ],
)
def test_what_is_not_there_yet_says_so(line: str) -> None:
    name, verb, *_ = line.split()
    result = dpip(line)
    assert (result.rc, result.stdout, result.calls) == (1, "", [])
    assert result.stderr == f"dpip {name} {verb}: not supported by xdpvs yet\ndpip: not support\n"


@pytest.mark.parametrize(
    ("line", "rc", "stderr"),
    [
        ("ipset show", 0, ""),
        ("qsch show dev dpdk0", 0, ""),
        ("cls show dev dpdk0", 0, ""),
        ("tunnel show", 0, ""),
        ("tunnel show mode gre dev dpdk0", 0, ""),
        ("iftraf show", 0, "warnning: disabled.\n"),
        ("qsch show", 1, "missing device.\ndpip: check: invalid parameter\n"),
        ("lldp show", 1, "missing device name\ndpip: check: invalid parameter\n"),
        ("lldp show dev dpdk0 x", 1, "too many arguments\ndpip: parse: invalid parameter\n"),
        ("flow show dev dpdk0", 1, "missing flow type\ndpip: invalid parameter\n"),
    ],
)
def test_listings_of_what_is_not_there_yet(line: str, rc: int, stderr: str) -> None:
    result = dpip(line, call_raw=b"")
    assert (result.rc, result.stdout, result.stderr) == (rc, "", stderr)


def test_missing_ipset_is_reported_twice() -> None:
    line = "[sockopt_msg_recv] errcode set in socket msg#105 header: not exist(-4)\n"
    result = dpip("ipset show foo", call_raw=ApiError(-4, 105))
    assert (result.rc, result.stderr) == (1, f"{line}{line}dpip: invalid parameter\n")


@pytest.mark.parametrize(
    ("line", "call"), [("addr show", "getsockopt"), ("addr add 192.0.2.1 dev dpdk0", "setsockopt")]
)
def test_no_daemon(line: str, call: str, tmp_path: Path) -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    env = Environment(stdout, stderr, lambda: Client(str(tmp_path / "ipc")), lambda seconds: None)
    assert main(["dpip", *line.split()], env) == 1
    assert stderr.getvalue() == (
        f"[dpvs_{call}] scoket msg connection error: No such file or directory\ndpip: <unknow>\n"
    )
