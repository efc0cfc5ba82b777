"""What a connection costs beside its packets: to come, to go, to be remembered and looked after."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.feeder import Feeder, Target
from bench.rows import Group, Options, Result, Row
from bench.scene import SYN, TCP4, UDP4, Path4or6, Scene, scene
from xdpvs.bpf.testrun import XdpAction
from xdpvs.dataplane.tunables import Tunables

POOL = 1_000_000
QUICK_POOL = 50_000
BATCHES = 10
DYING_S = 0.2
FRESH_S = 1.2
"""What the sweep passes by without a closer look is younger."""

_NEW = "two slots, port claim, schedule, and the sweep's work later; the table fills from none to the pool's size"
ROWS = (
    Row("conn-udp", "new connection, UDP v4", "ns", _NEW, budget=500, dpvs=2150),
    Row("conn-tcp", "new connection, TCP v4", "ns", _NEW, budget=500, dpvs=2510),
    Row("conn-memory", "memory of a connection", "bytes", "the table's memory by the pool's size", 400, dpvs=704),
    Row(
        "sweep-1m",
        "sweep at 1M connections",
        "% of a core",
        "a pass a second over the whole table, nothing to expire; the daemon makes fewer if they take more",
        budget=5,
    ),
)
# Everything is over at once.
_NO_TIME = Tunables(
    tcp_timeouts=(0,) * len(Tunables().tcp_timeouts), udp_timeouts=(0,) * len(Tunables().udp_timeouts), init_timeout_s=0
)


def _measure(options: Options) -> Iterator[Result]:
    pool = QUICK_POOL if options.quick else POOL
    with scene(pool, options.object_path) as (it, feeder):
        yield Result("conn-memory", _kernel_bytes(it.maps.conns.fd) / pool)
        for name, path in (("conn-tcp", TCP4), ("conn-udp", UDP4)):
            created = _create_all(it, feeder, path)
            time.sleep(FRESH_S)
            idle = [it.sweep() for _ in range(3 if options.quick else 7)]
            if idle[-1].live != pool:
                raise RuntimeError(f"the sweep counts {idle[-1].live} connections, not {pool}")
            pass_s = statistics.median(seen.busy_s for seen in idle)
            if path is UDP4:
                yield _sweep_row(it, options, pass_s, min(seen.busy_s for seen in idle))
            expiry = _expire_all(it, pass_s)
            details = {"create_ns": created, "expire_ns": expiry}
            yield Result(name, created + expiry, details=details)


def _create_all(it: Scene, feeder: Feeder, path: Path4or6) -> float:
    """Fills the pool; the median batch's nanoseconds a connection."""
    it.forget()
    it.tune(replace(Tunables(), init_timeout_s=3600))
    feeder.compute(it.template(path, SYN), it.pool)
    batch = it.pool // BATCHES
    samples = []
    for _ in range(BATCHES):
        result = feeder.run(batch)
        if result.action != XdpAction.TX:
            raise RuntimeError(f"a first packet met with {result.action} at {it.conns()} connections")
        samples.append(result.duration_ns)
    if it.conns() != it.pool:
        raise RuntimeError(f"{it.conns()} connections, not {it.pool}")
    return statistics.median(samples) - feeder.run(batch, Target.NOTHING).duration_ns


def _expire_all(it: Scene, pass_s: float) -> float:
    """Nanoseconds a connection: the passes that end and free it, less those that look at it anyway."""
    it.tune(_NO_TIME)
    ended = it.sweep()
    time.sleep(DYING_S)
    freed = it.sweep()
    slots = ended.freed + freed.freed  # a pass that takes long frees some that it ended itself
    if ended.expired != it.pool or slots != 2 * it.pool:
        raise RuntimeError(f"of {it.pool} connections {ended.expired} ended and {slots} slots were freed")
    return max(0.0, ended.busy_s + freed.busy_s - 2 * pass_s) * 1e9 / it.pool


def _sweep_row(it: Scene, options: Options, pass_s: float, best_s: float) -> Result:
    details = {"pass_s": pass_s, "best_pass_s": best_s, "connections": it.pool}
    if options.quick:
        return Result("sweep-1m", why_not=f"a pool of {it.pool} connections in a quick run", details=details)
    return Result("sweep-1m", pass_s * 100, details=details)


def _kernel_bytes(map_fd: int) -> int:
    for line in Path(f"/proc/self/fdinfo/{map_fd}").read_text().splitlines():
        if line.startswith("memlock:"):
            return int(line.split()[1])
    raise RuntimeError("the kernel does not say what a map weighs")


GROUP = Group("connections", ROWS, _measure)
