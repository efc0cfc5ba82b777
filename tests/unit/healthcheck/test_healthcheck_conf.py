"""The configuration file of v1.10, methods and flags."""

from __future__ import annotations

import contextlib
import io
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.healthcheck.conf import Conf, ConfError, load_conf
from xdpvs.healthcheck.conf_file import ConfFile
from xdpvs.healthcheck.conf_values import DownPolicy
from xdpvs.healthcheck.durations import format_duration, parse_duration
from xdpvs.healthcheck.flag_table import FLAGS
from xdpvs.healthcheck.flags import FlagError, Generation
from xdpvs.healthcheck.main import main
from xdpvs.healthcheck.methods import build_check
from xdpvs.healthcheck.options import LogOptions, parse_options
from xdpvs.model.check import Endpoint, HttpCheck, NoCheck, PingCheck, TcpCheck, UdpCheck, UdpPingCheck
from xdpvs.model.service import ProxyProtocol

FILE = """\
global:
  virtual-address:
    disable: false
    down-policy: 1
    actioner: KernelRouteAddDelVerdict
    action-params: {ifname: eth1, with-route: no}
  virtual-server:
    method: 6
    method-params: {uri: /health, response-codes: "200-299,304"}
    interval: 5s
    down-retry: 999999
virtual-addresses:
  192.0.2.1:
    actioner: Blank
    action-sync-time: 1m30s
virtual-servers:
  192.0.2.1-TCP-80:
    method: tcp
    timeout: 500ms
  "2001:db8::1-UDP-53":
    up-retry: 3
"""


def test_blocks_inherit_as_upstreams_do() -> None:
    conf = load_conf(FILE, "f")
    named, other = conf.address_rule("192.0.2.1"), conf.address_rule("192.0.2.2")
    assert (named.actioner, named.action_sync_s, named.down_policy) == ("Blank", 90.0, DownPolicy.ONE_OF)
    assert (other.actioner, other.action_params) == (
        "KernelRouteAddDelVerdict",
        {"ifname": "eth1", "with-route": "no"},
    )
    tcp = conf.service_rule("192.0.2.1-TCP-80")
    assert (tcp.method, tcp.method_params, tcp.timeout_s, tcp.interval_s, tcp.down_retry) == ("tcp", {}, 0.5, 5.0, 0)
    udp = conf.service_rule("2001:db8::1-UDP-53")
    assert (udp.method, udp.method_params["uri"], udp.up_retry) == ("http", "/health", 3)


def test_an_action_inherits_the_parameters_it_knows() -> None:
    conf = load_conf(
        "global: {virtual-address: {actioner: DpvsAddrKernelRouteAddDel,\n"
        "  action-params: {ifname: eth1, dpvs-ifname: dpdk0, with-route: yes}}}\n"
        "virtual-addresses:\n  192.0.2.1: {actioner: KernelRouteAddDelVerdict}\n"
        "  192.0.2.2: {actioner: DpvsAddrAddDel}\n"
        "  192.0.2.3: {actioner: KernelRouteAddDel, action-params: {ifname: lo}}\n",
        "f",
    )
    assert conf.address_rule("192.0.2.1").action_params == {"ifname": "eth1", "with-route": "yes"}
    assert conf.address_rule("192.0.2.2").action_params == {"dpvs-ifname": "dpdk0"}
    assert conf.address_rule("192.0.2.3").action_params == {"ifname": "lo"}


def test_an_empty_file_is_all_defaults() -> None:
    conf = load_conf("", "f")
    assert conf == Conf()
    rule = conf.service_rule("anything")
    assert (rule.method, rule.interval_s, rule.timeout_s, rule.down_retry, rule.up_retry) == ("auto", 3.0, 2.0, 1, 1)
    assert conf.address_rule("x").action_params == {"ifname": "lo"}


