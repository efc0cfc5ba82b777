"""Services, servers, local addresses and access lists: statuses, bodies, and that what fails changes nothing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from tests.support.agent import Agent, conn, items
from xdpvs.api.client import Client
from xdpvs.dataplane.stats import ConnCounts, Traffic
from xdpvs.model.address import Family
from xdpvs.model.service import Service, ServiceKey

ID = "192.0.2.1-80-tcp"
VS = f"/v2/vs/{ID}"
STRING = b'""\n'


def made(agent: Agent, *servers: tuple[str, int, int]) -> None:
    """The service, with servers."""
    assert agent.call("PUT", VS, {}).status == 201
    if servers:
        assert agent.call("PUT", f"{VS}/rs", items(*servers)).status == 200


def listed(agent: Agent) -> dict[str, Any]:
    """Servers as `ip:port` with weights."""
    specs = [item["Spec"] for item in agent.get(f"{VS}/rs")["Items"]]
    return {f"{spec['ip']}:{spec['port']}": spec["weight"] for spec in specs}


def told(agent: Agent, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and reason of a refusal."""
    reply = agent.call(method, path, body)
    said = reply.json()
    return reply.status, said if isinstance(said, str) else said["message"]


def test_a_service_is_created_then_updated(agent: Agent) -> None:
    reply = agent.call("PUT", VS, {"SchedName": "rr", "ConnTimeout": 90, "ExpireQuiescent": True})
    assert (reply.status, reply.body, reply.headers["content-type"]) == (201, STRING, "application/json")
    version = agent.service(ID).pop("Version")
    assert agent.service(ID) == {
        "Addr": "192.0.2.1",
        "Af": 2,
        "ConnTimeout": 90,
        "DestCheck": None,
        "ExpireQuiescent": "true",
        "Flags": "ExpireQuiescent|",
        "Match": {"Dest": {}, "Src": {}},
        "Netmask": 4294967295,
        "Port": 80,
        "Proto": 6,
        "Quic": "false",
        "RSs": {"Items": []},
        "SchedName": "rr",
        "Stats": {},
        "SynProxy": "false",
        "Version": version,
    }
    agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 5)))
    version = agent.service(ID)["Version"]
    reply = agent.call("PUT", VS)
    assert (reply.status, reply.body) == (200, STRING)
    after = agent.service(ID)
    assert (after["SchedName"], after["ExpireQuiescent"], "ConnTimeout" in after) == ("wrr", "false", False)
    assert len(after["RSs"]["Items"]) == 1
    assert after["Version"] == version, "it stands for the servers"


def test_conhash_hashes_by_source(agent: Agent) -> None:
    agent.call("PUT", VS, {"SchedName": "conhash"})
    assert agent.service(ID)["Flags"] == "ConHashBySrcIP|"


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("192.0.2.1-99999-TCP", "192.0.2.1-34463-tcp"),
        ("2001:0db8:0:0::5-80-UDP", "2001:db8::5-80-udp"),
        ("192.0.2.1-80-sctp", "192.0.2.1-80-tcp"),
        ("::ffff:192.0.2.1-80-tcp", "192.0.2.1-80-tcp"),
    ],
)
def test_ids(agent: Agent, given: str, canonical: str) -> None:
    assert agent.call("PUT", f"/v2/vs/{given}", {}).status == 201
    assert agent.call("PUT", f"/v2/vs/{canonical}", {}).status == 200


@pytest.mark.parametrize(
    "bad",
    [
        "x",
        "192.0.2.1-80",
        "192.0.2.1-80-tcp-x",
        "300.0.2.1-80-tcp",
        "192.0.2.1-http-tcp",
        "-80-tcp",
        "fe80::1%25eth0-80-tcp",
    ],
)
def test_ids_that_are_none(agent: Agent, bad: str) -> None:
    made(agent)
    for method, path, body, status in (
        ("PUT", "", {}, 460),
        ("DELETE", "", None, 500),
        ("PUT", "/rs", items(("198.51.100.1", 80, 1)), 460),
        ("POST", "/rs", items(("198.51.100.1", 80, 1)), 460),
        ("DELETE", "/rs", items(("198.51.100.1", 80, 1)), 460),
        ("PUT", "/rs/health?version=1", items(("198.51.100.1", 80, 1)), 460),
        ("PUT", "/laddr", {"addr": "192.0.2.200", "device": "dpdk0"}, 460),
        ("DELETE", "/laddr", {"addr": "192.0.2.200"}, 460),
        ("PUT", "/deny", {"Items": [{"addr": "192.0.2.9"}]}, 460),
        ("DELETE", "/allow", {"Items": [{"addr": "192.0.2.9"}]}, 460),
    ):
        reply = agent.call(method, f"/v2/vs/{bad}{path}", body)
        assert (reply.status, "service id" in reply.json()) == (status, True), method + path
    assert agent.get(f"/v2/vs/{bad}") == agent.get("/v2/vs"), "GET takes it for all services, as upstream"


