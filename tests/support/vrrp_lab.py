"""Two VRRP nodes on a wire, each ours or Debian's keepalived, from one description of their instances."""

from __future__ import annotations

import os
import pickle
import re
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from lab.balancer import installed
from lab.builder import Lab
from lab.host import Host
from lab.objects import TOP
from lab.process import Process
from lab.topology import Host as HostPlan
from lab.topology import Interface, Topology
from xdpvs.model.address import family_of, full_prefix_length
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import AuthType, VirtualAddress, VrrpInstance, VrrpState, VrrpSyncGroup

ADDRESSES = {
    "a": ("192.0.2.11/24", "2001:db8::11/64", "fe80::11/64"),
    "b": ("192.0.2.12/24", "2001:db8::12/64", "fe80::12/64"),
}
WIRE = Topology(
    "vrrp", tuple(HostPlan(name, (Interface("eth0", "lan", addresses),)) for name, addresses in ADDRESSES.items())
)


@dataclass(frozen=True, slots=True)
class Node:
    """What one node has of an instance."""

    priority: int = 100
    state: str = "BACKUP"
    nopreempt: bool = False
    preempt_delay: float = 0.0
    peer: str = ""
    source: str = ""
    password: str = ""
    higher_prio_send_advert: bool = False
    lower_prio_no_advert: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """An instance on both nodes, and what VRRP's rules say of it. b has the higher address."""

    name: str
    vrid: int
    vips: tuple[str, ...]
    a: Node
    b: Node
    version: int = 2
    interval: float = 1.0

    def node(self, name: str) -> Node:
        """The side of a node."""
        return self.a if name == "a" else self.b

    def after_arrival(self, name: str) -> str:
        """Who is master after that node came while the other one was."""
        other = "b" if name == "a" else "a"
        comes, stays = self.node(name), self.node(other)
        return name if comes.priority > stays.priority and not comes.nopreempt else other

    def after_merge(self) -> str:
        """Who stays master when both were, without hearing each other."""
        return "a" if self.a.priority > self.b.priority else "b"


def keepalived_conf(
    cases: Iterable[Case], node: str, groups: Sequence[VrrpSyncGroup] = (), extra_lines: str = ""
) -> str:
    """keepalived.conf of a node, with extra lines in each instance."""
    lines = ["global_defs {", f"    router_id {node}", "    script_user root", "}"]
    for group in groups:
        lines += [f"vrrp_sync_group {group.name} {{", "    group {", *(f"        {m}" for m in group.members)]
        lines += ["    }", "}"]
    for case in cases:
        side = case.node(node)
        lines += [f"vrrp_instance {case.name} {{", f"    state {side.state}", "    interface eth0"]
        lines += [f"    virtual_router_id {case.vrid}", f"    priority {side.priority}"]
        lines += [f"    advert_int {case.interval:g}", f"    version {case.version}", extra_lines]
        lines += ["    nopreempt"] if side.nopreempt else []
        lines += [f"    preempt_delay {side.preempt_delay:g}"] if side.preempt_delay else []
        lines += ["    higher_prio_send_advert true"] if side.higher_prio_send_advert else []
        lines += ["    lower_prio_no_advert true"] if side.lower_prio_no_advert else []
        if side.password:
            lines += ["    authentication {", "        auth_type PASS", f"        auth_pass {side.password}", "    }"]
        lines += [f"    unicast_src_ip {side.source}"] if side.source else []
        lines += ["    unicast_peer {", f"        {side.peer}", "    }"] if side.peer else []
        lines += ["    virtual_ipaddress {", *(f"        {vip}" for vip in case.vips), "    }", "}"]
    return "\n".join(lines) + "\n"


def instance(case: Case, node: str) -> VrrpInstance:
    """The same for us."""
    side = case.node(node)
    vips = tuple(ip_address(vip) for vip in case.vips)
    return VrrpInstance(
        case.name,
        "eth0",
        case.vrid,
        dpdk_interface="dpdk0",
        version=case.version,
        family=family_of(vips[0]),
        initial_state=VrrpState[side.state],
        priority=side.priority,
        advert_interval_s=case.interval,
        auth_type=AuthType.PASS if side.password else AuthType.NONE,
        auth_password=side.password,
        addresses=tuple(VirtualAddress(vip, full_prefix_length(vip)) for vip in vips),
        nopreempt=side.nopreempt,
        preempt_delay_s=side.preempt_delay,
        source_address=ip_address(side.source) if side.source else None,
        unicast_peers=(ip_address(side.peer),) if side.peer else (),
        higher_prio_send_advert=side.higher_prio_send_advert,
        lower_prio_no_advert=side.lower_prio_no_advert,
    )


