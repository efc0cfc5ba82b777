"""Listings byte for byte, against a daemon in memory."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from tests.support.ipvsadm import FakeClient, FakeResolver, run_fake
from xdpvs.api.ids import MessageId
from xdpvs.model.address import IPV4_ANY, Family, Protocol, family_of
from xdpvs.model.conn import Conn
from xdpvs.model.service import (
    AclEntry,
    AddressRange,
    CheckConfig,
    CheckTypes,
    Dest,
    DestStatus,
    ForwardingMode,
    Laddr,
    LaddrStatus,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
    Stats,
)
from xdpvs.model.table import TableEntry

PLAIN_TITLE = """\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""
VERSION = "IP Virtual Server version 1.9.5 (size=0)\n"


def key(address: str, port: int = 80, protocol: Protocol = Protocol.TCP) -> ServiceKey:
    ip = ip_address(address)
    return ServiceKey(family_of(ip), protocol, ip, port)


def dest(address: str, port: int, weight: int = 100, inactive: int = 0, *, inhibited: bool = False) -> DestStatus:
    ip = ip_address(address)
    return DestStatus(
        Dest(family_of(ip), ip, port, ForwardingMode.FULLNAT, weight, inhibited=inhibited), inactive_conns=inactive
    )


def entry(service: Service, *dests: DestStatus, laddrs: tuple[LaddrStatus, ...] = ()) -> TableEntry:
    return TableEntry(ServiceStatus(service, len(dests), len(laddrs)), dests, laddrs)


def laddr(address: str, conns: int) -> LaddrStatus:
    ip = ip_address(address)
    return LaddrStatus(Laddr(family_of(ip), ip), 0, conns)


TUTORIAL = [
    entry(
        Service(key("2001::2"), "wrr", netmask=128),
        dest("10.1.1.1", 80, 0, inhibited=True),
        dest("192.168.88.130", 8080, inactive=7),
        dest("192.168.88.30", 80, inactive=7),
        laddrs=(laddr("192.168.88.241", 5), laddr("192.168.88.242", 6)),
    ),
    entry(
        Service(key("2001::1"), "conhash", ServiceFlags.SIP_HASH, netmask=128),
        dest("192.168.88.130", 8080, inactive=15),
        dest("192.168.88.30", 8080),
        dest("192.168.88.30", 80),
        laddrs=(laddr("192.168.88.240", 15),),
    ),
    entry(
        Service(key("192.168.88.1"), "rr", conn_timeout_s=60),
        dest("192.168.88.130", 80, inactive=40),
        dest("192.168.88.30", 80, inactive=42),
    ),
]

TUTORIAL_LISTING = "\n".join(
    [
        "TCP  192.168.88.1:80 rr conn-timeout 60",
        "  -> 192.168.88.30:80             FullNat 100    0          42        ",
        "  -> 192.168.88.130:80            FullNat 100    0          40        ",
        "TCP  [2001::1]:80 conhash sip",
        "  -> 192.168.88.30:80             FullNat 100    0          0         ",
        "  -> 192.168.88.30:8080           FullNat 100    0          0         ",
        "  -> 192.168.88.130:8080          FullNat 100    0          15        ",
        "",
    ]
)
TUTORIAL_LAST = "\n".join(
    [
        "TCP  [2001::2]:80 wrr",
        "  -> 192.168.88.30:80             FullNat 100    0          7         ",
        "  -> 192.168.88.130:8080          FullNat 100    0          7         ",
        "  -> 10.1.1.1:80                  FullNat 0      0          0          inhibited",
        "",
    ]
)
LADDR_TITLE = "VIP:VPORT            TOTAL    SNAT_IP              CONFLICTS  CONNS     \n"
LADDRS_LAST = "\n".join(
    [
        "[2001::2]:80         2        ",
        "                              192.168.88.241       0          5         ",
        "                              192.168.88.242       0          6         ",
        "",
    ]
)


@pytest.mark.parametrize("old", [False, True], ids=["xdpvs", "dpvs"])
def test_tutorial_listing(old: bool) -> None:
    outcome = run_fake("-ln", FakeClient(TUTORIAL, old=old))
    assert outcome.stdout == VERSION + PLAIN_TITLE + TUTORIAL_LISTING + TUTORIAL_LAST
    assert (outcome.stderr, outcome.status) == ("", 0)


