"""A namespace of the lab, as the place where commands run."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.process import Process, run

NETNS_DIR = Path("/run/netns")


class Host:
    """A namespace. Enters it by nsenter: `ip netns exec` would mount a new /sys over bpffs."""

    def __init__(self, name: str, namespace: str, run_dir: Path) -> None:
        self.name = name
        self.namespace = namespace
        self.run_dir = run_dir

    def __repr__(self) -> str:
        return f"Host({self.namespace})"

    def argv(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a command in this namespace."""
        return ["nsenter", f"--net={NETNS_DIR / self.namespace}", "--", *command]

    def run(
        self, *command: str, timeout_s: float = 20.0, check: bool = True, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here to its end."""
        return run(self.argv(command), timeout_s=timeout_s, check=check, environment=environment)

    def start(self, name: str, *command: str, environment: Mapping[str, str] | None = None) -> Process:
        """Start a process here that goes on; its output goes to NAME.log of the run's directory."""
        return Process(self.argv(command), self.run_dir / f"{self.name}-{name}.log", environment)

    def ip(self, *arguments: str) -> str:
        """Run ip(8) for this namespace."""
        return run(["ip", "-n", self.namespace, *arguments]).stdout

    def ip_batch(self, lines: Sequence[str]) -> None:
        """Run several ip(8) commands for this namespace in one process."""
        run(["ip", "-n", self.namespace, "-batch", "-"], stdin="".join(f"{line}\n" for line in lines))

    def sysctl(self, *settings: str) -> None:
        """Set sysctls of this namespace, each as NAME=VALUE."""
        self.run("sysctl", "-q", "-w", *settings)

    def mac(self, interface: str) -> str:
        """The hardware address of an interface."""
        words = self.ip("-o", "link", "show", "dev", interface).split()
        return words[words.index("link/ether") + 1]

    def add_address(self, address: str, interface: str = "eth0") -> None:
        """Add an address, usable at once."""
        self.ip("address", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))

    def add_silent_vip(self, vip: str) -> None:
        """Accept a VIP on lo without answering ARP or ND for it, as servers of direct routing and tunnels do."""
        self.sysctl("net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
        self.add_address(f"{vip}/{128 if ':' in vip else 32}", "lo")

    def attach_xdp(self, interface: str, object_file: Path) -> None:
        """Attach the object's section `xdp` in native mode."""
        self.ip("link", "set", "dev", interface, "xdpdrv", "obj", str(object_file), "sec", "xdp")

    def detach_xdp(self, interface: str) -> None:
        """Detach a program attached by `attach_xdp`."""
        self.ip("link", "set", "dev", interface, "xdpdrv", "off")

    def curl(self, url: str, *options: str, timeout_s: float = 5.0, source: str = "") -> str:
        """Fetch a URL and return the body; source is the client address to use."""
        argv = [
            "curl",
            "--silent",
            "--show-error",
            "--fail",
            "--globoff",
            "--noproxy",
            "*",
            "--max-time",
            f"{timeout_s:g}",
        ]
        if source:
            argv += ["--interface", source]
        return self.run(*argv, *options, url, timeout_s=timeout_s + 5).stdout

    def ping(self, address: str, *, count: int = 1, timeout_s: int = 2, size: int = 56) -> bool:
        """Whether an address answers echo requests of so many bytes, unfragmented."""
        argv = ["ping", "-q", "-c", str(count), "-i", "0.2", "-W", str(timeout_s), "-M", "do", "-s", str(size), address]
        return self.run(*argv, check=False, timeout_s=count + timeout_s + 5).returncode == 0
