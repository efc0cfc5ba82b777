"""Sets of addresses: what is wrong is told as upstream does, what is right is not supported yet."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.agent import Agent

SET = "/v2/ipset/s"


def told(agent: Agent, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and reason."""
    reply = agent.call(method, path, body)
    said = reply.json()
    return reply.status, said if isinstance(said, str) else said["message"]


def info(kind: str = "hash:ip", *entries: str, **more: object) -> dict[str, Any]:
    """IpsetInfo."""
    return {"Type": kind, "Name": "s", "Entries": [{"Entry": entry} for entry in entries], **more}


NOT_YET = (501, "ipset s: ipsets are not supported by the data plane")


def test_listing(agent: Agent) -> None:
    assert agent.call("GET", "/v2/ipset").body == b'{"Infos":null}\n'
    assert told(agent, "GET", SET) == (404, "EDPVS_NOTEXIST")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", SET, info()),
        ("PUT", SET, info("bitmap:ip", CreationOptions={"Range": "192.0.2.0/24", "Comment": True})),
        ("PUT", SET, info("bitmap:port", CreationOptions={"Range": "100-200"})),
        ("DELETE", SET, None),
        ("POST", f"{SET}/member", info("hash:ip", "192.0.2.1", "2001:db8::1", "192.0.2.0/24", "192.0.2.1-192.0.2.9")),
        ("POST", f"{SET}/member", info("hash:net,port,net,port", "192.0.2.0/24,TCP:80-90,2.0.0.0/8,tcp:1")),
        ("POST", f"{SET}/member", info("hash:ip,port", "192.0.2.1")),
        ("POST", f"{SET}/member", info("hash:net,port,iface", "2001:db8::/32,udp:53,eth0")),
        ("POST", f"{SET}/member", info("bitmap:ip,mac", "192.0.2.1,02:00:00:00:00:01")),
        ("DELETE", f"{SET}/member", info("hash:ip,port,ip", "192.0.2.1,80,192.0.2.2")),
        ("PUT", f"{SET}/member", info("hash:ip")),
    ],
)
def test_what_is_right(agent: Agent, method: str, path: str, body: object) -> None:
    assert told(agent, method, path, body) == NOT_YET


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("PUT", SET, None, "missing ipset param"),
        ("POST", f"{SET}/member", None, "missing ipset entry"),
        ("POST", f"{SET}/cell", None, "missing ipset entry"),
        ("PUT", SET, {**info(), "Name": "other"}, "ipset name mismatch"),
        ("PUT", SET, info("bitmap:ip"), "invalid create params: Range is required for bitmap:ip"),
        ("PUT", SET, info("bitmap:ip", CreationOptions={"Range": "10.0.0.0/8"}), "invalid create params: "),
        ("PUT", SET, info("hash:ip", CreationOptions={"Range": "9-1"}), "invalid create params: '9-1' ends before"),
        ("POST", f"{SET}/member", info("hash:ip"), "build AddMember param failed: No Entries found in IpsetInfo model"),
        (
            "POST",
            f"{SET}/member",
            info("hash:ip", "x"),
            "build AddMember param failed: Entries.0: 'x' is no IP address",
        ),
        ("POST", f"{SET}/member", info("hash:ip", "192.0.2.1", ""), "build AddMember param failed: Entries.1: "),
        ("POST", f"{SET}/member", info("hash:ip", "10.0.0.0/8"), "AddMember params check failed: Entries.0: "),
        ("POST", f"{SET}/member", info("hash:ip", "2001:db8::/64"), "AddMember params check failed: Entries.0: "),
        ("POST", f"{SET}/member", info("hash:ip", "10.0.0.0-10.9.0.0"), "AddMember params check failed: Entries.0: "),
        ("POST", f"{SET}/member", info("hash:ip,port", "192.0.2.1,tcp:1-999"), "AddMember params check failed"),
        ("POST", f"{SET}/member", info("hash:ip,port", "192.0.0.0/16,80"), "AddMember params check failed"),
        ("POST", f"{SET}/member", info("bitmap:port", "icmp:8"), "AddMember params check failed"),
        ("POST", f"{SET}/member", info("bitmap:ip", "2001:db8::1"), "AddMember params check failed"),
        ("POST", f"{SET}/member", info("bitmap:ip,mac", "192.0.2.0/24,02:00:00:00:00:01"), "AddMember params check"),
        ("POST", f"{SET}/member", info("bitmap:ip,mac", "192.0.2.1,02:00"), "build AddMember param failed"),
        ("POST", f"{SET}/member", info("hash:net,port,net", "192.0.2.0/24,80,2001::/16"), "build AddMember param"),
        ("POST", f"{SET}/member", info("hash:net,port,net,port", "1.0.0.0/8,tcp:1,2.0.0.0/8,udp:1"), "build AddMember"),
        ("POST", f"{SET}/member", info("hash:ip,port", "192.0.2.1,sctp:1"), "build AddMember param failed"),
        ("POST", f"{SET}/member", info("hash:ip,port", "192.0.2.1,70000"), "build AddMember param failed"),
        ("POST", f"{SET}/member", info("hash:ip", "192.0.2.9-192.0.2.1"), "build AddMember param failed"),
        ("POST", f"{SET}/member", info("hash:net,port,iface", "192.0.2.1,80,"), "build AddMember param failed"),
        ("POST", f"{SET}/member", info(CreationOptions={}), "CreationOptions set in adding member"),
        ("DELETE", f"{SET}/member", info(CreationOptions={}), "CreationOptions set in deleting member"),
        ("PUT", f"{SET}/member", info(CreationOptions={}), "CreationOptions set in replacing member"),
        ("POST", f"{SET}/cell", {"Type": "hash:ip", "Member": {"Entry": "x"}}, "invalid member: 'x' is no IP address"),
        ("POST", f"{SET}/cell", {"Type": "hash:ip", "Member": {"Entry": "10.0.0.0/8"}}, "invalid param: Cidr set in"),
    ],
)
def test_what_is_wrong(agent: Agent, method: str, path: str, body: object, reason: str) -> None:
    status, said = told(agent, method, path, body)
    assert (status, said.startswith(reason)) == (400, True), said


def test_looking_for_a_member(agent: Agent) -> None:
    cell = {"Type": "hash:net", "Member": {"Entry": "10.0.0.0/8"}}
    assert told(agent, "POST", f"{SET}/cell", cell) == (404, "EDPVS_NOTEXIST")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"Type": "hash:nosuch", "Name": "s"}, 422, "Type in body should be one of [bitmap:ip "),
        ({"Name": "s"}, 422, "Type in body is required"),
        ({"Type": "", "Name": "s"}, 422, "Type in body is required"),
        ({"Type": "hash:ip"}, 422, "Name in body is required"),
        (info(CreationOptions={"Family": "ipv5"}), 422, "CreationOptions.Family in body should be one of [ipv4 ipv6]"),
        (
            info(CreationOptions={"HashSize": -1}),
            400,
            'parsing ipsetParam body from "" failed, because CreationOptions.',
        ),
        ({**info(), "Entries": [{"Comment": "x"}]}, 422, "Entries.0.Entry in body is required"),
        ({**info(), "Entries": [{"Entry": "x", "Comment": "x" * 33}]}, 422, "Entries.0.Comment in body "),
    ],
)
def test_fields(agent: Agent, body: object, status: int, field: str) -> None:
    got, said = told(agent, "PUT", SET, body)
    assert (got, said.startswith(field)) == (status, True), said
