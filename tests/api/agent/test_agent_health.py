"""Health reports: the version protocol, and each of upstream's generations of healthcheck against the agent."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.support.agent import Agent, Daemon, items, running
from tests.support.agent_checkers import GENERATIONS, Generation, GenerationB, GenerationC
from xdpvs.api.client import Client
from xdpvs.model.address import Family
from xdpvs.model.service import Dest, ForwardingMode, ServiceKey

ID = "192.0.2.1-80-tcp"
VS = f"/v2/vs/{ID}"
KEY = ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80)
ONE, TWO = "198.51.100.1", "198.51.100.2"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running(tmp_path) as started:
        assert started.call("PUT", VS, {}).status == 201
        assert started.call("PUT", f"{VS}/rs", items((ONE, 80, 100), (TWO, 80, 50))).status == 200
        yield started


def in_daemon(agent: Agent) -> dict[str, tuple[int, bool]]:
    """Weight and inhibition as the data plane has them."""
    dests = Client(str(agent.socket_path)).get_table()[0].dests
    return {str(each.dest.address): (each.dest.weight, each.dest.inhibited) for each in dests}


def by_ipvsadm(agent: Agent, ip: str, weight: int, *, inhibited: bool = False) -> None:
    """Another tool edits a server."""
    dest = Dest(Family.INET, IPv4Address(ip), 80, ForwardingMode.FULLNAT, weight, inhibited=inhibited)
    Client(str(agent.socket_path)).edit_dest(KEY, dest)


def version(agent: Agent) -> str:
    found = agent.service(ID)["Version"]
    assert isinstance(found, str)
    return found


def report(agent: Agent, at: str, *servers: tuple[str, int | None, bool], path: str = "rs/health?version=") -> int:
    """A health report; its status."""
    body = {"Items": [{"ip": ip, "port": 80, "weight": weight, "Inhibited": inh} for ip, weight, inh in servers]}
    return agent.call("PUT", f"{VS}/{path}{at}", body).status


class TestVersions:
    """The protocol itself."""

    def test_down_and_up(self, agent: Agent) -> None:
        at = version(agent)
        reply = agent.call(
            "PUT", f"{VS}/rs/health?version={at}", {"Items": [{"ip": ONE, "port": 80, "inhibited": True}]}
        )
        assert (reply.status, reply.body, "content-type" in reply.headers) == (200, b"", False)
        assert in_daemon(agent) == {ONE: (0, True), TWO: (50, False)}
        assert version(agent) == at
        both = agent.server(ID, ONE, "?operatorWeight=true")
        assert list(both) == ["inhibited", "ip", "mode", "operatorWeight", "overloaded", "port", "weight"]
        assert (both["weight"], both["operatorWeight"], both["inhibited"]) == (0, 100, True)
        assert agent.server(ID, ONE, "?healthcheck=true")["weight"] == 0
        assert agent.server(ID, ONE)["weight"] == 100
        assert report(agent, at, (ONE, None, False)) == 200
        assert in_daemon(agent) == {ONE: (100, False), TWO: (50, False)}

    def test_a_stale_report_overwrites_nothing(self, agent: Agent) -> None:
        at = version(agent)
        by_ipvsadm(agent, ONE, 30)
        reply = agent.call("PUT", f"{VS}/rs/health?version={at}", items((ONE, 80, 0)))
        assert reply.status == 270
        assert reply.json() == agent.service(ID), "the service itself, not a list"
        assert in_daemon(agent)[ONE] == (30, False)
        assert report(agent, version(agent), (ONE, 0, True)) == 200
        assert agent.server(ID, ONE, "?operatorWeight=true")["operatorWeight"] == 30
        both = agent.call("PUT", f"{VS}/rs/health?version=1&operatorWeight=true", {}).json()
        assert {item["Spec"]["ip"]: item["Spec"]["operatorWeight"] for item in both["RSs"]["Items"]} == {
            ONE: 30,
            TWO: 50,
        }

    @pytest.mark.parametrize(
        ("method", "body"),
        [
            ("PUT", items((ONE, 80, 7))),
            ("POST", items((ONE, 80, 100))),
            ("DELETE", items((TWO, 80, 0))),
        ],
    )
    def test_every_change_of_servers_makes_reports_stale(self, agent: Agent, method: str, body: object) -> None:
        at = version(agent)
        assert agent.call(method, f"{VS}/rs", body).status == 200
        before = in_daemon(agent)
        assert report(agent, at, (ONE, 0, True)) == 270
        assert in_daemon(agent) == before

    def test_several_servers_at_once(self, agent: Agent) -> None:
        many = items(*((f"198.51.100.{number}", 80, number) for number in range(1, 60)))
        assert agent.call("POST", f"{VS}/rs", many).status == 200
        at = version(agent)
        down = [(f"198.51.100.{number}", 0, True) for number in range(1, 60)]
        assert report(agent, at, *down) == 200
        assert set(in_daemon(agent).values()) == {(0, True)}
        up = [(f"198.51.100.{number}", None, False) for number in range(1, 60)]
        assert report(agent, at, *up) == 200
        assert sorted(in_daemon(agent).values()) == [(number, False) for number in range(1, 60)]
        assert version(agent) == at

    def test_servers_that_are_not_there(self, agent: Agent) -> None:
        assert report(agent, version(agent), ("198.51.100.99", 0, True), (ONE, 0, True)) == 200
        assert in_daemon(agent)[ONE] == (0, True)
        before = in_daemon(agent)
        body = {"Items": [{"ip": TWO, "port": 80, "inhibited": True}, {"ip": "198.51.100.99", "port": 80}]}
        reply = agent.call("PUT", f"{VS}/rs?healthcheck=true", body)
        assert (reply.status, reply.json()) == (460, f"service {ID}: 198.51.100.99 port 80: no such server")
        assert in_daemon(agent) == before

    def test_an_unversioned_report_touches_weight_and_inhibition_only(self, agent: Agent) -> None:
        at = version(agent)
        body = {"Items": [{"ip": ONE, "port": 80, "weight": 7, "mode": "DR"}]}
        reply = agent.call("PUT", f"{VS}/rs?healthcheck=true", body)
        assert (reply.status, reply.body) == (200, b'""\n')
        spec = agent.server(ID, ONE, "?operatorWeight=true")
        assert (spec["weight"], spec["operatorWeight"], spec["mode"]) == (7, 100, "FNAT")
        assert version(agent) == at

    def test_versions_of_nonsense(self, agent: Agent) -> None:
        for at in ("x", "-1", "0", "1e9", version(agent) + "0"):
            assert report(agent, at, (ONE, 0, True)) == 270
        assert agent.call("PUT", f"{VS}/rs/health?version=", {}).status == 422
        assert in_daemon(agent)[ONE] == (100, False)

    def test_a_plain_put_leaves_the_verdict(self, agent: Agent) -> None:
        assert report(agent, version(agent), (ONE, 0, True)) == 200
        agent.call("PUT", f"{VS}/rs", items((ONE, 80, 30)))
        assert in_daemon(agent)[ONE] == (30, True)
        agent.call("PUT", f"{VS}/rs", {"Items": [{"ip": ONE, "port": 80, "weight": 30, "inhibited": False}]})
        assert in_daemon(agent)[ONE] == (30, False)


class World:
    """A checker of some generation that fetches, probes and sends again, as time goes."""

    def __init__(self, agent: Agent, generation: type[Generation]) -> None:
        self.agent = agent
        self.kind = generation
        self.alive = {ONE: True, TWO: True}
        self.start()

    def start(self) -> None:
        """Start, or start again."""
        self.checker = self.kind(self.agent, ID)
        self.checker.fetch()
        self.probe()

    def probe(self) -> None:
        for ip, good in self.alive.items():
            if f"{ip}:80" in self.checker.checkers:
                self.checker.probe(f"{ip}:80", good)

    def cycle(self) -> None:
        """Fifteen seconds: probes, verdicts sent again just before the list is fetched, as in upstream."""
        self.probe()
        self.checker.resend()
        self.checker.fetch()
        self.probe()
        if self.kind is GenerationC:
            self.checker.resend()

    def set(self, ip: str, *, alive: bool) -> None:
        self.alive[ip] = alive
        self.probe()


@pytest.fixture(params=GENERATIONS, ids=lambda kind: kind.__name__)
def world(agent: Agent, request: pytest.FixtureRequest) -> World:
    return World(agent, request.param)


class TestGenerations:
    """What operators expect, with each of upstream's."""

    def test_a_server_dies_and_comes_back(self, agent: Agent, world: World) -> None:
        world.set(ONE, alive=False)
        assert in_daemon(agent) == {ONE: (0, True), TWO: (50, False)}
        for _ in range(3):
            world.cycle()
            assert in_daemon(agent)[ONE] == (0, True)
        world.set(ONE, alive=True)
        assert in_daemon(agent) == {ONE: (100, False), TWO: (50, False)}
        for _ in range(3):
            world.cycle()
        assert in_daemon(agent) == {ONE: (100, False), TWO: (50, False)}

    def test_nothing_is_reported_for_ever(self, agent: Agent, world: World) -> None:
        for alive in (False, True):
            world.set(ONE, alive=alive)
            world.cycle()
            world.cycle()
            before = len(world.checker.answers)
            for _ in range(4):
                world.cycle()
            assert len(world.checker.answers) == before
        assert set(world.checker.answers) == {200}

    def test_the_checker_restarts_while_a_server_is_down(self, agent: Agent, world: World) -> None:
        world.set(ONE, alive=False)
        world.cycle()
        world.start()
        world.cycle()
        assert in_daemon(agent)[ONE] == (0, True)
        world.set(ONE, alive=True)
        world.cycle()
        assert in_daemon(agent)[ONE] == (100, False), "with the operator's weight, not a made-up one"

    def test_the_checker_restarts_after_the_server_came_back(self, agent: Agent, world: World) -> None:
        world.set(TWO, alive=False)
        world.alive[TWO] = True
        world.start()
        world.cycle()
        assert in_daemon(agent)[TWO] == (50, False)

    @pytest.mark.parametrize("tool", ["api", "ipvsadm"])
    def test_a_new_weight_while_down(self, agent: Agent, world: World, tool: str) -> None:
        world.set(ONE, alive=False)
        world.cycle()
        if tool == "api":
            agent.call("PUT", f"{VS}/rs", items((ONE, 80, 30)))
            assert in_daemon(agent)[ONE] == (30, True), "no traffic"
        else:
            by_ipvsadm(agent, ONE, 30)
        for _ in range(2):
            world.cycle()
        assert in_daemon(agent)[ONE][1], "still, or again, held down"
        world.set(ONE, alive=True)
        world.cycle()
        assert in_daemon(agent)[ONE] == (30, False)

    @pytest.mark.parametrize("tool", ["api", "ipvsadm"])
    def test_a_new_weight_between_list_and_reports(self, agent: Agent, world: World, tool: str) -> None:
        if tool == "api":
            agent.call("PUT", f"{VS}/rs", items((ONE, 80, 30)))
        else:
            by_ipvsadm(agent, ONE, 30)
        world.set(ONE, alive=False)
        world.set(ONE, alive=True)
        for _ in range(3):
            world.cycle()
        assert in_daemon(agent)[ONE] == (30, False), "the weight before is not written back"
        assert agent.server(ID, ONE, "?operatorWeight=true")["operatorWeight"] == 30

    def test_a_drained_server_stays_drained(self, agent: Agent, world: World) -> None:
        agent.call("PUT", f"{VS}/rs", items((ONE, 80, 0)))
        world.cycle()
        world.set(ONE, alive=False)
        world.cycle()
        world.set(ONE, alive=True)
        world.cycle()
        assert in_daemon(agent)[ONE] == (0, False)

    def test_a_server_is_removed_while_its_verdict_is_on_its_way(self, agent: Agent, world: World) -> None:
        agent.call("DELETE", f"{VS}/rs", items((ONE, 80, 0)))
        world.set(ONE, alive=False)
        world.cycle()
        assert in_daemon(agent) == {TWO: (50, False)}

    def test_a_server_is_added(self, agent: Agent, world: World) -> None:
        world.alive["198.51.100.3"] = False
        agent.call("PUT", f"{VS}/rs", items(("198.51.100.3", 80, 9)))
        world.cycle()
        world.cycle()
        assert in_daemon(agent)["198.51.100.3"] == (0, True)
        world.set("198.51.100.3", alive=True)
        assert in_daemon(agent)["198.51.100.3"] == (9, False)

    def test_another_generation_takes_over_while_a_server_is_down(self, agent: Agent, world: World) -> None:
        world.set(ONE, alive=False)
        world.cycle()
        for kind in GENERATIONS:
            successor = World(agent, kind)
            successor.alive[ONE] = False
            successor.start()
            successor.cycle()
            assert in_daemon(agent)[ONE] == (0, True)
            successor.set(ONE, alive=True)
            successor.cycle()
            assert in_daemon(agent)[ONE] == (100, False)
            successor.set(ONE, alive=False)