def test_one_request_lists_everything() -> None:
    fake = FakeClient(TUTORIAL)
    run_fake("-ln", fake)
    assert fake.asked == ["table"]


def test_one_workers_share_is_asked_for_piece_by_piece() -> None:
    fake = FakeClient(TUTORIAL[:1])
    run_fake("-ln --cpu 1", fake)
    assert fake.asked == ["services 0 1", "dests 3 1"]


def test_tutorial_single_service() -> None:
    assert run_fake("-ln -t [2001::2]:80", FakeClient(TUTORIAL)).stdout == PLAIN_TITLE + TUTORIAL_LAST


@pytest.mark.parametrize("old", [False, True], ids=["xdpvs", "dpvs"])
def test_tutorial_local_addresses(old: bool) -> None:
    fake = FakeClient(TUTORIAL, old=old)
    assert run_fake("-G -t [2001::2]:80", fake).stdout == LADDR_TITLE + LADDRS_LAST
    everything = run_fake("-G", fake).stdout
    assert everything.startswith(LADDR_TITLE + LADDRS_LAST + "[2001::1]:80         1        \n")
    assert everything.endswith("192.168.88.1:80      0        \n")


def test_no_sort_keeps_the_daemons_order() -> None:
    lines = run_fake("-ln --nosort", FakeClient(TUTORIAL)).stdout.splitlines()[3:]
    assert lines[:2] == [
        "TCP  [2001::2]:80 wrr",
        "  -> 10.1.1.1:80                  FullNat 0      0          0          inhibited",
    ]


STATS = [
    entry(
        Service(key("192.168.88.1")),
        replace(
            dest("192.168.88.30", 80), stats=Stats(40, 201, 13340, 165, 152418, cps=4, in_pps=20, in_bps=123_456_789)
        ),
        replace(dest("192.168.88.130", 80), stats=Stats(39, 197, 13000, 162, 148806)),
    )
]


def test_stats() -> None:
    assert (
        run_fake("-ln --stats", FakeClient(STATS)).stdout
        == VERSION
        + """\
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  192.168.88.1:80                    79      398      327    26340   301224
  -> 192.168.88.30:80                   40      201      165    13340   152418
  -> 192.168.88.130:80                  39      197      162    13000   148806
"""
    )


def test_rates_are_the_daemons() -> None:
    assert (
        run_fake("-ln --rate", FakeClient(STATS)).stdout
        == VERSION
        + """\
Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
TCP  192.168.88.1:80                     4       20        0  123456K        0
  -> 192.168.88.30:80                    4       20        0  123456K        0
  -> 192.168.88.130:80                   0        0        0        0        0
"""
    )


def test_stats_win_over_other_views() -> None:
    both = run_fake("-ln --thresholds --rate --stats --exact", FakeClient(STATS)).stdout
    assert both == run_fake("-ln --stats --exact", FakeClient(STATS)).stdout


def test_long_host_names_are_cut_in_ipv4_services_only() -> None:
    name = "a-rather-long-host-name.example"
    resolver = FakeResolver(
        names={IPv4Address("192.0.2.1"): name, IPv4Address("192.0.2.2"): name},
        services={("http", "tcp"): 80},
    )
    table = [
        entry(Service(key("192.0.2.1"), "rr"), dest("192.0.2.2", 80)),
        entry(Service(key("2001:db8::1"), "rr", netmask=128), dest("192.0.2.2", 80)),
    ]
    lines = run_fake("", FakeClient(table), resolver=resolver).stdout.splitlines()
    assert lines[3] == f"TCP  {name}"[:33] + " rr"
    assert lines[4].startswith(f"  -> {name[:28]} FullNat")
    assert lines[5] == "TCP  [2001:db8::1]:http rr"
    assert lines[6].startswith(f"  -> {name}:http FullNat")
    saved = run_fake("-S", FakeClient(table), resolver=resolver).stdout.splitlines()
    assert saved[1] == f"-a -t {name}:http -r {name}:http -b -w 100"


FLAGS = Service(
    key("192.168.188.100", 443, Protocol.UDP),
    "conhash",
    ServiceFlags.QID_HASH | ServiceFlags.PERSISTENT | ServiceFlags.EXPIRE_QUIESCENT,
    persistence_timeout_s=300,
    netmask=0xFFFFFF00,
    conn_timeout_s=90,
    proxy_protocol=ProxyProtocol.V2_INSECURE,
    check=CheckConfig(CheckTypes.PASSIVE | CheckTypes.TCP | CheckTypes.PING, 1, 1, 3, 5, 3600),
)


