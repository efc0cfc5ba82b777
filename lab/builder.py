"""Builds a topology from namespaces, bridges and veths, and takes it away."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab import leftovers, servers
from lab.host import Host
from lab.objects import XDP_PASS, built, vlan_object
from lab.process import Process, run
from lab.topology import Host as HostPlan
from lab.topology import Interface, Topology

_run_numbers = itertools.count(1)

HOST_SYSCTLS = (
    "net.ipv6.conf.all.accept_dad=0",
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.all.accept_ra=0",
    "net.ipv6.conf.default.accept_ra=0",
    # Thousands of short connections from one client to one server.
    "net.ipv4.ip_local_port_range=1024 65535",
    "net.ipv4.tcp_tw_reuse=1",
    "net.core.somaxconn=4096",
)


class Lab:
    """A running topology. As a context manager it leaves nothing behind, whatever happens inside.

    `here` names a host that is not made but is the namespace this process runs in, a container's for example.
    """

    def __init__(self, topology: Topology, *, here: str | None = None) -> None:
        self.topology = topology
        self._here = here
        self.prefix = f"{leftovers.PREFIX}{os.getpid()}-{next(_run_numbers)}"
        self.run_dir = leftovers.RUN / self.prefix
        self.hosts: dict[str, Host] = {}
        self.processes: list[Process] = []
        self._undo = ExitStack()

    @property
    def client(self) -> Host:
        """The client's host."""
        return self.hosts["client"]

    @property
    def lb(self) -> Host:
        """The balancer's host."""
        return self.hosts["lb"]

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._undo = undo
            self._build()
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def on_exit(self, process: Process) -> Process:
        """Have a process stopped at teardown, before the namespaces go."""
        self.processes.append(process)
        self._undo.callback(process.stop)
        return process

    def logs(self) -> str:
        """Everything the processes of this run wrote, for a failure's report."""
        parts = []
        for log in sorted(self.run_dir.glob("*.log")):
            parts.append(f"--- {log.name}\n{log.read_text(errors='replace')}")
        return "\n".join(parts)

    def bpffs(self) -> Path:
        """A private bpffs of this run, mounted on first use."""
        directory = self.run_dir / "bpf"
        if not directory.exists():
            directory.mkdir(mode=0o700)
            run(["mount", "-t", "bpf", "bpf", str(directory)])
            self._undo.callback(run, ["umount", str(directory)], check=False)
        return directory

    def _build(self) -> None:
        self.run_dir.mkdir(mode=0o700)
        self._undo.callback(shutil.rmtree, self.run_dir, ignore_errors=True)
        leftovers.sign(self.run_dir)
        switch = self._add_namespace("switch")
        switch.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        switch.ip_batch([line for name in self.topology.switches() for line in _bridge(name)])
        for plan in self.topology.hosts:
            self._add_host(plan, switch)
        for plan in self.topology.hosts:
            self._start_servers(plan)

    def _add_namespace(self, name: str) -> Host:
        if name == self._here:
            host = Host(name, f"{leftovers.HERE}{self.prefix}-{name}", self.run_dir)
            run(["ip", "netns", "attach", host.namespace, str(os.getpid())])
        else:
            host = Host(name, f"{self.prefix}-{name}", self.run_dir)
            run(["ip", "netns", "add", host.namespace])
        self._undo.callback(run, ["ip", "netns", "delete", host.namespace], check=False)
        return host

    def _add_host(self, plan: HostPlan, switch: Host) -> None:
        host = self.hosts[plan.name] = self._add_namespace(plan.name)
        if any(interface.configured for interface in plan.interfaces):
            host.sysctl(
                *HOST_SYSCTLS,
                f"net.ipv4.ip_forward={int(plan.forwards)}",
                f"net.ipv6.conf.all.forwarding={int(plan.forwards)}",
            )
        for interface in plan.interfaces:
            _connect(host, interface, switch)
        for route in plan.routes:
            host.ip("-6" if ":" in route.gateway else "-4", "route", "add", route.destination, "via", route.gateway)

    def _start_servers(self, plan: HostPlan) -> None:
        host = self.hosts[plan.name]
        if plan.http_ports:
            self.on_exit(servers.start_http(host, plan.http_ports))
        if plan.udp_echo_ports:
            self.on_exit(servers.start_udp_echo(host, plan.udp_echo_ports))


def _bridge(name: str) -> list[str]:
    """No spanning tree and no snooping: a port forwards as soon as it is up, multicast goes everywhere."""
    return [
        f"link add {_bridge_name(name)} type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
        f"link set {_bridge_name(name)} up",
    ]


def _bridge_name(switch: str) -> str:
    return f"br-{switch}"


def _connect(host: Host, interface: Interface, switch: Host) -> None:
    """Lay the cable between an interface and its switch and, unless the interface is the balancer's, configure it."""
    cable = f"{host.name}-{interface.name}"
    run([
        "ip", "link", "add", "name", interface.name, "mtu", str(interface.mtu), "netns", host.namespace,
        "type", "veth", "peer", "name", cable, "mtu", str(interface.mtu), "netns", switch.namespace,
    ])  # fmt: skip
    switch.ip_batch([f"link set {cable} master {_bridge_name(interface.switch)} up"])
    if interface.configured:
        _configure(host, interface)
    else:
        # The balancer transmits from XDP, which reaches only a peer that runs a native program itself.
        switch.attach_xdp(cable, built(XDP_PASS))
    if interface.vlan is not None:
        _tag(switch, cable, built(vlan_object(interface.vlan)))


def _configure(host: Host, interface: Interface) -> None:
    # XDP sees a packet before a postponed checksum would be filled in, and changes it.
    host.run("ethtool", "-K", interface.name, "tx", "off")
    host.ip_batch(
        [
            "link set lo up",
            f"link set {interface.name} up",
            *(
                f"address add {address} dev {interface.name}{' nodad' if ':' in address else ''}"
                for address in interface.addresses
            ),
        ]
    )


def _tag(switch: Host, cable: str, program: Path) -> None:
    # With the offload on, the tag pushed would travel beside the frame, where XDP at the other end cannot see it.
    switch.run("ethtool", "-K", cable, "txvlan", "off")
    tc = ["tc", "-n", switch.namespace]
    run([*tc, "qdisc", "add", "dev", cable, "clsact"])
    for direction, section in (("egress", "tc/push"), ("ingress", "tc/pop")):
        run([*tc, "filter", "add", "dev", cable, direction, "bpf", "da", "obj", str(program), "sec", section])