@pytest.mark.parametrize("kind", GENERATIONS)
def test_the_agent_restarts_while_a_server_is_down(tmp_path: Path, kind: type[Generation]) -> None:
    daemon, cache = Daemon(), tmp_path / "cache"
    with running(tmp_path, daemon, cache=cache) as agent:
        agent.call("PUT", VS, {})
        agent.call("PUT", f"{VS}/rs", items((ONE, 80, 100), (TWO, 80, 50)))
        World(agent, kind).set(ONE, alive=False)
        before = agent.get("/v2/vs?operatorWeight=true"), agent.get("/v2/vs")
    with running(tmp_path, daemon, cache=cache) as agent:
        assert (agent.get("/v2/vs?operatorWeight=true"), agent.get("/v2/vs")) == before
        world = World(agent, kind)
        world.alive[ONE] = True
        world.cycle()
        assert in_daemon(agent)[ONE] == (100, False)


def test_what_the_first_two_generations_need_of_the_list(agent: Agent) -> None:
    # B and C fail altogether if one entry lacks its version, A if one server lacks its address.
    agent.call("PUT", "/v2/vs/2001:db8::1-80-tcp", {})
    agent.call("PUT", "/v2/vs/2001:db8::1-80-tcp/rs", items(("2001:db8::a", 80, 1)))
    for entry in agent.get("/v2/vs")["Items"]:
        assert entry["Version"].isdigit()
        assert all(item["Spec"]["ip"] for item in entry["RSs"]["Items"])


def test_a_checker_that_reports_by_another_name_is_heard(agent: Agent) -> None:
    checker = GenerationB(agent, ID)
    checker.fetch()
    by_ipvsadm(agent, ONE, 20)
    checker.probe(f"{ONE}:80", False)
    assert checker.answers == [270]
    checker.resend()
    assert checker.answers == [270, 200]
    assert in_daemon(agent)[ONE] == (0, True)


def test_metrics_of_reports(agent: Agent) -> None:
    report(agent, "1", (ONE, 0, True))
    report(agent, version(agent), (ONE, 0, True), (TWO, None, False))
    report(agent, "", (ONE, 100, False), path="rs?healthcheck=true")
    text = agent.call("GET", "/metrics").body.decode()
    assert 'xdpvs_health_reports_total{kind="versioned",verdict="down"} 1.0' in text
    assert 'xdpvs_health_reports_total{kind="versioned",verdict="up"} 1.0' in text
    assert 'xdpvs_health_reports_total{kind="unversioned",verdict="up"} 1.0' in text
    assert "xdpvs_health_stale_reports_total 1.0" in text