def test_a_service_that_is_not_there(agent: Agent) -> None:
    missing = f"service {ID}: no such service"
    server = items(("198.51.100.1", 80, 1))
    for method, path, body, status in (
        ("GET", "", None, 404),
        ("DELETE", "", None, 404),
        ("GET", "/rs", None, 404),
        ("PUT", "/rs", server, 461),
        ("PUT", "/rs?healthcheck=true", server, 461),
        ("POST", "/rs", server, 500),
        ("DELETE", "/rs", server, 500),
        ("PUT", "/rs/health?version=1", server, 500),
        ("GET", "/laddr", None, 404),
    ):
        assert told(agent, method, f"{VS}{path}", body) == (status, missing), method + path
    laddr = {"addr": "192.0.2.200", "device": "dpdk0"}
    for method in ("PUT", "DELETE"):
        status, reason = told(agent, method, f"{VS}/laddr", laddr)
        assert status == 500
        assert reason.startswith(f"service {ID}: local address 192.0.2.200")
        assert reason.endswith("no service")
    assert agent.get("/v2/vs") == {"Items": []}


def test_deleting_a_service(agent: Agent) -> None:
    made(agent, ("198.51.100.1", 80, 1))
    reply = agent.call("DELETE", VS)
    assert (reply.status, reply.body) == (200, STRING)
    assert agent.call("DELETE", VS).status == 404


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"SynProxy": True}, "SynProxy"),
        ({"Quic": True, "Timeout": 5}, "Quic, Timeout"),
        ({"ProxyProtocol": "v2"}, "ProxyProtocol"),
        ({"Bps": 5}, "Bps"),
    ],
)
def test_what_the_data_plane_has_not_is_named(agent: Agent, body: object, named: str) -> None:
    wanted = (461, f"service {ID} with {named}: not supported by the data plane")
    assert told(agent, "PUT", VS, body) == wanted
    assert agent.get("/v2/vs") == {"Items": []}
    made(agent)
    before = agent.get("/v2/vs")
    assert told(agent, "PUT", VS, body) == wanted
    assert agent.get("/v2/vs") == before


