"""Two CPUs creating the same connections at the same moment: one of the pairs stays."""

from __future__ import annotations

import mmap
import os
import random
import struct
from collections.abc import Callable

import numpy as np
import pytest

from tests.support import world
from tests.support.bpf import Plane, address_of, pinned_cpu
from tests.support.frames import IPV4, SYN, TCP, ether, ipv4, tcp, udp
from tests.support.netns import need
from xdpvs.bpf.layout import ConnFlags, DropReason, SlotKind

FLOWS = 600
ROUNDS = 10
SPINS = 1_000_000
SENT = 60_000


def opening(service: world.Service, number: int) -> bytes:
    """A client's first frame."""
    client = bytes((198, 51, 100, number & 0xFF))
    port = 1024 + (number >> 8)
    if service.proto == TCP:
        l4 = tcp(client, service.vip, port, service.port, SYN, seq=number)
    else:
        l4 = udp(client, service.vip, port, service.port, b"x")
    packet = ipv4(client, service.vip, service.proto, l4)
    return ether(world.PORT0.mac, world.CLIENT_MACS[0], IPV4, packet)


class Gate:
    """Lets two processes pass step by step together, as near as spinning gets them."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, 4096)

    def enter(self, side: int, step: int) -> None:
        """Waits for the other side; gives up when that has died."""
        self._page[side * 64 : side * 64 + 4] = struct.pack("<I", step)
        other = (1 - side) * 64
        for _ in range(SPINS):
            if struct.unpack_from("<I", self._page, other)[0] >= step:
                return
        raise TimeoutError(f"the other CPU did not reach step {step}")


def on_two_cpus(work: Callable[[int], None]) -> None:
    """Runs work(0) here and work(1) in a child, each on its CPU."""
    child = os.fork()
    if not child:
        status = 1
        try:
            with pinned_cpu(1):
                work(1)
            status = 0
        finally:
            os._exit(status)
    try:
        with pinned_cpu(0):
            work(0)
    finally:
        _, status = os.waitpid(child, 0)
    assert status == 0


@pytest.mark.parametrize("service", [world.SERVICES[0], world.SERVICES[1]], ids=["tcp", "udp"])
def test_one_pair_of_slots_per_flow(plane: Plane, service: world.Service) -> None:
    if (os.cpu_count() or 1) < 2:
        need(["a second CPU"])
    raced = 0
    for round_ in range(ROUNDS):
        plane.forget()
        gate = Gate()
        frames = [opening(service, round_ * FLOWS + i) for i in range(FLOWS)]

        def work(side: int, gate: Gate = gate, frames: list[bytes] = frames) -> None:
            run = plane.runner()
            for step, frame in enumerate(frames, 1):
                gate.enter(side, step)
                run(frame)

        on_two_cpus(work)
        raced += int((plane.kinds() == SlotKind.DYING).sum())
        check(plane, service)
    # Otherwise they never met and nothing was tested.
    assert raced


def check(plane: Plane, service: world.Service) -> None:
    """A pair per flow, and counts that are those of the slots."""
    slots = plane.inbound()
    keys = {address_of(slot, "key_saddr", "key_sport") for slot in slots}
    assert (len(slots), len(keys), len(plane.live())) == (FLOWS, FLOWS, 2 * FLOWS)
    for slot in slots:
        peer = plane.conns[int(slot["peer"])]
        assert not peer["flags"] & ConnFlags.INBOUND
        assert peer["tag"] >> 32 == SlotKind.LIVE
    counted = sum(sum(plane.counts(server.id)) for server in service.servers)
    created = sum(plane.traffic(server.id).conns for server in service.servers)
    assert (counted, created) == (FLOWS, FLOWS)
    # A CPU held up in the middle (an interrupt, the hypervisor) costs the other one its packet, never a second pair.
    assert set(plane.drops()) <= {DropReason.CONN_RACE}


def test_traffic_beside_the_sweep(plane: Plane) -> None:
    """One CPU sends while the other ages, expires and frees: slots stay paired and counted."""
    if (os.cpu_count() or 1) < 2:
        need(["a second CPU"])
    service = world.SERVICES[1]
    plane.settings(conn_slots=512)
    frames = [opening(service, number) for number in range(400)]
    page = mmap.mmap(-1, 4096)

    def work(side: int) -> None:
        rng = random.Random(side)
        if side:
            run = plane.runner()
            try:
                for _ in range(SENT):
                    run(rng.choice(frames))
            finally:
                page[0] = 1
            return
        while not page[0]:
            plane.conns["last_seen"][rng.sample(range(512 + 128), 200)] -= np.uint32(1_000_000)
            plane.sweep()

    on_two_cpus(work)
    # What the sweep is told of a slot as it is claimed may be older than the connection in it: let all that end.
    plane.sweep()
    check_pairs(plane, service)
    plane.age(400)
    for _ in range(2):
        plane.sweep()
        plane.age(1)
    plane.sweep()
    assert not plane.kinds().any()
    assert sum(sum(plane.counts(server.id)) for server in service.servers) == 0


def check_pairs(plane: Plane, service: world.Service) -> None:
    """Live slots are pairs, each flow has one, and each is counted."""
    slots = plane.inbound()
    assert len({address_of(slot, "key_saddr", "key_sport") for slot in slots}) == len(slots)
    assert sum(sum(plane.counts(server.id)) for server in service.servers) == len(slots)
    assert len(plane.live()) == 2 * len(slots)
    for slot in slots:
        assert plane.conns[int(slot["peer"])]["tag"] >> 32 == SlotKind.LIVE
