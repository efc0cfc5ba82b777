"""A hundred thousand frames, valid and mutilated, against the oracle: same verdict, same bytes, or one counted drop.

XDPVS_FRAMES sets their number, XDPVS_SEED the seed. A failure is reproduced with fewer frames if possible, and prints
them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import pytest

from tests.support.bpf import DROP, PASS, TCP_STATE, UDP_STATE, Plane, address_of
from tests.support.frames import UDP
from tests.support.oracle import ANYTHING, Oracle
from tests.support.traffic import Traffic
from xdpvs.bpf.layout import ConnFlags, DropReason
from xdpvs.bpf.libbpf import possible_cpus

FRAMES = int(os.environ.get("XDPVS_FRAMES", "100000"))
SEED = int(os.environ.get("XDPVS_SEED", "20250101"))
ROUND = 2500
MAX_PRINTED = 8
# Failures that begin alike are one: fewer frames may fail for other reasons, as replies miss their connection.
ALIKE = 12
REASONS = {reason.name: reason for reason in DropReason}


class Wrong(AssertionError):
    """A frame was not treated as the oracle says."""


# What a full run must have met; otherwise the traffic has become too tame to show anything.
OUTCOMES = {
    "FORWARDED",
    "TRUNCATED",
    "BAD_HEADER",
    "BAD_CHECKSUM",
    "BAD_ADDRESS",
    "IP_OPTIONS",
    "FRAGMENT",
    "TTL",
    "MTU",
    "TCP_NO_CONN",
    "NEIGHBOUR_FULL",
    "NAT64_CHECKSUM",
    "KNI_OFF",
}
met: set[str] = set()


def check_frame(plane: Plane, oracle: Oracle, frame: bytes) -> bool:
    """Runs a frame and compares; whether it was dropped."""
    drops = plane.drop_counters
    action, out = plane.run(frame)
    try:
        expected = oracle.judge(frame, action, out)
    except AssertionError as error:
        raise Wrong(str(error)) from error
    if expected is ANYTHING:
        if action == PASS and out != frame:
            raise Wrong(f"passed, but changed to {out.hex()}")
        drops.mark()
        return action == DROP
    if action != expected.action:
        raise Wrong(f"verdict {action}, expected {expected.action} {expected.reason or ''}")
    if expected.frame is not None and out != expected.frame:
        raise Wrong(f"left as\n  {out.hex()}\nexpected\n  {expected.frame.hex()}")
    met.add(expected.reason or "FORWARDED")
    if expected.reason:
        names = expected.reason.split("|")
        if not any(drops.grew(REASONS[name]) for name in names):
            raise Wrong(f"dropped, but not counted as {expected.reason}")
    return action == DROP


def check_table(plane: Plane, oracle: Oracle) -> None:
    """The table holds the oracle's connections and no other, in the same states."""
    found = {}
    for slot in plane.inbound():
        key = (
            int(slot["key_proto"]),
            *address_of(slot, "key_saddr", "key_sport"),
            *address_of(slot, "key_daddr", "key_dport"),
        )
        found[key] = slot
    if found.keys() != oracle.flows.keys():
        raise Wrong(f"connections {found.keys() ^ oracle.flows.keys()} are in one table only")
    if len(plane.live()) != 2 * len(found):
        raise Wrong(f"{len(plane.live())} live slots for {len(found)} connections")
    active: dict[int, int] = {}
    inactive: dict[int, int] = {}
    for key, flow in oracle.flows.items():
        slot = found[key]
        names = UDP_STATE if key[0] == UDP else TCP_STATE
        peer = plane.conns[int(slot["peer"])]
        if not names[int(slot["state"])] == names[int(peer["state"])] == flow.state:
            raise Wrong(f"{key} is in state {slot['state']} and {peer['state']}, expected {flow.state}")
        if bool(slot["flags"] & ConnFlags.INACTIVE) == flow.active:
            raise Wrong(f"{key} is counted wrong in state {flow.state}")
        counts = active if flow.active else inactive
        counts[int(slot["dest"])] = counts.get(int(slot["dest"]), 0) + 1
    for dest in range(80):
        if plane.counts(dest) != (active.get(dest, 0), inactive.get(dest, 0)):
            raise Wrong(f"server {dest} counts {plane.counts(dest)}")


def check_traffic(plane: Plane, oracle: Oracle) -> None:
    """What each server received and sent, and how many connections it was given."""
    totals: dict[int, list[int]] = {}
    by_key = {
        (int(s["key_proto"]), *address_of(s, "key_saddr", "key_sport"), *address_of(s, "key_daddr", "key_dport")): int(
            s["dest"]
        )
        for s in plane.inbound()
    }
    for key, flow in oracle.flows.items():
        row = totals.setdefault(by_key[key], [0] * 5)
        row[0] += 1
        for i, value in enumerate(flow.traffic, 1):
            row[i] += value
    for dest in range(80):
        t = plane.traffic(dest)
        got = [t.conns, t.in_packets, t.in_bytes, t.out_packets, t.out_bytes]
        if got != totals.get(dest, [0] * 5):
            raise Wrong(f"server {dest} has traffic {got}, expected {totals.get(dest)}")


def replay(plane: Plane, frames: Sequence[bytes], whole: bool) -> str:
    """Runs frames from an empty table; what is wrong with them, empty if nothing."""
    plane.forget()
    oracle = Oracle(0, possible_cpus())
    try:
        for frame in frames:
            check_frame(plane, oracle, frame)
        if whole:
            check_table(plane, oracle)
    except Wrong as wrong:
        return str(wrong)
    return ""


def shrunk(plane: Plane, frames: list[bytes], whole: bool) -> tuple[list[bytes], str]:
    """Fewer frames that are still treated wrongly; the last one stays."""
    text = replay(plane, frames, whole)
    if not text:
        return frames, ""
    size = len(frames) // 2
    while size:
        at = 0
        while at + size < len(frames):
            fewer = frames[:at] + frames[at + size :]
            again = replay(plane, fewer, whole)
            if again[:ALIKE] == text[:ALIKE]:
                frames, text = fewer, again
            else:
                at += size
        size //= 2
    return frames, text


def run_round(plane: Plane, seed: int, count: int) -> None:
    """One table full of traffic."""
    plane.forget()
    oracle = Oracle(0, possible_cpus())
    traffic = Traffic(random.Random(seed), oracle)
    frames: list[bytes] = []
    dropped, whole = 0, False
    try:
        for _ in range(count):
            frames.append(traffic.next())
            dropped += check_frame(plane, oracle, frames[-1])
        whole = True
        check_table(plane, oracle)
        check_traffic(plane, oracle)
        if sum(plane.drop_counters.all()) != dropped:
            raise Wrong(f"{dropped} frames were dropped, {sum(plane.drop_counters.all())} drops counted")
    except Wrong as wrong:
        few, text = shrunk(plane, frames, whole)
        lines = "\n".join(frame.hex() for frame in few[-MAX_PRINTED:])
        again = f"{len(few)} frames do it: {text}" if text else "replaying them does not do it"
        pytest.fail(f"seed {seed}, frame {len(frames)}: {wrong}\n{again}\n{lines}", pytrace=False)


@pytest.mark.timeout(600)
def test_frames_are_treated_as_the_oracle_says(plane: Plane) -> None:
    for start in range(0, FRAMES, ROUND):
        run_round(plane, SEED + start, min(ROUND, FRAMES - start))
    if FRAMES >= 50_000:
        assert met >= OUTCOMES