class TestServers:
    """PUT, POST and DELETE of servers."""

    def test_put_adds_and_updates_and_never_removes(self, agent: Agent) -> None:
        made(agent, ("198.51.100.1", 80, 1), ("198.51.100.2", 80, 2))
        reply = agent.call("PUT", f"{VS}/rs", items(("198.51.100.2", 80, 20), ("198.51.100.3", 8080, 3)))
        assert (reply.status, reply.body) == (200, STRING)
        assert listed(agent) == {"198.51.100.3:8080": 3, "198.51.100.2:80": 20, "198.51.100.1:80": 1}
        assert next(iter(listed(agent))) == "198.51.100.3:8080", "newest first"

    def test_defaults(self, agent: Agent) -> None:
        made(agent)
        agent.call("PUT", f"{VS}/rs", {"Items": [{"ip": "198.51.100.1"}]})
        assert agent.server(ID, "198.51.100.1") == {
            "inhibited": False,
            "ip": "198.51.100.1",
            "mode": "FNAT",
            "overloaded": False,
            "port": 0,
            "weight": 0,
        }

    def test_ipv6_servers_are_shown_and_compared(self, agent: Agent) -> None:
        agent.call("PUT", "/v2/vs/2001:db8::1-80-tcp", {})
        path = "/v2/vs/2001:db8::1-80-tcp/rs"
        both = items(("2001:db8::a", 80, 1), ("2001:db8::b", 80, 2))
        assert agent.call("PUT", path, both).status == 200
        assert [item["Spec"]["ip"] for item in agent.get(path)["Items"]] == ["2001:db8::b", "2001:db8::a"]
        assert agent.call("POST", path, items(("2001:DB8:0::B", 80, 5))).status == 200
        assert [(item["Spec"]["ip"], item["Spec"]["weight"]) for item in agent.get(path)["Items"]] == [
            ("2001:db8::b", 5)
        ]

    @pytest.mark.parametrize("body", [None, {}, {"Items": []}, {"Items": None}])
    def test_an_empty_put_is_nothing(self, agent: Agent, body: object) -> None:
        made(agent, ("198.51.100.1", 80, 1))
        before = agent.get("/v2/vs")
        assert agent.call("PUT", f"{VS}/rs", body).body == STRING
        assert agent.get("/v2/vs") == before

    def test_post_replaces_exactly(self, agent: Agent) -> None:
        made(agent, ("198.51.100.1", 80, 1), ("198.51.100.2", 80, 2))
        version = agent.service(ID)["Version"]
        reply = agent.call("POST", f"{VS}/rs", items(("198.51.100.2", 80, 2), ("198.51.100.3", 80, 3)))
        assert (reply.status, reply.body) == (200, STRING)
        assert listed(agent) == {"198.51.100.3:80": 3, "198.51.100.2:80": 2}
        assert int(agent.service(ID)["Version"]) > int(version)
        assert agent.call("POST", f"{VS}/rs", {"Items": []}).status == 200
        assert listed(agent) == {}
        assert agent.call("POST", f"{VS}/rs", {"Items": []}).status == 200

    @pytest.mark.parametrize("body", [None, {}, {"Items": None}, {"items": None}])
    def test_post_without_a_list_is_no_order_to_remove_all(self, agent: Agent, body: object) -> None:
        made(agent, ("198.51.100.1", 80, 1))
        reply = agent.call("POST", f"{VS}/rs", body)
        assert (reply.status, reply.json()["code"]) == (400, 400)
        assert "Items in body is required" in reply.json()["message"]
        assert listed(agent) == {"198.51.100.1:80": 1}

    def test_delete(self, agent: Agent) -> None:
        made(agent, ("198.51.100.1", 80, 1), ("198.51.100.2", 80, 2))
        version = agent.service(ID)["Version"]
        reply = agent.call("DELETE", f"{VS}/rs", items(("198.51.100.1", 80, 0), ("198.51.100.9", 80, 0)))
        assert (reply.status, reply.body, "content-type" in reply.headers) == (200, b"", False)
        assert listed(agent) == {"198.51.100.2:80": 2}
        assert int(agent.service(ID)["Version"]) > int(version)
        harmless: tuple[object, ...] = (items(("198.51.100.1", 80, 0)), {"Items": []}, {}, None)
        for body in harmless:
            assert agent.call("DELETE", f"{VS}/rs", body).status == 200
        assert listed(agent) == {"198.51.100.2:80": 2}

    @pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
    @pytest.mark.parametrize("bad", ["", "198.51.100", "198.51.100.9/32", "x", "fe80::1%eth0"])
    def test_a_list_with_one_bad_address_changes_nothing(self, agent: Agent, method: str, bad: str) -> None:
        made(agent, ("198.51.100.1", 80, 1))
        before = agent.get("/v2/vs")
        body = items(("198.51.100.1", 80, 7), (bad, 80, 1))
        for query in ("", "?healthcheck=true") if method == "PUT" else ("",):
            assert told(agent, method, f"{VS}/rs{query}", body) == (
                400,
                f"Items.1.ip in body must be an IP address, not {bad!r}",
            )
        assert agent.get("/v2/vs") == before

    @pytest.mark.parametrize("mode", ["NAT", "DR", "TUNNEL", "SNAT", "MASQ"])
    @pytest.mark.parametrize(("method", "status"), [("PUT", 461), ("POST", 500)])
    def test_a_list_with_one_refused_server_changes_nothing(
        self, agent: Agent, method: str, status: int, mode: str
    ) -> None:
        made(agent, ("198.51.100.1", 80, 1))
        before = agent.get("/v2/vs")
        fine: dict[str, object] = {"ip": "198.51.100.1", "port": 80, "weight": 7}
        body = {"Items": [fine, {"ip": "198.51.100.2", "mode": mode}]}
        got, reason = told(agent, method, f"{VS}/rs", body)
        assert got == status
        assert "not supported by the data plane" in reason
        assert "with mode" in reason
        assert agent.get("/v2/vs") == before

    def test_a_server_named_twice_is_what_comes_last(self, agent: Agent) -> None:
        made(agent)
        agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 1), ("198.51.100.1", 80, 2)))
        assert listed(agent) == {"198.51.100.1:80": 2}

    def test_limits_set_by_ipvsadm_are_kept(self, agent: Agent) -> None:
        made(agent, ("198.51.100.1", 80, 1))
        entry = next(iter(agent.daemon.services))
        before = next(iter(entry.dests.values())).dest
        agent.daemon.services.edit_dest(entry.service.key, replace(before, max_conn=50))
        agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 9)))
        after = next(iter(entry.dests.values())).dest
        assert (after.weight, after.max_conn) == (9, 50)

    def test_large_weights(self, agent: Agent) -> None:
        made(agent, ("198.51.100.1", 80, 65535), ("198.51.100.2", 80, 40000))
        assert listed(agent) == {"198.51.100.2:80": 40000, "198.51.100.1:80": 65535}
        version = agent.service(ID)["Version"]
        assert agent.service(ID)["Version"] == version


