"""What the HTTP server shows, of a healthcheck that runs against a scripted agent."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from tests.support.healthcheck import Listed, ScriptedAgent, checking, closed_port, listening, until
from xdpvs.healthcheck.conf import Conf, load_conf
from xdpvs.healthcheck.options import Options, parse_options
from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.status import conf_check_text, go_time
from xdpvs.healthcheck.web import application

CONF = Conf(address={"actioner": "Blank"}, service={"interval": 0.05, "timeout": 0.1, "action-sync-time": 0.2})
Get = Callable[..., Awaitable[httpx.Response]]


def shown(
    play: Callable[[Get, int, int], Awaitable[None]],
    *,
    flags: tuple[str, ...] = ("-dpvs-agent-addr=:1", "-dpvs-service-list-interval=100ms"),
    options: Options | None = None,
) -> None:
    """Run a play that gets pages, once one server is known to be up and one down."""

    async def run(up: int, down: int) -> None:
        agent = ScriptedAgent([Listed("127.0.0.1", up), Listed("127.0.0.1", down)])
        async with agent.serving(), checking(agent, *flags, conf=CONF) as runner:
            await until(lambda: agent.servers[1].inhibited and not unreported(runner), "both are reported")
            app = application(runner, options or parse_options(["-dpvs-agent-addr=:1", "-config-file=/none/such"]))
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:

                async def get(path: str, **headers: str) -> httpx.Response:
                    return await client.get(path, headers=headers)

                await play(get, up, down)

    with listening() as up:
        asyncio.run(run(up, closed_port()))


def unreported(runner: Runner) -> bool:
    """Whether the agent is to be told something."""
    servers = [server for watched in runner.services.values() for server in watched.health.servers.values()]
    return any(server.differs or server.checker.up is None for server in servers)


def test_upstreams_page_to_the_blank() -> None:
    async def play(get: Get, up: int, down: int) -> None:
        response = await get("/metrics")
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        lines = response.text.split("\n")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+ m=\+\d+\.\d{9}", lines[0])
        assert lines[1:7] == [
            "",
            "Thread Statistics:",
            "                    running         stopping        finished        ",
            "VirtualAddress      1               0               0               ",
            "VirtualService      1               0               0               ",
            "Checker             2               0               0               ",
        ]
        assert re.fullmatch(r"HealthCheck         [012] {15}0 {15}\d+ *", lines[7])
        assert lines[8:11] == [
            "",
            "object                              state                               "
            "statistics                          extra(optional)",
            "-" * 123,
        ]
        age = r"\d+s {20,22}"
        assert re.fullmatch(rf"127\.0\.0\.9                           Healthy {age}    1,0,1,0,0,0 {{21}}", lines[11])
        vs = rf"    TCP 127\.0\.0\.9:80                    Healthy {age}    1,0,1,1,0,0 {{21}}"
        assert re.fullmatch(vs, lines[12])
        servers = [f"127.0.0.1:{up}", f"127.0.0.1:{down}"]
        for server, line in zip(sorted(servers), lines[13:15], strict=True):
            state = "Healthy" if server == servers[0] else "Unhealthy"
            assert line.startswith(f"    -> {server:<32}    {state} ")
            assert len(line) == 7 + 32 + 4 + 32 + 4 + 32
        assert lines[15:] == [
            "Notes:",
            "  statistics denotation: up,down,up_notices,down_notices,fail(up,timeout),fail(down,error)",
            "",
        ]

    shown(play)


def test_a_moment_as_go_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CST-8")
    time.tzset()
    try:
        shown = "2025-05-09 14:31:02.802071741 +0800 CST m=+1026.188881757"
        assert go_time(1746772262_802071741, 1026.188881757) == shown
        assert go_time(1746772262_500000000, 3) == "2025-05-09 14:31:02.5 +0800 CST m=+3.000000000"
        assert go_time(1746772262_000000000, 3) == "2025-05-09 14:31:02 +0800 CST m=+3.000000000"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/metrics/prometheus", "*/*"),
        ("/metrics", "text/plain; version=0.0.4"),
        ("/metrics", "application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5"),
    ],
)
def test_prometheus_gets_its_format(path: str, accept: str) -> None:
    async def play(get: Get, up: int, down: int) -> None:
        response = await get(path, accept=accept)
        assert ("openmetrics" in accept) == ("openmetrics" in response.headers["content-type"])
        read = openmetrics_families if "openmetrics" in accept else text_families
        families = {family.name: family for family in read(response.text)}
        assert all(name.startswith("xdpvs_healthcheck_") for name in families)
        assert all(family.documentation for family in families.values())

        def samples(name: str) -> dict[tuple[str, ...], float]:
            found = families[f"xdpvs_healthcheck_{name}"].samples
            return {tuple(each.labels[label] for label in sorted(each.labels)): each.value for each in found}

        assert samples("servers") == {("healthy",): 1, ("unhealthy",): 1, ("unknown",): 0}
        service = "127.0.0.9-80-tcp"
        assert samples("server_up") == {(f"127.0.0.1:{up}", service): 1, (f"127.0.0.1:{down}", service): 0}
        assert samples("unreported_servers") == {(): 0}

    shown(play)


def test_a_page_for_people() -> None:
    async def play(get: Get, up: int, down: int) -> None:
        response = await get("/")
        assert response.headers["content-type"].startswith("text/html")
        for text in ("127.0.0.9-80-tcp", f"<td>127.0.0.1:{up}</td>", f"<td>127.0.0.1:{down}</td>", "Unhealthy"):
            assert text in response.text
        assert (await get("/nothing")).status_code == 404

    shown(play)


def test_the_configuration_and_its_check(tmp_path: Path) -> None:
    path = tmp_path / "healthcheck.conf"
    options = parse_options(["-dpvs-agent-addr=:1", f"-config-file={path}", "-conf-uri=/c", "-conf-check-uri=/cc"])

    async def play(get: Get, _up: int, _down: int) -> None:
        text = (await get("/c")).text
        first, second, rest = text.split("\n", 2)
        assert first.startswith(
            "# Check Method Annotations: 1-none, 2-tcp, 3-udp, 4-ping, 5-udpping, 6-http, 10000-auto"
        )
        assert second == "# VA DownPolicy Annotations: 1-oneOf, 2-allOf"
        assert load_conf(rest, "shown").service_rule("x").interval_s == 0.05
        for content, verdict in (
            (None, "INVALID (File Read Error: "),
            ("a: b: c", "INVALID (Yaml Format Error: "),
            ("globals: {}", "INVALID (Validation Error: "),
            ("global: {}", "VALID\n\n\nRaw Configs from "),
        ):
            if content is not None:
                path.write_text(content)
            found = (await get("/cc")).text
            assert found.startswith(f"Config File {path}: {verdict}")
            assert content is None or found.endswith(content)

    shown(play, options=options)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "healthcheck.conf"
    path.write_bytes(b"\xff\xfe\x00")
    assert "File Read Error" in conf_check_text(str(path))
