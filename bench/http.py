"""HTTP through the balancer, past it, and through nftables, in one topology by turns."""

from __future__ import annotations

import re
import shutil
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from bench.build import Missing
from bench.direct import Direct
from bench.rows import Group, Options, Result, Row
from lab.balancer import Balancer
from lab.builder import Lab
from lab.objects import NotBuilt
from lab.process import CommandFailed
from lab.topology import ONE_ARM, Host, Interface, Topology

VIP, LADDR, SERVER, NFT_VIP = "192.0.2.1", "192.0.2.240", "192.0.2.30", "192.0.2.99"
CONNECTIONS = 32

ROWS = (
    Row(
        "http-none",
        "HTTP requests/s, balancer by none",
        "x",
        "keep-alive requests a second (wrk, 32 connections, nginx), through the balancer by those of the same client "
        "to the server itself",
        budget=0.85,
        at_least=True,
        dpvs=0.77,
    ),
    Row(
        "http-nftables",
        "HTTP requests/s, balancer by nftables",
        "x",
        "the same by those through a host that does DNAT and SNAT with nftables, on the same switch",
        budget=1.1,
        at_least=True,
    ),
    Row("http-latency", "latency added to a request", "us", "median of one connection, balancer less none"),
    Row("http-latency-nftables", "the same, nftables", "us", "median with one connection, through nftables less none"),
)

_NFT = Host("nft", (Interface("eth0", "lan", ("192.0.2.2/24", f"{NFT_VIP}/24")),), forwards=True)
TOPOLOGY: Topology = replace(ONE_ARM, name="http", hosts=(*ONE_ARM.hosts, _NFT))

_RULES = f"""
table ip balance {{
    chain prerouting {{ type nat hook prerouting priority dstnat;
        ip daddr {NFT_VIP} tcp dport 80 dnat to {SERVER}; }}
    chain postrouting {{ type nat hook postrouting priority srcnat; ip daddr {SERVER} masquerade; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw."""

    requests_per_s: float
    median_us: float
    errors: int


def _measure(options: Options) -> Iterator[Result]:
    for tool in ("wrk", "nft", "nginx"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is not installed")
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(TOPOLOGY))
        daemon = _balance(lab, options, stack)
        lab.hosts["nft"].run("nft", _RULES)
        targets = {"xdpvs": VIP, "none": SERVER, "nft": NFT_VIP}
        seconds, rounds = (1, 1) if options.quick else (3, 5)
        busy = _by_turns(lab, targets, CONNECTIONS, seconds, rounds)
        alone = _by_turns(lab, targets, 1, 1, rounds)
    rate = {name: statistics.median(load.requests_per_s for load in loads) for name, loads in busy.items()}
    delay = {name: statistics.median(load.median_us for load in loads) for name, loads in alone.items()}
    details = {f"{name}_requests_per_s": value for name, value in rate.items()} | {"daemon": float(daemon)}
    yield Result("http-none", rate["xdpvs"] / rate["none"], details=details)
    yield Result("http-nftables", rate["xdpvs"] / rate["nft"], details=details)
    delays = {f"{name}_us": value for name, value in delay.items()}
    yield Result("http-latency", delay["xdpvs"] - delay["none"], details=delays)
    yield Result("http-latency-nftables", delay["nft"] - delay["none"], details=delays)


def _balance(lab: Lab, options: Options, stack: ExitStack) -> bool:
    """Put a balancer into the lab: the daemon's, or the data plane alone if there is no daemon."""
    try:
        balancer = stack.enter_context(Balancer(lab))
    except (NotBuilt, CommandFailed):
        direct = Direct(lab, options.object_path)
        stack.callback(direct.close)
        direct.put_neighbour(SERVER, lab.hosts["rs1"].mac("eth0"))
        direct.put_service(VIP, SERVER, 80, LADDR)
        return False
    put_service(balancer)
    return True


def put_service(balancer: Balancer) -> None:
    """One TCP service with one server, through the tools."""
    balancer.dpip("addr", "add", "192.0.2.28/24", "dev", "dpdk0")
    balancer.dpip("addr", "add", f"{VIP}/32", "dev", "dpdk0")
    balancer.ipvsadm("-A", "-t", f"{VIP}:80", "-s", "rr")
    balancer.ipvsadm("-a", "-t", f"{VIP}:80", "-r", f"{SERVER}:80", "-b")
    balancer.ipvsadm("-P", "-t", f"{VIP}:80", "-z", LADDR, "-F", "dpdk0")


def _by_turns(
    lab: Lab, targets: dict[str, str], connections: int, seconds: int, rounds: int
) -> dict[str, list[Load]]:  # fmt: skip
    loads: dict[str, list[Load]] = {name: [] for name in targets}
    for address in targets.values():
        lab.client.curl(f"http://{address}/")
    for _ in range(rounds):
        for name, address in targets.items():
            loads[name].append(wrk(lab, f"http://{address}/", connections, seconds))
    return loads


def wrk(lab: Lab, url: str, connections: int, seconds: int) -> Load:
    """Load from the client's host."""
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    return parse_wrk(lab.client.run(*argv, timeout_s=seconds + 20).stdout)


def parse_wrk(text: str) -> Load:
    """wrk's report: the rate, the median latency, and errors of any kind."""
    rate = re.search(r"^Requests/sec:\s*([\d.]+)", text, re.MULTILINE)
    median = re.search(r"^\s*50%\s+([\d.]+)(us|ms|s)", text, re.MULTILINE)
    if not rate or not median:
        raise RuntimeError(f"wrk says: {text.strip()}")
    errors = sum(int(count) for line in re.findall(r"(?:Socket errors|Non-2xx).*", text) for count in _counts(line))
    return Load(float(rate[1]), float(median[1]) * {"us": 1, "ms": 1e3, "s": 1e6}[median[2]], errors)


def _counts(line: str) -> list[str]:
    return re.findall(r"\b(\d+)\b", line.replace("2xx", "").replace("3xx", ""))


GROUP = Group("http", ROWS, _measure)
