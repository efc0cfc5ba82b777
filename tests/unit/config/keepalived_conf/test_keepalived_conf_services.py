"""virtual_server: each keyword, its default, its range, and keepalived's corrections."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest

from tests.support.keepalived_conf import (
    COMPLETE,
    SERVER,
    config,
    notes,
    problems,
    read,
    service,
    service_text,
    virtual_server,
)
from xdpvs.model.address import Family, Protocol
from xdpvs.model.keepalived import AclSubject, VirtualServer, acl_entries
from xdpvs.model.script import Command
from xdpvs.model.service import (
    NO_MATCH,
    AddressRange,
    Dest,
    ForwardingMode,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)


def complaint(lines: str, servers: str = SERVER, head: str = "198.51.100.1 80") -> str:
    """The one problem of a virtual_server, without its place."""
    (found,) = problems(service_text(lines, servers, head))
    return found.partition(": ")[2]


def correction(lines: str, servers: str = SERVER, head: str = "198.51.100.1 80") -> str:
    """The one warning of a virtual_server, without its place."""
    (found,) = notes(service_text(lines, servers, head))
    return found.partition(": ")[2]


def test_defaults_of_a_service() -> None:
    assert service() == Service(
        ServiceKey(Family.INET, Protocol.TCP, IPv4Address("198.51.100.1"), 80),
        scheduler="rr",
        flags=ServiceFlags(0),
        netmask=0xFFFFFFFF,
        limit_proportion=100,
    )


def test_defaults_of_a_virtual_server() -> None:
    found = virtual_server()
    assert found == VirtualServer(
        name="[198.51.100.1]:tcp:80", services=found.services, servers=found.servers, quorum=1, hysteresis=0
    )


def test_what_is_not_stated_is_told() -> None:
    result = read(f"virtual_server 198.51.100.1 80 {{\n{SERVER}}}\n")
    (found,) = result.config.virtual_servers
    assert found.services[0].key.protocol == Protocol.UDP
    assert found.services[0].scheduler == "wlc"
    assert found.servers[0].dest.forwarding == ForwardingMode.NAT
    assert [(note.severity.value, str(note).partition(": ")[2]) for note in result.notes] == [
        ("info", "virtual server [198.51.100.1]:udp:80: no protocol set, UDP is used"),
        ("info", "virtual server [198.51.100.1]:udp:80: no scheduler set, wlc is used"),
        ("info", "virtual server [198.51.100.1]:udp:80: no forwarding method set, NAT is used"),
    ]
    assert not result.fails_test


def changed(lines: str) -> dict[str, object]:
    """The fields of the service that lines change."""
    before, after = service(), service(lines)
    return {name: getattr(after, name) for name in Service.__slots__ if getattr(after, name) != getattr(before, name)}


PERSISTENT = ServiceFlags.PERSISTENT


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ("lb_algo wrr", {"scheduler": "wrr"}),
        ("lvs_sched wlc", {"scheduler": "wlc"}),
        ("lb_algo fo", {"scheduler": "fo"}),
        ("lb_algo mh", {"scheduler": "mh"}),
        ("lb_algo conhash", {"scheduler": "conhash", "flags": ServiceFlags.SIP_HASH}),
        ("lb_algo conhash\nhash_target sip", {"scheduler": "conhash", "flags": ServiceFlags.SIP_HASH}),
        ("hash_target sip", {}),
        ("lb_algo mh\nmh-port", {"scheduler": "mh", "flags": ServiceFlags.SCHED2}),
        ("lb_algo mh\nmh-fallback", {"scheduler": "mh", "flags": ServiceFlags.SCHED1}),
        ("hashed", {"flags": ServiceFlags.HASHED}),
        ("flag-1", {"flags": ServiceFlags.SCHED1}),
        ("flag-2\nflag-3", {"flags": ServiceFlags.SCHED2 | ServiceFlags.SCHED3}),
        ("syn_proxy", {"flags": ServiceFlags.SYNPROXY}),
        ("expire_quiescent_conn", {"flags": ServiceFlags.EXPIRE_QUIESCENT}),
        ("quic", {"flags": ServiceFlags.QUIC}),
        ("establish_timeout 60", {"conn_timeout_s": 60}),
        ("persistence_timeout 50", {"persistence_timeout_s": 50, "flags": PERSISTENT}),
        ("persistence_timeout", {"persistence_timeout_s": 360, "flags": PERSISTENT}),
        (
            "persistence_granularity 255.255.255.0",
            {"persistence_timeout_s": 360, "flags": PERSISTENT, "netmask": 0xFFFFFF00},
        ),
        (
            "persistence_timeout 5\npersistence_granularity 255.0.0.0",
            {"persistence_timeout_s": 5, "flags": PERSISTENT, "netmask": 0xFF000000},
        ),
        ("proxy_protocol v1", {"proxy_protocol": ProxyProtocol.V1}),
        ("proxy_protocol V2", {"proxy_protocol": ProxyProtocol.V2}),
        ("proxy_protocol v1-insecure", {"proxy_protocol": ProxyProtocol.V1_INSECURE}),
        ("proxy_protocol v2-INSECURE", {"proxy_protocol": ProxyProtocol.V2_INSECURE}),
        ("bps 1000", {"bps": 1000}),
        ("limit_proportion 50", {"limit_proportion": 50}),
        ("persistence_timeout 5\npersistence_timeout 7", {"persistence_timeout_s": 7, "flags": PERSISTENT}),
    ],
)
def test_keywords_of_the_service(lines: str, fields: dict[str, object]) -> None:
    assert changed(lines) == fields


@pytest.mark.parametrize(
    ("word", "protocol"),
    [
        ("TCP", Protocol.TCP),
        ("tcp", Protocol.TCP),
        ("UDP", Protocol.UDP),
        ("Sctp", Protocol.SCTP),
        ("icmp", Protocol.ICMP),
        ("ICMPV6", Protocol.ICMPV6),
    ],
)
def test_protocols(word: str, protocol: Protocol) -> None:
    assert service(f"protocol {word}").key.protocol == protocol


@pytest.mark.parametrize(
    ("word", "mode"),
    [
        ("NAT", ForwardingMode.NAT),
        ("DR", ForwardingMode.DIRECT_ROUTE),
        ("TUN", ForwardingMode.TUNNEL),
        ("FNAT", ForwardingMode.FULLNAT),
    ],
)
def test_forwarding_methods(word: str, mode: ForwardingMode) -> None:
    for keyword in ("lb_kind", "lvs_method"):
        assert virtual_server(f"{keyword} {word}").servers[0].dest.forwarding == mode


def test_udp_only_flags() -> None:
    assert service("protocol UDP\nops").flags == ServiceFlags.ONE_PACKET
    assert service("protocol UDP\nlb_algo conhash\nhash_target qid").flags == ServiceFlags.QID_HASH
    assert correction("ops") == "virtual server [198.51.100.1]:tcp:80: ops needs UDP, ignored"
    assert service("ops").flags == ServiceFlags(0)
    assert "qid needs UDP" in correction("lb_algo conhash\nhash_target qid")
    assert service("lb_algo conhash\nhash_target qid").flags == ServiceFlags(0)


def test_flags_of_a_scheduler_follow_it() -> None:
    text = f"virtual_server 198.51.100.1 80 {{\nmh-port\n{COMPLETE}lb_algo mh\n{SERVER}}}\n"
    assert "mh-port belongs after lb_algo mh" in notes(text)[0]
    assert "mh-fallback belongs after lb_algo mh" in correction("mh-fallback")
    assert "sh-port belongs to lb_algo sh" in correction("sh-port")
    assert "sh-fallback belongs to lb_algo sh" in correction("sh-fallback")


def test_ipv6_service() -> None:
    found = service("persistence_granularity 64", head="2001:db8::1 443")
    assert found.key == ServiceKey(Family.INET6, Protocol.TCP, ip_address("2001:db8::1"), 443)
    assert found.netmask == 64
    assert service(head="2001:db8::1 443").netmask == 128


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("alpha", "alpha", None),
        ("omega", "omega", True),
        ("quorum 1\nhysteresis 0", "quorum", 1),
        ("ha_suspend", "ha_suspend", True),
        ("smtp_alert", "smtp_alert", True),
        ("smtp_alert off", "smtp_alert", False),
        ('quorum_up "/bin/up a"', "quorum_up", Command(("/bin/up", "a"))),
        ("quorum_down '/bin/down \"a b\"' user group", "quorum_down", Command(("/bin/down", "a b"), "user", "group")),
        (
            "sorry_server 192.0.2.99 8080",
            "sorry_server",
            Dest(Family.INET, IPv4Address("192.0.2.99"), 8080, ForwardingMode.FULLNAT),
        ),
        (
            "sorry_server 192.0.2.99\nsorry_server_lvs_method NAT",
            "sorry_server",
            Dest(Family.INET, IPv4Address("192.0.2.99"), 0, ForwardingMode.NAT),
        ),
        ("sorry_server 192.0.2.99\nsorry_server_inhibit", "sorry_server_inhibit", True),
    ],
)
def test_keywords_of_the_virtual_server(lines: str, name: str, value: object) -> None:
    found = virtual_server(lines)
    if name == "alpha":
        assert found.servers[0].alpha
    else:
        assert getattr(found, name) == value


def test_smtp_alert_follows_global_defs() -> None:
    assert [
        (virtual_server(more=more).smtp_alert, virtual_server(more=more).servers[0].smtp_alert)
        for more in (
            "",
            "global_defs {\nsmtp_alert\n}\n",
            "global_defs {\nsmtp_alert off\n}\n",
            "global_defs {\nsmtp_alert off\nsmtp_alert_checker\n}\n",
            "global_defs {\nsmtp_alert_vrrp off\n}\n",
        )
    ] == [(False, True), (True, True), (False, False), (True, True), (False, True)]


@pytest.mark.parametrize("name", "lc lblc lblcr sh dh sed nq ovf".split())
def test_schedulers_dpvs_refuses(name: str) -> None:
    assert complaint(f"lb_algo {name}") == f"lb_algo {name} is no scheduler of DPVS (rr, wrr, wlc, conhash, fo, mh)"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("lb_algo quick", "lb_algo quick is none of rr, wrr, wlc, conhash, fo, mh"),
        ("lb_algo", "lb_algo needs a value"),
        ("lb_kind nat", "lb_kind nat is none of NAT, DR, TUN, FNAT, SNAT"),
        ("protocol IPX", "protocol IPX is none of TCP, UDP, SCTP, ICMP, ICMPV6"),
        ("delay_loop", "delay_loop needs a value"),
        ("delay_loop 0", "delay_loop 0 is not within 1e-06 and 8.64e+07"),
        ("delay_loop soon", "delay_loop soon is not a number"),
        ("connect_timeout 4295", "connect_timeout 4295 is not within 1e-06 and 4294.97"),
        ("retry 0", "retry 0 is not within 1 and 4294967295"),
        ("weight 0", "weight 0 is not within 1 and 65535"),
        ("weight 65536", "weight 65536 is not within 1 and 65535"),
        ("weight 1O", "weight 1O is not a number"),
        ("hysteresis -1", "hysteresis -1 is not within 0 and 4294967295"),
        ("establish_timeout a", "establish_timeout a is not a number"),
        ("limit_proportion 101", "limit_proportion 101 is not within 1 and 100"),
        ("persistence_timeout 0", "persistence_timeout 0 is not within 1 and 2147483647"),
        ("persistence_granularity 255.0.255.0", "virtual_server persistence_granularity 255.0.255.0 is not a netmask"),
        ("persistence_granularity 24", "virtual_server persistence_granularity 24 is not a netmask"),
        ("smtp_alert perhaps", "smtp_alert perhaps is none of true, on, yes, false, off, no"),
        ("quorum_up", "quorum_up needs a program"),
        ('quorum_up ""', "quorum_up needs a program"),
        ("sorry_server here", "sorry_server here is not an IP address"),
        ("sorry_server 192.0.2.1 70000", "sorry_server 70000 is not within 0 and 65535"),
        ("ip_family inet6", "virtual_server has another ip_family than its addresses"),
        ("laddr_group_name l", "virtual_server uses local_address_group l, which is not defined"),
        ("daddr_group_name d", "virtual_server uses deny_address_group d, which is not defined"),
        ("waddr_group_name w", "virtual_server uses allow_address_group w, which is not defined"),
        ("oif dpdk1234567890123", "oif dpdk1234567890123 is not a name of 1 to 15 characters"),
    ],
)
def test_wrong_values(lines: str, message: str) -> None:
    assert complaint(lines) == message


def test_wrong_granularity_of_ipv6() -> None:
    assert "is not a number" in complaint("persistence_granularity 255.0.0.0", head="2001:db8::1 80")
    assert "not within 1 and 128" in complaint("persistence_granularity 129", head="2001:db8::1 80")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("", "virtual_server needs an address, a group, a match or a fwmark"),
        ("nowhere 80", "virtual_server nowhere is not an IP address"),
        ("198.51.100.256 80", "virtual_server 198.51.100.256 is not an IP address"),
        ("198.51.100.01 80", "virtual_server 198.51.100.01 is not an IP address"),
        ("fe80::1%eth0 80", "virtual_server fe80::1%eth0 is not an IP address"),
        ("198.51.100.1 http", "virtual_server http is not a number"),
        ("198.51.100.1 65536", "virtual_server 65536 is not within 0 and 65535"),
        ("group", "virtual_server group needs a value"),
        ("group nobody", "virtual_server uses virtual_server_group nobody, which is not defined"),
        ("fwmark x", "virtual_server x is not a number"),
        ("match m", "virtual_server match m needs lb_kind SNAT"),
    ],
)
def test_wrong_heads(head: str, message: str) -> None:
    assert complaint("", head=head) == message


@pytest.mark.parametrize(
    ("lines", "message", "name", "value"),
    [
        ("establish_timeout 0", "establish_timeout 0 becomes 1", "conn_timeout_s", 1),
        ("establish_timeout 9999", "establish_timeout 9999 becomes 3600", "conn_timeout_s", 3600),
        (
            "proxy_protocol v3",
            "proxy_protocol v3 is none of v1, v2, v1-insecure, v2-insecure, off is used",
            "proxy_protocol",
            ProxyProtocol.OFF,
        ),
        (
            "lb_algo conhash\nhash_target ip",
            "hash_target ip is neither sip nor qid, sip is used",
            "scheduler",
            "conhash",
        ),
    ],
)
def test_corrected_values(lines: str, message: str, name: str, value: object) -> None:
    assert correction(lines) == message
    assert getattr(service(lines), name) == value


@pytest.mark.parametrize(
    ("lines", "message", "quorum", "hysteresis"),
    [
        ("quorum 0", "quorum 0 is not within 1 and 4294967295, 1 is used", 1, 0),
        ("quorum many", "quorum many is not a number, 1 is used", 1, 0),
        ("quorum 9", "virtual server [198.51.100.1]:tcp:80: quorum 9 is above the sum of weights, 1 is used", 1, 0),
        ("hysteresis 3", "virtual server [198.51.100.1]:tcp:80: hysteresis 3 is not below quorum, 0 is used", 1, 0),
    ],
)
def test_corrected_quorum(lines: str, message: str, quorum: int, hysteresis: int) -> None:
    assert correction(lines) == message
    found = virtual_server(lines)
    assert (found.quorum, found.hysteresis) == (quorum, hysteresis)


def test_corrections_fail_a_configuration_test() -> None:
    assert read(service_text("quorum 9")).fails_test


def test_no_port_needs_persistence() -> None:
    for head in ("198.51.100.1", "198.51.100.1 0", "198.51.100.1 000"):
        found = service(head=head)
        assert (found.key.port, found.persistence_timeout_s) == (0, 360)
        assert found.flags == PERSISTENT
        assert "no port needs persistence" in correction("", head=head)
    assert service("persistence_timeout 5", head="198.51.100.1").persistence_timeout_s == 5


@pytest.mark.parametrize(
    ("method", "server", "port", "told"),
    [
        ("DR", "192.0.2.10 8080", 80, True),
        ("TUN", "192.0.2.10 8080", 80, True),
        ("DR", "192.0.2.10", 80, False),
        ("NAT", "192.0.2.10 8080", 8080, False),
        ("NAT", "192.0.2.10", 80, False),
        ("FNAT", "192.0.2.10 8080", 8080, False),
        ("FNAT", "192.0.2.10 0", 0, False),
    ],
)
def test_ports_of_servers(method: str, server: str, port: int, told: bool) -> None:
    lines, servers = f"lb_kind {method}", f"real_server {server} {{\n}}\n"
    assert virtual_server(lines, servers).servers[0].dest.port == port
    found = notes(service_text(lines, servers))
    assert bool(found) == told
    assert all("ports of service and server 192.0.2.10 differ, 80 is used" in note for note in found)


def test_port_of_the_sorry_server() -> None:
    found = virtual_server("lb_kind DR\nsorry_server 192.0.2.9 81").sorry_server
    assert found is not None
    assert found.port == 80
    assert "ports of service and sorry server differ" in correction("lb_kind DR\nsorry_server 192.0.2.9 81")
    assert "sorry_server_inhibit without sorry_server" in correction("sorry_server_inhibit")


def test_service_without_servers_is_left_out() -> None:
    result = read(service_text(servers=""))
    assert not result.config.virtual_servers
    assert result.fails_test
    assert "no real servers, ignored" in str(result.notes[0])


def test_flags_take_no_value() -> None:
    assert correction("omega off") == "omega off: the keyword takes no value and is on where it stands"


def test_first_script_counts() -> None:
    assert correction("quorum_up /bin/a\nquorum_up /bin/b") == "quorum_up stands twice, the first one counts"


def test_same_service_twice_is_told() -> None:
    assert notes(service_text() * 2) == [
        "!keepalived.conf:9: virtual server [198.51.100.1]:tcp:80: the same service stands before"
    ]


# Groups

LADDRS = "local_address_group l {\n192.0.2.200 dpdk0.102\n192.0.2.253-254 dpdk0\n2001:db8::fe-ff dpdk1\n}\n"


def test_local_addresses() -> None:
    found = virtual_server("laddr_group_name l", more=LADDRS).laddrs
    assert [(str(each.address), each.device, each.family) for each in found] == [
        ("192.0.2.200", "dpdk0.102", Family.INET),
        ("192.0.2.253", "dpdk0", Family.INET),
        ("192.0.2.254", "dpdk0", Family.INET),
        ("2001:db8::fe", "dpdk1", Family.INET6),
        ("2001:db8::ff", "dpdk1", Family.INET6),
    ]


def test_local_addresses_belong_to_fnat_and_snat() -> None:
    assert virtual_server("lb_kind DR\nladdr_group_name l", more=LADDRS).laddrs == ()
    assert (
        "laddr_group_name belongs to FNAT and SNAT" in notes(service_text("lb_kind DR\nladdr_group_name l") + LADDRS)[0]
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("192.0.2.1", "local address 192.0.2.1 needs a device"),
        ("192.0.2.9-1 dpdk0", "local address 192.0.2.9-1 192.0.2.9-1 ends before it starts"),
        ("192.0.2.1-256 dpdk0", "local address 192.0.2.1-256 192.0.2.1-256 is not a range"),
        ("192.0.2.1-x dpdk0", "local address 192.0.2.1-x 192.0.2.1-x is not a range"),
        ("here dpdk0", "local address here here is not an IP address"),
        (
            "192.0.2.1 dpdk01234567890123",
            "local address 192.0.2.1 dpdk01234567890123 is not a name of 1 to 15 characters",
        ),
    ],
)
def test_wrong_local_addresses(line: str, message: str) -> None:
    assert problems(f"local_address_group l {{\n{line}\n}}\n") == [f"keepalived.conf:2: {message}"]


ACL = "deny_address_group d {\n192.0.2.1\n192.0.2.8-9\n2001:db8::a-b\nipset:bad\n}\nallow_address_group a {\n}\n"


def test_access_lists() -> None:
    found = virtual_server("daddr_group_name d\nwaddr_group_name a", more=ACL)
    assert found.denied == (
        AclSubject(ip_address("192.0.2.1")),
        AclSubject(ip_address("192.0.2.8")),
        AclSubject(ip_address("192.0.2.9")),
        AclSubject(ip_address("2001:db8::a")),
        AclSubject(ip_address("2001:db8::b")),
        AclSubject(ipset="bad"),
    )
    assert found.allowed == ()
    entries = acl_entries(found.denied, found.services[0].key)
    assert (entries[0].vip, entries[0].port, entries[0].subject) == (
        found.services[0].key.address,
        80,
        found.denied[0].address,
    )
    assert entries[-1].ipset == "bad"


@pytest.mark.parametrize("line", ["somebody", "ipset:", "ipset:" + "x" * 32, "192.0.2.5-4"])
def test_wrong_access_lists(line: str) -> None:
    assert problems(f"deny_address_group d {{\n{line}\n}}\n")[0].startswith("keepalived.conf:2: address ")


@pytest.mark.parametrize(
    "keyword", ["local_address_group", "deny_address_group", "allow_address_group", "virtual_server_group"]
)
def test_groups_have_one_name_each(keyword: str) -> None:
    lines = {"local_address_group": "192.0.2.1 dpdk0", "virtual_server_group": "192.0.2.1 80"}.get(keyword, "")
    assert problems(f"{keyword} {{\n{lines}\n}}\n") == [f"keepalived.conf:1: {keyword} needs a name"]
    assert notes(f"{keyword} g {{\n{lines}\n}}\n{keyword} g {{\n{lines}\n}}\n") == [
        f"!keepalived.conf:4: {keyword} g stands twice, the first one counts"
    ]


def group(lines: str) -> VirtualServer:
    text = f"virtual_server_group g {{\n{lines}\n}}\n" + service_text(head="group g")
    (found,) = config(text).virtual_servers
    return found


def keys(found: VirtualServer) -> list[tuple[str, int]]:
    return [(str(each.key.address), each.key.port) for each in found.services]


def test_group_of_addresses() -> None:
    found = group("198.51.100.1 80\n198.51.100.8-10 443\n198.51.100.20 80")
    assert found.name == "[g]:0"
    assert keys(found) == [
        ("198.51.100.1", 80),
        ("198.51.100.8", 443),
        ("198.51.100.9", 443),
        ("198.51.100.10", 443),
        ("198.51.100.20", 80),
    ]
    assert len(found.servers) == 1


def test_group_range_of_ipv6_is_hexadecimal() -> None:
    assert keys(group("2001:db8::fffe-ffff 80")) == [("2001:db8::fffe", 80), ("2001:db8::ffff", 80)]
    assert keys(group("2001:db8::fffe 80"))[0] == ("2001:db8::fffe", 80)


def test_group_range_in_full() -> None:
    assert len(group("198.51.100.250-198.51.101.10 80").services) == 17


def test_members_of_a_group_share_lists_and_local_addresses() -> None:
    more = "virtual_server_group g {\n198.51.100.8-10 443\n}\n" + LADDRS + ACL
    found = virtual_server("laddr_group_name l\ndaddr_group_name d", head="group g", more=more)
    assert (len(found.services), len(found.laddrs), len(found.denied)) == (3, 5, 6)


def test_group_without_port_is_persistent() -> None:
    found = group("198.51.100.1\n198.51.100.2 80")
    assert [each.persistence_timeout_s for each in found.services] == [360, 360]


def test_name_of_a_group_counts_its_users() -> None:
    text = "virtual_server_group g {\n198.51.100.1 80\n}\nvirtual_server_group h {\n198.51.100.1 80\n}\n"
    text += service_text(head="group g") + service_text(head="group h") + service_text("protocol UDP", head="group g")
    assert [found.name for found in config(text).virtual_servers] == ["[g]:0", "[h]:0", "[g]:1"]


def test_name_of_a_group_may_look_like_an_address() -> None:
    text = "virtual_server_group 2001::1-80-TCP_QLB {\n2001::1 80\n}\n" + service_text(head="group 2001::1-80-TCP_QLB")
    (found,) = config(text).virtual_servers
    assert found.name == "[2001::1-80-TCP_QLB]:0"
    assert found.services[0].key.family == Family.INET6
    assert found.servers[0].dest.family == Family.INET


def test_empty_group_makes_no_service() -> None:
    result = read("virtual_server_group g {\n}\n" + service_text(head="group g"))
    assert not result.config.virtual_servers
    assert [str(note).partition(": ")[2] for note in result.notes] == [
        "virtual_server_group g has no entries",
        "virtual server [g]:0: virtual_server_group g is empty, ignored",
    ]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("198.51.100.1 80\n2001:db8::1 80", "3: virtual_server_group g mixes IPv4 and IPv6"),
        ("198.51.100.1 http", "2: address http is not a number"),
        ("198.51.100.9-3 80", "2: address 198.51.100.9-3 ends before it starts"),
        ("2001:db8::1-2001:db8::2:1 80", "2: address 2001:db8::1-2001:db8::2:1 holds more than 65536 addresses"),
        ("198.51.100.1-2001:db8::2 80", "2: address 198.51.100.1-2001:db8::2 mixes IPv4 and IPv6"),
        ("fwmark", "2: address fwmark needs a number"),
        ("fwmark 4294967296", "2: address 4294967296 is not within 0 and 4294967295"),
    ],
)
def test_wrong_groups(lines: str, message: str) -> None:
    assert problems(f"virtual_server_group g {{\n{lines}\n}}\n") == [f"keepalived.conf:{message}"]


def test_length_of_an_address_is_passed_over() -> None:
    assert keys(group("198.51.100.1/32 80")) == [("198.51.100.1", 80)]
    assert notes("virtual_server_group g {\n198.51.100.1/24 80\n}\n") == [
        "!keepalived.conf:2: /24 is ignored: one address is one service"
    ]


def test_ports_of_a_group_and_its_servers() -> None:
    text = "virtual_server_group g {\n198.51.100.1 80\n198.51.100.2 81\n}\n"
    text += service_text("lb_kind DR", head="group g")
    (found,) = config(text).virtual_servers
    assert found.servers[0].dest.port == 80
    assert "port 80 of server 192.0.2.10 is not that of the service" in notes(text)[0]


# Marks


def test_marks_are_told() -> None:
    found = virtual_server(head="fwmark 7")
    assert found.name == "FWM 7"
    assert found.services[0].key == ServiceKey(Family.INET, Protocol.TCP, IPv4Address(0), 0, 7)
    assert correction("", head="fwmark 7") == "virtual server FWM 7: DPVS has no services by mark and will refuse it"
    assert virtual_server("ip_family inet6", head="fwmark 7").services[0].key.family == Family.INET6
    assert not virtual_server("ha_suspend", head="fwmark 7").ha_suspend


def test_marks_of_a_group() -> None:
    found = group("198.51.100.1 80\nfwmark 3")
    assert [each.key.fwmark for each in found.services] == [0, 3]


# Match


def match(lines: str, servers: str = "real_server 192.0.2.2 0 {\n}\n", head: str = "match m") -> VirtualServer:
    return virtual_server(f"lb_kind SNAT\n{lines}", servers, head)


def test_match_service() -> None:
    found = match("protocol UDP\nsrc-range 192.0.2.0-192.0.2.254\noif dpdk1")
    assert found.name == "MATCH udp,from=192.0.2.0-192.0.2.254,oif=dpdk1"
    (made,) = found.services
    assert made.flags == ServiceFlags.MATCH
    assert made.key == ServiceKey(
        Family.INET,
        Protocol.UDP,
        IPv4Address(0),
        0,
        match=Match(
            Family.INET, AddressRange(IPv4Address("192.0.2.0"), IPv4Address("192.0.2.254")), output_device="dpdk1"
        ),
    )
    assert found.servers[0].dest.forwarding == ForwardingMode.SNAT
    assert made.persistence_timeout_s == 0


def test_match_with_ports_and_destination() -> None:
    found = match("protocol ICMP\nsrc-range 192.0.2.1-192.0.2.9:1-99\ndst-range 203.0.113.1:443\niif dpdk0\noif dpdk1")
    made = found.services[0].key.match
    assert (made.source.min_port, made.source.max_port) == (1, 99)
    assert (str(made.destination.max_address), made.destination.min_port, made.destination.max_port) == (
        "203.0.113.1",
        443,
        443,
    )
    assert (made.input_device, made.output_device) == ("dpdk0", "dpdk1")
    assert found.name == ("MATCH icmp,from=192.0.2.1-192.0.2.9:1-99,to=203.0.113.1:443,iif=dpdk0,oif=dpdk1")


def test_match_of_ipv6() -> None:
    found = match("src-range [2001:db8::1-2001:db8::9]:1-2", "real_server 2001:db8::2 0 {\n}\n").services[0].key
    assert found.family == found.match.family == Family.INET6
    assert found.match.destination.max_address == ip_address("::")
    plain = (
        match("src-range 2001:db8::1-2001:db8::9\ndst-range :80", "real_server 2001:db8::2 0 {\n}\n").services[0].key
    )
    assert plain.match.destination == AddressRange(ip_address("::"), ip_address("::"), 80, 80)


def test_match_by_device_takes_the_family_of_its_servers() -> None:
    found = match("oif dpdk1").services[0].key
    assert (found.family, found.match.family) == (Family.INET, Family.UNSPEC)
    assert match("oif dpdk1", "real_server 2001:db8::2 0 {\n}\n").services[0].key.family == Family.INET6


def test_match_presets_the_method() -> None:
    text = f"virtual_server match m {{\nprotocol UDP\nlb_algo rr\noif dpdk1\n{SERVER}}}\n"
    (found,) = config(text).virtual_servers
    assert found.servers[0].dest.forwarding == ForwardingMode.SNAT


def test_snat_by_address_is_a_match_too() -> None:
    assert match("oif dpdk1", head="0.0.0.0 0").services[0].flags == ServiceFlags.MATCH


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "virtual_server with SNAT needs src-range, dst-range, iif or oif"),
        ("src-range 192.0.2.1-2001:db8::1", "virtual_server 192.0.2.1-2001:db8::1 mixes IPv4 and IPv6"),
        ("src-range 192.0.2.9-192.0.2.1", "virtual_server 192.0.2.9-192.0.2.1 ends before it starts"),
        ("src-range 192.0.2.1:9-8", "virtual_server 192.0.2.1:9-8 ends before it starts"),
        ("src-range here", "virtual_server here is not an IP address"),
        ("src-range [::1", "virtual_server [::1 is not a range"),
        (
            "src-range 192.0.2.1\ndst-range 2001:db8::1",
            "virtual_server src-range and dst-range are of different families",
        ),
    ],
)
def test_wrong_matches(lines: str, message: str) -> None:
    assert complaint(f"lb_kind SNAT\n{lines}", head="match m") == message


def test_ranges_belong_to_snat() -> None:
    assert "belong to SNAT, ignored" in correction("oif dpdk1")
    assert service("oif dpdk1").key.match is NO_MATCH


# Tunnels

ENTRY = "kind gre\nlocal 192.0.2.5\nremote 192.0.2.6\n"


def test_tunnels() -> None:
    entries = f"tunnel_entry gre100 {{\n{ENTRY}if dpdk0\n}}\ntunnel_entry ipip1 {{\n{ENTRY}kind ipip\n}}\n"
    text = f"tunnel_group t {{\n{entries}}}\n"
    first, second = config(text).tunnels
    assert (first.name, first.kind, str(first.local), str(first.remote), first.link) == (
        "gre100",
        "gre",
        "192.0.2.5",
        "192.0.2.6",
        "dpdk0",
    )
    assert (second.name, second.kind, second.link) == ("ipip1", "ipip", "")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("tunnel_entry a {\n}", "2: tunnel_entry a needs kind, remote, local"),
        ("tunnel_entry {\nkind gre\n}", "2: tunnel_entry  is not a name of 1 to 15 characters"),
        (f"tunnel_entry a {{\n{ENTRY}kind sit\n}}", "6: kind sit is none of gre, ipip"),
        (f"tunnel_entry a {{\n{ENTRY}local 2001:db8::1\n}}", "6: local 2001:db8::1 is not an IPv4 address"),
        (f"tunnel_entry a {{\n{ENTRY}}}\ntunnel_entry a {{\n{ENTRY}}}", "7: tunnel_entry a stands twice"),
    ],
)
def test_wrong_tunnels(entry: str, message: str) -> None:
    assert problems(f"tunnel_group t {{\n{entry}\n}}\n") == [f"keepalived.conf:{message}"]