def test_counters(agent: Agent) -> None:
    made(agent, ("198.51.100.1", 80, 1), ("198.51.100.2", 80, 1))
    entry = next(iter(agent.daemon.services))
    first, second = (each.id for each in entry.dests.values())
    agent.daemon.carry(first, Traffic(1, 2, 3, 4, 5))
    agent.daemon.carry(second, Traffic(10, 20, 30, 40, 50))
    agent.daemon.conn_counts[first] = ConnCounts(7, 8)
    found = agent.service(ID)
    assert found["Stats"] == {"Conns": 11, "InBytes": 33, "InPkts": 22, "OutBytes": 55, "OutPkts": 44}
    assert found["RSs"]["Items"][1]["Stats"] == {"Conns": 1, "InBytes": 3, "InPkts": 2, "OutBytes": 5, "OutPkts": 4}
    assert agent.get("/v2/conns/count") == {"Active": 7, "Inactive": 8, "Persistent": 0}


def test_connections_come_in_pages(agent: Agent) -> None:
    agent.daemon.conns.conns = [conn(number) for number in range(25)]
    path, clients = "/v2/conns?limit=10", []
    while True:
        page = agent.get(path)
        assert page["Count"] == len(page["Items"]) <= 10
        clients += [item["client"] for item in page["Items"]]
        if "Cursor" not in page:
            break
        path = f"/v2/conns?limit=10&cursor={page['Cursor']}"
    assert clients == [f"[2001:db8::c]:{10000 + number}" for number in range(25)]
    assert agent.get("/v2/conns")["Items"][0] == {
        "client": "[2001:db8::c]:10000",
        "laddr": "192.0.2.200:20000",
        "proto": "tcp",
        "rs": "192.0.2.30:80",
        "state": "ESTABLISHED",
        "timeout": 90,
        "vip": "[2001:db8::1]:80",
    }
    assert agent.get("/v2/conns?proto=udp")["Items"] == []
    for query in ("limit=0", "limit=10001", "limit=x", "cursor=-1", "proto=sctp"):
        assert agent.call("GET", f"/v2/conns?{query}").status == 422


