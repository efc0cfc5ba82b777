"""The life of attempts: queued, cancelled, closed, many at once."""

from __future__ import annotations

import asyncio
import functools
import random
import socket
import threading
from ipaddress import ip_address

import pytest

from tests.support.probing import nobody, open_descriptors, run, silence, tcp_server, udp_server
from xdpvs.model.check import (
    Check,
    Endpoint,
    FileCheck,
    HttpCheck,
    NoCheck,
    Outcome,
    PingCheck,
    ScriptCheck,
    TcpCheck,
    UdpCheck,
    UdpPingCheck,
    Verdict,
)
from xdpvs.probing.prober import Attempt, Prober

WAIT = TcpCheck(receive=b"never")
SOMEWHERE = Endpoint(ip_address("127.0.0.1"))


async def _until(count: int, outcomes: list[Outcome]) -> None:
    while len(outcomes) < count:
        await asyncio.sleep(0.005)


def test_nothing_to_check_is_good_but_told_later() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        prober.start(NoCheck(), SOMEWHERE, 1, outcomes.append)
        assert outcomes == []
        await _until(1, outcomes)
        assert outcomes[0].verdict == Verdict.GOOD

    run(scenario)


def test_a_cancelled_attempt_tells_nobody_and_leaves_nothing() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        before = open_descriptors()
        checks: list[Check] = [WAIT, UdpCheck(), NoCheck(), HttpCheck(path="\n"), UdpPingCheck()]
        checks.append(ScriptCheck(("sleep", "60")))
        attempts = [prober.start(check, server, 60, outcomes.append) for check in checks]
        for attempt in attempts:
            attempt.cancel()
            attempt.cancel()
        while open_descriptors() - before:  # the server's end, the killed program's descriptor, the socket for pings
            prober._echoes.close()
            await asyncio.sleep(0.01)
        assert outcomes == []

    with tcp_server(silence) as server:
        run(scenario)


def test_an_end_may_cancel_and_start_others() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        waiting: list[Attempt] = []

        def done(outcome: Outcome) -> None:
            while waiting:
                waiting.pop().cancel()
            outcomes.append(outcome)
            if len(outcomes) < 50:
                waiting.extend(prober.start(WAIT, silent, 60, never) for _ in range(5))
                prober.start(TcpCheck(), silent, 60, done)

        def never(outcome: Outcome) -> None:
            raise AssertionError(outcome)

        prober.start(TcpCheck(), silent, 60, done)
        await _until(50, outcomes)
        assert {outcome.verdict for outcome in outcomes} == {Verdict.GOOD}

    with tcp_server(silence) as silent:
        run(scenario)


def test_what_done_raises_is_reported_and_harms_no_other() -> None:
    async def scenario(prober: Prober) -> None:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
        outcomes: list[Outcome] = []

        def fail(_: Outcome) -> None:
            raise ZeroDivisionError

        for done in (fail, outcomes.append, fail, outcomes.append):
            prober.start(TcpCheck(), server, 60, done)
        prober.call_at(0, lambda: fail(Outcome(Verdict.BAD)))
        await _until(2, outcomes)
        while len(reported) < 3:
            await asyncio.sleep(0.005)
        assert [type(error) for error in reported] == [ZeroDivisionError] * 3

    with tcp_server(silence) as server:
        run(scenario)


def test_attempts_beyond_the_bound_wait_their_turn() -> None:
    at_once = most = 0
    lock = threading.Lock()

    def count(connection: socket.socket) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        connection.recv(1)
        with lock:
            at_once -= 1
        connection.sendall(b"yes")

    async def scenario(prober: Prober) -> None:
        order: list[int] = []
        check = TcpCheck(send=b"?", receive=b"yes")

        def note(number: int, _: Outcome) -> None:
            order.append(number)

        attempts = [prober.start(check, server, 60, functools.partial(note, number)) for number in range(30)]
        attempts[20].cancel()
        # Those without a descriptor of their own do not wait.
        assert (await prober.probe(NoCheck(), SOMEWHERE, 1)).verdict == Verdict.GOOD
        while len(order) < 29:
            await asyncio.sleep(0.005)
        # Three at a time, so nobody is overtaken by more than two.
        assert all(abs(order.index(number) - number) <= 3 for number in order)

    with tcp_server(count) as server:
        run(scenario, max_open=3)
    assert most <= 3


def test_a_failure_to_begin_makes_room_for_the_next() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        nowhere = Endpoint(ip_address("127.0.0.1"), 1, source=ip_address("192.0.2.1"))
        for _ in range(1000):
            prober.start(TcpCheck(), nowhere, 60, outcomes.append)
        await _until(1000, outcomes)
        assert (await prober.probe(TcpCheck(), server, 60)).verdict == Verdict.GOOD

    with tcp_server(silence) as server:
        run(scenario, max_open=1)


