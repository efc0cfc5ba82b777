"""The examples of docs/agent.md and docs/healthcheck.md, as a reader would type them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.agent import Agent
from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import ONE_ARM
from tests.support.daemon import small_conf
from tests.support.netns import missing_for_balancer, need
from xdpvs.healthcheck.conf import load_conf

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def agent(lab: Lab) -> Iterator[Agent]:
    """An agent over a daemon with nothing configured."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer, Agent(balancer) as running:
        yield running


@pytest.mark.topology(ONE_ARM)
def test_the_agents_examples(lab: Lab, agent: Agent) -> None:
    examples = [line for block in blocks("agent.md", "sh") for line in block.splitlines()]
    assert len(examples) > 10
    replies = []
    for line in examples:
        done = lab.lb.run("sh", "-ec", f"{line} --noproxy '*' -w '\n%{{http_code}}'", environment={"AGENT": agent.url})
        body, _, status = done.stdout.rpartition("\n")
        assert status in ("200", "201"), (line, done.stdout)
        replies.append(body)
    assert lab.client.curl("http://192.0.2.1/") in ("rs1:80\n", "rs2:80\n")
    (service,) = json.loads(replies[6])["Items"]
    assert [each["Spec"]["ip"] for each in service["RSs"]["Items"]] == ["192.0.2.130", "192.0.2.30"]
    assert "xdpvs_server_weight" in replies[-1]
    bad = agent.call("PUT", "/v2/vs/192.0.2.1-80-tcp/rs", {"Items": [{"ip": "nonsense", "port": 80}]})
    assert (bad.status, bad.json()["code"]) == (400, 400)
    assert "Items.0.ip" in bad.json()["message"]


def test_the_checkers_configuration() -> None:
    (text,) = blocks("healthcheck.md", "yaml")
    conf = load_conf(text, "healthcheck.md")
    assert conf.service_rule("192.0.2.1-TCP-80").method == "http"
    assert conf.address_rule("192.0.2.1").actioner == "DpvsAddrAddDel"
