"""Whole files: as DPVS's operators have them, in the style of stock keepalived's samples, and large ones."""

from __future__ import annotations

import time

import pytest

from tests.support.keepalived_conf import config, notes, read
from tests.support.keepalived_conf_samples import BALANCER, EVERYTHING, OUTBOUND, many_services
from xdpvs.config.keepalived_conf import dump
from xdpvs.model.address import Family, Protocol
from xdpvs.model.check import ScriptCheck, TcpCheck
from xdpvs.model.service import ForwardingMode, ServiceFlags
from xdpvs.model.vrrp import AuthType, VrrpState


def test_balancer_loads_without_warning() -> None:
    assert notes(BALANCER) == []


def test_services_of_the_balancer() -> None:
    ipv4, ipv6 = config(BALANCER).virtual_servers
    assert (ipv4.name, ipv6.name) == ("[192.168.88.1-80-TCP_QLB]:0", "[2001::1-80-TCP_QLB]:0")
    assert ipv4.services[0].key.family == Family.INET
    assert (ipv4.services[0].scheduler, ipv4.services[0].conn_timeout_s) == ("rr", 60)
    assert (ipv6.services[0].key.family, str(ipv6.services[0].key.address)) == (Family.INET6, "2001::1")
    assert (ipv6.services[0].scheduler, ipv6.services[0].flags) == ("conhash", ServiceFlags.SIP_HASH)
    assert [str(each.address) for each in ipv6.laddrs] == ["192.168.88.240", "192.168.88.241"]
    assert {each.device for each in ipv4.laddrs} == {"dpdk0.102"}
    assert ipv4.denied == ipv6.denied == ()


def test_servers_of_the_balancer() -> None:
    ipv4, ipv6 = config(BALANCER).virtual_servers
    assert [str(each.dest.address) for each in ipv4.servers] == ["192.168.88.30", "192.168.88.130"]
    assert [(each.dest.port, each.checkers[0].endpoint.port) for each in ipv6.servers] == [(80, 80), (8080, 8080)]
    first = ipv4.servers[0]
    assert (first.dest.weight, first.inhibit_on_failure, first.dest.forwarding) == (100, True, ForwardingMode.FULLNAT)
    timing = first.checkers[0].timing
    assert (timing.delay_loop_s, timing.retry, timing.connect_timeout_s) == (3, 1, 1)
    assert first.checkers[0].checks == (TcpCheck(),)
    assert all(each.dest.family == Family.INET for each in ipv6.servers)


def test_router_of_the_balancer() -> None:
    (router,) = config(BALANCER).instances
    assert (router.interface, router.dpdk_interface, router.virtual_router_id) == ("dpdk0.102.kni", "dpdk0.102", 107)
    assert (router.initial_state, router.priority, router.version) == (VrrpState.MASTER, 100, 2)
    assert (router.auth_type, router.auth_password) == (AuthType.PASS, "12345")
    assert [str(each.address) for each in router.addresses] == ["192.168.88.1"]
    assert [str(each.address) for each in router.excluded_addresses] == ["2001::1"]
    assert (router.garp.lower_prio_repeat, router.garp.master_refresh_s) == (3, 30)
    assert router.higher_prio_send_advert


def test_outbound() -> None:
    assert notes(OUTBOUND) == []
    found = config(OUTBOUND)
    udp, icmp = found.virtual_servers
    assert udp.name == "MATCH udp,from=192.168.100.0-192.168.100.254,oif=dpdk1"
    assert (udp.services[0].flags, udp.services[0].key.protocol) == (ServiceFlags.MATCH, Protocol.UDP)
    assert udp.omega
    assert udp.quorum_up is not None
    assert udp.quorum_up.argv == ("dpip", "addr", "add", "123.1.2.2/32", "dev", "dpdk1")
    assert (udp.servers[0].alpha, udp.servers[0].dest.weight, udp.servers[0].dest.port) == (True, 4, 0)
    assert udp.servers[0].checkers[0].checks == (ScriptCheck(("exit", "0")),)
    assert icmp.services[0].key.match.input_device == "dpdk0"
    assert [each.name for each in found.tunnels] == ["gre100"]
    assert (found.instances[0].garp.master_repeat, found.instances[0].garp.master_refresh_s) == (1, 600)


