"""Scripts and commands: how they end, or are made to."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from lab.wait import wait_until
from tests.support.probing import run
from xdpvs.model.check import Endpoint, Outcome, ScriptCheck, Verdict
from xdpvs.probing.prober import Prober
from xdpvs.probing.process import Ended, NotStarted, resolve, run_command

NOWHERE = Endpoint(ip_address("127.0.0.1"))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")


def _check(*argv: str, timeout_s: float = 10, dynamic: bool = False, user: str = "", group: str = "") -> Outcome:
    outcomes = []

    async def scenario(prober: Prober) -> None:
        outcomes.append(await prober.probe(ScriptCheck(argv, user, group, dynamic), NOWHERE, timeout_s))

    run(scenario)
    return outcomes[0]


@contextlib.contextmanager
def _pid_in(path: Path) -> Iterator[int]:
    """A process a script left behind; it is killed at the end."""
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), what="the script's note")
    pid = int(path.read_text())
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("status", "dynamic", "verdict", "weight"),
    [
        (0, False, Verdict.GOOD, None),
        (1, False, Verdict.BAD, None),
        (7, False, Verdict.BAD, None),
        (0, True, Verdict.GOOD, None),
        (1, True, Verdict.BAD, None),
        (2, True, Verdict.GOOD, 0),
        (255, True, Verdict.GOOD, 253),
    ],
)
def test_the_exit_status_decides(status: int, dynamic: bool, verdict: Verdict, weight: int | None) -> None:
    outcome = _check("sh", "-c", f"exit {status}", dynamic=dynamic)
    assert (outcome.verdict, outcome.weight) == (verdict, weight)
    assert outcome.reason == ("" if verdict == Verdict.GOOD else f"exit status {status}")


def test_a_signal_is_no_status() -> None:
    assert _check("sh", "-c", "kill -SEGV $$", dynamic=True).reason == "ended by SIGSEGV"


def test_a_program_that_cannot_be_run_is_bad(tmp_path: Path) -> None:
    assert _check("nonesuch-program").reason == "nonesuch-program: no such file or directory"
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    outcome = _check(str(plain))
    assert (outcome.verdict, outcome.reason) == (Verdict.BAD, f"{plain}: permission denied")


def test_a_user_that_does_not_exist_decides_nothing() -> None:
    outcome = _check("true", user="nonesuch-user")
    assert (outcome.verdict, outcome.reason) == (Verdict.UNDECIDED, "no such user or group: nonesuch-user")
    assert _check("true", group="nonesuch-group").verdict == Verdict.UNDECIDED


@needs_root
def test_a_program_runs_as_its_user_and_group() -> None:
    script = 'test "$(id -u) $(id -g) $(id -G)" = "65534 65534 65534"'
    assert _check("sh", "-c", script, user="nobody").verdict == Verdict.GOOD
    assert (
        _check("sh", "-c", 'test "$(id -u) $(id -g)" = "65534 1"', user="65534", group="daemon").verdict == Verdict.GOOD
    )
    assert _check("sh", "-c", 'test "$(id -u) $(id -g)" = "0 1"', group="1").verdict == Verdict.GOOD


def test_a_program_leads_its_session_and_has_no_terminal_or_pipe() -> None:
    script = (
        'test "$(cut -d " " -f 6 /proc/$$/stat)" = $$ && for n in 0 1 2; do test /dev/null -ef /proc/$$/fd/$n; done'
    )
    assert _check("sh", "-c", script).verdict == Verdict.GOOD


def test_a_program_that_takes_too_long_is_terminated() -> None:
    outcome = _check("sleep", "60", timeout_s=0.1)
    assert (outcome.verdict, outcome.reason, outcome.timed_out) == (Verdict.BAD, "did not end in time", True)
    assert outcome.duration_s < 2


def test_one_that_ignores_that_is_killed() -> None:
    outcome = _check("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done", timeout_s=0.1)
    assert (outcome.verdict, outcome.timed_out) == (Verdict.BAD, True)
    assert outcome.duration_s >= 2


def test_a_grandchild_that_holds_on_does_not_hold_us(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    started = time.monotonic()
    outcome = _check("sh", "-c", f"setsid sleep 60 & echo $! >{note}", timeout_s=30)
    assert outcome.verdict == Verdict.GOOD
    assert time.monotonic() - started < 30
    with _pid_in(note) as pid:
        assert _alive(pid)  # a daemon is its own master


def test_the_whole_group_is_terminated(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    assert _check("sh", "-c", f"sleep 60 & echo $! >{note}; wait", timeout_s=0.3).timed_out
    with _pid_in(note) as pid:
        wait_until(lambda: not _alive(pid), what="the end of the grandchild")


def test_what_is_left_of_the_group_is_killed_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"(trap '' TERM; while :; do sleep 0.1; done) & echo $! >{note}; wait"

    async def scenario(prober: Prober) -> None:
        outcome = await prober.probe(ScriptCheck(("sh", "-c", script)), NOWHERE, 0.3)
        assert outcome.timed_out
        assert outcome.duration_s < 2  # the leader's end is enough
        with _pid_in(note) as pid:
            assert _alive(pid)
            while prober._processes:
                await asyncio.sleep(0.02)
            wait_until(lambda: not _alive(pid), what="the end of the grandchild")

    run(scenario)


def test_a_command_is_run_to_its_end() -> None:
    assert asyncio.run(run_command(["sh", "-c", "exit 3"])) == Ended(3)
    assert asyncio.run(run_command(["sh", "-c", "kill -9 $$"])) == Ended(-9)
    with pytest.raises(NotStarted, match=r"nonesuch: no such file") as caught:
        asyncio.run(run_command(["nonesuch"]))
    assert not caught.value.ours


def test_a_command_that_takes_too_long_is_gone_when_its_end_is_told() -> None:
    assert asyncio.run(run_command(["sleep", "60"], timeout_s=0.1)) == Ended(-signal.SIGTERM, timed_out=True)
    stubborn = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
    assert asyncio.run(run_command(stubborn, timeout_s=0.2)) == Ended(-signal.SIGKILL, timed_out=True)


def test_a_cancelled_command_is_killed() -> None:
    async def main() -> None:
        task = asyncio.create_task(run_command(["sh", "-c", "trap '' TERM; sleep 60"]))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize(
    ("argv", "resolved"),
    [
        (("exit", "0"), ("/bin/sh", "-c", "exit 0")),
        (("true",), ("true",)),
        (("sh", "-c", "exit 1"), ("sh", "-c", "exit 1")),
        (("/nonesuch/program", "x"), ("/nonesuch/program", "x")),
        (("exit", "0; reboot"), ("/bin/sh", "-c", "exit '0; reboot'")),
        ((), ()),
    ],
)
def test_only_a_word_that_is_no_program_becomes_the_shells(argv: tuple[str, ...], resolved: tuple[str, ...]) -> None:
    assert resolve(argv) == resolved
