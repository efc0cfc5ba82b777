"""A scripted dpvs-agent on loopback, and healthcheck against it: in one event loop, or as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.balancer import installed
from lab.wait import wait_until
from xdpvs.healthcheck.agent import AgentClient
from xdpvs.healthcheck.conf import Conf
from xdpvs.healthcheck.options import parse_options
from xdpvs.healthcheck.runner import Runner
from xdpvs.probing.prober import Prober

SERVICE = "127.0.0.9-80-tcp"


@dataclass(slots=True)
class Listed:
    """A server the agent lists."""

    ip: str
    port: int
    weight: int = 100
    inhibited: bool = False

    def json(self, *, operator: bool) -> dict[str, Any]:
        """As the agent shows it."""
        shown = 0 if self.inhibited and operator else self.weight
        spec: dict[str, Any] = {"ip": self.ip, "port": self.port, "weight": shown, "inhibited": self.inhibited}
        if operator:
            spec["operatorWeight"] = self.weight
        return {"Spec": spec, "Stats": {}}


@dataclass(frozen=True, slots=True)
class Put:
    """A report that arrived."""

    path: str
    query: str
    items: list[dict[str, Any]]


@dataclass
class ScriptedAgent:
    """One service. version None: an agent without versions. answer may replace what reports are answered with."""

    servers: list[Listed]
    version: int | None = 1000
    operator: bool = True
    check: list[str] | None = None
    body: bytes | None = None
    answer: Callable[[Put], tuple[int, bytes] | None] = lambda _put: None
    puts: list[Put] = field(default_factory=list)
    gets: int = 0
    port: int = 0

    def service(self) -> dict[str, Any]:
        """The service as listed."""
        shown: dict[str, Any] = {"Addr": "127.0.0.9", "Port": 80, "Proto": 6, "DestCheck": self.check}
        if self.version is not None:
            shown["Version"] = str(self.version)
        items = [server.json(operator=self.operator and self.version is not None) for server in self.servers]
        return {**shown, "RSs": {"Items": items}}

    def renew(self) -> None:
        """An operator has changed something."""
        assert self.version is not None
        self.version += 1

    async def list_all(self, _request: Request) -> Response:
        """GET /v2/vs."""
        self.gets += 1
        body = json.dumps({"Items": [self.service()]}).encode() if self.body is None else self.body
        return Response(body, media_type="application/json")

    async def report(self, request: Request) -> Response:
        """PUT of a report."""
        put = Put(request.url.path, request.url.query, (await request.json())["Items"])
        self.puts.append(put)
        scripted = self.answer(put)
        if scripted is not None:
            return Response(scripted[1], scripted[0], media_type="application/json")
        if self.version is not None and request.query_params.get("version") != str(self.version):
            return Response(json.dumps(self.service()), 270, media_type="application/json")
        servers = {(server.ip, server.port): server for server in self.servers}
        for item in put.items:
            server = servers.get((item["ip"], item["port"]))
            if server is not None:
                server.inhibited = bool(item.get("inhibited", False))
                if self.version is None:
                    server.weight = item["weight"]
        return Response(status_code=200)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on a loopback port until the block ends."""
        routes = [
            Route("/v2/vs", self.list_all),
            Route("/v2/vs/{id}/rs", self.report, methods=["PUT"]),
            Route("/v2/vs/{id}/rs/health", self.report, methods=["PUT"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none")
        server = _Server(config)
        listening = socket.create_server(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield
        finally:
            server.should_exit = True
            await task
            listening.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


QUICK = ("-check_interval=50ms", "-check_timeout=100ms", "-fetch_interval=100ms", "-notify_interval=150ms")


@asynccontextmanager
async def checking(agent: ScriptedAgent, *flags: str, conf: Conf | None = None) -> AsyncIterator[Runner]:
    """healthcheck, running against the agent; flags that begin with -dpvs make it generation C."""
    address = f"127.0.0.1:{agent.port}"
    newer = any(flag.startswith("-dpvs") for flag in flags)
    options = parse_options(
        [*flags, f"-dpvs-agent-addr={address}"] if newer else [f"-lb_iface_addr={address}", *QUICK, *flags]
    )
    prober = Prober(asyncio.get_running_loop())
    client = AgentClient(options.agent_url)
    runner = Runner(options, client, conf or Conf(), prober)
    runner.start()
    try:
        yield runner
    finally:
        await runner.close()
        prober.close()
        await client.close()


async def until(condition: Callable[[], bool], what: str, deadline_s: float = 10.0) -> None:
    """Wait for a condition, or fail."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline_s
    while not condition():
        assert loop.time() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """A TCP port that accepts; the kernel does it, nobody reads."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextlib.contextmanager
def in_thread(agent: ScriptedAgent) -> Iterator[None]:
    """The agent served by a thread, for processes of their own."""
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with agent.serving():
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield
    finally:
        done.set()
        thread.join(20)


class HealthcheckProcess:
    """The program itself. A context manager: starts, and kills what is left."""

    def __init__(self, directory: Path, *flags: str) -> None:
        self._output = directory / "output"
        self._argv = [str(installed("healthcheck")), *flags]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process."""
        assert self._process is not None
        return self._process

    def output(self) -> str:
        """What it wrote to stdout and stderr."""
        return self._output.read_text()

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition while it runs, or fail with its output."""

        def holds() -> bool:
            assert self.process.poll() is None, self.output()
            return condition()

        wait_until(holds, 30.0, what)

    def wait_to_say(self, text: str) -> None:
        """Wait for a text in the output."""
        self.wait_for(lambda: text in self.output(), f"{text!r} is said")

    def end(self, number: signal.Signals) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(5.0)

    def listening_ports(self) -> set[int]:
        """TCP ports it listens on."""
        sockets = set()
        for each in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                sockets.add(os.readlink(each))
        ports = set()
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                    ports.add(int(words[1].rpartition(":")[2], 16))
        return ports
