"""Addresses with ports, socket pairs, dest-check and the rest of the argument grammars."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from tests.support.ipvsadm import FakeResolver
from xdpvs.ipvsadm import grammar
from xdpvs.model.address import Family, Protocol
from xdpvs.model.conn import SocketPair
from xdpvs.model.service import CheckConfig, CheckTypes, ProxyProtocol

RESOLVER = FakeResolver(
    hosts={"web.example": IPv4Address("192.0.2.80")}, services={("http", "tcp"): 80, ("domain", "udp"): 53}
)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1:http", "192.0.2.1", 80),
        ("1.2:80", "1.0.0.2", 80),
        ("0xc0000201:1", "192.0.2.1", 1),
        ("web.example:80", "192.0.2.80", 80),
        ("[2001:db8::1]:80", "2001:db8::1", 80),
        ("2001:db8::1", "2001:db8::1", None),
        ("[192.0.2.1]:80", "192.0.2.1", 80),
    ],
)
def test_service_addresses(text: str, address: str, port: int | None) -> None:
    assert grammar.address_port(text, Protocol.TCP, RESOLVER) == (ip_address(address), port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "80",
        "[2001:db8::1]",
        "[2001:db8::1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:domain",
        "nowhere:80",
        ":80",
    ],
)
def test_illegal_service_addresses(text: str) -> None:
    assert grammar.address_port(text, Protocol.TCP, RESOLVER) is None


def test_port_names_follow_the_protocol() -> None:
    assert grammar.address_port("192.0.2.1:domain", Protocol.UDP, RESOLVER) == (IPv4Address("192.0.2.1"), 53)


def test_netmasks() -> None:
    assert grammar.netmask("255.255.0.0", Family.INET, RESOLVER) == 0xFFFF0000
    assert grammar.netmask("64", Family.INET6, RESOLVER) == 64
    assert grammar.netmask("129", Family.INET6, RESOLVER) is None
    assert grammar.netmask("0", Family.INET6, RESOLVER) is None
    assert grammar.netmask("nowhere", Family.INET, RESOLVER) is None


def test_socket_pairs() -> None:
    assert grammar.socket_pair("tcp:192.0.2.2:5001:192.0.2.1:80") == SocketPair(
        Family.INET, Protocol.TCP, IPv4Address("192.0.2.2"), 5001, IPv4Address("192.0.2.1"), 80
    )
    assert grammar.socket_pair("sctp:[2001:db8::9]:5001:[2001:db8::1]:80") == SocketPair(
        Family.INET6, Protocol.SCTP, IPv6Address("2001:db8::9"), 5001, IPv6Address("2001:db8::1"), 80
    )


@pytest.mark.parametrize(
    "text",
    [
        "tcp",
        "icmp:192.0.2.2:1:192.0.2.1:2",
        "tcp:192.0.2.2:http:192.0.2.1:80",
        "tcp:192.0.2.2:1:192.0.2.1",
        "tcp:host:1:192.0.2.1:2",
        "tcp:[2001:db8::9]:1:192.0.2.1:2",
        "tcp:2001:db8::9:1:[2001:db8::1]:2",
    ],
)
def test_illegal_socket_pairs(text: str) -> None:
    assert grammar.socket_pair(text) is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["default"], CheckConfig(CheckTypes.PASSIVE, 1, 1, 3, 5, 3600)),
        (["5,10s"], CheckConfig(CheckTypes.PASSIVE, 5, 0, 10, 0, 0)),
        (["5,10"], CheckConfig(CheckTypes.PASSIVE, 5, 0, 10, 0, 0)),
        (["3,2,4s,60-3600s"], CheckConfig(CheckTypes.PASSIVE, 3, 2, 4, 60, 3600)),
        (["3,2,4s,60-3600"], CheckConfig(CheckTypes.PASSIVE, 3, 2, 4, 60, 3600)),
        (["3,3,3,60-3600"], CheckConfig(CheckTypes.PASSIVE, 3, 0, 3, 0, 0)),
        (["tcp", "ping"], CheckConfig(CheckTypes.TCP | CheckTypes.PING)),
        (["default", "udp"], CheckConfig(CheckTypes.PASSIVE | CheckTypes.UDP, 1, 1, 3, 5, 3600)),
        (["default", "disable", "sctp"], CheckConfig(CheckTypes.SCTP)),
    ],
)
def test_dest_checks_accumulate(words: list[str], expected: CheckConfig) -> None:
    check: CheckConfig | None = CheckConfig()
    for word in words:
        assert check is not None
        check = grammar.dest_check(word, check)
    assert check == expected


@pytest.mark.parametrize("word", ["", "TCP", "5", "5s", "a,b"])
def test_invalid_dest_checks(word: str) -> None:
    assert grammar.dest_check(word, CheckConfig()) is None


def test_a_second_passive_check_must_be_sane() -> None:
    assert grammar.dest_check("0,3s", CheckConfig()) is not None
    assert grammar.dest_check("0,3s", grammar.DEFAULT_CHECK) is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [("V1", ProxyProtocol.V1), ("v2-insecure", ProxyProtocol.V2_INSECURE), ("yes", ProxyProtocol.OFF)],
)
def test_unknown_proxy_protocols_switch_it_off(word: str, expected: ProxyProtocol) -> None:
    assert grammar.proxy_protocol(word) == expected