def test_closing_ends_everything() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        for check in (WAIT, UdpCheck(), ScriptCheck(("sh", "-c", "trap '' TERM; sleep 60")), NoCheck(), WAIT):
            prober.start(check, server, 60, outcomes.append)
        await asyncio.sleep(0)
        prober.close()
        await asyncio.sleep(0.05)
        assert [outcome.verdict for outcome in outcomes] == [Verdict.GOOD]
        with pytest.raises(RuntimeError, match="closed"):
            prober.start(NoCheck(), server, 1, outcomes.append)

    with tcp_server(silence) as server:
        run(scenario, max_open=4)


def test_a_cancelled_probe_cancels_its_attempt() -> None:
    async def scenario(prober: Prober) -> None:
        task = asyncio.create_task(prober.probe(WAIT, server, 60))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not prober._running

    with tcp_server(silence) as server:
        run(scenario)


def test_ready_sockets_go_before_time_outs() -> None:
    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        prober.start(TcpCheck(), server, 0.05, outcomes.append)
        blocked = threading.Event()
        blocked.wait(0.2)  # the whole process, as when a machine is suspended
        await _until(1, outcomes)
        assert outcomes[0].verdict == Verdict.GOOD

    with tcp_server(silence) as server:
        run(scenario)


def test_a_timer_comes_in_time_and_can_be_called_off() -> None:
    async def scenario(prober: Prober) -> None:
        loop = asyncio.get_running_loop()
        came: list[tuple[str, float]] = []
        now = loop.time()
        prober.call_at(now + 0.05, lambda: came.append(("second", loop.time())))
        prober.call_at(now + 0.02, lambda: came.append(("first", loop.time())))
        off = prober.call_at(now + 0.03, lambda: came.append(("off", loop.time())))
        off.cancel()
        while len(came) < 2:
            await asyncio.sleep(0.005)
        off.cancel()
        assert [name for name, _ in came] == ["first", "second"]
        assert came[0][1] >= now + 0.02
        assert came[1][1] >= now + 0.05

    run(scenario)


def test_many_mixed_attempts_all_come_to_their_end() -> None:
    chance = random.Random(4711)

    async def scenario(prober: Prober) -> None:
        outcomes: list[Outcome] = []
        kinds: dict[tuple[Check, Endpoint], Verdict] = {
            (TcpCheck(), silent): Verdict.GOOD,
            (TcpCheck(), refusing): Verdict.BAD,
            (WAIT, silent): Verdict.BAD,
            (UdpCheck(), echoing): Verdict.GOOD,
            (NoCheck(), SOMEWHERE): Verdict.GOOD,
        }
        wrong: list[object] = []
        started = cancelled = 0
        for _ in range(1500):
            (check, where), expected = chance.choice(list(kinds.items()))

            def done(outcome: Outcome, expected: Verdict = expected) -> None:
                outcomes.append(outcome)
                if outcome.verdict != expected:
                    wrong.append(outcome)

            attempt = prober.start(check, where, 2 if check != WAIT else 0.05, done)
            started += 1
            if chance.random() < 0.2:
                attempt.cancel()
                cancelled += 1
            if chance.random() < 0.05:
                await asyncio.sleep(0.001)
        await _until(started - cancelled, outcomes)
        await asyncio.sleep(0.02)
        assert len(outcomes) == started - cancelled
        assert wrong == []

    with tcp_server(silence) as silent, nobody() as refusing, udp_server(lambda data: data) as echoing:
        run(scenario, max_open=50)


def test_a_file_gives_the_weight(tmp_path: object) -> None:
    async def scenario(prober: Prober) -> None:
        async def read(text: str | None) -> Outcome:
            path = f"{tmp_path}/number"
            if text is not None:
                with open(path, "w") as file:
                    file.write(text)
            return await prober.probe(FileCheck(path, weight=-2), SOMEWHERE, 1)

        missing = await read(None)
        assert (missing.verdict, missing.weight, missing.reason) == (Verdict.GOOD, None, "no such file")
        number = await read(" 21\n")
        assert (number.verdict, number.weight) == (Verdict.GOOD, -42)
        assert (await read("much")).reason == "holds no number"
        assert (await read("")).verdict == Verdict.UNDECIDED
        assert (await prober.probe(FileCheck(str(tmp_path)), SOMEWHERE, 1)).verdict == Verdict.UNDECIDED

    run(scenario)


def test_a_ping_needs_no_turn() -> None:
    async def scenario(prober: Prober) -> None:
        waiting = [prober.start(WAIT, server, 60, lambda _: None) for _ in range(3)]
        outcome = await prober.probe(PingCheck(), SOMEWHERE, 5)
        assert outcome.verdict != Verdict.BAD
        for attempt in waiting:
            attempt.cancel()

    with tcp_server(silence) as server:
        run(scenario, max_open=1)
