"""How connections spread over servers: sequences, live counts, hashes (reference dataplane 5)."""

from __future__ import annotations

import random

import pytest

from tests.support import world
from tests.support.bpf import DROP, Plane, address_of
from tests.support.frames import IPV4, IPV6, ether, ip, udp
from xdpvs.bpf.layout import DestConns, DropReason, ScheduleKind

DNS, DNS6 = world.SERVICES[1], world.SERVICES[3]
A, B, C = (server.id for server in DNS.servers[:3])
MASK = (1 << 64) - 1


def opening(client: bytes, port: int = 1000) -> bytes:
    service = DNS if len(client) == 4 else DNS6
    packet = ip(client, service.vip, 17, udp(client, service.vip, port, 53, b"x"))
    return ether(world.PORT0.mac, world.CLIENT_MACS[0], IPV4 if len(client) == 4 else IPV6, packet)


def chosen(plane: Plane, count: int, first: int = 0) -> str:
    """Servers of new connections, one after the other."""
    names = {A: "A", B: "B", C: "C"}
    found = ""
    for number in range(first, first + count):
        client, port = bytes((198, 51, 100, number & 0xFF)), 2000 + (number >> 8)
        assert plane.run(opening(client, port))[0] != DROP
        slots = plane.inbound()
        found += next(
            names[int(slot["dest"])] for slot in slots if address_of(slot, "key_saddr", "key_sport") == (client, port)
        )
    return found


def server(number: int) -> world.Server:
    return next(s for s in DNS.servers if s.id == number)


def test_round_robin(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B, C])
    assert chosen(plane, 7) == "ABCABCA"


def test_weighted_round_robin_follows_its_sequence(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, A, B, A, B, C, A, B, C])
    assert chosen(plane, 18) == "AABABCABC" * 2


def test_a_server_whose_weight_becomes_0_is_passed_over(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B, C])
    assert chosen(plane, 3) == "ABC"
    plane.put_dest(server(B), DNS.id, weight=0)
    assert set(chosen(plane, 6, 3)) == {"A", "C"}
    plane.put_dest(server(B), DNS.id, weight=1)
    assert chosen(plane, 3, 9) == "ABC"


def test_a_new_schedule_takes_over(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A])
    assert chosen(plane, 2) == "AA"
    plane.put_service(DNS, schedule=[B, C])
    assert sorted(chosen(plane, 4, 2)) == list("BBCC")


def test_one_server_left_of_many(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B, C, B, C, B], weight=0)
    plane.put_dest(server(C), DNS.id, weight=1)
    assert chosen(plane, 6) == "CCCCCC"


def test_wlc_evens_out(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B, C], kind=ScheduleKind.WLC)
    assert chosen(plane, 9) == "ABCABCABC"


@pytest.mark.parametrize("weights", [(1, 2, 3), (5, 1, 1), (100, 50, 25)], ids=str)
def test_wlc_by_weight(plane: Plane, weights: tuple[int, int, int]) -> None:
    plane.put_service(DNS, schedule=[A, B, C], kind=ScheduleKind.WLC)
    for id_, weight in zip((A, B, C), weights, strict=True):
        plane.put_dest(server(id_), DNS.id, weight=weight)
    chosen(plane, 140)
    for id_, weight in zip((A, B, C), weights, strict=True):
        assert plane.counts(id_)[1] == pytest.approx(140 * weight / sum(weights), abs=1.5)


def test_wlc_takes_an_active_connection_for_256(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B], kind=ScheduleKind.WLC)
    plane.maps.dest_conns[A] = DestConns(active=1, inactive=0)
    plane.maps.dest_conns[B] = DestConns(active=0, inactive=255)
    assert chosen(plane, 3) == "BAB"


def test_wlc_skips_weight_0_and_full_servers(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B, C], kind=ScheduleKind.WLC)
    plane.put_dest(server(A), DNS.id, weight=0)
    plane.put_dest(server(B), DNS.id, max_conn=2)
    assert chosen(plane, 8) == "BCBCCCCC"


def mixed(client: bytes) -> int:
    """Final mixing of MurmurHash3 over the client's folded address."""
    words = [int.from_bytes(client.ljust(16, b"\0")[i : i + 4], "little") for i in range(0, 16, 4)]
    h = (words[0] ^ words[2]) << 32 | (words[1] ^ words[3])
    for multiplier in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * multiplier & MASK
    return h ^ h >> 33


@pytest.mark.parametrize("version", [4, 6])
def test_hash_sends_a_client_to_its_entry(plane: Plane, version: int) -> None:
    rng = random.Random(version)
    service = DNS if version == 4 else DNS6
    ids = [s.id for s in service.servers]
    table = [rng.choice(ids) for _ in range(61)]
    plane.put_service(service, schedule=table, kind=ScheduleKind.HASH)
    clients = [rng.randbytes(4 if version == 4 else 16) for _ in range(60)]
    clients = [(b"\xc6" if version == 4 else b"\x20") + client[1:] for client in clients]
    for client in clients:
        for port in (1, 2, 65535):
            plane.run(opening(client, port))
    got: dict[bytes, set[int]] = {}
    for slot in plane.inbound():
        got.setdefault(address_of(slot, "key_saddr", "key_sport")[0], set()).add(int(slot["dest"]))
    assert got == {client: {table[mixed(client) % 61]} for client in clients}


def test_hash_goes_on_to_the_next_entry_when_a_server_is_out(plane: Plane) -> None:
    plane.put_service(DNS, schedule=[A, B] * 8, kind=ScheduleKind.HASH)
    plane.put_dest(server(A), DNS.id, weight=0)
    assert set(chosen(plane, 20)) == {"B"}


def test_a_full_server_with_a_long_run_does_not_hide_the_others(plane: Plane) -> None:
    """Weights 40 and 1: most of the sequence is a server that takes no more."""
    plane.put_service(DNS, schedule=[A] * 40 + [B])
    plane.put_dest(server(A), DNS.id, max_conn=1)
    assert sorted(chosen(plane, 12)) == ["A"] + ["B"] * 11
    assert plane.drops().get(DropReason.DEST_OVERLOAD, 0) == 0
