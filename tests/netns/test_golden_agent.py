"""What DPVS's agent answered, replayed by curl against ours over the real daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import TWO_ARM
from tests.support.daemon import small_conf
from tests.support.golden import require_golden
from tests.support.netns import missing_for_balancer, need

VS = "/v2/vs/2001:db8:1::100-53-udp"
# Statuses that are others on purpose, by the request (docs/agent.md): what is there already, or not any more, is fine.
OTHERWISE = {
    ("PUT", "/v2/device/dpdk0.102/vlan", 500): 200,
    ("DELETE", VS, 500): 404,
}
# What this data plane refuses, and what the machine decides.
LEFT_OUT = ("/deny", "/allow", "/nic?stats", "healthcheck=true", "/rs/health")


def recorded(session: str) -> list[dict[str, Any]]:
    """The requests of a recording with what was answered."""
    path = require_golden() / f"{session}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def agent(lab: Lab) -> Iterator[Agent]:
    """An agent over a daemon with two ports."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0", "dpdk1"])) as balancer, Agent(balancer) as running:
        yield running


@pytest.mark.topology(TWO_ARM)
def test_devices(agent: Agent) -> None:
    for line in recorded("agent-device-1"):
        method, path, *body = line["argv"]
        if any(word in path for word in LEFT_OUT):
            continue
        reply = agent.call(method, path, body[0] if body else None)
        expected = OTHERWISE.get((method, path, line["rc"]), line["rc"])
        assert reply.status == expected, (line["argv"], reply)
        if expected < 300 and line["rc"] < 300:
            assert reply.body == line["stdout"], line["argv"]


@pytest.mark.topology(TWO_ARM)
def test_services(agent: Agent) -> None:
    """Without what the data plane refuses (SYN proxy and the like), which the recording's second request asks for."""
    for line in recorded("agent-vs-2"):
        method, path, *body = line["argv"]
        text = body[0] if body else ""
        refused = "SynProxy" in text or '"mode": "DR"' in text or "9090" in text
        if refused or any(word in path for word in LEFT_OUT) or (method == "GET" and "Bps" in line["stdout"]):
            continue
        reply = agent.call(method, path, text or None)
        expected = OTHERWISE.get((method, path, line["rc"]), line["rc"])
        assert reply.status == expected, (line["argv"], reply)
        if expected < 300:
            assert reply.body == line["stdout"], line["argv"]