def test_what_is_in_force_can_be_read_again() -> None:
    conf = load_conf(FILE, "f")
    again = load_conf(conf.text(), "again")
    for name in ("192.0.2.1-TCP-80", "2001:db8::1-UDP-53", "other"):
        assert again.service_rule(name) == conf.service_rule(name)
    assert again.address_rule("192.0.2.1") == conf.address_rule("192.0.2.1")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("global: [1]", "f:1: global is no mapping"),
        ("globals: {}", "f:1: unknown key globals"),
        ("global:\n  virtual-server:\n    methode: tcp", "f:3: unknown key methode in global virtual-server"),
        ("global:\n  virtual-server:\n    method: icmp", "f:3: method of global virtual-server: one of 1 (none)"),
        ("global:\n  virtual-server:\n    interval: 3", "f:3: interval of global virtual-server: '3' is no duration"),
        ("virtual-servers:\n  192.0.2.1-TCP-80:\n    timeout: -1s", "f:3: timeout of 192.0.2.1-TCP-80"),
        (
            "virtual-servers:\n  192.0.2.1-TCP-80:\n    down-retry: x",
            "f:3: down-retry of 192.0.2.1-TCP-80: 'x' is no number",
        ),
        (
            "virtual-servers:\n  192.0.2.1-TCP-80:\n    actioner: Script",
            "f:3: actioner of 192.0.2.1-TCP-80: a service's only action",
        ),
        (
            "virtual-servers:\n  192.0.2.1-TCP-80:\n    method: ping\n    method-params: {send: x}",
            "f:2: 192.0.2.1-TCP-80: method ping has no parameter",
        ),
        (
            "virtual-servers:\n  192.0.2.1-TCP-80:\n    method: http\n    method-params: {response-codes: 2x}",
            "f:2: 192.0.2.1-TCP-80: response-codes",
        ),
        ("virtual-servers:\n  192.0.2.1-TCP-80: {}\n  192.0.2.1-TCP-80: {}", "f:3: 192.0.2.1-TCP-80 stands twice"),
        ("virtual-servers:\n  2001::2-TCP-80: {}\n  2001:0::2-tcp-80: {}", "f:3: 2001::2-TCP-80 stands twice"),
        ("virtual-servers:\n  2001::2-SCTP-80: {}", "f:2: virtual-servers: '2001::2-SCTP-80' is not ADDRESS-TCP-PORT"),
        ("virtual-servers:\n  a-TCP-80: {}", "f:2: virtual-servers: 'a' is no IP address"),
        ("virtual-addresses:\n  a: {}", "f:2: virtual-addresses: 'a' is no IP address"),
        ("virtual-addresses:\n  ? [a]\n  : {}", "f:2: a key of virtual-addresses is no text"),
        (
            "global:\n  virtual-server:\n    interval: 1ns",
            "f:3: interval of global virtual-server: 1ns is less than 10ms",
        ),
        (
            'virtual-servers:\n  192.0.2.1-TCP-80:\n    method: http\n    method-params: {request-headers: "A::b\\nC"}',
            "f:2: 192.0.2.1-TCP-80: a line break or NUL",
        ),
        (
            "global:\n  virtual-address:\n    actioner: Script\n    action-params: {script: /x, args: '\"'}",
            "f:1: global: args '\"': no closing quotation",
        ),
        ("virtual-addresses:\n  192.0.2.1:\n    actioner: Nothing", "f:2: 192.0.2.1: actioner 'Nothing'"),
        (
            "virtual-addresses:\n  192.0.2.1:\n    actioner: Script\n    action-params: {args: x}",
            "f:2: 192.0.2.1: actioner Script needs",
        ),
        ("virtual-addresses:\n  192.0.2.1:\n    disable: maybe", "f:3: disable of 192.0.2.1"),
        ("virtual-addresses:\n  192.0.2.1:\n    down-policy: 3", "f:3: down-policy of 192.0.2.1"),
        ("a: b: c", "f:1: mapping values are not allowed"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, complaint: str) -> None:
    with pytest.raises(ConfError) as caught:
        load_conf(text, "f")
    assert complaint in str(caught.value)


@given(st.text(max_size=200))
def test_no_text_gets_through_but_a_configuration_or_a_complaint(text: str) -> None:
    with contextlib.suppress(ConfError):
        load_conf(text, "f").text()


def test_methods() -> None:
    assert build_check("none", {}) == NoCheck()
    assert build_check("ping", {}) == PingCheck()
    assert build_check("tcp", {"send": "a", "receive": "b", "proxy-protocol": "v1"}) == TcpCheck(
        b"a", b"b", ProxyProtocol.V1
    )
    assert build_check("udp", {"receive": "pong"}) == UdpCheck(receive=b"pong", require_reply=True, min_length=4)
    assert build_check("udpping", {}, ProxyProtocol.V2) == UdpPingCheck(UdpCheck(proxy=ProxyProtocol.V2))
    check = build_check("http", {"uri": "https://example.org/a?b", "request-headers": "A::1;;B::2", "response": "ok"})
    assert isinstance(check, HttpCheck)
    assert (check.path, check.host, check.tls, check.headers) == (
        "/a?b",
        "example.org",
        True,
        (("A", "1"), ("B", "2")),
    )
    assert (check.status, check.body_prefix, check.tls_verify) == (((200, 499),), b"ok", True)
    for host, name in (("example.org:8443", "example.org"), ("[2001:db8::1]:443", "2001:db8::1"), ("", "")):
        check = build_check("http", {"host": host, "https": "yes"})
        assert isinstance(check, HttpCheck)
        assert (check.host, check.tls_sni) == (host, name)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tcp", {"send": ""}),
        ("udp", {"proxy-protocol": "v1"}),
        ("http", {"method": "get"}),
        ("http", {"https": "perhaps"}),
        ("http", {"uri": "health"}),
        ("http", {"response-codes": "300-200"}),
        ("http", {"request-headers": "A:1"}),
        ("http", {"proxy": "yes"}),
        ("tcp", {"quic": "true"}),
    ],
)
def test_parameters_that_cannot_be(method: str, params: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(params)).split("-")[0]):
        build_check(method, params)


