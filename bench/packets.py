"""Nanoseconds a packet of an established connection takes, from frame to verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from bench.feeder import Feeder
from bench.rows import Group, Options, Result, Row
from bench.scene import ACK, SYN, TCP, TCP4, UDP4, UDP6, UDP64, Path4or6, Scene, scene

POOL = 1_000_000
QUICK_POOL = 10_000
WARM = 100_000


def _row(name: str, title: str, budget: float | None, dpvs: float | None, meaning: str) -> Row:
    return Row(f"packet-{name}", title, "ns", meaning, budget=budget, dpvs=dpvs)


_FLOWS = "a packet each of so many flows by turns; many flows do not fit the caches"
ROWS = (
    _row("udp4-1", "FullNAT UDP v4, 1 flow", 40, 110, "all of it in the first-level cache"),
    _row("udp4-1k", "FullNAT UDP v4, 1k flows", 45, 125, _FLOWS),
    _row("udp4-100k", "FullNAT UDP v4, 100k flows", 180, 837, _FLOWS),
    _row("udp4-1m", "FullNAT UDP v4, 1M flows", 250, 1130, _FLOWS),
    _row("floor-100k", "one slot touched, of 100k", None, None, "memory alone: the least a miss costs"),
    _row("floor-1m", "one slot touched, of 1M", None, None, "memory alone: the least a miss costs"),
    _row("tcp4-in-1", "FullNAT TCP v4 to the server, 1 flow", 50, 120, "established, no options"),
    _row("tcp4-out-1", "FullNAT TCP v4 to the client, 1 flow", 50, 120, "established, no options"),
    _row("tcp4-in-1k", "FullNAT TCP v4 to the server, 1k flows", 50, 120, "established, no options"),
    _row("tcp4-out-1k", "FullNAT TCP v4 to the client, 1k flows", 50, 120, "established, no options"),
    _row("nat64-in-1k", "NAT64 UDP to the server, 1k flows", 70, 141, "IPv6 becomes IPv4"),
    _row("nat64-out-1k", "NAT64 UDP to the client, 1k flows", 70, 141, "IPv4 becomes IPv6"),
    _row("udp6-1k", "FullNAT UDP v6, 1k flows", None, None, "IPv6 on both sides"),
)


def _connect(it: Scene, feeder: Feeder, path: Path4or6, flows: int) -> None:
    """Have connections made (again: those that exist just get a packet)."""
    moves = path.family != path.servers
    feeder.compute(it.template(path, SYN), flows, moves=moves, in_order=True)
    feeder.run(flows)
    if path.protocol == TCP:
        feeder.compute(it.template(path, ACK), flows, in_order=True)
        feeder.run(flows)


def _timed(row: str, feeder: Feeder, flows: int, options: Options) -> tuple[Result, float]:
    """The row's result, and the floor of its rounds."""
    packets = max(WARM, flows // 2)
    feeder.run(flows)
    timing = feeder.time(packets, 5 if options.quick else 9 if flows > WARM else 41)
    return Result(f"packet-{row}", timing.program_ns, details=asdict(timing)), timing.floor_ns


def _measure(options: Options) -> Iterator[Result]:
    pool = QUICK_POOL if options.quick else POOL
    with scene(pool, options.object_path) as (it, feeder):
        for path, name, sizes in (
            (TCP4, "tcp4", {"1": 1, "1k": 1000}),
            (UDP64, "nat64", {"1k": 1000}),
        ):
            for size, flows in sizes.items():
                yield from _both_ways(it, feeder, path, f"{name}-{{}}-{size}", flows, options)
        for path, name, size, flows in (
            (UDP6, "udp6", "1k", 1000),
            (UDP4, "udp4", "1", 1),
            (UDP4, "udp4", "1k", 1000),
            (UDP4, "udp4", "100k", 100_000),
            (UDP4, "udp4", "1m", 1_000_000),
        ):
            yield from _inbound(it, feeder, path, f"{name}-{size}", flows, options)


def _both_ways(
    it: Scene, feeder: Feeder, path: Path4or6, name: str, flows: int, options: Options
) -> Iterator[Result]:  # fmt: skip
    it.forget()
    moves = path.family != path.servers
    _connect(it, feeder, path, flows)
    feeder.compute(it.template(path, ACK), flows, moves=moves)
    yield _timed(name.format("in"), feeder, flows, options)[0]
    replies = it.replies(ACK)
    if len(replies) != flows:
        raise RuntimeError(f"{len(replies)} connections, not {flows}")
    feeder.feed_list(replies, moves=moves)
    yield _timed(name.format("out"), feeder, flows, options)[0]


def _inbound(
    it: Scene, feeder: Feeder, path: Path4or6, name: str, flows: int, options: Options
) -> Iterator[Result]:  # fmt: skip
    size = name.rpartition("-")[2]
    if flows > it.pool:
        for row in (name, f"floor-{size}"):
            yield Result(f"packet-{row}", why_not=f"a pool of {it.pool} connections in a quick run")
        return
    it.forget()
    _connect(it, feeder, path, flows)
    feeder.compute(it.template(path), flows)
    result, floor = _timed(name, feeder, flows, options)
    yield result
    if flows > 1000:
        yield Result(f"packet-floor-{size}", floor)


GROUP = Group("packets", ROWS, _measure)
