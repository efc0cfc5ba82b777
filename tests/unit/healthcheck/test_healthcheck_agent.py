"""The whole of healthcheck against a scripted agent: the reference's check list, with real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.healthcheck import Listed, Put, ScriptedAgent, checking, closed_port, listening, until
from xdpvs.healthcheck.conf import Conf
from xdpvs.healthcheck.runner import Runner

NEWER = ("-dpvs-agent-addr=:1", "-dpvs-service-list-interval=100ms")
QUICK_CONF = Conf(address={"actioner": "Blank"}, service={"interval": 0.05, "timeout": 0.1, "action-sync-time": 0.2})


def played(
    agent: ScriptedAgent, play: Callable[[Runner], Awaitable[None]], *flags: str, conf: Conf | None = None
) -> None:
    """Run a play against an agent."""

    async def run() -> None:
        async with agent.serving(), checking(agent, *flags, conf=conf) as runner:
            await play(runner)

    asyncio.run(run())


def checks(runner: Runner) -> int:
    """Finished ones."""
    return runner.numbers.good + runner.numbers.bad


def test_no_report_while_all_is_well() -> None:
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port)])

        async def play(runner: Runner) -> None:
            await until(lambda: runner.numbers.good >= 5 and agent.gets >= 3, "checks and fetches")

        played(agent, play)
    assert agent.puts == []


def test_a_dead_server_is_reported_once_and_comes_back_with_the_operators_weight() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port, 70)])

    async def play(runner: Runner) -> None:
        await until(lambda: agent.servers[0].inhibited, "it is reported down")
        seen = checks(runner)
        await until(lambda: checks(runner) >= seen + 4, "more checks")
        assert len(agent.puts) == 1
        with listening(port):
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")

    played(agent, play)
    down, up = agent.puts
    assert (down.path, down.query) == ("/v2/vs/127.0.0.9-80-tcp/rs/health", "version=1000&operatorWeight=true")
    assert down.items == [{"ip": "127.0.0.1", "port": port, "weight": 0, "inhibited": True}]
    assert up.items == [{"ip": "127.0.0.1", "port": port, "weight": 70, "inhibited": False}]


def test_an_agent_without_versions_gets_the_older_report() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port)], version=None)

    async def play(runner: Runner) -> None:
        await until(lambda: agent.servers[0].inhibited, "it is reported down")
        with listening(port):
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")

    played(agent, play)
    assert (agent.puts[0].path, agent.puts[0].query) == ("/v2/vs/127.0.0.9-80-tcp/rs", "healthcheck=true")
    assert agent.puts[0].items == [{"ip": "127.0.0.1", "port": port, "weight": 0, "inhibited": True}]
    assert agent.puts[-1].items == [{"ip": "127.0.0.1", "port": port, "weight": 100}]


def test_a_report_the_agent_fails_is_repeated() -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    refusals = 3

    def answer(_put: Put) -> tuple[int, bytes] | None:
        return (500, b'""') if len(agent.puts) <= refusals else None

    agent.answer = answer

    async def play(runner: Runner) -> None:
        await until(lambda: agent.servers[0].inhibited, "it is reported down at last")

    played(agent, play)
    assert len(agent.puts) == refusals + 1


def test_a_removed_server_is_no_longer_checked_and_not_reported() -> None:
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port), Listed("127.0.0.1", closed_port(), inhibited=True)])

        async def play(runner: Runner) -> None:
            await until(lambda: runner.numbers.bad >= 2, "both are checked")
            del agent.servers[1]
            agent.renew()
            await until(lambda: sum(len(w.health.servers) for w in runner.services.values()) == 1, "one is left")
            bad, good = runner.numbers.bad, runner.numbers.good
            await until(lambda: runner.numbers.good >= good + 3, "the other goes on")
            assert runner.numbers.bad <= bad + 1

        played(agent, play)
    assert agent.puts == []


def test_an_operators_change_in_between_is_never_overwritten() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port, 100)])

    def answer(_put: Put) -> tuple[int, bytes] | None:
        if len(agent.puts) == 1:
            # The operator is faster than the report.
            agent.servers[0].weight = 33
            agent.renew()
        return None

    agent.answer = answer

    async def play(runner: Runner) -> None:
        await until(lambda: agent.servers[0].inhibited, "it is reported down")
        with listening(port):
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")

    played(agent, play)
    assert [put.query.partition("&")[0] for put in agent.puts] == ["version=1000", "version=1001", "version=1001"]
    assert agent.puts[-1].items[0]["weight"] == 33
    assert agent.servers[0].weight == 33


def test_a_restarted_checker_finds_a_server_down_and_frees_it_with_its_weight() -> None:
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port, 42, inhibited=True)])

        async def play(runner: Runner) -> None:
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")

        played(agent, play)
    assert agent.puts[0].items == [{"ip": "127.0.0.1", "port": port, "weight": 42, "inhibited": False}]


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"\xff\x00", b'{"Items":7}', b"[" * 100000])
def test_an_answer_that_is_no_list_changes_nothing(body: bytes) -> None:
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port)])

        async def play(runner: Runner) -> None:
            await until(lambda: runner.numbers.good >= 1, "it is checked")
            agent.body = body
            failed = runner.traffic.failed_fetches
            await until(lambda: runner.traffic.failed_fetches > failed, "the answer is refused")
            assert len(runner.services) == 1
            good = runner.numbers.good
            await until(lambda: runner.numbers.good > good, "checks go on")

        played(agent, play)
    assert agent.puts == []


def test_bad_entries_are_skipped_and_the_others_checked() -> None:
    with listening() as port:
        agent = ScriptedAgent([Listed("127.0.0.1", port)])
        junk: list[Any] = [None, 7, {"Addr": "nonsense"}, {"Addr": "127.0.0.8", "Port": 80, "Proto": 132}]
        good: dict[str, Any] = agent.service()
        good["RSs"]["Items"] += [None, {"Spec": {"ip": "", "port": 80}}, {"Spec": {"ip": "2001:db8::1", "port": 70000}}]
        agent.body = json.dumps({"Items": [*junk, good]}).encode()

        async def play(runner: Runner) -> None:
            await until(lambda: runner.numbers.good >= 2, "the good one is checked")
            assert runner.traffic.skipped >= 7

        played(agent, play)


def test_every_first_verdict_is_reported_in_the_newer_generation() -> None:
    with listening() as port:
        dead = closed_port()
        agent = ScriptedAgent([Listed("127.0.0.1", port), Listed("127.0.0.1", dead, 50)])

        async def play(runner: Runner) -> None:
            await until(lambda: sum(len(put.items) for put in agent.puts) >= 2, "both are reported")
            seen = checks(runner)
            await until(lambda: checks(runner) >= seen + 6, "more checks")

        played(agent, play, *NEWER, conf=QUICK_CONF)
    items = [item for put in agent.puts for item in put.items]
    assert sorted((item["port"], item["weight"], item["inhibited"]) for item in items) == sorted(
        [(port, 100, False), (dead, 0, True)]
    )


def test_an_agent_that_only_ever_conflicts_is_not_hammered() -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])

    def answer(_put: Put) -> tuple[int, bytes]:
        agent.renew()
        return 270, json.dumps(agent.service()).encode()

    agent.answer = answer

    async def play(runner: Runner) -> None:
        await until(lambda: runner.traffic.reports_stale >= 4, "conflicts")
        assert runner.traffic.reports_stale <= 5

    played(agent, play, "-notify_interval=10s")


def test_a_report_that_fails_holds_up_no_other_server() -> None:
    with listening() as port:
        dead = closed_port()
        agent = ScriptedAgent([Listed("127.0.0.1", dead), Listed("127.0.0.1", port, inhibited=True)])

        def answer(put: Put) -> tuple[int, bytes] | None:
            return (500, b'""') if any(item["port"] == dead for item in put.items) else None

        agent.answer = answer

        async def play(runner: Runner) -> None:
            await until(lambda: runner.traffic.reports_failed >= 1, "a report fails")
            agent.servers[1].inhibited = True
            await until(lambda: not agent.servers[1].inhibited, "the other server is reported")

        played(agent, play, "-notify_interval=5s")


def test_ten_thousand_servers_of_one_service_die_at_once() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed(f"127.1.{index >> 8}.{index & 255}", port) for index in range(10_000)])

    async def play(_runner: Runner) -> None:
        await until(lambda: all(server.inhibited for server in agent.servers), "all are reported down", 60)

    played(agent, play, "-check_interval=5s", "-check_timeout=1s", "-check_retry=0", "-fetch_interval=20s")
    assert len(agent.puts) < 1000


def test_a_dry_run_takes_every_server_for_healthy() -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port(), inhibited=True)])

    async def play(runner: Runner) -> None:
        await until(lambda: not agent.servers[0].inhibited, "it is reported up")

    played(agent, play, "-dry_run")


def test_the_agent_away_for_a_while() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port)])

    async def run() -> None:
        async with agent.serving():
            kept = agent.port
            async with checking(agent) as runner:
                await until(lambda: agent.servers[0].inhibited, "it is reported down")
                agent.answer = lambda _put: (503, b'"away"')
                with listening(port):
                    await until(lambda: runner.traffic.reports_failed >= 2, "reports fail")
                    agent.answer = lambda _put: None
                    await until(lambda: not agent.servers[0].inhibited, "the verdict arrives in the end")
            assert kept == agent.port

    asyncio.run(run())


def test_services_that_name_no_method_are_left_to_others_if_told_so() -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])

    async def play(runner: Runner) -> None:
        await until(lambda: agent.gets >= 2, "fetches")
        agent.servers[0].inhibited = True
        seen = agent.gets
        await until(lambda: agent.gets >= seen + 3, "more fetches")
        assert checks(runner) == 0

    played(agent, play, "-lb_auto_method=false")
    assert agent.puts == [], "somebody else's verdict stays"


def test_an_agent_that_is_back_hears_at_once_what_it_missed() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port)])

    async def play(runner: Runner) -> None:
        await until(lambda: bool(runner.services), "the service is known")
        agent.body, agent.answer = b"", lambda _put: (503, b'"away"')
        await until(lambda: runner.traffic.reports_failed >= 1 and runner.traffic.failed_fetches >= 1, "it is away")
        agent.body, agent.answer = None, lambda _put: None
        await until(lambda: agent.servers[0].inhibited, "it hears the verdict")

    played(agent, play, "-notify_interval=1h")


def test_verdicts_about_many_servers_go_together() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed(f"127.1.{index >> 8}.{index & 255}", port) for index in range(600)])

    async def play(_runner: Runner) -> None:
        await until(lambda: all(server.inhibited for server in agent.servers), "all are reported", 30.0)

    played(agent, play, "-check_interval=500ms")
    assert sum(len(put.items) for put in agent.puts) == 600
    assert len(agent.puts) < 300


def test_a_weight_that_is_lost_is_owned_up_to(caplog: pytest.LogCaptureFixture) -> None:
    with listening() as port, caplog.at_level("WARNING", "xdpvs.healthcheck"):
        agent = ScriptedAgent([Listed("127.0.0.1", port, 0, inhibited=True)], version=None)

        async def play(_runner: Runner) -> None:
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")

        played(agent, play)
    assert agent.puts[0].items[0]["weight"] == 1
    assert f"127.0.0.1 port {port}: its weight is not known any more; takes 1" in caplog.text


def test_a_conflict_that_names_another_service_is_no_answer() -> None:
    agent = ScriptedAgent([Listed("127.0.0.1", closed_port())])
    agent.answer = lambda _put: (270, json.dumps({**agent.service(), "Port": 81, "Version": "9"}).encode())

    async def play(runner: Runner) -> None:
        await until(lambda: runner.traffic.reports_failed >= 2, "reports fail")
        assert runner.traffic.reports_stale == 0

    played(agent, play)
    assert {put.query.partition("&")[0] for put in agent.puts} == {"version=1000"}


def test_an_agent_that_lost_its_versions_is_followed() -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port)], version=1000)

    async def play(runner: Runner) -> None:
        await until(lambda: agent.servers[0].inhibited, "it is reported down")
        agent.version = 3
        agent.servers[0].weight = 55
        with listening(port):
            await until(lambda: not agent.servers[0].inhibited, "it is reported up")
        assert runner.traffic.reports_failed == 0

    played(agent, play)
    assert agent.puts[-1].items[0]["weight"] == 55


def test_a_mistake_of_ours_does_not_end_everything(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    agent = ScriptedAgent([Listed("127.0.0.1", port)])

    async def play(runner: Runner) -> None:
        follow, calls = runner._follow, 0

        async def failing(*arguments: Any) -> None:
            nonlocal calls
            calls += 1
            if calls <= 2:
                raise RuntimeError("a mistake")
            await follow(*arguments)

        monkeypatch.setattr(runner, "_follow", failing)
        await until(lambda: agent.servers[0].inhibited, "it is reported down")

    with caplog.at_level("ERROR", "xdpvs.healthcheck"):
        played(agent, play)
    assert "could not be taken over" in caplog.text


class FaultyServer:
    """An HTTP server that fails in a way as long as `fault` says so."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            match self.fault:
                case "slow":
                    await asyncio.sleep(1)
                case "silent":
                    await reader.read()
                case "resets":
                    writer.transport.abort()
                case "nonsense":
                    writer.write(b"SSH-2.0-OpenSSH\r\n")
                    return
                case "overloaded":
                    writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
                    return
            writer.write(b"HTTP/1.1 204 Fine\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.mark.parametrize("fault", ["slow", "silent", "resets", "nonsense", "overloaded"])
def test_a_server_that_accepts_and_fails_is_seen_by_http_and_not_by_tcp(fault: str) -> None:
    server = FaultyServer(fault)
    agent = ScriptedAgent([], check=["tcp"])

    async def run() -> None:
        listener = await asyncio.start_server(server.accept, "127.0.0.1", 0)
        agent.servers.append(Listed("127.0.0.1", listener.sockets[0].getsockname()[1], 70))
        async with listener, agent.serving(), checking(agent, "-check_timeout=200ms") as runner:
            await until(lambda: runner.numbers.good >= 4, "tcp finds it alive")
            assert agent.puts == []
            agent.check = ["passive", "http"]
            await until(lambda: agent.servers[0].inhibited, "http finds it dead")
            server.fault = ""
            await until(lambda: not agent.servers[0].inhibited, "http finds it alive again")

    asyncio.run(run())
    assert [(put.items[0]["weight"], put.items[0]["inhibited"]) for put in agent.puts] == [(0, True), (70, False)]


def test_udp_a_closed_port_is_dead_and_a_silent_one_alive() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.socket(type=socket.SOCK_DGRAM) as closed:
        silent.bind(("127.0.0.1", 0))
        closed.bind(("127.0.0.1", 0))
        ports = silent.getsockname()[1], closed.getsockname()[1]
        closed.close()
        agent = ScriptedAgent([Listed("127.0.0.1", port) for port in ports], check=["udp"])

        async def play(runner: Runner) -> None:
            await until(lambda: agent.servers[1].inhibited, "the closed one is down")
            good = runner.numbers.good
            await until(lambda: runner.numbers.good >= good + 3, "the silent one is checked")
            assert not agent.servers[0].inhibited

        played(agent, play)
