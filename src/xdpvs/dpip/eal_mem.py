"""`dpip eal-mem`: DPDK's memory (DPVS tools/dpip/eal_mem.c). Our daemon has none: only the titles are left."""

from __future__ import annotations

from xdpvs.dpip.command import Command, DpipObject, Environment, Failure
from xdpvs.model.memory import MemoryPool, MemoryRing, MemorySegment, MemoryZone

HELP = """\
Usage:
    dpip eal-mem show [ seg | zone | ring | pool ]
    dpip eal-mem help
"""

KIB, MIB = 1024, 1024 * 1024

SEGMENT = "{:<10} {:>16} {:>16} {:>20} {:>20} {:>10} {:>10} {:>20}\n"
ZONE = "{:<8} {:>32} {:>16} {:>16} {:>20} {:>20} {:>10}\n"
RING = "{:<20} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}\n"
POOL = "{:<20} {:>10} {:>10} {:>11} {:>12} {:>17} {:>10} {:>10} {:>10}\n"

SEGMENT_TITLES = ("socket_id iova(Hex) virt_addr(Hex) len(KB) hugepage_size(KB) nchannel nrank free_len(KB)").split()
ZONE_TITLES = "zone_id zone_name iova(Hex) virt_addr(Hex) len(KB) hugepage_size(KB) socket_id".split()
RING_TITLES = "ring_name flags size cons_tail cons_head prod_tail prod_head used avail".split()
POOL_TITLES = "pool_name flags elt_size header_size trailer_size private_data_size size used Mem(MB)".split()


def run(command: Command, env: Environment) -> None:
    """Print one table; the verb is not looked at."""
    if len(command.words) > 1:
        raise Failure(detail="too many arguments!\n" + HELP.rstrip("\n"))
    client = env.connect()
    match command.words:
        case () | ("seg",):
            env.out(SEGMENT.format(*SEGMENT_TITLES))
            for segment in client.get_memory_segments():
                env.out(render_segment(segment))
        case ("zone",):
            env.out(ZONE.format(*ZONE_TITLES))
            for index, zone in enumerate(client.get_memory_zones()):
                env.out(render_zone(index, zone))
        case ("ring",):
            env.out(RING.format(*RING_TITLES))
            for ring in client.get_memory_rings():
                env.out(render_ring(ring))
        case ("pool",):
            env.out(POOL.format(*POOL_TITLES))
            for pool in client.get_memory_pools():
                env.out(render_pool(pool))
        case _:
            raise Failure(detail="eal mem parameter invalid!\n" + HELP.rstrip("\n"))


def render_segment(s: MemorySegment) -> str:
    """A hugepage segment."""
    return SEGMENT.format(
        s.socket,
        f"{s.iova:x}",
        f"{s.virtual:x}",
        s.length // KIB,
        s.hugepage // KIB,
        s.channels,
        s.ranks,
        s.free // KIB,
    )


def render_zone(index: int, z: MemoryZone) -> str:
    """A named zone; its number is its place in the list."""
    return ZONE.format(index, z.name, f"{z.iova:x}", f"{z.virtual:x}", z.length // KIB, z.hugepage // KIB, z.socket)


def render_ring(r: MemoryRing) -> str:
    """A ring."""
    return RING.format(
        r.name,
        r.flags,
        r.size,
        r.consumer_tail,
        r.consumer_head,
        r.producer_tail,
        r.producer_head,
        r.used,
        r.available,
    )


def render_pool(p: MemoryPool) -> str:
    """A mempool."""
    memory = (p.element_size + p.header_size + p.trailer_size) * p.size // MIB
    return POOL.format(
        p.name,
        p.flags,
        p.element_size,
        p.header_size,
        p.trailer_size,
        p.private_size,
        p.size,
        p.size - p.count,
        memory,
    )


OBJECTS = {"eal-mem": DpipObject("eal-mem", HELP, run)}
