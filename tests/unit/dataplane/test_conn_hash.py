"""The connection hash: its range, and that every part of a key counts; that it finds slots is shown in netns."""

from __future__ import annotations

from ipaddress import ip_address

from xdpvs.dataplane.conn_hash import conn_hash
from xdpvs.model.address import Family, Protocol
from xdpvs.model.conn import SocketPair

ZERO = ip_address("0.0.0.0")
SECRET = list(range(1, 11))


def test_the_hash_depends_on_the_secret() -> None:
    pair = SocketPair(Family.INET, Protocol.TCP, ZERO, 0, ZERO, 0)
    mixed = conn_hash([0] * 10, SocketPair(Family.INET, Protocol.TCP, ZERO, 0, ZERO, 0))
    assert mixed == 0, "0 stays 0"
    assert 0 < conn_hash(SECRET, pair) < 1 << 64


def test_every_part_of_an_ipv6_key_counts() -> None:
    one, other = ip_address("2001:db8::1"), ip_address("2001:db8:0:1::1")
    pairs = [
        SocketPair(Family.INET6, Protocol.TCP, source, sport, target, dport)
        for source, target in ((one, other), (other, one))
        for sport, dport in ((1, 2), (2, 1))
    ]
    assert len({conn_hash(SECRET, pair) for pair in pairs}) == 4
