"""Devices: addresses, routes, VLANs, the port; statuses of the reference, and unknown devices named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.agent import Agent
from xdpvs.model.device import LinkSettings
from xdpvs.model.network import AddressFlags

STRING = b'""\n'
DEV = "/v2/device/dpdk0"


def told(agent: Agent, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and reason of a refusal."""
    reply = agent.call(method, path, body)
    said = reply.json()
    return reply.status, said if isinstance(said, str) else said["message"]


def ok(agent: Agent, method: str, path: str, body: object = None, status: int = 200) -> None:
    """Must succeed with an empty string."""
    reply = agent.call(method, path, body)
    assert (reply.status, reply.body) == (status, STRING)


def test_all_devices(agent: Agent) -> None:
    found = agent.get("/v2/device")["Items"]
    assert [item["detail"]["name"] for item in found] == ["dpdk0", "dpdk1"]
    assert "stats" not in found[0]
    assert agent.get("/v2/device?stats=yes")["Items"][1]["stats"]["inPkts"] == 1001


class TestAddresses:
    """/device/{name}/addr."""

    def test_put_list_delete(self, agent: Agent) -> None:
        for _ in range(2):
            ok(agent, "PUT", f"{DEV}/addr", {"addr": "192.0.2.1/24", "broadcast": "192.0.2.255", "scope": "host"})
        ok(agent, "PUT", f"{DEV}/addr?sapool=true", {"addr": "192.0.2.200"})
        ok(agent, "PUT", f"{DEV}/addr", {"addr": "2001:db8::1"})
        found = agent.get(f"{DEV}/addr")["Items"]
        assert found[1:] == [
            {"addr": "192.0.2.200/32", "af": 2, "device": "dpdk0", "sapool": "true", "scope": "global"},
            {"addr": "192.0.2.1/24", "af": 2, "broadcast": "192.0.2.255", "device": "dpdk0", "scope": "host"},
        ]
        assert found[0]["addr"] == "2001:db8::1/128"
        assert "portsFree" in agent.get(f"{DEV}/addr?stats=1")["Items"][1]
        for _ in range(2):
            ok(agent, "DELETE", f"{DEV}/addr", {"addr": "192.0.2.1/24"})
        ok(agent, "DELETE", f"{DEV}/addr", {"addr": "2001:db8::1/64"})
        assert [item["addr"] for item in agent.get(f"{DEV}/addr")["Items"]] == ["2001:db8::1/128", "192.0.2.200/32"]

    def test_putting_again_changes_nothing(self, agent: Agent) -> None:
        ok(agent, "PUT", f"{DEV}/addr", {"addr": "192.0.2.200"})
        ok(agent, "PUT", f"{DEV}/addr?sapool=true", {"addr": "192.0.2.200"})
        (address,) = agent.daemon.layer3.addresses()
        assert not address.flags & AddressFlags.SAPOOL

    @pytest.mark.parametrize("method", ["PUT", "DELETE"])
    @pytest.mark.parametrize(
        "addr", ["", "x", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/-1", "2001:db8::/129", "192.0.2.1/٣"]
    )
    def test_bad_addresses(self, agent: Agent, method: str, addr: str) -> None:
        status, reason = told(agent, method, f"{DEV}/addr", {"addr": addr})
        assert (status, reason.startswith("addr in body must ")) == (400, True)
        assert agent.get(f"{DEV}/addr") == {"Items": []}

    def test_other_bad_fields(self, agent: Agent) -> None:
        assert told(agent, "PUT", f"{DEV}/addr")[0] == 400
        assert told(agent, "PUT", f"{DEV}/addr", {"addr": "192.0.2.1", "broadcast": "x"})[1].startswith(
            "broadcast in body"
        )
        assert told(agent, "PUT", f"{DEV}/addr", {"addr": "192.0.2.1", "broadcast": "2001:db8::"})[0] == 400
        ok(agent, "PUT", f"{DEV}/addr", {"addr": "192.0.2.1", "scope": "nonsense"})

    def test_unknown_devices(self, agent: Agent) -> None:
        body = {"addr": "192.0.2.1"}
        status, reason = told(agent, "PUT", "/v2/device/dpdk9/addr", body)
        assert (status, reason) == (500, "address 192.0.2.1/32 of device 'dpdk9': not exist")
        ok(agent, "DELETE", "/v2/device/dpdk9/addr", body)
        assert told(agent, "GET", "/v2/device/dpdk9/addr") == (404, "device 'dpdk9': no such device")
        long = f"/v2/device/{'x' * 16}/addr"
        assert told(agent, "PUT", long, body) == (
            400,
            f"name in path must be a device of 1 to 15 bytes, not {'x' * 16!r}",
        )


class TestRoutes:
    """/device/{name}/route."""

    @pytest.mark.parametrize(
        ("body", "listed"),
        [
            ({"dst": "198.51.100.0/24"}, {"dst": "198.51.100.0/24", "mtu": 1500, "scope": "link"}),
            (
                {"dst": "198.51.100.7", "scope": "kni_host"},
                {"dst": "198.51.100.7/32", "mtu": 1500, "scope": "kni_host"},
            ),
            ({"dst": "198.51.100.7", "scope": "host"}, {"dst": "198.51.100.7/32", "mtu": 1500, "scope": "host"}),
            (
                {"dst": "0.0.0.0/0", "gateway": "192.0.2.254", "src": "192.0.2.1", "mtu": 1400, "metric": 3},
                {
                    "dst": "0.0.0.0/0",
                    "gateway": "192.0.2.254",
                    "metric": 3,
                    "mtu": 1400,
                    "scope": "global",
                    "src": "192.0.2.1",
                },
            ),
            ({"dst": "2001:db8::7"}, {"dst": "2001:db8::7/128", "mtu": 1500, "scope": "link"}),
            (
                {"dst": "2001:db8:1::/48", "gateway": "2001:db8::fe", "prefixSrc": "2001:db8::1"},
                {
                    "dst": "2001:db8:1::/48",
                    "gateway": "2001:db8::fe",
                    "mtu": 1500,
                    "scope": "global",
                    "src": "2001:db8::1",
                },
            ),
        ],
    )
    def test_put_list_delete(self, agent: Agent, body: dict[str, Any], listed: dict[str, Any]) -> None:
        for _ in range(2):
            ok(agent, "PUT", f"{DEV}/route", body, 201)
        assert agent.get(f"{DEV}/route")["Items"] == [{"device": "dpdk0", **listed}]
        for _ in range(2):
            ok(agent, "DELETE", f"{DEV}/route", {"dst": body["dst"], "scope": body.get("scope", "")})
        assert agent.get(f"{DEV}/route") == {"Items": []}

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (None, "dst"),
            ({}, "dst"),
            ({"dst": "default"}, "dst"),
            ({"dst": "192.0.2.0/33"}, "dst"),
            ({"dst": "192.0.2.0/24", "gateway": "x"}, "gateway"),
            ({"dst": "192.0.2.0/24", "gateway": "2001:db8::1"}, "gateway"),
            ({"dst": "192.0.2.0/24", "src": "x"}, "src"),
            ({"dst": "192.0.2.0/24", "mtu": -1}, "mtu"),
            ({"dst": "192.0.2.0/24", "metric": 1 << 32}, "metric"),
        ],
    )
    def test_bad_fields(self, agent: Agent, body: object, field: str) -> None:
        status, reason = told(agent, "PUT", f"{DEV}/route", body)
        assert (status, field in reason) == (400, True)
        assert agent.get(f"{DEV}/route") == {"Items": []}

    def test_what_the_daemon_refuses(self, agent: Agent) -> None:
        status, reason = told(agent, "PUT", f"{DEV}/route", {"dst": "192.0.2.0/24", "scope": "host"})
        assert (status, reason) == (500, "route 192.0.2.0/24 of device 'dpdk0': invalid parameter")
        assert told(agent, "PUT", "/v2/device/dpdk9/route", {"dst": "192.0.2.1"})[0] == 500
        assert told(agent, "GET", "/v2/device/dpdk9/route")[0] == 404


