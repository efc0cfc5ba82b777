"""Servers, quorum and sorry server, as traces: outcomes in, commands out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.keepalived import BAD, GOOD, checker, dest, server, trace, virtual_server
from xdpvs.keepalived.health.commands import ArmTimer, Command
from xdpvs.keepalived.health.server import dest_key
from xdpvs.keepalived.health.virtual_server import VirtualServerMachine
from xdpvs.model.check import FileCheck, Outcome, ScriptCheck, Verdict
from xdpvs.model.keepalived import RealServer, VirtualServer

RS1, RS2, SORRY = "192.0.2.30", "192.0.2.130", "192.0.2.99"
NAME = "[192.0.2.100]:tcp:80"


def started(*servers: RealServer, **fields: Any) -> VirtualServerMachine:
    """A machine after its start."""
    machine = VirtualServerMachine(virtual_server(*servers, **fields))
    machine.start()
    return machine


def outcome(machine: VirtualServerMachine, address: str, result: Outcome, number: int = 0) -> list[str]:
    """One check's outcome; commands in words."""
    return trace(raw_outcome(machine, address, result, number))


def raw_outcome(machine: VirtualServerMachine, address: str, result: Outcome, number: int = 0) -> list[Command]:
    state = machine.servers[dest_key(dest(address))]
    return machine.finish(state.checks[number], state, result, (100.0, 101.0))


def down(machine: VirtualServerMachine, address: str, number: int = 0) -> list[str]:
    """Failures until the checker gives up; what the last one led to."""
    assert outcome(machine, address, GOOD, number) == []
    assert outcome(machine, address, BAD, number) == []
    return outcome(machine, address, BAD, number)


def pool(machine: VirtualServerMachine) -> list[str]:
    return [f"{each.address} {each.weight}{' inhibited' if each.inhibited else ''}" for each in machine.pool.values()]


def test_at_the_start_servers_join_unchecked_and_the_quorum_is_gained() -> None:
    machine = VirtualServerMachine(virtual_server(server(RS1, 100), server(RS2, 100)))
    assert trace(machine.start(), logs=True) == [
        f"log Gained quorum 1+0=1 <= 200 for VS {NAME}",
        f"add {RS1} 100",
        f"add {RS2} 100",
        "run quorum-up",
        f"fifo VS {NAME} UP",
    ]


