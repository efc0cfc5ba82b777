"""Upstream's three generations of healthcheck as far as the agent sees them: what they read, keep and report.

One service; a test says how each server's probes end. Written from the description of their state machines.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from tests.support.agent import Agent

GO = {"Content-Type": "application/json", "User-Agent": "Go-http-client/1.1"}


class State(enum.Enum):
    """What a checker thinks of a server."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass
class Checker:
    """One server."""

    uweight: int
    listed: State
    state: State
    version: str = ""


@dataclass
class Generation:
    """What all have: a list read now and then, and reports. sent counts reports, answers are their statuses."""

    agent: Agent
    service: str
    checkers: dict[str, Checker] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)

    def fetch(self) -> None:
        """Read the list."""
        listed = self.agent.call("GET", "/v2/vs", headers=GO)
        for entry in listed.json()["Items"]:
            name = f"{entry['Addr']}-{entry['Port']}-{'tcp' if entry['Proto'] == 6 else 'udp'}"
            if name == self.service:
                self.take(entry)

    def take(self, entry: Any) -> None:
        """A service as listed."""
        specs = {f"{item['Spec']['ip']}:{item['Spec']['port']}": item["Spec"] for item in entry["RSs"]["Items"]}
        self.checkers = {server: each for server, each in self.checkers.items() if server in specs}
        for server, spec in specs.items():
            self.see(server, spec, entry["Version"])

    def see(self, server: str, spec: Any, version: str) -> None:
        """A server as listed."""
        raise NotImplementedError

    def probe(self, server: str, good: bool) -> None:
        """As many probes with this end as it takes to decide; a change is reported."""
        checker = self.checkers[server]
        state = State.HEALTHY if good else State.UNHEALTHY
        if checker.state is not state:
            checker.state = state
            self.report(server)

    def report(self, server: str) -> None:
        """Send the verdict."""
        raise NotImplementedError

    def resend(self) -> None:
        """Verdicts the last list does not show yet."""
        for server, checker in list(self.checkers.items()):
            if checker.state is not checker.listed and checker.state is not State.UNKNOWN:
                self.report(server)

    def _put(self, path: str, server: str, item: dict[str, object]) -> Any:
        ip, _, port = server.rpartition(":")
        body = {"Items": [{"ip": ip, "port": int(port), **item}]}
        reply = self.agent.call("PUT", f"/v2/vs/{self.service}/{path}", body, GO)
        self.answers.append(reply.status)
        return reply


class GenerationA(Generation):
    """1.9.6: reports without versions, looks at weight and inhibition together."""

    def see(self, server: str, spec: Any, version: str) -> None:
        weight, inhibited = spec["weight"], spec["inhibited"]
        if weight > 0 and not inhibited:
            listed = State.HEALTHY
        elif weight == 0 and inhibited:
            listed = State.UNHEALTHY
        else:
            listed = State.UNKNOWN
        checker = self.checkers.get(server)
        if checker is None:
            self.checkers[server] = Checker(1 if listed is State.UNHEALTHY else weight, listed, listed)
            return
        checker.listed = listed
        if listed is not State.UNHEALTHY:
            checker.uweight = weight

    def report(self, server: str) -> None:
        checker = self.checkers[server]
        if checker.state is State.UNHEALTHY:
            self._put("rs?healthcheck=true", server, {"weight": 0, "inhibited": True})
        else:
            self._put("rs?healthcheck=true", server, {"weight": checker.uweight})


class GenerationB(Generation):
    """1.9.8: A with versions; inhibition decides alone."""

    def see(self, server: str, spec: Any, version: str) -> None:
        assert version.isdigit()
        listed = State.UNHEALTHY if spec["inhibited"] else State.HEALTHY
        weight = spec["weight"]
        checker = self.checkers.get(server)
        if checker is None:
            weight = 100 if listed is State.UNHEALTHY and weight == 0 else weight
            self.checkers[server] = Checker(weight, listed, listed, version)
            return
        checker.listed, checker.version = listed, version
        if weight or listed is State.HEALTHY:
            checker.uweight = weight

    def report(self, server: str) -> None:
        checker = self.checkers[server]
        down = checker.state is State.UNHEALTHY
        item: dict[str, object] = {"weight": 0 if down else checker.uweight, "inhibited": down}
        reply = self._put(f"rs/health?version={checker.version}", server, item)
        if reply.status == 200:
            checker.listed = checker.state
        elif isinstance(reply.json(), dict):
            state = checker.state
            self.take(reply.json())
            if server in self.checkers:
                self.checkers[server].state = state


class GenerationC(Generation):
    """1.9.10 and 1.10.2: sends `Inhibited`, reports every first verdict, and reports again at once after 270."""

    def see(self, server: str, spec: Any, version: str) -> None:
        assert version.isdigit()
        weight, inhibited = spec["weight"], spec["inhibited"]
        listed = State.UNHEALTHY if inhibited else State.HEALTHY
        held = inhibited and weight == 0
        checker = self.checkers.get(server)
        if checker is None:
            self.checkers[server] = Checker(1 if held else weight, listed, State.UNKNOWN, version)
            return
        if int(version) < int(checker.version):
            return
        checker.listed, checker.version = listed, version
        if not held:
            checker.uweight = weight

    def report(self, server: str) -> None:
        for _ in range(5):
            checker = self.checkers[server]
            down = checker.state is State.UNHEALTHY
            item: dict[str, object] = {"weight": 0 if down else checker.uweight, "Inhibited": down}
            reply = self._put(f"rs/health?version={checker.version}", server, item)
            if reply.status == 200:
                checker.listed = checker.state
                return
            if reply.status != 270:
                return
            self.take(reply.json())
            if server not in self.checkers:
                return
        raise AssertionError("270 for ever")


GENERATIONS: tuple[type[Generation], ...] = (GenerationA, GenerationB, GenerationC)