class TestVlans:
    """/device/{name}/vlan."""

    def test_put_list_delete(self, agent: Agent) -> None:
        for body in ({"device": "dpdk0", "id": "102"}, {"name": "ignored"}, {}, None):
            ok(agent, "PUT", "/v2/device/DPDK0.102/vlan", body)
        vlan = {"device": "dpdk0", "id": "102", "name": "dpdk0.102"}
        assert agent.get("/v2/device/dpdk0.102/vlan")["Items"] == [vlan]
        assert agent.get("/v2/device/dpdk0/vlan")["Items"] == [vlan]
        assert agent.get("/v2/device/dpdk1/vlan")["Items"] == []
        for _ in range(2):
            ok(agent, "DELETE", "/v2/device/dpdk0.102/vlan")
        assert agent.get("/v2/device/dpdk0/vlan")["Items"] == []

    def test_another_vlan_of_that_name(self, agent: Agent) -> None:
        ok(agent, "PUT", "/v2/device/dpdk0.102/vlan", {"device": "dpdk0", "id": "102"})
        status, reason = told(agent, "PUT", "/v2/device/dpdk0.102/vlan", {"device": "dpdk0", "id": "103"})
        assert (status, reason) == (500, "VLAN 103 on 'dpdk0' as 'dpdk0.102': the name or the VLAN is taken")
        assert told(agent, "PUT", "/v2/device/dpdk0.x/vlan", {"device": "dpdk0", "id": "102"})[0] == 500

    @pytest.mark.parametrize("name", ["dpdk0", "dpdk0.", ".5", "a.b.c"])
    def test_bad_names(self, agent: Agent, name: str) -> None:
        status, reason = told(agent, "PUT", f"/v2/device/{name}/vlan", {"device": "dpdk0", "id": "5"})
        assert (status, reason) == (500, f"name in path must be DEVICE.ID, not {name!r}")

    @pytest.mark.parametrize("number", ["0", "4095", "x", "-1", "65638", "1.5", "٣"])
    def test_bad_numbers(self, agent: Agent, number: str) -> None:
        status, reason = told(agent, "PUT", "/v2/device/dpdk0.102/vlan", {"id": number})
        assert (status, reason) == (400, f"id in body must be a number from 1 to 4094, not {number!r}")

    def test_numbers_are_strings(self, agent: Agent) -> None:
        assert told(agent, "PUT", "/v2/device/dpdk0.102/vlan", {"id": 102})[0] == 400

    def test_unknown_devices(self, agent: Agent) -> None:
        assert told(agent, "PUT", "/v2/device/dpdk9.102/vlan", {}) == (
            500,
            "VLAN 102 on 'dpdk9' as 'dpdk9.102': no such device",
        )
        assert told(agent, "DELETE", "/v2/device/dpdk0/vlan")[0] == 500, "a port is no VLAN"
        assert told(agent, "GET", "/v2/device/dpdk9/vlan")[0] == 404