class TestLocalAddresses:
    """/laddr."""

    def test_put_list_delete(self, agent: Agent) -> None:
        made(agent)
        for _ in range(2):
            reply = agent.call("PUT", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "dpdk0"})
            assert (reply.status, reply.body) == (200, STRING)
        agent.call("PUT", f"{VS}/laddr", {"addr": "192.0.2.201", "device": "dpdk1"})
        assert agent.get(f"{VS}/laddr")["Items"] == [
            {"addr": "192.0.2.200", "af": 2, "device": "dpdk0", "portConflict": 5},
            {"addr": "192.0.2.201", "af": 2, "device": "dpdk1", "portConflict": 5},
        ]
        for addr in ("192.0.2.200/32", "192.0.2.200", "192.0.2.250"):
            reply = agent.call("DELETE", f"{VS}/laddr", {"addr": addr, "device": "dpdk0"})
            assert (reply.status, reply.body) == (200, STRING)
        assert [item["addr"] for item in agent.get(f"{VS}/laddr")["Items"]] == ["192.0.2.201"]

    def test_none_is_an_empty_list(self, agent: Agent) -> None:
        made(agent)
        assert agent.get(f"{VS}/laddr") == {"Items": []}

    @pytest.mark.parametrize(
        "body", [None, {}, {"addr": ""}, {"addr": "x"}, {"addr": "192.0.2.0/24"}, {"addr": "192.0.2.1/33"}]
    )
    def test_bad_addresses(self, agent: Agent, body: object) -> None:
        made(agent)
        for method in ("PUT", "DELETE"):
            status, reason = told(agent, method, f"{VS}/laddr", body)
            assert (status, reason.startswith("addr in body ")) == (400, True)

    def test_an_unknown_device(self, agent: Agent) -> None:
        made(agent)
        status, reason = told(agent, "PUT", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "dpdk9"})
        assert (status, "device 'dpdk9'" in reason) == (500, True)
        status, reason = told(agent, "PUT", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "x" * 16})
        assert (status, reason) == (400, f"device in body must be a device of 1 to 15 bytes, not {'x' * 16!r}")
        assert agent.get(f"{VS}/laddr") == {"Items": []}


class TestAccessLists:
    """/deny and /allow, which the data plane has not yet."""

    @pytest.mark.parametrize("name", ["deny", "allow"])
    def test_what_there_is(self, agent: Agent, name: str) -> None:
        made(agent)
        path, body = f"{VS}/{name}", {"Items": [{"addr": "192.0.2.9"}]}
        assert agent.get(path) == {"Items": []}
        status, reason = told(agent, "PUT", path, body)
        assert (status, "192.0.2.9" in reason, "not supported by the data plane" in reason) == (461, True, True)
        assert told(agent, "POST", path, body)[0] == 461
        status, reason = told(agent, "DELETE", path, body)
        assert (status, reason.endswith("not exist")) == (461, True)
        assert agent.call("PUT", path, {"Items": []}).body == STRING
        assert agent.call("POST", path, {"Items": []}).body == STRING
        reply = agent.call("DELETE", path, {"Items": []})
        assert (reply.status, reply.body, "content-type" in reply.headers) == (200, b"", False)

    @pytest.mark.parametrize("addr", ["", "x", "192.0.2.0/24"])
    def test_bad_addresses(self, agent: Agent, addr: str) -> None:
        status, reason = told(agent, "PUT", f"{VS}/deny", {"Items": [{"addr": "192.0.2.9"}, {"addr": addr}]})
        assert (status, reason) == (460, f"Items.1.addr in body must be an IP address, not {addr!r}")

    @pytest.mark.parametrize("ipset", ["x", "ipset:", "ipset:" + "x" * 32])
    def test_bad_ipsets(self, agent: Agent, ipset: str) -> None:
        status, reason = told(agent, "PUT", f"{VS}/deny", {"Items": [{"ipset": ipset}]})
        assert (status, reason) == (460, f"Items.0.ipset in body must be ipset:NAME, not {ipset!r}")

    def test_no_body(self, agent: Agent) -> None:
        for method in ("PUT", "POST", "DELETE"):
            assert told(agent, method, f"{VS}/deny")[0] == 400


def test_a_service_of_another_tool_is_listed_with_a_version(agent: Agent) -> None:
    key = ServiceKey(Family.INET, 17, IPv4Address("192.0.2.7"), 53)
    client = Client(str(agent.socket_path))
    client.add_service(Service(key, "fo"))
    found = agent.service("192.0.2.7-53-udp")
    assert (found["SchedName"], found["Proto"]) == ("fo", 17)
    assert int(found["Version"]) > 0
    client.del_service(key)
    assert agent.get("/v2/vs") == {"Items": []}
