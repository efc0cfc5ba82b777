"""When neighbours are asked for and given up, as traces over a clock of numbers."""

from __future__ import annotations

from ipaddress import IPv4Address
from itertools import pairwise

from xdpvs.bpf.layout import NeighbourFlags, NeighbourState
from xdpvs.daemon.neighbours import (
    GIVE_UP_TRIES,
    MISSES,
    Claim,
    Command,
    Key,
    Neighbours,
    Release,
    Remove,
    SetState,
    Solicit,
    idle_reverse,
)
from xdpvs.dataplane.network import NeighbourEntry

KEY: Key = (0, IPv4Address("192.0.2.30"))
MAC = bytes.fromhex("020000000030")
WANTED = NeighbourFlags.WANTED
NOBODY = NeighbourFlags(0)


def entry(state: NeighbourState, age: float = 0.0, flags: NeighbourFlags = WANTED, mac: bytes = MAC) -> NeighbourEntry:
    """The neighbour's slot."""
    return NeighbourEntry(1, KEY[0], KEY[1], mac, state, flags, age)


def wanted(timeout_s: float = 60.0) -> Neighbours:
    """A machine whose neighbour was asked for at time 0."""
    machine = Neighbours(timeout_s)
    assert machine.set_wanted(frozenset({KEY}), 0.0) == [Claim(KEY), Solicit(KEY)]
    return machine


def solicits(commands: list[Command]) -> list[Command]:
    """The questions among commands."""
    return [command for command in commands if isinstance(command, Solicit)]


def test_an_unanswered_question_is_repeated_each_second_then_less_often() -> None:
    machine = wanted()
    asked = [
        now for now in range(1, 40) if solicits(machine.poll([entry(NeighbourState.SEND, mac=bytes(6))], float(now)))
    ]
    assert asked[:7] == [1, 2, 3, 4, 5, 6, 7]
    gaps = [after - before for before, after in pairwise(asked[8:])]
    assert gaps
    assert set(gaps) == {5}


def test_a_needed_neighbour_is_never_given_up() -> None:
    machine = wanted()
    for now in range(1, 300):
        assert Remove(KEY) not in machine.poll([entry(NeighbourState.SEND)], float(now))


def test_one_nobody_needs_is_given_up() -> None:
    machine = Neighbours()
    assert machine.needed(KEY, 0.0) == [Solicit(KEY), SetState(KEY, NeighbourState.SEND)]
    assert machine.needed(KEY, 0.5) == [], "packets come faster than answers"
    unknown = entry(NeighbourState.SEND, flags=NOBODY)
    trace = [machine.poll([unknown], float(now)) for now in range(1, GIVE_UP_TRIES + 1)]
    assert trace[:-1] == [[Solicit(KEY)]] * (GIVE_UP_TRIES - 1)
    assert trace[-1] == [Remove(KEY)]


def test_a_fresh_one_is_left_alone_and_an_old_one_asked_by_unicast() -> None:
    machine = wanted()
    machine.learned(KEY)
    assert machine.poll([entry(NeighbourState.REACHABLE, 44.0)], 44.0) == []
    assert machine.poll([entry(NeighbourState.REACHABLE, 45.0)], 45.0) == [Solicit(KEY, MAC)]
    assert machine.poll([entry(NeighbourState.REACHABLE, 45.5)], 45.5) == []
    assert machine.poll([entry(NeighbourState.REACHABLE, 0.5)], 46.0) == []


def test_a_silent_server_goes_stale_then_loses_its_mac_and_is_asked_for_again() -> None:
    machine = wanted(timeout_s=8.0)
    machine.learned(KEY)
    assert machine.poll([entry(NeighbourState.REACHABLE, 6.0)], 6.0) == [Solicit(KEY, MAC)]
    assert machine.poll([entry(NeighbourState.REACHABLE, 7.0)], 7.0) == [Solicit(KEY, MAC)]
    stale = machine.poll([entry(NeighbourState.REACHABLE, 8.0)], 8.0)
    assert stale == [Solicit(KEY, MAC), SetState(KEY, NeighbourState.PROBE)]
    assert MISSES == 4
    assert machine.poll([entry(NeighbourState.PROBE, 9.0)], 9.0) == [
        Solicit(KEY, MAC),
        SetState(KEY, NeighbourState.DELAY),
    ]
    assert machine.poll([entry(NeighbourState.DELAY, 10.0)], 10.0) == [
        Remove(KEY),
        Claim(KEY),
        Solicit(KEY),
        SetState(KEY, NeighbourState.SEND),
    ]


def test_a_silent_client_is_forgotten() -> None:
    machine = Neighbours(timeout_s=8.0)
    trace = [machine.poll([entry(NeighbourState.REACHABLE, float(now), NOBODY)], float(now)) for now in range(6, 11)]
    assert trace[-1] == [Remove(KEY)]


def test_an_answer_that_crossed_our_change_of_state_wins() -> None:
    machine = wanted()
    assert machine.poll([entry(NeighbourState.PROBE, 0.1)], 50.0) == [SetState(KEY, NeighbourState.REACHABLE)]


def test_static_ones_are_never_asked_for() -> None:
    machine = wanted()
    static = entry(NeighbourState.REACHABLE, 1e6, WANTED | NeighbourFlags.STATIC)
    assert machine.poll([static], 100.0) == []


def test_what_is_needed_and_missing_from_the_table_is_claimed_again() -> None:
    machine = wanted()
    assert machine.poll([], 0.5) == [Claim(KEY)]


def test_one_no_longer_needed_is_released_not_removed() -> None:
    machine = wanted()
    assert machine.set_wanted(frozenset(), 1.0) == [Release(KEY)]


def test_clients_macs_go_oldest_first_and_only_when_the_table_is_full() -> None:
    def reverse(index: int, age: float) -> NeighbourEntry:
        return NeighbourEntry(index, 0, None, MAC, NeighbourState.REACHABLE, NeighbourFlags.REVERSE, age)

    table = [reverse(0, 300.0), reverse(1, 500.0), reverse(2, 1.0), entry(NeighbourState.REACHABLE)]
    assert idle_reverse(table, 8) == []
    assert [each.index for each in idle_reverse(table, 4)] == [1, 0]
