"""real_server and its checkers: each keyword, its default, its range, and who inherits from whom."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address

import pytest

from tests.support.keepalived_conf import (
    check,
    checker,
    checker_problems,
    config,
    notes,
    problems,
    real_server,
    service_text,
    virtual_server,
)
from xdpvs.model.address import Family
from xdpvs.model.check import (
    BodyRegex,
    DnsCheck,
    Endpoint,
    FileCheck,
    HttpCheck,
    HttpVersion,
    PingCheck,
    ScriptCheck,
    SmtpCheck,
    TcpCheck,
    UdpCheck,
)
from xdpvs.model.keepalived import Checker, CheckerTiming, RealServer
from xdpvs.model.script import Command
from xdpvs.model.service import Dest, ForwardingMode, ProxyProtocol

URL = "url {\npath /\n}\n"
NEEDED = {
    "HTTP_GET": URL,
    "SSL_GET": URL,
    "MISC_CHECK": "misc_path /bin/true\n",
}
NETWORK = ("TCP_CHECK", "HTTP_GET", "SSL_GET", "UDP_CHECK", "DNS_CHECK", "SMTP_CHECK", "PING_CHECK")
ALL = (*NETWORK, "MISC_CHECK")


def test_defaults_of_a_server() -> None:
    assert real_server() == RealServer(
        Dest(Family.INET, IPv4Address("192.0.2.10"), 80, ForwardingMode.FULLNAT, weight=1), smtp_alert=True
    )


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ("weight 0", "weight", 0),
        ("weight 65535", "weight", 65535),
        ("lvs_method DR", "forwarding", ForwardingMode.DIRECT_ROUTE),
        ("uthreshold 10", "max_conn", 10),
        ("lthreshold 5", "min_conn", 5),
    ],
)
def test_keywords_of_the_dest(body: str, name: str, value: object) -> None:
    assert getattr(real_server(body).dest, name) == value


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ("inhibit_on_failure", "inhibit_on_failure", True),
        ("inhibit_on_failure off", "inhibit_on_failure", False),
        ("alpha", "alpha", True),
        ("alpha no", "alpha", False),
        ("smtp_alert off", "smtp_alert", False),
        ('notify_up "/bin/up 1 2" nobody', "notify_up", Command(("/bin/up", "1", "2"), "nobody")),
        ("notify_down /bin/down a b", "notify_down", Command(("/bin/down",), "a", "b")),
    ],
)
def test_keywords_of_the_server(body: str, name: str, value: object) -> None:
    assert getattr(real_server(body), name) == value


def test_server_inherits_from_the_service() -> None:
    found = real_server("", "weight 7\ninhibit_on_failure\nalpha\nlb_kind NAT")
    assert (found.dest.weight, found.inhibit_on_failure, found.alpha) == (7, True, True)
    assert found.dest.forwarding == ForwardingMode.NAT
    own = real_server(
        "weight 3\ninhibit_on_failure off\nalpha off\nlvs_method DR", "weight 7\ninhibit_on_failure\nalpha"
    )
    assert (own.dest.weight, own.inhibit_on_failure, own.alpha) == (3, False, False)
    assert own.dest.forwarding == ForwardingMode.DIRECT_ROUTE


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ("real_server {\n}", "real_server needs an address"),
        ("real_server here 80 {\n}", "real_server here is not an IP address"),
        ("real_server 192.0.2.1-5 80 {\n}", "real_server 192.0.2.1-5 is not an IP address"),
        ("real_server 192.0.2.1 99999 {\n}", "real_server 99999 is not within 0 and 65535"),
        ("real_server 192.0.2.1 80\n", "missing `{` after real_server"),
        ("real_server 192.0.2.1 80 {\nweight 65536\n}", "weight 65536 is not within 0 and 65535"),
        ("real_server 192.0.2.1 80 {\nweight -1\n}", "weight -1 is not within 0 and 65535"),
        ("real_server 192.0.2.1 80 {\nuthreshold x\n}", "uthreshold x is not a number"),
        (
            "real_server 192.0.2.1 80 {\ninhibit_on_failure maybe\n}",
            "inhibit_on_failure maybe is none of true, on, yes",
        ),
        ("real_server 192.0.2.1 80 {\nnotify_up 'a\n}", "notify_up has a ' that is not closed"),
        ("real_server 192.0.2.1 80 {\nlvs_method LOCAL\n}", "lvs_method LOCAL is none of NAT, DR, TUN, FNAT, SNAT"),
    ],
)
def test_wrong_servers(server: str, message: str) -> None:
    (found,) = problems(service_text(servers=server + "\n"))
    assert message in found


def test_same_server_twice_is_told() -> None:
    servers = "real_server 192.0.2.1 80 {\n}\nreal_server 192.0.2.1 80 {\nweight 9\n}\n"
    assert notes(service_text(servers=servers)) == [
        "!keepalived.conf:8: real_server 192.0.2.1 80 stands twice, ignored"
    ]
    assert len(virtual_server(servers=servers).servers) == 1


def test_equal_servers_keep_their_own_addresses() -> None:
    body = "weight 5\nTCP_CHECK {\nretry 2\n}\n"
    servers = "".join(f"real_server 192.0.2.{number} 80 {{\n{body}}}\n" for number in (1, 2, 3))
    found = virtual_server(servers=servers).servers
    assert [str(each.dest.address) for each in found] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert [str(each.checkers[0].endpoint.address) for each in found] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert found[0].checkers[0].timing is found[1].checkers[0].timing


def test_equal_servers_of_other_services_follow_those() -> None:
    text = service_text("delay_loop 5") + service_text("delay_loop 6\nweight 4\nprotocol UDP")
    text = text.replace("real_server 192.0.2.10 80 {\n", "real_server 192.0.2.10 80 {\nTCP_CHECK {\n}\n")
    first, second = (found.servers[0] for found in config(text).virtual_servers)
    assert (first.checkers[0].timing.delay_loop_s, second.checkers[0].timing.delay_loop_s) == (5, 6)
    assert (first.dest.weight, second.dest.weight) == (1, 4)


# Common keywords and timing


@pytest.mark.parametrize("kind", ALL)
def test_defaults_of_timing(kind: str) -> None:
    assert checker(kind, NEEDED.get(kind, "")).timing == CheckerTiming(
        delay_loop_s=60.0,
        warmup_s=60.0,
        retry={"MISC_CHECK": 0, "DNS_CHECK": 3}.get(kind, 1),
        delay_before_retry_s={"HTTP_GET": 3.0, "SSL_GET": 3.0, "DNS_CHECK": 60.0}.get(kind, 1.0),
        connect_timeout_s=60.0 if kind == "MISC_CHECK" else 5.0,
    )


_TIMINGS = [
    ("delay_loop 2.5", "delay_loop_s", 2.5),
    ("warmup 0", "warmup_s", 0.0),
    ("retry 4", "retry", 4),
    ("delay_before_retry 0.25", "delay_before_retry_s", 0.25),
    ("connect_timeout 1.5", "connect_timeout_s", 1.5),
]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("line", "name", "value"), [*_TIMINGS, ("alpha", "alpha", True), ("log_all_failures", "log_all_failures", True)]
)
def test_timing_of_the_checker(kind: str, line: str, name: str, value: object) -> None:
    found = checker(kind, NEEDED.get(kind, "") + line).timing
    if (kind, name) == ("MISC_CHECK", "connect_timeout_s"):
        assert found.connect_timeout_s == 60.0
    else:
        assert getattr(found, name) == value


@pytest.mark.parametrize(("line", "name", "value"), _TIMINGS)
def test_timing_is_inherited_from_server_and_service(line: str, name: str, value: object) -> None:
    word = line.split()[0]
    assert getattr(checker("TCP_CHECK", lines=line).timing, name) == value
    assert getattr(checker("TCP_CHECK", server_lines=line, lines=f"{word} 9").timing, name) == value
    assert getattr(checker("TCP_CHECK", line, f"{word} 8", f"{word} 9").timing, name) == value
    assert getattr(checker("DNS_CHECK", lines=line).timing, name) == value


def test_alpha_is_inherited() -> None:
    assert checker("TCP_CHECK", lines="alpha").timing.alpha
    assert not checker("TCP_CHECK", server_lines="alpha off", lines="alpha").timing.alpha
    assert checker("TCP_CHECK", "alpha", "alpha off", "alpha").timing.alpha


def test_warmup_and_pause_follow_delay_loop() -> None:
    found = checker("DNS_CHECK", "delay_loop 7").timing
    assert (found.warmup_s, found.delay_before_retry_s) == (7, 7)
    assert checker("TCP_CHECK", "delay_loop 7", lines="warmup 2").timing.warmup_s == 2


def test_log_all_failures_follows_global_defs() -> None:
    servers = "real_server 192.0.2.10 80 {\nTCP_CHECK {\n}\nPING_CHECK {\nlog_all_failures off\n}\n}\n"
    first, second = (
        virtual_server(servers=servers, more="global_defs {\nchecker_log_all_failures\n}\n").servers[0].checkers
    )
    assert (first.timing.log_all_failures, second.timing.log_all_failures) == (True, False)


@pytest.mark.parametrize("kind", NETWORK)
@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("connect_ip 203.0.113.9", "address", ip_address("203.0.113.9")),
        ("connect_port 8080", "port", 8080),
        ("bindto 203.0.113.1\nconnect_ip 203.0.113.9", "source", ip_address("203.0.113.1")),
        ("bind_port 1024", "source_port", 1024),
        ("bind_if eth1", "device", "eth1"),
        ("fwmark 12", "fwmark", 12),
    ],
)
def test_where_checks_connect(kind: str, line: str, name: str, value: object) -> None:
    assert getattr(checker(kind, f"{NEEDED.get(kind, '')}{line}").endpoint, name) == value


def test_checks_connect_to_the_server() -> None:
    assert checker("TCP_CHECK").endpoint == Endpoint(IPv4Address("192.0.2.10"), 80)


def test_checks_keep_the_stated_port_of_a_server_whose_port_is_reset() -> None:
    found = real_server("TCP_CHECK {\n}", "lb_kind DR", "192.0.2.10 8080")
    assert (found.dest.port, found.checkers[0].endpoint.port) == (80, 8080)
    follows = real_server("TCP_CHECK {\n}", "lb_kind NAT", "192.0.2.10")
    assert (follows.dest.port, follows.checkers[0].endpoint.port) == (80, 80)


def test_link_local_needs_a_device() -> None:
    text = service_text(servers="real_server fe80::1 80 {\nTCP_CHECK {\n}\n}\n", head="2001:db8::1 80")
    assert "link-local address fe80::1 needs bind_if" in problems(text)[0]
    assert not notes(text.replace("TCP_CHECK {", "TCP_CHECK {\nbind_if eth0"))
    assert not notes(text.replace("TCP_CHECK {", "MISC_CHECK {\nmisc_path /bin/true"))


@pytest.mark.parametrize("kind", NETWORK)
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("connect_port 0", "connect_port 0 is not within 1 and 65535"),
        ("connect_ip there", "connect_ip there is not an IP address"),
        ("bind_if abcdefghijklmnop", "bind_if abcdefghijklmnop is not a name of 1 to 15 characters"),
        ("fwmark -1", "fwmark -1 is not within 0 and 4294967295"),
        ("retry -1", "retry -1 is not within 0 and 4294967295"),
        ("delay_loop 0", "delay_loop 0 is not within 1e-06 and 8.64e+07"),
        ("connect_timeout", "connect_timeout needs a value"),
    ],
)
def test_wrong_common_values(kind: str, line: str, message: str) -> None:
    assert checker_problems(kind, f"{NEEDED.get(kind, '')}{line}") == [message]


@pytest.mark.parametrize("kind", NETWORK)
def test_source_and_target_of_different_families(kind: str) -> None:
    body = NEEDED.get(kind, "")
    assert checker_problems(kind, f"{body}bindto 2001:db8::1") == [
        f"{kind}: bindto 2001:db8::1 and 192.0.2.10 are of different families"
    ]
    assert checker_problems(kind, f"{body}bindto 192.0.2.1\nconnect_ip 2001:db8::1") == [
        f"{kind}: bindto 192.0.2.1 and 2001:db8::1 are of different families"
    ]


def test_ha_suspend_reaches_the_checkers() -> None:
    assert checker("TCP_CHECK", lines="ha_suspend").host_suspends
    assert not checker("TCP_CHECK").host_suspends


def test_several_checkers() -> None:
    found = real_server("TCP_CHECK {\n}\nTCP_CHECK {\nconnect_port 81\n}\nPING_CHECK {\n}").checkers
    assert [each.kind for each in found] == ["TCP_CHECK", "TCP_CHECK", "PING_CHECK"]
    assert [each.endpoint.port for each in found] == [80, 81, 80]


def test_words_of_old_files_are_accepted_quietly() -> None:
    assert checker("TCP_CHECK", "nb_sock_retry 2") == checker("TCP_CHECK")
    assert not notes(service_text(servers="real_server 192.0.2.1 80 {\nTCP_CHECK {\nnb_sock_retry 2\n}\n}\n"))
    assert checker("HTTP_GET", URL + "nb_get_retry 5").timing.retry == 5


# Each checker


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("TCP_CHECK", "", TcpCheck()),
        ("PING_CHECK", "", PingCheck()),
        ("DNS_CHECK", "", DnsCheck(".", "SOA")),
        ("DNS_CHECK", "type AAAA\nname example.org", DnsCheck("example.org", "AAAA")),
        ("SMTP_CHECK", "", SmtpCheck()),
        ("SMTP_CHECK", "helo_name me.example", SmtpCheck("me.example")),
        ("MISC_CHECK", "misc_path /bin/a", ScriptCheck(("/bin/a",))),
        ("MISC_CHECK", "misc_path \"/bin/a -x 'b c' d\\\\ e\"", ScriptCheck(("/bin/a", "-x", "b c", "d e"))),
        ("MISC_CHECK", 'misc_path "exit 0"\nmisc_dynamic', ScriptCheck(("exit", "0"), dynamic=True)),
        ("MISC_CHECK", "misc_path /bin/a\nuser me us", ScriptCheck(("/bin/a",), "me", "us")),
        ("UDP_CHECK", "", UdpCheck(b"keepalived check - keepalived ch", b"", True, 0, 255)),
        ("UDP_CHECK", "payload hello", UdpCheck(b"hello", b"", True, 0, 255)),
        ("UDP_CHECK", 'payload "a  b" c', UdpCheck(b"a  b c", b"", True, 0, 255)),
        ("UDP_CHECK", r"payload \x00\xff\101\n", UdpCheck(b"\x00\xffA\n", b"", True, 0, 255)),
        ("UDP_CHECK", "payload a\nrequire_reply", UdpCheck(b"a", b"", True, 0, 255)),
        ("UDP_CHECK", "payload a\nrequire_reply 'po  ng' # x", UdpCheck(b"a", b"po  ng", True, 0, 255)),
        ("UDP_CHECK", 'payload a\nrequire_reply "pong !"', UdpCheck(b"a", b"pong !", True, 0, 255)),
        ("UDP_CHECK", "payload a\nmin_reply_length 3\nmax_reply_length 9", UdpCheck(b"a", b"", True, 3, 9)),
    ],
)
def test_checks(kind: str, body: str, expected: object) -> None:
    assert check(kind, body) == expected


@pytest.mark.parametrize("record", "A NS CNAME SOA MX TXT AAAA RRSIG DNSKEY".split())
def test_dns_types(record: str) -> None:
    assert check("DNS_CHECK", f"type {record}") == DnsCheck(".", record)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("DNS_CHECK", "type PTR", "type PTR is none of A, NS, CNAME, SOA, MX, TXT, AAAA, RRSIG, DNSKEY"),
        ("UDP_CHECK", "payload", "payload needs a value"),
        ("UDP_CHECK", "max_reply_length 65536", "max_reply_length 65536 is not within 0 and 65535"),
        ("MISC_CHECK", "", "MISC_CHECK needs misc_path"),
        ("MISC_CHECK", "misc_path", "misc_path needs a program"),
        ("MISC_CHECK", "misc_path /bin/a\nmisc_timeout x", "misc_timeout x is not a number"),
        ("MISC_CHECK", "misc_path /bin/a\nuser", "user needs a value"),
        ("HTTP_GET", "", "HTTP_GET needs a url"),
        ("SSL_GET", "retry 3", "SSL_GET needs a url"),
        ("HTTP_GET", "url {\n}", "url needs a path"),
        ("HTTP_GET", "url {\npath /\ndigest 12\n}", "digest 12 is not 32 hexadecimal digits"),
        ("HTTP_GET", "url {\npath /\nstatus_code 99\n}", "status_code 99 is not a status code or a range of them"),
        (
            "HTTP_GET",
            "url {\npath /\nstatus_code 300-200\n}",
            "status_code 300-200 is not a status code or a range of them",
        ),
        ("HTTP_GET", "url {\npath /\nstatus_code\n}", "status_code needs a value"),
        ("HTTP_GET", URL + "http_protocol 2.0", "http_protocol 2.0 is none of 1.0, 1.0c, 1.0C, 1.1"),
        ("HTTP_GET", "url {\npath /\nregex (\n}", "regex (: missing ), unterminated subpattern at position 0"),
        ("HTTP_GET", "url {\npath /\nregex a b\n}", "regex needs one pattern, quoted if it has blanks"),
        (
            "HTTP_GET",
            "url {\npath /\nregex a\nregex_options odd\n}",
            "regex_options odd is no option of regular expressions",
        ),
        ("HTTP_GET", "url", "missing `{` after url"),
        ("FILE_CHECK", "", "FILE_CHECK needs track_file"),
        ("FILE_CHECK", "track_file nothing", "FILE_CHECK: no track_file of the name nothing"),
    ],
)
def test_wrong_checkers(kind: str, body: str, message: str) -> None:
    assert checker_problems(kind, body) == [message]


def test_script_timeout() -> None:
    assert checker("MISC_CHECK", "misc_path /bin/a\nmisc_timeout 3").timing.connect_timeout_s == 3
    assert checker("MISC_CHECK", "misc_path /bin/a", lines="delay_loop 4").timing.connect_timeout_s == 4


def test_impossible_reply_length_is_told() -> None:
    text = service_text(servers="real_server 192.0.2.1 80 {\nUDP_CHECK {\nmin_reply_length 300\n}\n}\n")
    assert "min_reply_length is above max_reply_length" in notes(text)[0]


def test_smtp_hosts_are_checkers_of_their_own() -> None:
    body = "SMTP_CHECK {\nconnect_timeout 4\nhost {\nconnect_ip 192.0.2.77\nconnect_port 26\n}\nhost {\nretry 7\n}\n}"
    found = real_server(body).checkers
    assert [(str(each.endpoint.address), each.endpoint.port) for each in found] == [
        ("192.0.2.10", 80),
        ("192.0.2.77", 26),
        ("192.0.2.10", 80),
    ]
    assert [(each.timing.connect_timeout_s, each.timing.retry) for each in found] == [(4, 1), (4, 1), (4, 7)]


def test_bfd_check_is_ignored_with_a_warning() -> None:
    servers = "real_server 192.0.2.1 80 {\nBFD_CHECK {\nname b\n}\nTCP_CHECK {\n}\n}\n"
    assert notes(service_text(servers=servers)) == ["keepalived.conf:7: BFD_CHECK is not supported and ignored"]
    assert [each.kind for each in virtual_server(servers=servers).servers[0].checkers] == ["TCP_CHECK"]


FILES = "track_file up {\nfile /run/up\nweight 3\n}\nvrrp_track_file down {\nfile /run/down\nweight 2 reverse\n}\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("track_file up", FileCheck("/run/up", 3)),
        ("track_file up\nweight 9", FileCheck("/run/up", 9)),
        ("track_file up\nweight 9 reverse", FileCheck("/run/up", -9)),
        ("track_file down\ndynamic", FileCheck("/run/down", -2)),
    ],
)
def test_file_check(body: str, expected: FileCheck) -> None:
    servers = f"real_server 192.0.2.1 80 {{\nFILE_CHECK {{\n{body}\n}}\n}}\n"
    found: Checker = virtual_server(servers=servers, more=FILES).servers[0].checkers[0]
    assert found.checks == (expected,)


# HTTP


def http(body: str, kind: str = "HTTP_GET", url: str = "path /x", server_lines: str = "", lines: str = "") -> HttpCheck:
    found = check(kind, f"url {{\n{url}\n}}\n{body}", server_lines, lines)
    assert isinstance(found, HttpCheck)
    return found


def test_defaults_of_http() -> None:
    assert http("") == HttpCheck(path="/x", version=HttpVersion.HTTP_1_0, read_to_end=True)
    assert http("", "SSL_GET") == HttpCheck(path="/x", version=HttpVersion.HTTP_1_0, tls=True, read_to_end=True)


@pytest.mark.parametrize(
    ("url", "name", "value"),
    [
        ("path /a?b=c&d", "path", "/a?b=c&d"),
        ("path /\nstatus_code 200", "status", ((200, 200),)),
        ("path /\nstatus_code 200-299 400 503-505", "status", ((200, 299), (400, 400), (503, 505))),
        ("path /\ndigest 0123456789ABCDEF0123456789abcdef", "md5", "0123456789abcdef0123456789abcdef"),
        ("path /\nvirtualhost www.example.org", "host", "www.example.org"),
        ("path /\nregex ^ok$", "regex", BodyRegex("^ok$")),
        ('path /\nregex "it works"', "regex", BodyRegex("it works")),
        (r"path /" + "\n" + r"regex 'a\\.b'", "regex", BodyRegex(r"a\.b")),
        ("path /\nregex a\nregex_no_match", "regex", BodyRegex("a", negate=True)),
        ("path /\nregex a\nregex_options caseless dotall", "regex", BodyRegex("a", int(re.I | re.S))),
        (
            "path /\nregex a\nregex_options multiline extended no_auto_possess",
            "regex",
            BodyRegex("a", int(re.M | re.X)),
        ),
        ("path /\nregex a\nregex_min_offset 5\nregex_max_offset 9", "regex", BodyRegex("a", 0, False, 5, 9)),
    ],
)
def test_keywords_of_a_url(url: str, name: str, value: object) -> None:
    assert getattr(http("", url=url), name) == value


@pytest.mark.parametrize(
    ("word", "version"),
    [
        ("1.0", HttpVersion.HTTP_1_0),
        ("1.0c", HttpVersion.HTTP_1_0C),
        ("1.0C", HttpVersion.HTTP_1_0C),
        ("1.1", HttpVersion.HTTP_1_1),
    ],
)
def test_http_versions(word: str, version: HttpVersion) -> None:
    assert http(f"http_protocol {word}").version == version


def test_inner_virtualhost_wins() -> None:
    assert http("", lines="virtualhost a").host == "a"
    assert http("", server_lines="virtualhost b", lines="virtualhost a").host == "b"
    assert http("virtualhost c", server_lines="virtualhost b", lines="virtualhost a").host == "c"
    assert http("virtualhost c", url="path /\nvirtualhost d", lines="virtualhost a").host == "d"


def test_server_name_indication() -> None:
    assert http("enable_sni\nvirtualhost a.example", "SSL_GET").tls_sni == "a.example"
    assert http("virtualhost a.example", "SSL_GET").tls_sni == ""
    assert http("sni_name b.example", "SSL_GET").tls_sni == "b.example"
    assert http("enable_sni\nvirtualhost a.example").tls_sni == ""


def test_every_url_is_a_check() -> None:
    found = checker("HTTP_GET", "url {\npath /a\n}\nurl {\npath /b\n}\nfast_recovery")
    assert [each.path for each in found.checks if isinstance(each, HttpCheck)] == ["/a", "/b"]
    assert found.fast_recovery


@pytest.mark.parametrize(
    ("word", "http_header", "udp_header"),
    [
        ("v1", ProxyProtocol.V1, ProxyProtocol.OFF),
        ("v2", ProxyProtocol.V2, ProxyProtocol.V2),
        ("v1-insecure", ProxyProtocol.OFF, ProxyProtocol.OFF),
        ("v2-insecure", ProxyProtocol.OFF, ProxyProtocol.OFF),
    ],
)
def test_proxy_header_of_checks(word: str, http_header: ProxyProtocol, udp_header: ProxyProtocol) -> None:
    lines = f"proxy_protocol {word}"
    assert http("", lines=lines).proxy == http_header
    assert http("", "SSL_GET", lines=lines).proxy == http_header
    udp = check("UDP_CHECK", lines=lines)
    assert isinstance(udp, UdpCheck)
    assert udp.proxy == udp_header
    assert check("TCP_CHECK", lines=lines) == TcpCheck()


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("regex_no_match", "regex_… without regex, ignored"),
        ("regex a\nregex_options ungreedy", "regex_options ungreedy: not supported and ignored"),
        (
            "regex a\nregex_min_offset 9\nregex_max_offset 9",
            "regex_min_offset 9 is not below regex_max_offset 9, both ignored",
        ),
        ("regex_stack 1 2", "regex_stack is not supported and ignored"),
    ],
)
def test_told_about_regular_expressions(url: str, note: str) -> None:
    servers = f"real_server 192.0.2.1 80 {{\nHTTP_GET {{\nurl {{\npath /\n{url}\n}}\n}}\n}}\n"
    (found,) = notes(service_text(servers=servers))
    assert found.partition(": ")[2] == note


def test_what_is_told_is_told_for_each_server() -> None:
    body = "weight 2\nUDP_CHECK {\nmin_reply_length 300\n}\n"
    servers = "".join(f"real_server 192.0.2.{number} 80 {{\n{body}}}\n" for number in (1, 2))
    assert [note.partition(": ")[0] for note in notes(service_text(servers=servers))] == [
        "!keepalived.conf:8",
        "!keepalived.conf:14",
    ]