def test_every_flag_has_its_place() -> None:
    assert run_fake("-ln", FakeClient([entry(FLAGS)])).stdout.splitlines()[3] == (
        "UDP  192.168.188.100:443 conhash qid persistent 300 mask 255.255.255.0 conn-timeout 90 ppv2-insecure "
        "expire-quiescent dest-check internal:default external:tcp,ping"
    )


def test_quic_shows_on_udp_only() -> None:
    udp = replace(FLAGS, flags=ServiceFlags.QUIC | ServiceFlags.ONE_PACKET | ServiceFlags.SYNPROXY, check=CheckConfig())
    tcp = replace(udp, key=key("192.168.188.100", 443))
    lines = run_fake("-ln", FakeClient([entry(udp), entry(tcp)])).stdout.splitlines()
    assert lines[3].endswith("conhash ops synproxy conn-timeout 90 ppv2-insecure")
    assert lines[4].endswith("conhash ops synproxy conn-timeout 90 ppv2-insecure quic")


SNAT = Service(
    ServiceKey(
        Family.INET,
        Protocol.TCP,
        IPV4_ANY,
        0,
        match=Match(
            Family.INET,
            AddressRange(ip_address("192.168.100.0"), ip_address("192.168.100.254")),
            output_device="dpdk1",
        ),
    ),
    "rr",
    ServiceFlags.MATCH,
)
SNAT_DEST = DestStatus(Dest(Family.INET, ip_address("123.1.2.3"), 0, ForwardingMode.SNAT, 100))
SNAT_RULE = "-H proto=tcp,src-range=192.168.100.0-192.168.100.254:0-0,dst-range=0.0.0.0-0.0.0.0:0-0,iif=,oif=dpdk1"


def test_match_services() -> None:
    fake = FakeClient([entry(SNAT, SNAT_DEST)])
    assert run_fake("-ln", fake).stdout.splitlines()[3:] == [
        "MATCH tcp,from=192.168.100.0-192.168.100.254:0-0,oif=dpdk1 rr",
        "  -> 123.1.2.3:0                  SNAT    100    0          0         ",
    ]
    assert run_fake("-Sn", fake).stdout == f"-A {SNAT_RULE} -s rr\n-a {SNAT_RULE} -r 123.1.2.3:0 -J -w 100\n"


def test_fwmark_services() -> None:
    mark6 = Service(ServiceKey(Family.INET6, 6, ip_address("::"), 0, 11), "wrr", netmask=128)
    fake = FakeClient([entry(mark6), entry(Service(ServiceKey(Family.INET, 6, IPV4_ANY, 0, 10), "rr"))])
    assert run_fake("-ln", fake).stdout.splitlines()[3:] == ["FWM  10 rr", "FWM  11 IPv6 wrr"]
    assert run_fake("-Sn", fake).stdout == "-A -f 10 -s rr\n-A -f 11 -6 -s wrr\n"


def test_v4_mapped_addresses_end_in_a_quad() -> None:
    fake = FakeClient([entry(Service(key("::ffff:192.0.2.1"), "rr", netmask=128))])
    assert run_fake("-ln", fake).stdout.splitlines()[3] == "TCP  [::ffff:192.0.2.1]:80 rr"


def test_marks_share_one_word() -> None:
    both = replace(dest("192.0.2.9", 80, inhibited=True), overloaded=True)
    overloaded = replace(dest("192.0.2.8", 80), overloaded=True)
    lines = run_fake("-ln", FakeClient([entry(Service(key("192.0.2.1"), "rr"), both, overloaded)])).stdout.splitlines()
    assert lines[4].endswith("0          0          overload")
    assert lines[5].endswith("0          0          inhibited,overload")


