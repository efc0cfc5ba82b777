"""vrrp_instance, sync groups and what is tracked: each keyword, its default, its range, keepalived's corrections."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tests.support.keepalived_conf import ADDRESS, INSTANCE, config, instance, instance_text, notes, problems, read
from xdpvs.model.address import Family
from xdpvs.model.script import Command
from xdpvs.model.vrrp import (
    AuthType,
    GarpTiming,
    Notifications,
    Track,
    TrackFile,
    Tracking,
    TrackProcess,
    TrackScript,
    VirtualAddress,
    VirtualRoute,
    VrrpInstance,
    VrrpState,
    VrrpSyncGroup,
)

ADDRESS6 = "virtual_ipaddress {\nfe80::1\n2001:db8::1/64\n}\n"
ONE = VirtualAddress(ip_address("198.51.100.1"), 32)


def complaint(lines: str, addresses: str = ADDRESS) -> str:
    (found,) = problems(instance_text(lines, addresses))
    return found.partition(": ")[2]


def correction(lines: str, addresses: str = ADDRESS) -> str:
    (found,) = notes(instance_text(lines, addresses))
    return found.partition(": ")[2]


def test_defaults_of_an_instance() -> None:
    assert instance() == VrrpInstance("VI_1", "eth0", 51, dpdk_interface="dpdk0", addresses=(ONE,))


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("state MASTER\npriority 100", "initial_state", VrrpState.MASTER),
        ("state BACKUP", "initial_state", VrrpState.BACKUP),
        ("priority 255", "initial_state", VrrpState.MASTER),
        ("priority 255\nstate BACKUP", "initial_state", VrrpState.BACKUP),
        ("state MASTER", "priority", 255),
        ("priority 1", "priority", 1),
        ("advert_int 5", "advert_interval_s", 5.0),
        ("version 3\nadvert_int 0.25", "advert_interval_s", 0.25),
        ("version 3", "version", 3),
        ("nopreempt", "nopreempt", True),
        ("nopreempt\npreempt", "nopreempt", False),
        ("preempt\nnopreempt", "nopreempt", True),
        ("preempt_delay 2.5", "preempt_delay_s", 2.5),
        ("lower_prio_no_advert", "lower_prio_no_advert", True),
        ("higher_prio_send_advert yes", "higher_prio_send_advert", True),
        ("skip_check_adv_addr", "skip_check_adv_addr", True),
        ("unicast_src_ip 192.0.2.1", "source_address", ip_address("192.0.2.1")),
        ("mcast_src_ip 192.0.2.2", "source_address", ip_address("192.0.2.2")),
        ("unicast_src_ip 192.0.2.1\ntrack_src_ip", "track_source_address", True),
        ("track_src_ip", "track_source_address", False),
        (
            "unicast_peer {\n192.0.2.5\n192.0.2.6\n}",
            "unicast_peers",
            (ip_address("192.0.2.5"), ip_address("192.0.2.6")),
        ),
        ("check_unicast_src", "check_unicast_source", True),
        ("old_unicast_checksum", "old_unicast_checksum", True),
        ("old_unicast_checksum never", "old_unicast_checksum", False),
        ("mcast_dst_ip 224.0.0.19", "multicast_group", ip_address("224.0.0.19")),
        ("dont_track_primary", "track_interface_itself", False),
        ("virtual_router_id 255", "virtual_router_id", 255),
        ("interface dpdk0.102.kni", "interface", "dpdk0.102.kni"),
    ],
)
def test_keywords_of_an_instance(lines: str, name: str, value: object) -> None:
    assert getattr(instance(lines), name) == value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("virtual_router_id 0", "virtual_router_id 0 is not within 1 and 255"),
        ("virtual_router_id 256", "virtual_router_id 256 is not within 1 and 255"),
        ("interface interface0123456", "interface interface0123456 is not a name of 1 to 15 characters"),
        ("dpdk_interface interface0123456", "dpdk_interface interface0123456 is not a name of 1 to 15 characters"),
        ("advert_int 0", "advert_int 0 is not within 0.01 and 255"),
        ("advert_int 256", "advert_int 256 is not within 0.01 and 255"),
        ("version 4", "version 4 is none of 2, 3"),
        ("garp_master_delay -1", "garp_master_delay -1 is not within 0 and 4294"),
        ("garp_master_refresh x", "garp_master_refresh x is not a number"),
        ("garp_lower_prio_repeat -1", "garp_lower_prio_repeat -1 is not within 0 and 4294967295"),
        ("skip_check_adv_addr maybe", "skip_check_adv_addr maybe is none of true, on, yes, false, off, no"),
        ("unicast_src_ip me", "unicast_src_ip me is not an IP address"),
        ("unicast_peer {\nyou\n}", "unicast_peer: you is not an IP address"),
        ("old_unicast_checksum always", "old_unicast_checksum always is not never"),
        ("authentication {\nauth_type MD5\n}", "auth_type MD5 is none of PASS, AH"),
        ("authentication {\nauth_pass\n}", "auth_pass needs a value"),
        ("notify_master", "notify_master needs a program"),
        ("virtual_ipaddress {\n198.51.100.300\n}", "virtual_ipaddress: 198.51.100.300 is not an IP address"),
        ("virtual_ipaddress {\n198.51.100.3/33\n}", "virtual_ipaddress: 33 is not within 0 and 32"),
        ("virtual_ipaddress {\n198.51.100.3 odd\n}", "virtual_ipaddress: odd is not an option of an address"),
        ("virtual_ipaddress {\n198.51.100.3 dev\n}", "virtual_ipaddress: dev needs a value"),
        ("virtual_ipaddress {\ndev eth0\n}", "virtual_ipaddress: an address is missing"),
        (
            "virtual_ipaddress {\n2001:db8::1\n}",
            "(VI_1) 2001:db8::1 is of another family than the instance; virtual_ipaddress_excluded may hold both",
        ),
        (
            "unicast_peer {\n2001:db8::2\n}",
            "(VI_1) 2001:db8::2 is of another family than the instance; virtual_ipaddress_excluded may hold both",
        ),
        ("track_script {\nnobody\n}", "no vrrp_script of the name nobody"),
        ("track_file {\nnobody\n}", "no track_file of the name nobody"),
        ("track_process {\nnobody\n}", "no vrrp_track_process of the name nobody"),
        ("track_interface {\neth1 weight 255\n}", "track_interface 255 is not within -254 and 254"),
        ("track_interface {\neth1 weight\n}", "track_interface eth1: weight N is what may follow"),
        ("track_interface {\neth1 prio 3\n}", "track_interface eth1: weight N is what may follow"),
        ("track_interface {\neth1 weight 3 odd\n}", "track_interface odd is not reverse"),
        ("track_interface\n", "missing `{` after track_interface"),
    ],
)
def test_wrong_values(lines: str, message: str) -> None:
    assert complaint(lines) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"vrrp_instance V {{\nvirtual_router_id 1\n{ADDRESS}}}\n", "1: vrrp_instance V needs interface"),
        (f"vrrp_instance V {{\ninterface eth0\n{ADDRESS}}}\n", "1: vrrp_instance V needs virtual_router_id"),
        (f"vrrp_instance {{\n{INSTANCE}}}\n", "1: vrrp_instance needs a name"),
        (instance_text() + instance_text("virtual_router_id 52"), "10: vrrp_instance VI_1 stands twice"),
        (
            instance_text() + instance_text(name="VI_2"),
            "10: VI_2 and VI_1 both use virtual_router_id 51 on eth0",
        ),
        (instance_text("version 3", ""), "1: vrrp_instance VI_1 needs an address in virtual_ipaddress"),
        (instance_text("native_ipv6", ""), "1: vrrp_instance VI_1 needs an address in virtual_ipaddress"),
        (instance_text("strict_mode", ""), "1: vrrp_instance VI_1 needs an address in virtual_ipaddress"),
    ],
)
def test_wrong_instances(text: str, message: str) -> None:
    assert problems(text) == [f"keepalived.conf:{message}"]


def test_same_router_id_on_other_interfaces_and_families() -> None:
    text = instance_text() + instance_text("interface eth1", name="V2") + instance_text("", ADDRESS6, name="V3")
    assert len(config(text).instances) == 3


@pytest.mark.parametrize(
    ("lines", "message", "name", "value"),
    [
        ("priority 0", "priority 0 is not within 1 and 255, 100 is used", "priority", 100),
        ("priority 256", "priority 256 is not within 1 and 255, 100 is used", "priority", 100),
        ("state SLAVE", "state SLAVE is neither MASTER nor BACKUP, BACKUP is used", "initial_state", VrrpState.BACKUP),
        ("preempt_delay 1001", "preempt_delay 1001 is not within 0 and 1000, 0 is used", "preempt_delay_s", 0.0),
        ("advert_int 1.4", "(VI_1) advert_int 1.4 becomes 1 in version 2", "advert_interval_s", 1.0),
        ("advert_int 0.2", "(VI_1) advert_int 0.2 becomes 1 in version 2", "advert_interval_s", 1.0),
        ("version 3\nadvert_int 0.126", "(VI_1) advert_int 0.126 becomes 0.13 in version 3", "advert_interval_s", 0.13),
        ("version 3\nadvert_int 60", "(VI_1) advert_int 60 becomes 40.95 in version 3", "advert_interval_s", 40.95),
        ("priority 255\nnopreempt", "(VI_1) nopreempt does not go with priority 255, ignored", "nopreempt", False),
        (
            "state MASTER\npriority 100\nnopreempt",
            "(VI_1) nopreempt does not go with state MASTER, ignored",
            "nopreempt",
            False,
        ),
        (
            "state MASTER\npriority 100\npreempt_delay 5",
            "(VI_1) preempt_delay does not go with state MASTER, ignored",
            "preempt_delay_s",
            0.0,
        ),
        (
            "nopreempt\npreempt_delay 5",
            "(VI_1) preempt_delay does not go with nopreempt, ignored",
            "preempt_delay_s",
            0.0,
        ),
        (
            "virtual_ipaddress {\n198.51.100.1\n}",
            "(VI_1) an address stands twice",
            "addresses",
            (ONE,),
        ),
        ("garp_master_repeat 0", "garp_master_repeat 0 becomes 1", "garp", GarpTiming(master_repeat=1)),
        ("garp_master_refresh_repeat 0", "garp_master_refresh_repeat 0 becomes 1", "garp", GarpTiming()),
        (
            "mcast_dst_ip 192.0.2.1",
            "(VI_1) mcast_dst_ip 192.0.2.1 is not a multicast address of the instance's family, ignored",
            "multicast_group",
            None,
        ),
        (
            "authentication {\nauth_type PASS\n}",
            "(VI_1) no authentication without a password, ignored",
            "auth_type",
            AuthType.NONE,
        ),
        (
            "version 3\nauthentication {\nauth_type PASS\nauth_pass x\n}",
            "(VI_1) no authentication in version 3, ignored",
            "auth_password",
            "",
        ),
        (
            "authentication {\nauth_type PASS\nauth_pass 123456789\n}",
            "auth_pass is cut at 8 bytes",
            "auth_password",
            "12345678",
        ),
        (
            "state MASTER\npriority 100\nauthentication {\nauth_type AH\nauth_pass x\n}",
            "(VI_1) state MASTER does not go with AH authentication, BACKUP is used",
            "initial_state",
            VrrpState.BACKUP,
        ),
        ("notify /bin/a\nnotify /bin/b", "notify stands twice, the first one counts", "nopreempt", False),
    ],
)
def test_corrections(lines: str, message: str, name: str, value: object) -> None:
    assert correction(lines) == message
    assert getattr(instance(lines), name) == value


def test_password() -> None:
    found = instance("authentication {\nauth_type PASS\nauth_pass 1111\n}")
    assert (found.auth_type, found.auth_password) == (AuthType.PASS, "1111")
    assert "1111" not in repr(found)
    assert instance("authentication {\nauth_pass 1111\n}").auth_type is AuthType.NONE


def test_missing_dpdk_interface_is_told() -> None:
    text = f"vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n{ADDRESS}}}\n"
    assert notes(text) == ["keepalived.conf:1: (V) without dpdk_interface its addresses cannot be put into dpvs"]
    assert not read(text).fails_test


# Addresses


def test_addresses() -> None:
    found = instance(
        "virtual_ipaddress_excluded {\n2001:db8::9\n203.0.113.0/24\n}",
        "virtual_ipaddress {\n198.51.100.1\n"
        "198.51.100.2/24 brd 198.51.100.255 dev eth0 scope global label eth0:1 no_track\n}\n",
    )
    assert found.addresses == (ONE, VirtualAddress(ip_address("198.51.100.2"), 24))
    assert found.excluded_addresses == (
        VirtualAddress(ip_address("2001:db8::9"), 128),
        VirtualAddress(ip_address("203.0.113.0"), 24),
    )


def test_ignored_options_of_addresses_are_told_once() -> None:
    lines = "virtual_ipaddress {\n198.51.100.2 dev eth0\n198.51.100.3 dev eth1 home\n}"
    assert [note.partition(": ")[2] for note in notes(instance_text(lines))] == [
        "dev is ignored: addresses go to dpdk_interface as they are (2 times)",
        "home is ignored: addresses go to dpdk_interface as they are",
    ]


def test_ipv6_instance() -> None:
    found = instance("", ADDRESS6)
    assert (found.family, found.version) == (Family.INET6, 3)
    assert found.addresses[1] == VirtualAddress(ip_address("2001:db8::1"), 64)
    assert instance("version 2", ADDRESS6).version == 2


def test_first_ipv6_address_should_be_link_local() -> None:
    addresses = "virtual_ipaddress {\n2001:db8::1\n}\n"
    assert correction("", addresses) == "(VI_1) the first IPv6 address should be link-local, 2001:db8::1 is not"
    assert not notes(instance_text("unicast_peer {\n2001:db8::2\n}", addresses))


def test_addresses_that_do_not_fit_are_not_advertised() -> None:
    for count, limit, line in ((260, 255, "10.0.{}.{}"), (100, 89, "fe80::{}:{}")):
        lines = "\n".join(line.format(number // 200, number % 200 + 1) for number in range(count))
        text = f"virtual_ipaddress {{\n{lines}\n}}\nvirtual_ipaddress_excluded {{\n203.0.113.9\n}}\n"
        found = instance("", text)
        assert (len(found.addresses), len(found.excluded_addresses)) == (limit, count - limit + 1)
        assert correction("", text) == f"(VI_1) {count} addresses are more than {limit}, the rest is not advertised"


def test_family_without_addresses() -> None:
    assert instance("", "").family == Family.INET
    peers = "unicast_peer {\n2001:db8::2\n}\nvirtual_ipaddress {\nfe80::9\n}"
    assert instance(peers, "").family == Family.INET6


# Routes


@pytest.mark.parametrize(
    ("line", "route"),
    [
        (
            "192.0.2.0/24 via 198.51.100.254",
            VirtualRoute(ip_address("192.0.2.0"), 24, ip_address("198.51.100.254")),
        ),
        (
            "src 198.51.100.1 to 192.0.2.0/24 via 198.51.100.254 dev dpdk1",
            VirtualRoute(
                ip_address("192.0.2.0"), 24, ip_address("198.51.100.254"), "dpdk1", ip_address("198.51.100.1")
            ),
        ),
        (
            "192.0.2.9 dev dpdk1 mtu 1400 metric 5",
            VirtualRoute(ip_address("192.0.2.9"), 32, None, "dpdk1", None, 5, 1400),
        ),
        ("192.0.2.9 dev dpdk1 mtu lock 1400", VirtualRoute(ip_address("192.0.2.9"), 32, None, "dpdk1", mtu=1400)),
        ("default gw 198.51.100.254", VirtualRoute(ip_address("0.0.0.0"), 0, ip_address("198.51.100.254"))),
        ("default via fe80::1 dev dpdk0", VirtualRoute(ip_address("::"), 0, ip_address("fe80::1"), "dpdk0")),
        (
            "192.0.2.0/24 via 198.51.100.254 scope link table 5 no_track",
            VirtualRoute(ip_address("192.0.2.0"), 24, ip_address("198.51.100.254")),
        ),
    ],
)
def test_routes(line: str, route: VirtualRoute) -> None:
    assert instance(f"virtual_routes {{\n{line}\n}}").routes == (route,)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("via 198.51.100.254", "virtual_routes: a destination is missing"),
        ("there via 198.51.100.254", "virtual_routes: there is not an IP address"),
        ("192.0.2.0/24 via", "virtual_routes: via needs a value"),
        ("192.0.2.0/24 odd 3", "virtual_routes: odd is not an option of a route"),
        ("192.0.2.0/24 metric x", "virtual_routes: x is not a number"),
    ],
)
def test_wrong_routes(line: str, message: str) -> None:
    assert complaint(f"virtual_routes {{\n{line}\n}}") == message


def test_routes_dpvs_has_not() -> None:
    lines = "virtual_routes {\nblackhole 192.0.2.0/24\n192.0.2.0/24 nexthop via 198.51.100.1 weight 1\n}"
    assert instance(lines).routes == ()
    assert [note.partition(": ")[2] for note in notes(instance_text(lines))] == [
        "a route with blackhole is not supported and ignored",
        "a route with nexthop is not supported and ignored",
    ]


# Gratuitous ARP and global defaults


def test_garp_timing_of_the_instance() -> None:
    lines = (
        "garp_master_delay 1\ngarp_master_repeat 2\ngarp_master_refresh 30\ngarp_master_refresh_repeat 3\n"
        "garp_lower_prio_delay 4\ngarp_lower_prio_repeat 0"
    )
    assert instance(lines).garp == GarpTiming(1.0, 2, 30.0, 3, 4.0, 0)


@pytest.mark.parametrize(
    ("lines", "timing"),
    [
        ("vrrp_garp_master_delay 1", GarpTiming(1.0, 5, 0.0, 1, 1.0, 5)),
        ("vrrp_garp_master_repeat 2", GarpTiming(5.0, 2, 0.0, 1, 5.0, 2)),
        ("vrrp_garp_master_refresh 600\nvrrp_garp_master_refresh_repeat 4", GarpTiming(5.0, 5, 600.0, 4, 5.0, 5)),
        ("vrrp_garp_lower_prio_delay 7\nvrrp_garp_lower_prio_repeat 3", GarpTiming(5.0, 5, 0.0, 1, 7.0, 3)),
        ("vrrp_garp_interval 0.001\nvrrp_gna_interval 0.25", GarpTiming(interval_s=0.001, gna_interval_s=0.25)),
        ("vrrp_min_garp", GarpTiming(0.0, 1, 0.0, 1, 0.0, 1)),
        ("vrrp_min_garp no", GarpTiming()),
        ("vrrp_min_garp\nvrrp_garp_master_repeat 3", GarpTiming(0.0, 3, 0.0, 1, 0.0, 3)),
    ],
)
def test_garp_timing_of_global_defs(lines: str, timing: GarpTiming) -> None:
    assert instance(more=f"global_defs {{\n{lines}\n}}\n").garp == timing


def test_garp_groups() -> None:
    more = "garp_group {\ngarp_interval 0.5\ninterface dpdk0\n}\n"
    assert instance(more=more).garp == GarpTiming(interval_s=0.5)
    more = "garp_group {\ngna_interval 0.5\ninterfaces {\neth0 eth1\neth2\n}\n}\n"
    assert instance(more=more).garp == GarpTiming(gna_interval_s=0.5)
    assert notes("garp_group {\ngarp_interval 1\n}\n") == [
        "!keepalived.conf:1: garp_group without an interface, ignored"
    ]


@pytest.mark.parametrize(
    ("lines", "name", "value"),
    [
        ("vrrp_version 3", "version", 3),
        ("vrrp_mcast_group4 224.0.0.99", "multicast_group", ip_address("224.0.0.99")),
        ("vrrp_mcast_group6 ff02::99", "multicast_group", None),
        ("vrrp_lower_prio_no_advert", "lower_prio_no_advert", True),
        ("vrrp_higher_prio_send_advert", "higher_prio_send_advert", True),
        ("vrrp_check_unicast_src", "check_unicast_source", True),
        ("vrrp_skip_check_adv_addr", "skip_check_adv_addr", True),
        ("vrrp_strict", "strict", True),
    ],
)
def test_global_defaults_of_instances(lines: str, name: str, value: object) -> None:
    assert getattr(instance(more=f"global_defs {{\n{lines}\n}}\n"), name) == value


def test_instances_may_differ_from_global_defaults() -> None:
    more = "global_defs {\nvrrp_lower_prio_no_advert\nvrrp_strict\nvrrp_version 3\nvrrp_skip_check_adv_addr\n}\n"
    found = instance("lower_prio_no_advert off\nstrict_mode off\nversion 2\nskip_check_adv_addr off", more=more)
    assert (found.lower_prio_no_advert, found.strict, found.version, found.skip_check_adv_addr) == (
        False,
        False,
        2,
        False,
    )


def test_strict_mode() -> None:
    found = instance("strict_mode")
    assert found.strict
    assert found.lower_prio_no_advert
    assert not found.higher_prio_send_advert
    assert found.garp == GarpTiming(lower_prio_delay_s=0.0, lower_prio_repeat=0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("state MASTER\npriority 9", "(VI_1) state MASTER does not go with priority 9 in strict mode, BACKUP is used"),
        ("authentication {\nauth_type PASS\nauth_pass x\n}", "(VI_1) no authentication in strict mode, ignored"),
        ("preempt_delay 3", "(VI_1) preempt_delay does not go with strict mode, ignored"),
        ("garp_lower_prio_repeat 3", "(VI_1) garp_lower_prio_repeat does not go with strict mode, 0 is used"),
        ("garp_lower_prio_delay 3", "(VI_1) garp_lower_prio_delay does not go with strict mode, 0 is used"),
        ("lower_prio_no_advert off", "(VI_1) lower_prio_no_advert does not go with strict mode, ignored"),
        ("higher_prio_send_advert", "(VI_1) higher_prio_send_advert does not go with strict mode, ignored"),
    ],
)
def test_strict_mode_corrects(lines: str, message: str) -> None:
    assert correction(f"strict_mode\n{lines}") == message


def test_strict_ipv6_is_version_3() -> None:
    assert instance("strict_mode\nversion 2", ADDRESS6).version == 3


def test_strict_mode_refuses_unicast_peers() -> None:
    assert complaint("strict_mode\nunicast_peer {\n192.0.2.1\n}") == (
        "vrrp_instance VI_1: strict mode has no unicast_peer"
    )


# Notifications


def test_notifications() -> None:
    lines = (
        'notify_master "/bin/n m"\nnotify_backup /bin/n b\nnotify_fault /bin/n u g\nnotify_stop /bin/s\n'
        "notify /bin/any\nnotify_master_rx_lower_pri /bin/low\nsmtp_alert\nnotify_priority_changes"
    )
    assert instance(lines).notifications == Notifications(
        Command(("/bin/n", "m")),
        Command(("/bin/n",), "b"),
        Command(("/bin/n",), "u", "g"),
        Command(("/bin/s",)),
        Command(("/bin/low",)),
        Command(("/bin/any",)),
        priority_changes=True,
        smtp_alert=True,
    )


def test_alerts_follow_global_defs() -> None:
    for lines, alert in (
        ("smtp_alert", True),
        ("smtp_alert\nsmtp_alert_vrrp off", False),
        ("smtp_alert_vrrp", True),
        ("smtp_alert_checker", False),
    ):
        assert instance(more=f"global_defs {{\n{lines}\n}}\n").notifications.smtp_alert == alert
    assert instance(more="global_defs {\nvrrp_notify_priority_changes\n}\n").notifications.priority_changes


# Tracking

TRACKED = (
    "vrrp_script s {\nscript /bin/s\n}\nvrrp_track_file f {\nfile /run/f\n}\nvrrp_track_process p {\nprocess nginx\n}\n"
)


def test_tracking() -> None:
    lines = (
        "track_interface {\neth1\neth2 weight 10\neth3 weight -10 reverse\n}\ntrack_script {\ns\n}\n"
        "track_file {\nf weight 3\n}\ntrack_process {\np weight 254 noreverse\n}"
    )
    assert instance(lines, more=TRACKED).tracking == Tracking(
        (Track("eth1", 0), Track("eth2", 10), Track("eth3", -10, True)),
        (Track("s"),),
        (Track("f", 3),),
        (Track("p", 254),),
    )


def test_tracking_is_corrected() -> None:
    assert correction("track_interface {\neth1 weight 254\n}") == "track_interface eth1: weight 254 becomes 253"
    assert instance("track_interface {\neth1 weight -254\n}").tracking.interfaces == (Track("eth1", -253),)
    assert correction("track_interface {\neth1\neth1 weight 3\n}") == (
        "track_interface eth1 stands twice, the first one counts"
    )


def test_bfd_is_ignored_with_a_warning() -> None:
    text = instance_text("track_bfd {\nb\n}") + "bfd_instance b {\nneighbor_ip 192.0.2.1\n}\n"
    assert [note.partition(": ")[2] for note in notes(text)] == [
        "track_bfd is not supported and ignored",
        "bfd_instance is not supported and ignored",
    ]


def script(lines: str) -> TrackScript:
    more = f"vrrp_script s {{\n{lines}\n}}\n" + instance_text("track_script {\ns\n}")
    return config(more).scripts["s"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("script /bin/s", TrackScript("s", Command(("/bin/s",)))),
        ("script \"/bin/s -a 'b c'\"", TrackScript("s", Command(("/bin/s", "-a", "b c")))),
        ("script /bin/s\ninterval 3", TrackScript("s", Command(("/bin/s",)), 3.0, 3.0)),
        ("script /bin/s\ninterval 3\ntimeout 2", TrackScript("s", Command(("/bin/s",)), 3.0, 2.0)),
        ("script /bin/s\nweight -5", TrackScript("s", Command(("/bin/s",)), weight=-5)),
        ("script /bin/s\nweight 5 reverse", TrackScript("s", Command(("/bin/s",)), weight=5, reverse=True)),
        ("script /bin/s\nrise 2\nfall 3", TrackScript("s", Command(("/bin/s",)), rise=2, fall=3)),
        ("script /bin/s\nuser u g", TrackScript("s", Command(("/bin/s",), "u", "g"))),
        ("script /bin/s\ninit_fail", TrackScript("s", Command(("/bin/s",)), init_fail=True)),
        ("script /bin/s\ninterval 0\nrise 0\nfall x", TrackScript("s", Command(("/bin/s",)))),
    ],
)
def test_scripts(lines: str, expected: TrackScript) -> None:
    assert script(lines) == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "vrrp_script s needs a script"),
        ("script", "script needs a program"),
        ("script /bin/s\nweight 254", "weight 254 is not within -253 and 253"),
        ("script /bin/s\nweight 1 odd", "weight odd is not reverse"),
        ("script /bin/s\ninterval x", "interval x is not a number"),
    ],
)
def test_wrong_scripts(lines: str, message: str) -> None:
    (found,) = problems(f"vrrp_script s {{\n{lines}\n}}\n")
    assert found.partition(": ")[2] == message


def test_unused_script_is_left_out() -> None:
    result = read("vrrp_script s {\nscript /bin/s\n}\n")
    assert not result.config.scripts
    assert not result.fails_test
    assert "vrrp_script s is not used, ignored" in str(result.notes[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vrrp_track_file f {\nfile /run/f\n}\n", TrackFile("f", "/run/f")),
        ("vrrp_track_file f {\nfile /run/f\nweight -3 reverse\n}\n", TrackFile("f", "/run/f", -3, True)),
        ("vrrp_track_file f {\nfile /run/f\ninit_file\n}\n", TrackFile("f", "/run/f", initial=0)),
        ("vrrp_track_file f {\nfile /run/f\ninit_file 5 overwrite\n}\n", TrackFile("f", "/run/f", 1, False, 5, True)),
        ("track_file f {\nfile /run/f\nweight 1000\n}\n", TrackFile("f", "/run/f", 1000)),
    ],
)
def test_files(text: str, expected: TrackFile) -> None:
    assert config(text).track_files == {"f": expected}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("process nginx", TrackProcess("p", "nginx")),
        ("process nginx -x y", TrackProcess("p", "nginx", ("-x", "y"), "exact", True)),
        ('process "/bin/a b" c', TrackProcess("p", "/bin/a b", ("c",), "exact", True)),
        ("process nginx -x\nparam_match initial", TrackProcess("p", "nginx", ("-x",), "initial", True)),
        ("process nginx -x\nparam_match partial", TrackProcess("p", "nginx", ("-x",), "partial", True)),
        ("process nginx\nparam_match", TrackProcess("p", "nginx", (), "exact", True)),
        ("process nginx\nfull_command", TrackProcess("p", "nginx", full_command=True)),
        ("process nginx\nweight 254 reverse", TrackProcess("p", "nginx", weight=254, reverse=True)),
        ("process nginx\nquorum 2\nquorum_max 4", TrackProcess("p", "nginx", quorum=2, quorum_max=4)),
        ("process nginx\nquorum_max 0", TrackProcess("p", "nginx", quorum=0, quorum_max=0)),
        ("process nginx\ndelay 0.5", TrackProcess("p", "nginx", delay_s=0.5, terminate_delay_s=0.5, fork_delay_s=0.5)),
        (
            "process nginx\nterminate_delay 1\nfork_delay 2",
            TrackProcess("p", "nginx", terminate_delay_s=1.0, fork_delay_s=2.0),
        ),
    ],
)
def test_processes(lines: str, expected: TrackProcess) -> None:
    assert config(f"vrrp_track_process p {{\n{lines}\n}}\n").track_processes == {"p": expected}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vrrp_track_file f {\n}\n", "vrrp_track_file f needs a file"),
        ("vrrp_track_file {\nfile a\n}\n", "vrrp_track_file needs a name"),
        ("vrrp_track_file f {\nfile a\nweight 255\n}\n", "weight 255 is not within -254 and 254"),
        ("vrrp_track_file f {\nfile a\ninit_file odd\n}\n", "init_file odd is not a number"),
        ("vrrp_track_process p {\n}\n", "vrrp_track_process p needs a process"),
        ("vrrp_track_process p {\nprocess a\nquorum 5\nquorum_max 4\n}\n", "quorum 5 is above quorum_max 4"),
        ("vrrp_track_process p {\nprocess a\nparam_match odd\n}\n", "param_match odd is neither initial nor partial"),
        ("vrrp_track_process p {\nprocess a\ndelay 0\n}\n", "delay 0 is not within 1e-06 and 3600"),
    ],
)
def test_wrong_files_and_processes(text: str, message: str) -> None:
    (found,) = problems(text)
    assert found.partition(": ")[2] == message


def test_tracked_names_stand_once() -> None:
    assert notes(TRACKED * 2 + instance_text("track_script {\ns\n}")) == [
        f"!keepalived.conf:{line}: {keyword} stands twice, the first one counts"
        for line, keyword in ((10, "vrrp_script s"), (13, "vrrp_track_file f"), (16, "vrrp_track_process p"))
    ]


# Sync groups

TWO = instance_text(name="A") + instance_text("virtual_router_id 2", name="B")


def test_sync_group() -> None:
    text = (
        "vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_interface {\neth9\n}\ntrack_script {\ns\n}\n"
        "notify_master /bin/m\nnotify_stop /bin/s\nsmtp_alert\nsync_group_tracking_weight\n}\n"
    )
    assert config(text + TWO + TRACKED).sync_groups == (
        VrrpSyncGroup(
            "G",
            ("A", "B"),
            Tracking((Track("eth9", 0),), (Track("s"),)),
            Notifications(master=Command(("/bin/m",)), stop=Command(("/bin/s",)), smtp_alert=True),
            tracking_weight=True,
        ),
    )


def test_members_may_share_a_line() -> None:
    assert config("vrrp_sync_group G {\ngroup { A B }\n}\n" + TWO).sync_groups[0].members == ("A", "B")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vrrp_sync_group G {\ngroup {\nC\n}\n}\n", "3: vrrp_sync_group G: no vrrp_instance C"),
        ("vrrp_sync_group {\n}\n", "1: vrrp_sync_group needs a name"),
        ("vrrp_sync_group G {\ngroup {\nA\n}\n}\n" * 2, "6: vrrp_sync_group G stands twice"),
    ],
)
def test_wrong_sync_groups(text: str, message: str) -> None:
    assert problems(text + TWO) == [f"keepalived.conf:{message}"]


def test_told_about_sync_groups() -> None:
    assert notes("vrrp_sync_group G {\nglobal_tracking\n}\n" + TWO) == [
        "!keepalived.conf:1: vrrp_sync_group G has no members, ignored",
        "keepalived.conf:2: global_tracking is not supported and ignored",
    ]
    text = "vrrp_sync_group G {\ngroup {\nA\n}\n}\nvrrp_sync_group H {\ngroup {\nA B\n}\n}\n"
    assert notes(text + TWO) == ["!keepalived.conf:8: A is in vrrp_sync_group G already, ignored"]
