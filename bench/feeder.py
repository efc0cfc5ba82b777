"""Runs an XDP program on frames of many flows, and tells what it takes without what feeding takes."""

from __future__ import annotations

import ctypes
import enum
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Self

from bench.build import bpf_object
from xdpvs.bpf.maps import ArrayMap, PercpuArray
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.structure import U32, U64, Codec, Struct, codec_of
from xdpvs.bpf.testrun import XdpAction, XdpRun, run_xdp

FRAME_LENGTH = 80
FIRST_PORT = 1024
PORT_BITS = 15


class Target(enum.IntEnum):
    """What a feeder jumps into, numbered as in flows.bpf.c."""

    TESTED = 0
    NOTHING = 1
    FLOOR = 2


_FEEDERS = {Target.TESTED: "feed_tested", Target.NOTHING: "feed_nothing", Target.FLOOR: "feed_floor"}

_FRAME: Codec[bytes] = Codec(FRAME_LENGTH, bytes, bytes)


_FEED = ("flows", "step", "next", "listed", "ipv6", "moves", "never", "carry")


class Feed(Struct):
    """struct feed of flows.bpf.c."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in _FEED)


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds a packet without feeding; medians over the calmer half of the rounds.

    Calm is a round in which feeding alone was fast: other virtual machines on the same core disturb both alike.
    """

    program_ns: float
    best_ns: float
    """The fastest round's: what an undisturbed machine would come near to."""
    all_rounds_ns: float
    floor_ns: float
    """Of reading and writing one slot of the table, at random, in the same rounds."""
    feeder_ns: float


class Feeder:
    """The loaded feeder in front of one program. Frames are FRAME_LENGTH long; shorter ones are refused."""

    def __init__(self, tested: int, conns: int, slots: int) -> None:
        self._tested, self._conns, self._slots = tested, conns, slots
        self._capacity = 1
        self._object = self._loaded()

    def _loaded(self) -> BpfObject:
        loaded = BpfObject(bpf_object("flows"))
        loaded.set_max_entries("frames", self._capacity)
        loaded.reuse_map("slots", self._conns)
        loaded.set_rodata({"num_slots": self._slots})
        loaded.load()
        targets = ArrayMap(loaded.map_fd("targets"), U32)
        targets[Target.TESTED] = self._tested
        targets[Target.NOTHING] = loaded.program_fd("nothing")
        targets[Target.FLOOR] = loaded.program_fd("touch_slot")
        self._feeds = ArrayMap(loaded.map_fd("feeds"), codec_of(Feed))
        self._frames = ArrayMap(loaded.map_fd("frames"), _FRAME)
        return loaded

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._object.close()

    def compute(self, template: bytes, flows: int, *, moves: bool = False, in_order: bool = False) -> None:
        """Feed flows made from a template, whose source address ends in two zero bytes."""
        self._frames[0] = _checked(template)
        ipv6 = template[12:14] == b"\x86\xdd"
        self._feeds[0] = Feed(
            flows=flows, step=1 if in_order else _step(flows), ipv6=int(ipv6), moves=int(moves)
        )  # fmt: skip

    def feed_list(self, frames: Sequence[bytes], *, moves: bool = False) -> None:
        """Feed these frames by turns, in their order."""
        if len(frames) > self._capacity:
            self._object.close()
            self._capacity = len(frames)
            self._object = self._loaded()
        self._frames.write(0, b"".join(map(_checked, frames)))
        self._feeds[0] = Feed(flows=len(frames), step=1, listed=1, moves=int(moves))

    def run(self, packets: int, target: Target = Target.TESTED) -> XdpRun:
        """So many packets; the action of the last and the mean nanoseconds, feeding included."""
        return run_xdp(self._object.program_fd(_FEEDERS[target]), bytes(FRAME_LENGTH), repeat=packets)

    def program_fd(self, name: str) -> int:
        """A program of flows.bpf.c."""
        return self._object.program_fd(name)

    def received(self) -> int:
        """Frames `receive` has seen."""
        return sum(PercpuArray(self._object.map_fd("received"), U64)[0])

    def time(self, packets: int, rounds: int, action: int = XdpAction.TX) -> Timing:
        """The program's time, by turns with the feeder's; the action is what the last packets must meet with."""
        done: list[dict[Target, int]] = []
        for _ in range(rounds):
            result = {target: self.run(packets, target) for target in Target}
            if result[Target.TESTED].action != action:
                raise RuntimeError(f"the program returned {result[Target.TESTED].action}, not {action}")
            done.append({target: run.duration_ns for target, run in result.items()})
        done.sort(key=lambda durations: durations[Target.NOTHING])
        return _timing(done)


def _timing(rounds: Sequence[Mapping[Target, int]]) -> Timing:
    """From the calmest round to the least calm."""
    calm = rounds[: (len(rounds) + 1) // 2]

    def net(target: Target, among: Sequence[Mapping[Target, int]]) -> float:
        return statistics.median(durations[target] - durations[Target.NOTHING] for durations in among)

    fastest = min(durations[Target.TESTED] for durations in rounds)
    return Timing(
        program_ns=net(Target.TESTED, calm),
        best_ns=fastest - rounds[0][Target.NOTHING],
        all_rounds_ns=net(Target.TESTED, rounds),
        floor_ns=net(Target.FLOOR, calm),
        feeder_ns=statistics.median(durations[Target.NOTHING] for durations in calm),
    )


def _step(flows: int) -> int:
    """About the golden section of the flows, and coprime to them."""
    step = max(1, int(flows * 0.618))
    while gcd(step, flows) != 1:
        step += 1
    return step


def _checked(frame: bytes) -> bytes:
    if len(frame) != FRAME_LENGTH:
        raise ValueError(f"a frame of {len(frame)} bytes, not {FRAME_LENGTH}")
    return frame