CONNS = [
    Conn(
        in_family=Family.INET,
        out_family=Family.INET,
        protocol=Protocol.TCP,
        client=ip_address("192.168.88.15"),
        client_port=45678,
        vip=ip_address("192.168.88.1"),
        vip_port=80,
        laddr=ip_address("192.168.88.240"),
        laddr_port=1033,
        server=ip_address("192.168.88.30"),
        server_port=80,
        timeout_s=90,
        state="TCP_EST",
        lcore=3,
    ),
    Conn(
        in_family=Family.INET6,
        out_family=Family.INET,
        protocol=Protocol.UDP,
        client=ip_address("2001::15"),
        client_port=45678,
        vip=ip_address("2001::1"),
        vip_port=80,
        laddr=ip_address("192.168.88.240"),
        laddr_port=1033,
        server=ip_address("192.168.88.30"),
        server_port=80,
        timeout_s=300,
        state="UDP_NORM",
        lcore=4,
    ),
]
CONN_LINES = """\
[3]tcp 90s    TCP_EST     192.168.88.15:45678 192.168.88.1:80    192.168.88.240:1033 192.168.88.30:80
[4]udp 300s   UDP_NORM    [2001::15]:45678   [2001::1]:80       192.168.88.240:1033 192.168.88.30:80
"""


def test_connections() -> None:
    assert run_fake("-lnc", FakeClient(conns=CONNS)).stdout == CONN_LINES


def test_connections_by_name() -> None:
    resolver = FakeResolver(services={("http", "tcp"): 80})
    lines = run_fake("-lc", FakeClient(conns=CONNS), resolver=resolver).stdout.splitlines()
    assert lines[0].endswith("192.168.88.1:http  192.168.88.240:1033 192.168.88.30:http")
    assert lines[1] == CONN_LINES.splitlines()[1]


def test_templates_are_asked_for() -> None:
    fake = FakeClient()
    run_fake("-lnc --persistent-conn", fake)
    assert fake.asked == ["conns True"]


def test_one_connection() -> None:
    found = run_fake("-lnc --sockpair tcp:192.168.88.15:45678:192.168.88.1:80", FakeClient(conns=CONNS))
    assert (found.stdout, found.status) == (CONN_LINES.splitlines(keepends=True)[0], 0)
    missing = run_fake("-lnc --sockpair tcp:192.168.88.15:1:192.168.88.1:80", FakeClient(conns=CONNS))
    assert missing.status == 0
    assert missing.stderr.splitlines()[1:] == [
        "dp_vs_get_conns: got errcode -4 from dpvs_getsockopt",
        "connection specified not found",
    ]


def test_deny_lists_hide_what_belongs_to_no_service() -> None:
    vip = ip_address("192.0.2.1")
    denied = [
        AclEntry(Family.INET, Protocol.TCP, vip, 80, ip_address("192.0.2.66")),
        AclEntry(Family.INET, Protocol.TCP, vip, 80, IPV4_ANY, "bad"),
        AclEntry(Family.INET, Protocol.UDP, vip, 80, ip_address("192.0.2.67")),
    ]
    fake = FakeClient([entry(Service(key("192.0.2.1")))], denied=denied)
    title = "PROTO    VIP:VPORT                      BLACKLIST                     \n"
    lines = (
        "TCP      192.0.2.1:80                   192.0.2.66                    \n"
        "TCP      192.0.2.1:80                   ipset:bad                     \n"
    )
    assert run_fake("-B", fake).stdout == title + lines
    assert run_fake("-B -t 192.0.2.1:80", fake).stdout == title + lines
    assert run_fake("-W", fake).stdout == title.replace("BLACK", "WHITE")


def test_a_refused_table_of_services_ends_in_one_line() -> None:
    outcome = run_fake("-ln", FakeClient(TUTORIAL, old=True, refusals={MessageId.GET_SERVICES: -1}))
    line = "[sockopt_msg_recv] errcode set in socket msg#19 header: invalid parameter(-1)\n"
    assert (outcome.stdout, outcome.stderr, outcome.status) == (VERSION, line, 1)


def test_refused_servers_end_it_after_the_title() -> None:
    outcome = run_fake("-ln", FakeClient(TUTORIAL, old=True, refusals={MessageId.GET_DESTS: -23}))
    assert outcome.stdout == VERSION + PLAIN_TITLE
    assert outcome.stderr.endswith("msg callback failed(-23)\nSuccess\n")
    assert outcome.status == 1


def test_refused_deny_list_of_a_service() -> None:
    outcome = run_fake("-B -t 192.0.2.1:80", FakeClient(refusals={MessageId.BLKLST_GETALL: -2}))
    assert outcome.stderr.endswith("no memory(-2)\nSuccess\nSuccess\n")
    assert outcome.status == 255


@pytest.mark.parametrize("word", ["--timeout", "--daemon"])
def test_dead_listings_say_nothing(word: str) -> None:
    outcome = run_fake(f"-l {word}", FakeClient())
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", "", 1)
