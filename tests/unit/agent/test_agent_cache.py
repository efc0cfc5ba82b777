"""The cache file: what goes in comes out, upstream's too; garbage is set aside."""

from __future__ import annotations

import json
import os
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wait import wait_until
from xdpvs.agent.cache_file import Cached, CorruptCache, decode, encode
from xdpvs.agent.node import NodeSpec
from xdpvs.agent.snapshot import Reporter, ServerState, ServiceState, server_key
from xdpvs.agent.store import Store, cache_path, load, writable, write
from xdpvs.model.address import Family
from xdpvs.model.service import (
    CheckConfig,
    CheckTypes,
    Dest,
    ForwardingMode,
    Laddr,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

DEST = Dest(Family.INET, IPv4Address("198.51.100.1"), 80, ForwardingMode.FULLNAT, 0, 50, 20, inhibited=True)
SERVER = ServerState(100, DEST, Reporter.UNVERSIONED, (50, 1))
OTHER = ServerState(7, Dest(Family.INET6, IPv6Address("2001:db8::a"), 8080, ForwardingMode.NAT, 7), None, ())
LADDR = Laddr(Family.INET, IPv4Address("192.0.2.200"), "dpdk0.102")
SERVICE = Service(
    ServiceKey(Family.INET6, 17, IPv6Address("2001:db8::1"), 53, 5),
    "conhash",
    ServiceFlags.SIP_HASH | ServiceFlags.EXPIRE_QUIESCENT | ServiceFlags.PERSISTENT,
    300,
    90,
    128,
    ProxyProtocol.V2_INSECURE,
    10,
    20,
    CheckConfig(CheckTypes.PING | CheckTypes.UDP),
)
STATE = ServiceState(SERVICE, 1_700_000_000_123, {server_key(each.seen): each for each in (SERVER, OTHER)}, (LADDR,))
NODE = NodeSpec("dpdk0.102", "dpdk0.102.kni")


def test_what_goes_in_comes_out() -> None:
    assert decode(encode([STATE], 2_000_000_000_000, NODE)) == Cached((STATE,), NODE, (LADDR,), 2_000_000_000_000)
    assert decode(encode([], 0, NodeSpec())) == Cached()


def test_its_form_is_upstream_s() -> None:
    value = json.loads(encode([STATE], 1, NODE))
    assert value["NodeSpec"] == {
        "AnnouncePort": {"dpvs": "dpdk0.102", "switch": "dpdk0.102.kni"},
        "Laddrs": {"Items": [{"addr": "192.0.2.200", "device": "dpdk0.102"}]},
    }
    (service,) = value["Services"]["Items"]
    assert (service["Addr"], service["Flags"], service["Version"]) == (
        "2001:db8::1",
        "ExpireQuiescent|ConHashBySrcIP|",
        "1700000000123",
    )
    spec = service["RSs"]["Items"][0]["Spec"]
    assert (spec["weight"], spec["inhibited"]) == (100, True), "the operator's weight, as in upstream"


def test_a_file_of_upstream() -> None:
    text = (
        b'{"NodeSpec":{"AnnouncePort":{"dpvs":"dpdk0","switch":""},"Laddrs":{"Items":[{"addr":"192.0.2.200",'
        b'"device":"dpdk0"}]}},"Services":{"Items":[{"Addr":"192.0.2.1","Af":2,"DestCheck":null,'
        b'"ExpireQuiescent":"false","Match":{"Dest":{},"Src":{}},"Netmask":4294967295,"Port":80,"Proto":6,'
        b'"Quic":"false","RSs":{"Items":[{"Spec":{"inhibited":true,"ip":"198.51.100.1","mode":"FNAT",'
        b'"overloaded":false,"port":80,"weight":100},"Stats":{}}]},"SchedName":"wrr","Stats":{},'
        b'"SynProxy":"false","Version":"1746772262802"}]}}'
    )
    found = decode(text)
    assert found.node == NodeSpec("dpdk0", "")
    assert [str(laddr.address) for laddr in found.laddrs] == ["192.0.2.200"]
    (state,) = found.services
    (server,) = state.servers.values()
    assert (state.version, server.weight, server.seen.weight, server.seen.inhibited) == (1746772262802, 100, 0, True)
    assert server.reporter is Reporter.VERSIONED


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"Services":{"Items":[{}]}}',
        b'{"Services":{"Items":[{"Addr":"x","Proto":6}]}}',
        b'{"Services":{"Items":[{"Addr":"192.0.2.1","Proto":6,"Version":"x"}]}}',
        b'{"Services":{"Items":[{"Addr":"192.0.2.1","Proto":6,"ProxyProto":99}]}}',
        b'{"Services":{"Items":[{"Addr":"192.0.2.1","Proto":"6"}]}}',
        b'{"NodeSpec":{"Laddrs":{"Items":[{"addr":""}]}}}',
        encode([STATE], 1, NODE)[:-20],
        b"\x00" * 100,
    ],
)
def test_garbage(text: bytes) -> None:
    with pytest.raises(CorruptCache):
        decode(text)


@given(st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    try:
        decode(text)
    except CorruptCache:
        return


def test_a_corrupt_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "dpvs.cache"
    path.write_bytes(b"{rubbish")
    assert load(path) == Cached()
    assert not path.exists()
    assert (tmp_path / "dpvs.cache.corrupt").read_bytes() == b"{rubbish"
    assert "is no cache file and was set aside as dpvs.cache.corrupt" in caplog.text


def test_missing_and_unreadable_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load(tmp_path / "nosuch") == Cached()
    assert not caplog.text
    assert load(tmp_path) == Cached()
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("option", "path"),
    [
        ("", "/log/conf.d/dpvs.cache"),
        ("/", "/log/conf.d/dpvs.cache"),
        ("/var/lib/x/", "/var/lib/x/dpvs.cache"),
        ("/var/lib/x", "/var/lib/x"),
        ("name", "/log/conf.d/name"),
        ("dir/name", "/log/dir/name"),
    ],
)
def test_where_it_is(option: str, path: str) -> None:
    assert cache_path(option, Path("/log")) == Path(path)


def test_writing(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "cache"
    assert writable(path) == ""
    path.write_bytes(b"old")
    path.chmod(0o644)
    write(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o600)
    assert os.listdir(path.parent) == ["cache"]
    assert writable(Path("/proc/nosuch/cache"))


class TestStore:
    """The saving thread."""

    def test_a_change_is_in_the_file_before_it_is_answered(self, tmp_path: Path) -> None:
        values = iter(range(100))
        store = Store(tmp_path / "cache", lambda: str(next(values)).encode())
        store.start()
        for _ in range(5):
            store.changed()
            store.settle()
            assert (tmp_path / "cache").exists()
        store.changed()
        store.close()
        assert int((tmp_path / "cache").read_text()) >= 1

    def test_trouble_is_told_and_over_when_it_is(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        path = tmp_path / "sub" / "cache"
        store = Store(path, lambda: b"x")
        store.start()
        store.changed()
        wait_until(lambda: "cannot be written" in caplog.text, 5)
        store.settle()
        path.parent.mkdir()
        store.changed()
        store.close()
        assert path.read_bytes() == b"x"

    def test_one_that_was_never_started(self, tmp_path: Path) -> None:
        store = Store(tmp_path / "cache", lambda: b"x")
        store.changed()
        store.settle()
        store.close()
        assert not (tmp_path / "cache").exists()
