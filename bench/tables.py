"""The daemon and its tools: at rest, with many services, with many connections."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.feeder import Feeder
from bench.http import put_service
from bench.rows import Group, Options, Result, Row
from bench.scene import PAYLOAD_PORT, UDP4, frame
from lab.balancer import Balancer, installed
from lab.builder import Lab
from lab.process import run
from lab.topology import ONE_ARM
from lab.wait import wait_until
from xdpvs.bpf import bpffs
from xdpvs.bpf.layout import CONN_WINDOW, MAPS, Maps
from xdpvs.bpf.maps import map_spec
from xdpvs.bpf.object import BpfObject
from xdpvs.bpf.testrun import XdpAction

CONNECTIONS, QUICK_CONNECTIONS = 1_000_000, 20_000
SERVICES, QUICK_SERVICES = 10_000, 200
SERVERS_EACH = 4
IDLE_S, QUICK_IDLE_S = 20.0, 4.0
BATCH = 50_000

ROWS = (
    Row("idle-cpu", "idle daemon", "% of a core", "one service, no traffic, over 20 s", budget=0.5, dpvs=100),
    Row("idle-rss", "idle daemon's memory", "MB", "resident, shared libraries included", budget=80),
    Row("list-small", "ipvsadm -ln, one service", "ms", "from exec to exit, median", budget=100),
    Row("list-1m", "ipvsadm -lnc at 1M connections", "s", "from exec to exit, into a file", budget=10),
    Row("list-1m-answer", "ipvsadm -ln meanwhile, slowest", "ms", "how long the daemon keeps another tool waiting"),
    Row("list-1m-rss", "daemon's memory meanwhile, peak", "MB", "resident, high-water mark of the whole run so far"),
    Row("load-10k", "ipvsadm -R of 10k services x 4", "s", "into an empty table, from exec to exit", budget=5),
    Row("list-10k", "ipvsadm -ln at 10k services x 4", "s", "from exec to exit, median", budget=1),
    Row("rss-10k", "daemon's memory then", "MB", "resident"),
)


def _measure(options: Options) -> Iterator[Result]:
    with Lab(ONE_ARM) as lab, Balancer(lab) as balancer:
        put_service(balancer)
        lab.client.curl("http://192.0.2.1/")
        yield from _idle(balancer, options)
        times = [_timed(balancer, "-ln") for _ in range(5 if options.quick else 20)]
        yield Result("list-small", statistics.median(times) * 1e3, details={"slowest_ms": max(times) * 1e3})
        yield from _list_conns(lab, balancer, options)
        balancer.ipvsadm("-C")
        yield from _many_services(lab, balancer, options)


def _idle(balancer: Balancer, options: Options) -> Iterator[Result]:
    period = QUICK_IDLE_S if options.quick else IDLE_S
    time.sleep(2 if options.quick else 10)  # the connection just made is over, neighbours are known
    before, started = _cpu_s(balancer.pid), time.monotonic()
    time.sleep(period)
    used = (_cpu_s(balancer.pid) - before) / (time.monotonic() - started)
    # The clock of /proc has ticks of 10 ms: 20 s resolve 0.05 %.
    yield Result("idle-cpu", used * 100, details={"seconds": period})
    yield Result(
        "idle-rss", _memory_mb(balancer.pid, "VmRSS"), details={"anonymous": _memory_mb(balancer.pid, "RssAnon")}
    )


def _list_conns(lab: Lab, balancer: Balancer, options: Options) -> Iterator[Result]:
    count = QUICK_CONNECTIONS if options.quick else CONNECTIONS
    _put_udp_service(balancer)
    wait_until(lambda: _fill(lab, 1), 10.0, "a first packet is forwarded")
    if not _fill(lab, count):
        raise RuntimeError("the data plane refuses connections")
    output = lab.run_dir / "connections"
    with _asked_meanwhile(balancer) as waits, output.open("wb") as sink:
        started = time.monotonic()
        argv = [str(installed("ipvsadm")), "-lnc"]
        subprocess.run(argv, stdout=sink, env={**os.environ, **balancer.environment}, check=True, timeout=120)
        seconds = time.monotonic() - started
    lines = sum(1 for _ in output.open("rb"))
    output.unlink()
    if lines < count:
        raise RuntimeError(f"{lines} lines for {count} connections")
    details = {"seconds": seconds, "lines": lines}
    if options.quick:
        yield Result("list-1m", why_not=f"{count} connections in a quick run", details=details)
    else:
        yield Result("list-1m", seconds, details=details)
    yield Result("list-1m-answer", max(waits) * 1e3, details={"median_ms": statistics.median(waits) * 1e3})
    yield Result("list-1m-rss", _memory_mb(balancer.pid, "VmHWM"), details={"after": _memory_mb(balancer.pid, "VmRSS")})


def _put_udp_service(balancer: Balancer) -> None:
    vip = f"192.0.2.1:{PAYLOAD_PORT}"
    balancer.ipvsadm("-A", "-u", vip, "-s", "rr")
    for server in ("192.0.2.30", "192.0.2.130"):
        for port in (53, 5300):
            balancer.ipvsadm("-a", "-u", vip, "-r", f"{server}:{port}", "-b")
    for number in range(16):
        balancer.ipvsadm("-P", "-u", vip, "-z", f"192.0.2.{200 + number}", "-F", "dpdk0")


def _fill(lab: Lab, count: int) -> bool:
    """Clients' first packets by test run, into the daemon's own tables; False if the last was not forwarded."""
    pinned = lab.bpffs() / "lab" / "maps"
    with BpfObject() as loaded:
        for spec in MAPS:
            _reuse(loaded, spec.name, pinned / spec.name)
        loaded.load()
        maps = Maps.of(loaded.map_fd)
        mac = bytes.fromhex(lab.lb.mac("dpdk0").replace(":", ""))
        template = mac + frame(UDP4.protocol, (UDP4.clients, 0), ("192.0.2.1", PAYLOAD_PORT))[6:]
        slots = map_spec(maps.conns.fd).max_entries - CONN_WINDOW
        with Feeder(loaded.program_fd("xdpvs"), maps.conns.fd, slots) as feeder:
            feeder.compute(template, count)
            # In pieces, for the kernel lets nothing else onto the CPU meanwhile.
            actions = [feeder.run(min(BATCH, count - done)).action for done in range(0, count, BATCH)]
    return all(action in (XdpAction.TX, XdpAction.REDIRECT) for action in actions)


def _reuse(loaded: BpfObject, name: str, path: Path) -> None:
    fd = bpffs.open_pinned(path)
    if fd is None:
        raise RuntimeError(f"the daemon did not pin {name}")
    loaded.reuse_map(name, fd)
    os.close(fd)


@contextmanager
def _asked_meanwhile(balancer: Balancer) -> Iterator[list[float]]:
    """How long `ipvsadm -ln` takes, again and again while the body runs."""
    waits: list[float] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            waits.append(_timed(balancer, "-ln"))
            over.wait(0.1)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield waits
    finally:
        over.set()
        asker.join()


def _many_services(lab: Lab, balancer: Balancer, options: Options) -> Iterator[Result]:
    count = QUICK_SERVICES if options.quick else SERVICES
    started = time.monotonic()
    argv = [str(installed("ipvsadm")), "-R"]
    run(argv, stdin="\n".join(_rules(count)) + "\n", timeout_s=60, environment=balancer.environment)
    loading = time.monotonic() - started
    times = [_timed(balancer, "-ln") for _ in range(5)]
    lines = len(balancer.ipvsadm("-ln").splitlines())
    if lines < count * (1 + SERVERS_EACH):
        raise RuntimeError(f"{lines} lines for {count} services")
    values = {"load-10k": loading, "list-10k": statistics.median(times)}
    for row, seconds in values.items():
        if options.quick:
            yield Result(row, why_not=f"{count} services in a quick run", details={"seconds": seconds})
        else:
            yield Result(row, seconds)
    yield Result("rss-10k", _memory_mb(balancer.pid, "VmRSS"), details={"services": count})


def _rules(count: int) -> Iterator[str]:
    for number in range(count):
        vip = f"10.{1 + number // 65536}.{number // 256 % 256}.{number % 256}:80"
        yield f"-A -t {vip} -s rr"
        for server in range(SERVERS_EACH):
            yield f"-a -t {vip} -r 192.0.2.30:{8000 + server} -b -w 1"


def _timed(balancer: Balancer, *arguments: str) -> float:
    started = time.monotonic()
    balancer.ipvsadm(*arguments)
    return time.monotonic() - started


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc says nothing of {name}")


GROUP = Group("tables", ROWS, _measure)
