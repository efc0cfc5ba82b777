"""`dpvs-agent` in the balancer's namespace, and its API by curl."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from lab.balancer import Balancer, installed
from lab.process import CommandFailed, Process
from lab.wait import wait_until

PORT = 6601
START_DEADLINE_S = 20.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What curl got: status, headers with their names in lower case, body."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class Agent:
    """The agent of a balancer. A context manager: starts, then stops."""

    def __init__(self, balancer: Balancer, *, arguments: Sequence[str] = (), port: int = PORT) -> None:
        self.balancer = balancer
        self.port = port
        self.log_dir = balancer.lab.run_dir / "agent"
        self.log_dir.mkdir(exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        self.curl_options: list[str] = []
        self._arguments = list(arguments)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    @property
    def process(self) -> Process:
        """The running (or dead) agent."""
        if self._process is None:
            raise CommandFailed("the agent was never started")
        return self._process

    @property
    def cache(self) -> str:
        """What its cache file holds."""
        return (self.log_dir / "conf.d" / "dpvs.cache").read_text()

    def argv(self) -> list[str]:
        """The command line."""
        return [
            str(installed("dpvs-agent")),
            f"--log-dir={self.log_dir}",
            f"--ipc-sockopt-path={self.balancer.socket}",
            "--host=127.0.0.1",
            f"--port={self.port}",
            *self._arguments,
        ]

    def start(self) -> None:
        """Start the agent and wait until it says that it serves."""
        lab = self.balancer.lab
        # The loopback of a fresh namespace is down.
        lab.lb.ip("link", "set", "lo", "up")
        process = self._process = lab.on_exit(lab.lb.start("agent", *self.argv()))
        said = process.output().count("Serving dpvs agent at")

        def serves() -> bool:
            if not process.running():
                raise CommandFailed(f"dpvs-agent ended with {process.exit_status()}\n{process.output()}")
            return process.output().count("Serving dpvs agent at") > said

        wait_until(serves, START_DEADLINE_S, "dpvs-agent serves")

    def stop(self) -> int:
        """Stop the agent the clean way and return its exit status."""
        return self.process.stop(20.0)

    def kill9(self) -> None:
        """Kill the agent without warning."""
        self.process.signal(signal.SIGKILL)
        self.process.wait(5.0)

    def call(self, method: str, path: str, body: object = None, *options: str) -> Reply:
        """One request by curl; body is a JSON value, or text to be sent as it is."""
        argv = [
            "curl",
            "-sS",
            "-i",
            "-g",
            "--noproxy",
            "*",
            "--max-time",
            "30",
            "-X",
            method,
            *self.curl_options,
            *options,
        ]
        if body is not None:
            argv += ["-H", "Content-type: application/json"]
            argv += ["-d", body if isinstance(body, str) else json.dumps(body)]
        done = self.balancer.lab.lb.run(*argv, f"{self.url}{path}", timeout_s=40)
        return parse_reply(done.stdout)

    def get(self, path: str) -> Any:
        """The value of a GET that must succeed."""
        reply = self.call("GET", path)
        if reply.status != 200:
            raise CommandFailed(f"GET {path}: {reply.status} {reply.body}")
        return reply.json()


def parse_reply(text: str) -> Reply:
    """What `curl -i` prints. Text mode has made plain newlines of it."""
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Reply(int(first.split()[1]), headers, body)