STOCK_STYLE = {
    "quorum and sorry server": (
        "virtual_server 198.51.100.1 80 {\n delay_loop 20\n lb_algo wrr\n lb_kind NAT\n protocol TCP\n"
        " sorry_server 127.0.0.1 80\n quorum 20\n hysteresis 2\n quorum_up '/bin/mail -s up'\n"
        " real_server 192.0.2.4 80 {\n  weight 10\n  HTTP_GET {\n   url {\n    path /\n    status_code 200\n   }\n"
        "   connect_timeout 3\n   retry 3\n   delay_before_retry 3\n  }\n }\n"
        " real_server 192.0.2.5 80 {\n  weight 10\n  SMTP_CHECK {\n   host {\n    connect_ip 192.0.2.5\n   }\n"
        "  }\n }\n}\n"
    ),
    "sync group with local checks": (
        'vrrp_script chk {\n script "/usr/bin/killall -0 sshd"\n interval 2\n weight -4\n fall 2\n rise 2\n}\n'
        "vrrp_sync_group VG_1 {\n group {\n  inside\n  outside\n }\n notify /bin/n\n}\n"
        "vrrp_instance inside {\n state MASTER\n interface eth0\n dpdk_interface dpdk0\n virtual_router_id 1\n"
        " priority 150\n track_script {\n  chk weight 2\n }\n virtual_ipaddress {\n  198.51.100.1/24\n }\n}\n"
        "vrrp_instance outside {\n interface eth1\n dpdk_interface dpdk1\n virtual_router_id 1\n"
        " track_interface {\n  eth2\n  eth3 weight 10\n }\n virtual_ipaddress {\n  203.0.113.1/24\n }\n}\n"
    ),
    "persistent group": (
        "virtual_server_group web {\n 198.51.100.1 80\n 198.51.100.10-20 443\n}\n"
        "virtual_server group web {\n lb_algo rr\n lb_kind DR\n protocol TCP\n persistence_timeout 50\n"
        " real_server 192.0.2.7 {\n  weight 1\n  inhibit_on_failure\n  TCP_CHECK {\n   connect_port 80\n  }\n }\n}\n"
    ),
}


@pytest.mark.parametrize("name", sorted(STOCK_STYLE))
def test_files_in_the_style_of_stock_keepalived(name: str) -> None:
    assert notes(STOCK_STYLE[name]) == []


def test_conditional_file_for_two_nodes() -> None:
    text = (
        "@high net_namespace high\n@low net_namespace low\n"
        "vrrp_script c {\n@high script /bin/high\n@low script /bin/low\n}\n"
        "vrrp_instance V {\n interface eth0\n dpdk_interface dpdk0\n virtual_router_id 1\n"
        "@high priority 170\n@low priority 85\n"
        " track_script {\n  c\n }\n virtual_ipaddress {\n  10.1.0.254/32\n }\n}\n"
    )
    for node, priority in (("high", 170), ("low", 85)):
        found = read(text, config_id=node).config
        assert (found.globals.net_namespace, found.instances[0].priority) == (node, priority)
        assert found.scripts["c"].command.argv == (f"/bin/{node}",)


def test_dump_shows_the_configuration_but_no_secret() -> None:
    text = dump(config(EVERYTHING))
    assert "hush" not in text
    for line in (
        "router_id = the balancer",
        "virtual_router_id = 10",
        "auth_password = ***",
        "name = [g]:0",
        "address = 198.51.100.10",
        "scheduler = mh",
        "flags = SYNPROXY|EXPIRE_QUIESCENT|SCHED2",
        "quorum_down = '/bin/down' as nobody",
        "quorum_up = '/bin/up' '1'",
        "delay_loop_s = 3",
        "path = /health",
        "pattern='it works'",
    ):
        assert line in text
    assert dump(config("")).startswith("global_defs\n  router_id = lb1.example\n")


def test_twenty_thousand_services() -> None:
    """The time itself is printed (`pytest -s`); the bound only catches what grows faster than the file."""
    text = many_services(20_000)
    started = time.process_time()
    found = config(text)
    seconds = time.process_time() - started
    print(f"{text.count(chr(10))} lines in {seconds:.1f} s of CPU")
    assert len(found.virtual_servers) == 20_000
    last = found.virtual_servers[-1]
    assert (last.name, len(last.servers), len(last.laddrs)) == ("[10.0.78.31-80-TCP]:0", 4, 11)
    assert str(last.servers[3].checkers[0].endpoint.address) == "175.0.78.31"
    assert seconds < 60
