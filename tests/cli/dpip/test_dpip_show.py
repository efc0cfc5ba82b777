"""Listings of dpip, as the tutorial and DPVS 1.10.2 print them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from tests.support.dpip import Successive, dpip
from xdpvs.api.errors import ApiError
from xdpvs.model.address import Family, any_address, family_of
from xdpvs.model.counters import IPV6_COUNTERS, Ipv6Stats
from xdpvs.model.device import (
    BondSlave,
    BondStatus,
    HardwareMulticast,
    LcoreInfo,
    LcoreMask,
    LcoreStats,
    LinkCounter,
    LinkCounters,
    LinkDetails,
    MulticastAddress,
    PortEntry,
    PortList,
)
from xdpvs.model.memory import MemoryPool
from xdpvs.model.network import (
    Address,
    AddressFlags,
    AddressStatus,
    Link,
    LinkFlags,
    LinkStats,
    Neighbour,
    NeighbourState,
    Route,
    RouteFlags,
    Vlan,
)

MAC = bytes.fromhex("a0369f74ecf0")


def address(text: str, device: str = "dpdk0.102", **more: object) -> Address:
    literal, _, length = text.partition("/")
    value = ip_address(literal)
    return Address(
        family_of(value),
        value,
        int(length or value.max_prefixlen),
        device,
        broadcast=any_address(family_of(value)),
        **more,  # type: ignore[arg-type]
    )


def route(text: str, *, via: str = "", src: str = "", flags: int = RouteFlags.FORWARD, mtu: int = 1500) -> Route:
    literal, _, length = text.partition("/")
    value = ip_address(literal)
    nothing = any_address(family_of(value))
    return Route(
        family_of(value),
        value,
        int(length),
        "dpdk0.102",
        ip_address(via) if via else nothing,
        ip_address(src) if src else nothing,
        RouteFlags(flags),
        mtu,
    )


def test_tutorial_addresses() -> None:
    shown = [AddressStatus(address(text)) for text in ("2001::28/64", "192.168.88.242")]
    assert dpip("addr show", get_addresses=shown).stdout == (
        "inet6 2001::28/64 scope global dpdk0.102\n"
        "     valid_lft forever preferred_lft forever\n"
        "inet 192.168.88.242/32 scope global dpdk0.102\n"
        "     valid_lft forever preferred_lft forever\n"
    )


def test_address_details() -> None:
    pool = AddressStatus(address("192.168.88.242", flags=AddressFlags.SAPOOL), 12, 1032164, 0, lcore=1)
    lines = "inet 192.168.88.242/32 scope global dpdk0.102\n     valid_lft forever preferred_lft forever"
    counts = " sa_used 12 sa_free 1032164 sa_miss 0"
    assert dpip("addr show", get_addresses=[pool]).stdout == f"{lines}\n"
    assert dpip("-s addr show", get_addresses=[pool]).stdout == f"{lines}{counts}\n"
    assert dpip("addr show -v", get_addresses=[pool]).stdout == f"[01] {lines}{counts}\n"

    timed = Address(
        Family.INET,
        ip_address("192.168.88.28"),
        24,
        "dpdk0.102",
        ip_address("192.168.88.255"),
        scope=77,
        valid_lifetime_s=55,
        preferred_lifetime_s=55,
    )
    assert dpip("-sv addr show", get_addresses=[AddressStatus(timed)]).stdout == (
        "[00] inet 192.168.88.28/24 scope 77 dpdk0.102\n    broadcast 192.168.88.255 valid_lft 55 preferred_lft 55\n"
    )


def test_mapped_addresses_print_as_inet_ntop_does() -> None:
    assert (
        "inet6 ::ffff:192.0.2.1/128 "
        in dpip("addr list", get_addresses=[AddressStatus(address("::ffff:192.0.2.1"))]).stdout
    )


def test_tutorial_routes() -> None:
    shown = [
        route("192.168.88.1/32", flags=RouteFlags.LOCALIN),
        route("192.168.100.28/32", flags=RouteFlags.KNI_HOST),
        route("192.168.88.0/24", src="192.168.88.28"),
        route("0.0.0.0/0", via="192.168.88.254"),
    ]
    assert dpip("route show", get_routes=shown).stdout == (
        "inet 192.168.88.1/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope host metric 0 proto auto \n"
        "inet 192.168.100.28/32 via 0.0.0.0 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope kni_host metric 0"
        " proto auto \n"
        "inet 192.168.88.0/24 via 0.0.0.0 src 192.168.88.28 dev dpdk0.102 mtu 1500 tos 0 scope link metric 0"
        " proto auto \n"
        "inet 0.0.0.0/0 via 192.168.88.254 src 0.0.0.0 dev dpdk0.102 mtu 1500 tos 0 scope global metric 0"
        " proto auto \n"
    )


def test_tutorial_ipv6_routes() -> None:
    shown = [
        route("2001::1/128", flags=RouteFlags.LOCALIN),
        route("2001::7/128", flags=RouteFlags.KNI_HOST, mtu=0),
        route("2001::/64", src="2001::28"),
        route("::/0", via="2001::fe"),
    ]
    assert dpip("route -6 show", get_routes6=shown).stdout == (
        "inet6 2001::1/128 dev dpdk0.102 mtu 1500 scope host\n"
        "inet6 2001::7/128 dev dpdk0.102 scope kni_host\n"
        "inet6 2001::/64 src 2001::28 dev dpdk0.102 mtu 1500 scope link\n"
        "inet6 default via 2001::fe dev dpdk0.102 mtu 1500 scope global\n"
    )


def test_neighbours() -> None:
    shown = [
        Neighbour(
            Family.INET,
            ip_address("192.168.88.30"),
            "dpdk0.102",
            bytes.fromhex("246e96757cfa"),
            NeighbourState.REACHABLE,
            lcore=1,
        ),
        Neighbour(Family.INET, ip_address("192.168.88.31"), "dpdk0.102", state=NeighbourState.SEND, lcore=1),
        Neighbour(Family.INET6, ip_address("2001::1"), "dpdk0", MAC, NeighbourState.DELAY, static=True),
    ]
    assert dpip("neigh show", get_neighbours=shown).stdout == (
        "ip: 192.168.88.30                                    mac: 24:6e:96:75:7c:fa   state: REACHABLE   "
        "  dev: dpdk0.102  core: 1  \n"
        "ip: 192.168.88.31                                    mac:incomplate                       state: SEND        "
        "   dev: dpdk0.102  core: 1  \n"
        "ip: 2001::1                                          mac: a0:36:9f:74:ec:f0   state: DELAY       "
        "  dev: dpdk0  core: 0  static\n"
    )


def test_vlans_are_listed_on_stderr() -> None:
    shown = [Vlan("dpdk0.102", "dpdk0", 102), Vlan("q", "dpdk0", 7, 0x88A8), Vlan("x", "dpdk0", 8, 1)]
    result = dpip("vlan show link dpdk0", get_vlans=shown)
    assert (result.rc, result.stdout) == (0, "")
    assert result.stderr == (
        "dpdk0.102 link dpdk0 proto 802.1q id 102\nq link dpdk0 proto 802.1ad id 7\nx link dpdk0 proto <unknow> id 8\n"
    )


LINK = Link(
    0,
    "dpdk0",
    MAC,
    True,
    10000,
    rx_queues=8,
    tx_queues=8,
    flags=LinkFlags.PROMISC | LinkFlags.FORWARD2KNI | LinkFlags.RX_IP_CSUM | LinkFlags.TX_IP_CSUM,
)
LINK_TEXT = (
    "1: dpdk0: socket 0 mtu 1500 rx-queue 8 tx-queue 8\n"
    "    UP 10000 Mbps full-duplex auto-nego promisc foward2kni \n"
    "    addr A0:36:9F:74:EC:F0 OF_RX_IP_CSUM OF_TX_IP_CSUM \n"
)
STATS = LinkStats(123456, 654321, 9876543, 8765432, mbuf_available=1046000, mbuf_in_use=2575)


def test_link() -> None:
    assert dpip("link show dpdk0", get_link=LINK).stdout == LINK_TEXT


def test_all_flags_of_a_link() -> None:
    every = Link(2, "x", MAC, False, 0, False, False, flags=LinkFlags(0x7FF))
    assert dpip("link show x", get_link=every).stdout == (
        "3: x: socket 0 mtu 1500 rx-queue 1 tx-queue 1\n"
        "    DOWN 0 Mbps half-duplex fixed-nego promisc allmulticast foward2kni tc-egress tc-ingress lldp \n"
        "    addr A0:36:9F:74:EC:F0 OF_RX_IP_CSUM OF_TX_IP_CSUM OF_TX_TCP_CSUM OF_TX_UDP_CSUM OF_TX_FAST_FREE \n"
    )


def test_link_statistics() -> None:
    assert dpip("-s link show dpdk0", get_link=LINK, get_link_stats=STATS).stdout == LINK_TEXT + (
        "    ipackets            opackets            ibytes              obytes              \n"
        "    123456              654321              9876543             8765432             \n"
        "    ierrors             oerrors             imissed             rx_nombuf           \n"
        "    0                   0                   0                   0                   \n"
        "    mbuf-avail          mbuf-inuse          \n"
        "    1046000             2575                \n"
    )


def test_link_samples() -> None:
    looks = Successive([LinkStats(0), LinkStats(in_packets=21, in_errors=4), LinkStats(10), LinkStats(9)])
    result = dpip("link show dpdk0 -s -i 2 -c 2 -C", get_link=LINK, get_link_stats=looks)
    titles = "    ipackets/pps    opackets/pps    ibytes/Bps      obytes/Bps      \n"
    errors = "    ierrors/pps     oerrors/pps     imissed/pps     rx_nombuf/pps   \n"
    assert result.stdout == (
        f"{LINK_TEXT}\033[34m{titles}    10              0               0               0               \n"
        f"{errors}    2               0               0               0               \n"
        f"\033[32m{titles}    92233720368547758070               0               0               \n"
        f"{errors}    0               0               0               0               \n\033[0m"
    )
    assert result.slept == [2, 2]


def test_link_details() -> None:
    details = LinkDetails(
        pci_address="0000:01:00.0",
        driver="net_ixgbe",
        rx_offload_capa=0x4001,
        flow_type_rss_offloads=0x38D34,
        queues="    rx0-tx0     cpu1-cpu1                \n",
        multicast="        link 01:00:5e:00:00:01\n",
    )
    counters = LinkCounters(0, (LinkCounter(0, "rx_good_packets", 7), LinkCounter(12, "tx_errors", 0)))
    shown = dpip(
        "-s -v link show dpdk0",
        get_link=LINK,
        get_link_stats=STATS,
        get_link_counters=counters,
        get_link_details=details,
    ).stdout
    assert (
        "    xstats list:\n        0     rx_good_packets: 7\n        12    tx_errors: 0\n"
        "    pci_addr                        driver_name                     \n"
        "    0000:01:00.0                    net_ixgbe                       \n"
    ) in shown
    assert (
        "    max_vmdq_pools  rx_ol_capa      tx_ol_capa      reta_size       \n"
        "    0               0x4001          0x0             0               \n"
        "    hash_key_size   flowtype_rss_ol vmdq_que_base   vmdq_que_num    \n"
        "    0               0x38D34         0               0               \n"
    ) in shown
    assert shown.endswith(
        "    Queue Configuration:\n    rx0-tx0     cpu1-cpu1                \n"
        "    HW mcast list:\n        link 01:00:5e:00:00:01\n"
    )


def test_device_without_driver_counters() -> None:
    for answer in (None, ApiError(-14, 63)):
        result = dpip(
            "-s -v link show dpdk0",
            get_link=LINK,
            get_link_stats=STATS,
            get_link_counters=answer,
            get_link_details=LinkDetails(),
        )
        assert result.rc == 0
        assert "    xstats list:\n        not supported\n" in result.stdout


def test_all_links_go_on_after_a_failing_one() -> None:
    ports = PortList((PortEntry(0, "dpdk0"), PortEntry(1, "gone"), PortEntry(2, "dpdk0")))
    result = dpip("link show", get_ports=ports, get_link=Successive([LINK, ApiError(-4, 61), LINK]))
    assert (result.rc, result.stdout) == (1, LINK_TEXT * 2)
    assert result.stderr == (
        "[sockopt_msg_recv] errcode set in socket msg#61 header: not exist(-4)\n"
        "Fail to get information for gone\n"
        "dpip: not exist\n"
    )


def test_bond() -> None:
    slaves = (
        BondSlave("dpdk0", "2E:96:82:4F:72:26", True, True),
        BondSlave("dpdk1", "A6:62:4D:AE:2A:50", False, False),
    )
    bond = BondStatus(1, 1, slaves, "2E:96:82:4F:72:26", "LAYER34", 20, 5, 6)
    assert dpip("link show bond0 status", get_link=LINK, get_bond=bond).stdout == LINK_TEXT + (
        "    --- bonding status ---\n"
        "    mode 1 mac_addr 2E:96:82:4F:72:26 xmit_policy LAYER34 link_monitor 20ms\n"
        "    ative/slaves 1/2 link_down_prop_delay 5ms link_up_prop_delay 6ms\n"
        "    slaves: dpdk0(2E:96:82:4F:72:26, active, primary) dpdk1(A6:62:4D:AE:2A:50, inactive) \n"
    )


def test_cpus() -> None:
    infos = Successive([LcoreInfo(0), LcoreInfo(1, 0, "dpdk0:rx0       dpdk0:tx0       "), LcoreInfo(2)])
    mask = LcoreMask(worker_mask=0b10, isolated_rx=1, isolated_rx_mask=0b100)
    assert dpip("link show cpu", get_lcore_mask=mask, get_lcore=infos).stdout == (
        "<< Controll Plane >>\n1: cpu0: socket 0\n    queues none\n"
        "<< Data Plane >>\n2: cpu1: socket 0\n    queues dpdk0:rx0       dpdk0:tx0       \n"
        "<< Isolate RX Lcores >>\n3: cpu2: socket 0\n    queues none\n"
    )


def test_cpu_statistics() -> None:
    stats = LcoreStats(1, 10607085, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    head = "2: cpu1: socket 0\n    queues none\n"
    assert dpip("-s link show cpu1", get_lcore=LcoreInfo(1), get_lcore_stats=stats).stdout == head + (
        "    lcore_loop          pktburst            zpktburst           fpktburst           \n"
        "    10607085            2                   3                   4                   \n"
        "    z2hpktburst         h2fpktburst         dropped             \n"
        "    5                   6                   11                  \n"
        "    ipackets            ibytes              opackets            obytes              \n"
        "    7                   8                   9                   10                  \n"
    )
    sampled = dpip("-s link show cpu1 -i 1 -c 1", get_lcore=LcoreInfo(1), get_lcore_stats=stats).stdout
    assert sampled == head + (
        "    lcore_loop/lps  pktburst/nps    zpktburst/nps   fpktburst/nps   \n"
        "    0               0               0               0               \n"
        "    z2hpktburst/nps h2fpktburst/nps dropped/nps     \n"
        "    0               0               0               \n"
        "    ipackets/pps    ibytes/Bps      opackets/pps    obytes/Bps      \n"
        "    0               0               0               0               \n"
    )


def test_ipv6_counters() -> None:
    total = (1024, 98304, *(0,) * (len(IPV6_COUNTERS) - 2))
    stats = Ipv6Stats(total, (total,))
    plain = dpip("ipv6 show", get_ipv6_stats=stats).stdout
    assert plain.startswith("InReceives:        1024\nInOctets:          98304\nInDelivers:        0\n")
    assert plain.endswith("InCEPkts:          0\n")
    titled = dpip("ipv6 show cpu 0", get_ipv6_stats=stats).stdout
    assert titled == "cpu 0\n" + "".join(f"    {line}\n" for line in plain.splitlines())
    every = dpip("ipv6 show all", get_ipv6_stats=stats).stdout
    assert every.startswith("All\n    InReceives:        1024\n")
    assert every.count("cpu ") == 64


def test_ipv6_counters_forget_the_error() -> None:
    assert dpip("ipv6 show", get_ipv6_stats=ApiError(-4, 93)).stderr == (
        "[sockopt_msg_recv] errcode set in socket msg#93 header: not exist(-4)\ndpip: invalid parameter\n"
    )


def test_multicast_addresses() -> None:
    answers: dict[str, Any] = {
        "get_ports": PortList((PortEntry(0, "dpdk0"),)),
        "get_hardware_multicasts": [HardwareMulticast(bytes.fromhex("01005e000001"), flags=1, sync=2)],
        "get_multicast_addresses": [
            MulticastAddress("dpdk0", Family.INET, ip_address("224.0.0.1")),
            MulticastAddress("dpdk0", Family.INET6, ip_address("ff02::1"), references=2),
        ],
    }
    assert dpip("maddr show", **answers).stdout == (
        "1:\tdpdk0\n\tlink 01:00:5e:00:00:01\n\t inet 224.0.0.1\n\tinet6 ff02::1\n"
    )
    assert dpip("-v maddr show dev dpdk0", **answers).stdout == (
        "dpdk0:\n\tlink  01:00:5e:00:00:01 (+kni)\t\trefcnt 1\t\tsync 2\n"
        "\t inet 224.0.0.1\t\tflags 0x0\t\trefcnt 1\n\tinet6 ff02::1\t\tflags 0x0\t\trefcnt 2\n"
    )


def test_memory_pools() -> None:
    pool = MemoryPool("mbuf_pool_0", 0, 1048575, 1046000, 2304, 64, 0, 64)
    assert dpip("eal-mem show pool", get_memory_pools=[pool]).stdout == (
        "pool_name                 flags   elt_size header_size trailer_size private_data_size"
        "       size       used    Mem(MB)\n"
        "mbuf_pool_0                   0       2304          64            0                64"
        "    1048575       2575       2367\n"
    )


def test_no_memory_segments_is_just_the_title() -> None:
    assert len(dpip("eal-mem show").stdout.splitlines()) == 1