class TestNics:
    """/device/{name}/nic."""

    def test_get(self, agent: Agent) -> None:
        (item,) = agent.get("/v2/device/dpdk1/nic")["Items"]
        assert item["detail"] == {
            "ID": 1,
            "MTU": 1500,
            "addr": "02:00:00:00:01:01",
            "autoneg": "auto-nego",
            "duplex": "full-duplex",
            "nRxQ": 1,
            "nTxQ": 1,
            "name": "dpdk1",
            "speed": 10000,
            "status": "UP",
        }
        assert item["stats"]["inPkts"] == 1001
        assert item["stats"]["inBytesQ"] == [0] * 16
        body = agent.call("GET", "/v2/device/dpdk1/nic").body
        assert list(json.loads(body)["Items"][0]["stats"]) == sorted(item["stats"])
        assert told(agent, "GET", "/v2/device/dpdk9/nic") == (404, "device 'dpdk9': no such device")

    @pytest.mark.parametrize(
        ("query", "settings"),
        [
            ("link=down", LinkSettings("dpdk0", up=False)),
            ("link=up", LinkSettings("dpdk0", up=True)),
            ("promisc=on", LinkSettings("dpdk0", promisc=True)),
            ("promisc=off&link=unset", LinkSettings("dpdk0", promisc=False)),
            ("promisc=off&link=up", LinkSettings("dpdk0", up=True)),
        ],
    )
    def test_put(self, agent: Agent, query: str, settings: LinkSettings) -> None:
        ok(agent, "PUT", f"{DEV}/nic?{query}")
        assert agent.daemon.links.changes == [settings]

    def test_refusals(self, agent: Agent) -> None:
        assert told(agent, "PUT", f"{DEV}/nic") == (500, "one of forward2Kni, link and promisc in query is required")
        assert told(agent, "PUT", f"{DEV}/nic?forward2Kni=on") == (
            500,
            "device 'dpdk0': forward2Kni=on: not supported by the data plane",
        )
        assert told(agent, "PUT", "/v2/device/dpdk9/nic?link=up") == (500, "device 'dpdk9': no such device")
        assert told(agent, "PUT", f"{DEV}/nic?link=sideways")[0] == 422
        assert agent.daemon.links.changes == []


class TestHostLinks:
    """/device/{name}/netlink; what it changes is tried in namespaces."""

    def test_links_that_are_not_there(self, agent: Agent) -> None:
        missing = "network interface 'nosuch0': no such interface"
        for method, path, body, status in (
            ("GET", "", None, 404),
            ("PUT", "", None, 500),
            ("GET", "/addr", None, 404),
            ("PUT", "/addr", {"addr": "192.0.2.1"}, 500),
            ("DELETE", "/addr", {"addr": "192.0.2.1"}, 500),
        ):
            assert told(agent, method, f"/v2/device/nosuch0/netlink{path}", body) == (status, missing)
        ok(agent, "DELETE", "/v2/device/nosuch0/netlink")

    def test_bad_addresses(self, agent: Agent) -> None:
        for method in ("PUT", "DELETE"):
            for body in (None, {"addr": "x"}, {"addr": "192.0.2.1/33"}):
                status, reason = told(agent, method, "/v2/device/lo/netlink/addr", body)
                assert (status, reason.startswith("addr in body ")) == (400, True)

    def test_loopback(self, agent: Agent) -> None:
        assert agent.get("/v2/device/lo/netlink")["name"] == "lo"
        assert {"addr": "127.0.0.1/8"} in agent.get("/v2/device/lo/netlink/addr")["Items"]
