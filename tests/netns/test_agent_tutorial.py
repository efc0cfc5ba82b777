"""The tutorial's calls by curl, in the tutorial's network."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.tutorial_api import CALLS, DEVICE, FRESH, SERVICE
from tests.support.daemon import small_conf
from tests.support.netns import missing_for_balancer, need, wait_until


@pytest.fixture
def balancer(lab: Lab) -> Iterator[Balancer]:
    """The daemon with nothing configured, started quickly."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"])) as running:
        yield running


@pytest.fixture
def agent(balancer: Balancer) -> Iterator[Agent]:
    """The agent as the tutorial starts it."""
    with Agent(balancer) as running:
        yield running


def call_all(agent: Agent) -> list[tuple[int, str, str]]:
    """Status, body and type of each call."""
    replies = [agent.call(method, f"/v2{path}", body) for method, path, body in CALLS]
    return [(reply.status, reply.body, reply.headers["content-type"]) for reply in replies]


def test_fresh_and_repeated(lab: Lab, balancer: Balancer, agent: Agent) -> None:
    assert call_all(agent) == [(status, '""\n', "application/json") for status in FRESH]
    listed = agent.call("GET", "/v2/vs").body
    assert call_all(agent) == [(200, '""\n', "application/json")] * len(CALLS)
    again = agent.call("GET", "/v2/vs").body
    without_version = re.sub(r'"Version":"\d+"', '"Version":"0"', listed)
    assert without_version == (
        '{"Items":[{"Addr":"2001::2","Af":10,"DestCheck":null,"ExpireQuiescent":"false",'
        '"Match":{"Dest":{},"Src":{}},"Netmask":128,"Port":80,"Proto":6,"Quic":"false","RSs":{"Items":['
        '{"Spec":{"inhibited":false,"ip":"10.1.1.1","mode":"FNAT","overloaded":false,"port":80,"weight":100},"Stats":{}},'
        '{"Spec":{"inhibited":false,"ip":"192.168.88.130","mode":"FNAT","overloaded":false,"port":8080,"weight":100},'
        '"Stats":{}},'
        '{"Spec":{"inhibited":false,"ip":"192.168.88.30","mode":"FNAT","overloaded":false,"port":80,"weight":100},'
        '"Stats":{}}]},"SchedName":"wrr","Stats":{},"SynProxy":"false","Version":"0"}]}\n'
    )
    assert re.sub(r'"Version":"\d+"', '"Version":"0"', again) == without_version
    assert int(agent.get("/v2/vs")["Items"][0]["Version"]) > int(re.findall(r'"Version":"(\d+)"', listed)[0])
    assert agent.call("GET", f"/v2{SERVICE}/laddr").body == (
        '{"Items":[{"addr":"192.168.88.241","af":2,"device":"dpdk0.102"},'
        '{"addr":"192.168.88.242","af":2,"device":"dpdk0.102"}]}\n'
    )
    assert "10.1.1.1:80" in balancer.ipvsadm("-ln")
    addresses = balancer.dpip("addr", "show")
    for address in ("192.168.88.28/24", "2001::28/64", "2001::2/128", "192.168.88.241/32", "192.168.88.242/32"):
        assert address in addresses
    pools = [each["addr"] for each in agent.get(f"/v2{DEVICE}/addr")["Items"] if "sapool" in each]
    assert sorted(pools) == ["192.168.88.241/32", "192.168.88.242/32"]
    on_kni = lab.lb.ip("addr", "show", "dev", "dpdk0.102.kni")
    assert "192.168.88.28/24 brd 192.168.88.255" in on_kni
    assert "2001::28/64" in on_kni
    assert "UP" in on_kni.partition(">")[0]


def test_the_service_balances(lab: Lab, agent: Agent) -> None:
    call_all(agent)
    agent.call("DELETE", f"/v2{SERVICE}/rs", {"Items": [{"ip": "10.1.1.1", "port": 80}]})
    seen = set()

    def both() -> bool:
        seen.add(lab.client.curl("http://[2001::2]/"))
        return len(seen) == 2

    wait_until(both, 10, "both servers answer")
    assert seen == {"rs1:80\n", "rs2:8080\n"}


def test_the_readme_s_route(agent: Agent) -> None:
    call_all(agent)
    for _ in range(2):
        reply = agent.call("PUT", "/v2/device/dpdk0.102/route", {"dst": "192.168.88.128", "scope": "kni_host"})
        assert (reply.status, reply.body) == (201, '""\n')
    assert {"device": "dpdk0.102", "dst": "192.168.88.128/32", "mtu": 1500, "scope": "kni_host"} in agent.get(
        "/v2/device/dpdk0.102/route"
    )["Items"]
    for _ in range(2):
        reply = agent.call("DELETE", "/v2/device/dpdk0.102/route", {"dst": "192.168.88.128", "scope": "kni_host"})
        assert (reply.status, reply.body) == (200, '""\n')
