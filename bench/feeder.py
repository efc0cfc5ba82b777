"""Runs an XDP program on frames of many flows, and tells what it takes without what feeding takes."""

from __future__ import annotations

import ctypes
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Self

from bench.build import bpf_object
from xdpvs.bpf.maps import ArrayMap
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.structure import U32, Codec, Struct, codec_of
from xdpvs.bpf.testrun import run_xdp

FRAME_LENGTH = 80
FIRST_PORT = 1024
PORT_BITS = 15
MAX_LISTED = 1 << 20
TESTED, NOTHING = 0, 1

_FRAME: Codec[bytes] = Codec(FRAME_LENGTH, bytes, bytes)


class Feed(Struct):
    """struct feed of flows.bpf.c."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("flows", "step", "next", "listed", "ipv6", "moves"))


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds a packet, medians over rounds: of the program alone, and of the feeder that was subtracted."""

    program_ns: float
    feeder_ns: float
    spread_ns: float
    """Half the distance between the quartiles: what the next run may differ by."""


class Feeder:
    """The loaded feeder in front of one program. Frames are FRAME_LENGTH long; shorter ones are refused."""

    def __init__(self, tested: int) -> None:
        self._object = BpfObject(bpf_object("flows"))
        self._capacity = 0
        self._tested = tested
        self._load(1024)

    def _load(self, capacity: int) -> None:
        self._object.close()
        self._object = BpfObject(bpf_object("flows"))
        self._object.set_max_entries("frames", capacity)
        self._object.load()
        self._capacity = capacity
        targets = ArrayMap(self._object.map_fd("targets"), U32)
        targets[TESTED] = self._tested
        targets[NOTHING] = self._object.program_fd("nothing")
        self._feeds = ArrayMap(self._object.map_fd("feeds"), codec_of(Feed))
        self._frames = ArrayMap(self._object.map_fd("frames"), _FRAME)

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
            self._load(len(frames))
        self._frames.write(0, b"".join(map(_checked, frames)))
        self._feeds[0] = Feed(flows=len(frames), step=1, listed=1, moves=int(moves))

    def run(self, packets: int, *, tested: bool = True) -> tuple[int, int]:
        """So many packets; the action of the last and the mean nanoseconds."""
        program = self._object.program_fd("feed_tested" if tested else "feed_nothing")
        result = run_xdp(program, bytes(FRAME_LENGTH), repeat=packets)
        return result.action, result.duration_ns

    def time(self, packets: int, rounds: int, action: int) -> Timing:
        """The program's time, by turns with the feeder's; the action says what every last packet must meet with."""
        tested: list[int] = []
        nothing: list[int] = []
        for _ in range(rounds):
            for samples, is_tested in ((nothing, False), (tested, True)):
                got, duration = self.run(packets, tested=is_tested)
                if is_tested and got != action:
                    raise RuntimeError(f"the program returned {got}, not {action}")
                samples.append(duration)
        feeder = statistics.median(nothing)
        return Timing(statistics.median(tested) - feeder, feeder, _spread(tested))


def _spread(samples: Sequence[int]) -> float:
    if len(samples) < 4:
        return (max(samples) - min(samples)) / 2
    low, _, high = statistics.quantiles(samples, n=4)
    return (high - low) / 2


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