class Router:
    """A node's process. States are read from the log, whose lines are the same for both kinds."""

    def __init__(self, lab: Lab, name: str, side: str = "") -> None:
        """name is the host; side the part of the cases it has, if that is not the name."""
        self.lab = lab
        self.name = name
        self.side = side or name
        self.host: Host = lab.hosts[name]
        self.runs = 0
        self._process: Process | None = None
        self._read = 0
        self._states: dict[str, list[str]] = {}

    @property
    def process(self) -> Process:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    def begin(self, *argv: str, environment: Mapping[str, str] | None = None) -> None:
        """Start the next run, with a log of its own."""
        self.runs += 1
        environment = {"PYTHONPATH": f"{TOP}:{TOP / 'src'}", **(environment or {})}
        self._process = self.lab.on_exit(self.host.start(f"vrrp{self.runs}", *argv, environment=environment))
        self._read, self._states = 0, {}

    def states(self) -> dict[str, str]:
        """The state of every instance, as this run's log has it."""
        self._read_log()
        return {name: states[-1] for name, states in self._states.items()}

    def transitions(self, instance_name: str) -> list[str]:
        """All states an instance went through in this run."""
        self._read_log()
        return self._states.get(instance_name, [])

    def _read_log(self) -> None:
        """Only what is new, since tests look fifty times a second."""
        with self.process.log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        complete = text.rpartition(b"\n")[0]
        self._read += len(complete)
        for name, state in re.findall(r"\((\w+)\) Entering (\w+) STATE", complete.decode(errors="replace")):
            self._states.setdefault(name, []).append(state)

    def kill9(self) -> None:
        """Kill it, with its children."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(5.0)


class Stock(Router):
    """Debian's keepalived."""

    extra_lines = ""

    def program(self) -> str:
        """Which keepalived."""
        return "keepalived"

    def start(self, cases: Sequence[Case], groups: Sequence[VrrpSyncGroup] = ()) -> None:
        """Start it with these instances."""
        directory = self.lab.run_dir / f"keepalived-{self.name}"
        directory.mkdir(exist_ok=True)
        conf = directory / "keepalived.conf"
        conf.write_text(keepalived_conf(cases, self.side, groups, self.extra_lines))
        pids = [directory / f"{self.runs}.{each}.pid" for each in ("parent", "vrrp")]
        self.begin(
            self.program(), "-n", "-l", "-D", "-G", "-P", "-f", str(conf), "-p", str(pids[0]), "-r", str(pids[1]),
            environment={"DPVS_IPC_FILE": str(directory / "no-daemon")},
        )  # fmt: skip


class Whole(Stock):
    """Our keepalived, the whole of it, with the same file."""

    extra_lines = "    dpdk_interface dpdk0\n"

    def program(self) -> str:
        """The one that is installed beside the interpreter."""
        return str(installed("keepalived"))


class Ours(Router):
    """Our VRRP alone, with a client that records what is asked of dpvs."""

    def start_with(self, config: KeepalivedConfig, ipc: str = "", environment: Mapping[str, str] | None = None) -> None:
        """Start it with any configuration."""
        self.write(config)
        argv = [sys.executable, "-m", "tests.support.vrrp_node", str(self._conf), str(self._deeds)]
        self.begin(*argv, *([ipc] if ipc else []), environment=environment)

    def write(self, config: KeepalivedConfig) -> None:
        """Write what it reads at start and at SIGHUP."""
        self._conf.write_bytes(pickle.dumps(config))

    @property
    def _conf(self) -> Path:
        return self.lab.run_dir / f"{self.name}.pickle"

    @property
    def _deeds(self) -> Path:
        return self.lab.run_dir / f"{self.name}.deeds"

    def deeds(self) -> list[str]:
        """What was asked of dpvs so far, by all runs."""
        return self._deeds.read_text().splitlines() if self._deeds.exists() else []
