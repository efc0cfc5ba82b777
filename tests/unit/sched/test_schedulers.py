"""Schedulers against the sequences and hashes of DPVS."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address

import pytest

from xdpvs.model.address import family_of
from xdpvs.model.service import Dest, ServiceFlags
from xdpvs.sched import conhash, mh
from xdpvs.sched.registry import build
from xdpvs.sched.schedule import ScheduleKind

NO_FLAGS = ServiceFlags(0)


def server(text: str, weight: int = 1, port: int = 80, inhibited: bool = False) -> Dest:
    address = ip_address(text)
    return Dest(family_of(address), address, port, weight=weight, inhibited=inhibited)


def weighted(*weights: int) -> list[Dest]:
    return [server(f"192.0.2.{index + 1}", weight) for index, weight in enumerate(weights)]


def letters(name: str, *weights: int) -> str:
    return "".join("ABCDEFGH"[entry] for entry in build(name, NO_FLAGS, weighted(*weights)).entries)


def walk(sequence: str, count: int) -> str:
    return "".join(sequence[index % len(sequence)] for index in range(count))


# Added in the order .100, .101, .102; lists are newest first.
TRIO = [server("192.168.6.102"), server("192.168.6.101"), server("192.168.6.100")]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((4, 3, 2), "BC" + "AABABCABC" * 2),
        ((40, 30, 20), "BC" + "AABABCABC" * 2),
        ((1, 1, 1), "BCABCABCA"),
        ((1,), "AAAA"),
        ((0, 2, 1), "BCBBCBBC"),
        ((1, 0, 3), "CCCACCCAC"),
    ],
)
def test_wrr_interleaves_as_lvs_and_starts_as_dpvs(weights: tuple[int, ...], expected: str) -> None:
    assert walk(letters("wrr", *weights), len(expected)) == expected


def test_wrr_scales_weights_that_do_not_fit_but_drops_no_server() -> None:
    entries = Counter(build("wrr", NO_FLAGS, weighted(65535, 65534, 1)).entries)
    assert sum(entries.values()) <= 65536
    assert entries[2] == 1
    assert abs(entries[0] - entries[1]) <= 1


def test_rr_ignores_weights_and_starts_behind_the_first() -> None:
    assert letters("rr", 5, 1, 9) == "BCA"
    assert letters("rr", 0, 1, 9) == "BC"


def test_inhibited_servers_get_nothing() -> None:
    dests = [server("192.0.2.1"), server("192.0.2.2", inhibited=True)]
    for name in ("rr", "wrr", "wlc", "fo", "conhash", "mh"):
        assert set(build(name, NO_FLAGS, dests).entries) == {0}


@pytest.mark.parametrize("name", ["rr", "wrr", "wlc", "fo", "conhash", "mh"])
def test_no_server_is_a_schedule_of_nothing(name: str) -> None:
    schedule = build(name, NO_FLAGS, weighted(0, 0))
    assert schedule.kind is ScheduleKind.NONE
    assert len(schedule.entries) == 0


def test_wlc_names_candidates_in_list_order() -> None:
    assert letters("wlc", 3, 0, 1) == "AC"


def test_fo_takes_the_heaviest_and_the_first_of_equals() -> None:
    assert letters("fo", 1, 7, 7, 2) == "B"


def test_unknown_scheduler() -> None:
    with pytest.raises(KeyError):
        build("lblc", NO_FLAGS, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("192.168.6.10020480-000", 8097955390500523485),
        ("192.168.6.10020480-159", -8716969749064441403),
        ("2001:db8::120480-000", -3716079358136847911),
        ("16843009", -36967640211900708),
    ],
)
def test_conhash_hash(text: str, value: int) -> None:
    assert conhash.ring_hash(text) == value


def test_conhash_texts() -> None:
    assert conhash.server_text(server("192.168.6.100"), 0) == "192.168.6.10020480-000"
    assert conhash.server_text(server("2001:db8::1", port=443), 7) == "2001:db8::147873-007"


@pytest.mark.parametrize(
    ("client", "text", "rs", "slot", "mh_rs"),
    [
        ("1.1.1.1", "16843009", 101, 3232, 102),
        ("10.0.0.1", "16777226", 102, 3711, 100),
        ("172.16.5.9", "151326892", 100, 3538, 100),
        ("203.0.113.77", "1299251403", 100, 2731, 100),
        ("2001:db8::1", "3104637216", 102, 3457, 101),
    ],
)
def test_clients_of_dpvs(client: str, text: str, rs: int, slot: int, mh_rs: int) -> None:
    address = ip_address(client)
    assert conhash.client_text(address) == text
    assert TRIO[conhash.Ring(TRIO).owner(conhash.ring_hash(text))].address == ip_address(f"192.168.6.{rs}")
    assert mh.client_slot(address) == slot
    assert TRIO[mh.table(TRIO)[slot]].address == ip_address(f"192.168.6.{mh_rs}")


def test_conhash_moves_only_the_lost_servers_buckets() -> None:
    dests = weighted(*[1] * 10)
    whole = build("conhash", NO_FLAGS, dests).entries
    without = build("conhash", NO_FLAGS, [*dests[:4], server("192.0.2.5", 0), *dests[5:]]).entries
    assert {old for old, new in zip(whole, without, strict=True) if old != new} == {4}
    shares = Counter(whole)
    assert all(0.08 < shares[position] / len(whole) < 0.12 for position in range(10))


@pytest.mark.parametrize(
    ("address", "port", "hash1", "hash2", "start", "skip"),
    [
        ("192.168.6.100", 80, 0x2994644A, 0x88FE6239, 403, 2658),
        ("10.0.0.1", 0, 0x03080CE4, 0x48F9D0C1, 3711, 966),
        ("10.0.0.1", 40000, 0xF458B244, 0x88861111, 2940, 2846),
        ("2001:db8::1", 443, 0x9238DF72, 0xBBF4070C, 3902, 4045),
    ],
)
def test_mh_hashes(address: str, port: int, hash1: int, hash2: int, start: int, skip: int) -> None:
    first = mh.mh_hash(ip_address(address), port, mh.HASH1_KEY)
    second = mh.mh_hash(ip_address(address), port, mh.HASH2_KEY)
    assert (first, second) == (hash1, hash2)
    assert (first % mh.TABLE_SIZE, second % (mh.TABLE_SIZE - 1) + 1) == (start, skip)


def test_mh_table_of_dpvs() -> None:
    table = mh.table(TRIO)
    assert Counter(table) == {0: 1365, 1: 1364, 2: 1364}
    assert [102 - position for position in table[:10]] == [101, 102, 102, 101, 102, 102, 102, 102, 100, 101]
    assert TRIO[table[mh.client_slot(ip_address("10.0.0.1"), 40000)]].address == ip_address("192.168.6.102")


def test_mh_weights() -> None:
    dests = [server("192.168.6.102", 3), server("192.168.6.101", 2), server("192.168.6.100", 1)]
    assert Counter(mh.table(dests)) == {2: 682, 1: 1364, 0: 2047}