def test_alpha_servers_wait_for_their_first_success() -> None:
    machine = VirtualServerMachine(virtual_server(server(RS1, alpha=True, scripts=True)))
    assert trace(machine.start()) == [], "no sorry server: nothing runs"
    assert outcome(machine, RS1, BAD) == ["run down-30", f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN"], "told once"
    assert outcome(machine, RS1, BAD) == []
    assert outcome(machine, RS1, GOOD) == [
        f"add {RS1} 1",
        "run up-30",
        f"fifo RS [{RS1}]:tcp:80 {NAME} UP",
        "run quorum-up",
        f"fifo VS {NAME} UP",
    ]


def test_alpha_with_inhibit_starts_at_weight_zero() -> None:
    machine = VirtualServerMachine(virtual_server(server(RS1, 5, alpha=True, inhibit=True)))
    assert trace(machine.start()) == [f"add {RS1} 0 inhibited"]
    assert outcome(machine, RS1, GOOD)[0] == f"edit {RS1} 5"


def test_a_failing_server_is_removed_and_comes_back() -> None:
    machine = started(server(RS1, scripts=True), server(RS2))
    assert down(machine, RS1) == [f"delete {RS1}", "run down-30", f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN"]
    assert outcome(machine, RS1, GOOD) == [f"add {RS1} 1", "run up-30", f"fifo RS [{RS1}]:tcp:80 {NAME} UP"]


def test_with_inhibit_it_stays_at_weight_zero() -> None:
    machine = started(server(RS1, 7, inhibit=True), server(RS2))
    assert down(machine, RS1)[0] == f"edit {RS1} 0 inhibited"
    assert outcome(machine, RS1, GOOD)[0] == f"edit {RS1} 7"


def test_every_checker_has_to_agree() -> None:
    machine = started(server(RS1, checks=2), server(RS2))
    assert down(machine, RS1, 1)[0] == f"delete {RS1}"
    assert down(machine, RS1, 0) == [], "it is down already"
    assert outcome(machine, RS1, GOOD, 1) == [], "the other one still fails"
    assert outcome(machine, RS1, GOOD, 0)[0] == f"add {RS1} 1"


def test_the_quorum_is_lost_with_the_last_server_and_without_a_sorry_server_nothing_joins() -> None:
    machine = started(server(RS1))
    assert down(machine, RS1) == [
        f"delete {RS1}",
        f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]


def test_the_sorry_server_joins_before_the_others_leave() -> None:
    machine = started(server(RS1), server(RS2), quorum=2, sorry_server=dest(SORRY))
    assert down(machine, RS1) == [
        f"delete {RS1}",
        f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN",
        f"add {SORRY} 1",
        f"delete {RS2}",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]
    assert outcome(machine, RS1, GOOD) == [
        f"fifo RS [{RS1}]:tcp:80 {NAME} UP",
        f"add {RS1} 1",
        f"add {RS2} 1",
        f"delete {SORRY}",
        "run quorum-up",
        f"fifo VS {NAME} UP",
    ]


def test_live_servers_with_inhibit_rest_while_the_sorry_server_serves() -> None:
    machine = started(
        server(RS1, inhibit=True),
        server(RS2, inhibit=True),
        quorum=2,
        sorry_server=dest(SORRY),
        sorry_server_inhibit=True,
    )
    assert pool(machine) == [f"{RS1} 1", f"{RS2} 1", f"{SORRY} 0 inhibited"]
    down(machine, RS1)
    assert pool(machine) == [f"{RS1} 0 inhibited", f"{RS2} 0 inhibited", f"{SORRY} 1"]


def test_a_start_below_the_quorum_brings_the_sorry_server() -> None:
    machine = VirtualServerMachine(virtual_server(server(RS1, alpha=True), sorry_server=dest(SORRY)))
    assert trace(machine.start(), logs=True) == [
        f"log Starting with quorum down 1+0=1 > 0 for VS {NAME}",
        f"log Adding sorry server [{SORRY}]:tcp:80 to VS {NAME}",
        f"add {SORRY} 1",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]


def test_hysteresis_keeps_the_quorum_from_flapping() -> None:
    servers = [server(f"192.0.2.{number}") for number in range(1, 6)]
    machine = started(*servers, quorum=3, hysteresis=1)
    assert machine.quorum_up
    for number in (1, 2, 3):
        down(machine, f"192.0.2.{number}")
        assert machine.quorum_up, "2 of 3 ± 1 is enough to stay"
    assert "run quorum-down" in down(machine, "192.0.2.4")
    for number in (1, 2):
        outcome(machine, f"192.0.2.{number}", GOOD)
        assert not machine.quorum_up
    assert "run quorum-up" in outcome(machine, "192.0.2.3", GOOD), "4 are needed to gain it"


def test_the_log_says_what_upstream_says() -> None:
    machine = started(server(RS1, retry=1))
    outcome(machine, RS1, GOOD)
    outcome(machine, RS1, BAD)
    lines = [line for line in trace(raw_outcome(machine, RS1, BAD), logs=True) if line.startswith("log ")]
    assert lines == [
        f"log TCP_CHECK on service [{RS1}]:tcp:80 failed after 1 retries. (connection refused)",
        f"log Removing service [{RS1}]:tcp:80 to VS {NAME}",
        f"log Lost quorum 1-0=1 > 0 for VS {NAME}",
    ]
    lines = [line for line in trace(raw_outcome(machine, RS1, GOOD), logs=True) if line.startswith("log ")]
    assert lines == [
        f"log TCP connection to [{RS1}]:tcp:80 success.",
        f"log Adding service [{RS1}]:tcp:80 to VS {NAME}",
        f"log Gained quorum 1+0=1 <= 1 for VS {NAME}",
    ]


def test_every_outcome_arms_the_next_run() -> None:
    machine = started(server(RS1))
    state = machine.servers[dest_key(dest(RS1))]
    assert [command for command in raw_outcome(machine, RS1, GOOD) if isinstance(command, ArmTimer)] == [
        ArmTimer(state.checks[0], 111.0)
    ]


def weighed(kind: str, check: ScriptCheck | FileCheck, weight: int = 10) -> RealServer:
    where = dest(RS1, weight)
    return RealServer(where, checkers=(checker(where, kind, check),), smtp_alert=False)


def test_dynamic_weights_count_for_the_quorum_and_end_with_status_zero() -> None:
    machine = started(weighed("MISC_CHECK", ScriptCheck(("weigh",), dynamic=True)), quorum=5)
    assert outcome(machine, RS1, Outcome(Verdict.GOOD, weight=20)) == [f"edit {RS1} 20"]
    assert outcome(machine, RS1, Outcome(Verdict.GOOD, weight=3)) == [
        f"edit {RS1} 3",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]
    assert outcome(machine, RS1, GOOD)[0] == f"edit {RS1} 10"


def test_files_add_to_the_weight_within_its_range() -> None:
    machine = started(weighed("FILE_CHECK", FileCheck("/weight")))
    assert outcome(machine, RS1, Outcome(Verdict.GOOD, weight=5)) == [f"edit {RS1} 15"]
    assert outcome(machine, RS1, Outcome(Verdict.GOOD, weight=-50))[0] == f"edit {RS1} 0"


# Reload


def reload(machine: VirtualServerMachine, config: VirtualServer) -> list[str]:
    commands, _added = machine.reload(config)
    return trace(commands)


def test_a_reload_of_the_same_changes_nothing() -> None:
    config = virtual_server(server(RS1), server(RS2))
    machine = VirtualServerMachine(config)
    machine.start()
    down(machine, RS1)
    commands, added = machine.reload(virtual_server(server(RS1), server(RS2)))
    assert (trace(commands), added) == ([], [])
    assert not machine.servers[dest_key(dest(RS1))].alive


def test_a_reload_edits_weights_and_adds_and_removes_servers() -> None:
    machine = started(server(RS1, scripts=True), server(RS2))
    changed = virtual_server(server(RS2, 9), server("192.0.2.31"))
    assert reload(machine, changed) == [
        "run down-30",
        f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN",
        "add 192.0.2.31 1",
        f"edit {RS2} 9",
        f"delete {RS1}",
    ]


def test_a_server_that_was_down_stays_out_even_with_a_new_check() -> None:
    machine = started(server(RS1), server(RS2))
    down(machine, RS1)
    commands, added = machine.reload(virtual_server(server(RS1, retry=9), server(RS2)))
    assert trace(commands) == []
    assert [state.config.dest.address for state, _ in added] == [dest(RS1).address]
    assert outcome(machine, RS1, GOOD)[0] == f"add {RS1} 1"


def test_a_new_alpha_check_takes_a_live_server_out_until_it_succeeds() -> None:
    machine = started(server(RS1), server(RS2))
    assert reload(machine, virtual_server(server(RS1, alpha=True), server(RS2)))[0] == f"delete {RS1}"
    assert outcome(machine, RS1, GOOD)[0] == f"add {RS1} 1"


def test_a_dynamic_weight_stays_until_the_configured_one_changes() -> None:
    server_ = weighed("MISC_CHECK", ScriptCheck(("weigh",), dynamic=True))
    machine = started(server_)
    outcome(machine, RS1, Outcome(Verdict.GOOD, weight=20))
    assert reload(machine, virtual_server(server_)) == []
    assert reload(machine, virtual_server(replace(server_, dest=dest(RS1, 11)))) == [f"edit {RS1} 11"]


def test_the_quorum_is_kept_and_judged_by_the_new_numbers() -> None:
    machine = started(server(RS1), server(RS2))
    assert reload(machine, virtual_server(server(RS1), server(RS2), quorum=3, sorry_server=dest(SORRY))) == [
        f"add {SORRY} 1",
        f"delete {RS1}",
        f"delete {RS2}",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]


def test_a_sorry_server_that_a_reload_takes_away_leaves_and_the_live_ones_return() -> None:
    machine = started(server(RS1), quorum=2, sorry_server=dest(SORRY))
    assert pool(machine) == [f"{SORRY} 1"]
    assert reload(machine, virtual_server(server(RS1), quorum=2)) == [f"add {RS1} 1", f"delete {SORRY}"]


# Stop


def test_a_stop_is_silent_without_omega() -> None:
    assert trace(started(server(RS1, scripts=True)).stop(shutting_down=True)) == []


def test_omega_tells_of_the_end() -> None:
    machine = started(server(RS1, scripts=True), server(RS2, scripts=True), omega=True)
    down(machine, RS2)
    assert trace(machine.stop(shutting_down=True)) == [
        "run down-30",
        f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]


def test_a_service_that_a_reload_removed_tells_without_omega() -> None:
    assert trace(started(server(RS1, scripts=True)).stop(shutting_down=False)) == [
        "run down-30",
        f"fifo RS [{RS1}]:tcp:80 {NAME} DOWN",
        "run quorum-down",
        f"fifo VS {NAME} DOWN",
    ]
