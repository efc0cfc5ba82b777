"""Several clients at once, through the agent and past it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from tests.support.agent import Agent, Daemon, agent_over, items, running
from xdpvs.agent.locks import Busy, Locks
from xdpvs.api.client import Client
from xdpvs.model.address import Family
from xdpvs.model.service import Dest, ForwardingMode, ServiceKey

ID = "192.0.2.1-80-tcp"
VS = f"/v2/vs/{ID}"
KEY = ServiceKey(Family.INET, 6, IPv4Address("192.0.2.1"), 80)


def test_no_update_is_lost(agent: Agent) -> None:
    agent.call("PUT", VS, {})

    def add(number: int) -> int:
        return agent.call("PUT", f"{VS}/rs", items((f"198.51.100.{number}", 80, number))).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(1, 61))) == {200}
    found = agent.service(ID)["RSs"]["Items"]
    assert {item["Spec"]["ip"]: item["Spec"]["weight"] for item in found} == {
        f"198.51.100.{number}": number for number in range(1, 61)
    }


def test_two_lists_are_never_mixed(agent: Agent) -> None:
    agent.call("PUT", VS, {})
    lists = [{f"198.51.{third}.{number}" for number in range(1, 20)} for third in (100, 101)]
    over = threading.Event()
    seen: list[set[str]] = []

    def watch() -> None:
        while not over.is_set():
            seen.append({item["Spec"]["ip"] for item in agent.service(ID)["RSs"]["Items"]})

    def write(addresses: set[str]) -> None:
        for _ in range(15):
            assert agent.call("POST", f"{VS}/rs", items(*((ip, 80, 1) for ip in addresses))).status == 200

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, lists))
    over.set()
    watcher.join(20)
    assert all(each in (*lists, set()) for each in seen)


def test_reports_against_operators(agent: Agent) -> None:
    """Whatever the order, an accepted report was made for the list of that moment, and weights are operators'."""
    agent.call("PUT", VS, {})
    agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 1)))
    client = Client(str(agent.socket_path))
    answers: list[int] = []

    def check() -> None:
        for number in range(60):
            entry = agent.service(ID)
            spec = entry["RSs"]["Items"][0]["Spec"]
            down = number % 2 == 0
            body = {"Items": [{"ip": spec["ip"], "port": 80, "inhibited": down}]}
            answers.append(agent.call("PUT", f"{VS}/rs/health?version={entry['Version']}", body).status)

    def operate() -> None:
        for weight in range(2, 42):
            if weight % 2:
                agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, weight)))
            else:
                dest = Dest(Family.INET, IPv4Address("198.51.100.1"), 80, ForwardingMode.FULLNAT, weight)
                client.edit_dest(KEY, dest)

    with ThreadPoolExecutor(2) as pool:
        for done in (pool.submit(check), pool.submit(operate)):
            done.result(60)
    assert set(answers) <= {200, 270}
    version = agent.service(ID)["Version"]
    agent.call("PUT", f"{VS}/rs/health?version={version}", {"Items": [{"ip": "198.51.100.1", "port": 80}]})
    spec = agent.server(ID, "198.51.100.1", "?operatorWeight=true")
    assert (spec["weight"], spec["operatorWeight"]) == (41, 41)


def test_listings_during_changes_invent_no_versions(agent: Agent) -> None:
    agent.call("PUT", VS, {})
    agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 5)))
    version = agent.service(ID)["Version"]
    over = threading.Event()

    def list_all() -> None:
        while not over.is_set():
            agent.get("/v2/vs")

    readers = [threading.Thread(target=list_all) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number in range(60):
            body = {"Items": [{"ip": "198.51.100.1", "port": 80, "inhibited": number % 2 == 0}]}
            assert agent.call("PUT", f"{VS}/rs/health?version={version}", body).status == 200
    finally:
        over.set()
        for reader in readers:
            reader.join(20)
    assert agent.service(ID)["Version"] == version


def test_one_service_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    with running(tmp_path, timeout_s=1.0) as agent:
        agent.call("PUT", VS, {})
        with agent.parts.table.holding(KEY):
            reply = agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 1)))
            assert (reply.status, reply.json()) == (503, f"service {ID}: others are changing it")
            assert agent.call("PUT", "/v2/vs/192.0.2.2-80-tcp", {}).status == 201
        assert agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 1))).status == 200


def test_two_agents_see_each_other_s_changes(tmp_path: Path) -> None:
    daemon = Daemon()
    with running(tmp_path, daemon) as one, agent_over(one.socket_path, daemon) as other:
        one.call("PUT", VS, {})
        one.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 5)))
        version = other.service(ID)["Version"]
        one.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 6)))
        assert other.call("PUT", f"{VS}/rs/health?version={version}", {}).status == 270


class TestLocks:
    """The order of changes."""

    def test_a_look_is_stale_for_what_was_held_meanwhile(self) -> None:
        locks: Locks[str] = Locks(1.0)
        with locks.looking() as moment:
            assert locks.fresh("a", moment)
            with locks.holding("a"):
                assert not locks.fresh("a", moment)
                assert locks.fresh("b", moment)
            assert not locks.fresh("a", moment)
            with locks.looking() as later:
                assert locks.fresh("a", later)
            assert not locks.fresh("a", moment)

    def test_nothing_is_kept(self) -> None:
        locks: Locks[int] = Locks(1.0)
        for number in range(100):
            with locks.looking(), locks.holding(number):
                pass
        assert not locks._locks
        assert not locks._released

    def test_waiting_ends(self) -> None:
        locks: Locks[str] = Locks(0.05)
        with locks.holding("a"), pytest.raises(Busy), locks.holding("a"):
            pass
        with locks.holding("a"):
            pass