def test_the_tutorials_command_line() -> None:
    options = parse_options(["-log_dir=/dpvs/logs/healthcheck", "-lb_iface_addr=localhost:6601"])
    assert options.generation is Generation.A
    assert options.agent_url == "http://localhost:6601"
    assert (options.check_interval_s, options.check_timeout_s, options.check_retry) == (3.0, 1.0, 1)
    assert options.log.directory == "/dpvs/logs/healthcheck"
    assert options.status_address == ""


def test_the_newer_command_line() -> None:
    options = parse_options(["--dpvs-agent-addr", ":8082", "-dpvs-service-list-interval=1m", "-debug"])
    assert options.generation is Generation.C
    assert (options.agent_url, options.fetch_interval_s) == ("http://127.0.0.1:8082", 60.0)
    assert options.status_address == ":6601"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["-nosuch"], "flag provided but not defined: -nosuch"),
        (["-check_interval"], "flag needs an argument: -check_interval"),
        (["-check_interval=3"], "invalid value"),
        (["-check_retry=-1"], "invalid value"),
        (["-dry_run=maybe"], "invalid boolean value"),
        (["word"], "unexpected argument"),
        (["-lb_iface_addr=a:1", "-config-file=/x"], "do not go together"),
        (["-lb_iface_type=other"], "only dpvs-agent"),
        (["-lb_iface_addr=a:99999"], "not HOST:PORT"),
        (["-dpvs-agent-addr=ftp://a:1"], "neither http nor https"),
        (["-status-addr=here"], "flag -status-addr: 'here' is not HOST:PORT"),
        (["-source-addr=192.0.2.1,192.0.2.2"], "two of one family"),
        (["-source-addr=me"], "no IP address"),
        (["-bind-device=a/b"], "no name of a network device"),
    ],
)
def test_wrong_command_lines(argv: list[str], complaint: str) -> None:
    with pytest.raises(FlagError, match=complaint):
        parse_options(argv)
    err = io.StringIO()
    assert main(argv, io.StringIO(), err) == 2
    assert complaint in err.getvalue()
    assert "Traceback" not in err.getvalue()


def test_a_named_file_that_is_not_there() -> None:
    err = io.StringIO()
    assert main(["-config-file=/nonexistent/healthcheck.conf"], io.StringIO(), err) == 1
    assert err.getvalue() == "healthcheck: /nonexistent/healthcheck.conf: no such file\n"


def test_help() -> None:
    out = io.StringIO()
    assert main(["-help"], out, io.StringIO()) == 0
    assert "-lb_iface_addr string" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "seconds"), [("3s", 3.0), ("500ms", 0.5), ("1m0s", 60.0), ("1h2m3.5s", 3723.5), ("0", 0.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert parse_duration(format_duration(seconds)) == seconds


def test_one_file_may_vanish_and_another_may_not_be_there_at_all(tmp_path: Path) -> None:
    path = tmp_path / "healthcheck.conf"
    unnamed = ConfFile(str(path), named=False)
    assert unnamed.read() == Conf()
    path.write_text(FILE)
    assert unnamed.read() == load_conf(FILE, "f")
    path.unlink()
    with pytest.raises(ConfError, match=r"healthcheck\.conf: no such file"):
        unnamed.read()


def test_ways_out_of_the_host() -> None:
    way = parse_options(["-source-addr=192.0.2.9,2001:db8::9", "-bind-device=eth1"]).way
    assert way.endpoint(ip_address("192.0.2.1"), 80) == Endpoint(
        ip_address("192.0.2.1"), 80, ip_address("192.0.2.9"), device="eth1"
    )
    assert way.endpoint(ip_address("2001:db8::1"), 80).source == ip_address("2001:db8::9")
    assert parse_options([]).way.endpoint(ip_address("192.0.2.1"), 80) == Endpoint(ip_address("192.0.2.1"), 80)


def test_every_flag_of_both_generations_is_understood() -> None:
    for generation in Generation:
        argv = [
            f"-{flag.name}={format_duration(flag.default) if isinstance(flag.default, float) else flag.default}"
            for flag in FLAGS
            if flag.generation in (generation, None)
        ]
        assert parse_options(argv).generation is generation
    assert parse_options(["-logbuflevel", "-1", "-logtostderr", "--v=2", "-stderrthreshold", "WARNING"]).log == (
        LogOptions(to_stderr=True, stderr_threshold=1, verbose=True)
    )
