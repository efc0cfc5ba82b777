"""keepalived in the lab, and the configuration of DPVS's tutorial for it.

`TUTORIAL_CONF` brings up both of the tutorial's services: FullNAT on 192.168.88.1 and NAT64 on 2001::1. `prepare` does
what the tutorial does by hand before: the VLAN device, its addresses, and the kernel's side of it, by which VRRP and
checks go. `PAIR` is the tutorial's network with a second balancer.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from lab.balancer import Balancer, installed
from lab.builder import Lab
from lab.host import Host
from lab.process import CommandFailed, Process
from lab.topology import TUTORIAL, Topology, port
from lab.topology import Host as HostPlan
from lab.wait import wait_until

DEVICE = "dpdk0.102"
KNI = "dpdk0.102.kni"
VIP4, VIP6 = "192.168.88.1", "2001::1"

GLOBALS = """\
global_defs {
    script_user root
    enable_script_security
}
"""

LADDRS = """\
# Source addresses towards the servers.
local_address_group laddr_g1 {
    192.168.88.240 dpdk0.102
    192.168.88.241 dpdk0.102
}
"""

VRRP = """\
vrrp_instance vrrp_instance_107 {
    state MASTER
    interface dpdk0.102.kni            # adverts go by the kernel's side
    dpdk_interface dpdk0.102           # addresses go to dpvs
    higher_prio_send_advert
    garp_lower_prio_repeat 3
    garp_master_refresh 30
    garp_master_refresh_repeat 1
    virtual_router_id 107
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 12345
    }
    virtual_ipaddress {
        192.168.88.1
    }
    virtual_ipaddress_excluded {       # the other family
        2001::1
    }
}
"""

SERVER = """\
    real_server {address} {port} {{
        weight 100
        inhibit_on_failure
        TCP_CHECK {{
            retry 1
            connect_timeout 1
            connect_port {port}
        }}
    }}
"""


def real_server(address: str, number: int) -> str:
    """A server with the tutorial's check."""
    return SERVER.format(address=address, port=number)


SERVICE4 = f"""\
virtual_server_group 192.168.88.1-80-TCP_QLB {{
    192.168.88.1 80
}}
virtual_server group 192.168.88.1-80-TCP_QLB {{
    delay_loop 3
    lb_algo rr
    lb_kind FNAT
    protocol TCP
    establish_timeout 60
    daddr_group_name 192.168.88.1_deny # defined below
    laddr_group_name laddr_g1
{real_server("192.168.88.30", 80)}
{real_server("192.168.88.130", 80)}
}}
deny_address_group 192.168.88.1_deny {{
}}
"""

SERVICE6 = f"""\
virtual_server_group 2001::1-80-TCP_QLB {{
    2001::1 80
}}
virtual_server group 2001::1-80-TCP_QLB {{
    delay_loop 3
    lb_algo conhash
    lb_kind FNAT
    protocol TCP
    daddr_group_name 2001::1_deny
    laddr_group_name laddr_g1
{real_server("192.168.88.30", 80)}
{real_server("192.168.88.130", 8080)}
{real_server("192.168.88.30", 8080)}
}}
deny_address_group 2001::1_deny {{
}}
"""

TUTORIAL_CONF = GLOBALS + LADDRS + VRRP + SERVICE4 + SERVICE6

PAIR = replace(TUTORIAL, name="pair", hosts=(*TUTORIAL.hosts, HostPlan("lb2", (port("dpdk0", vlan=102),))))
"""The tutorial's network with two balancers."""


def prepare(balancer: Balancer, host: Host, address: str = "192.168.88.28", address6: str = "2001::28") -> None:
    """The VLAN device in dpvs, with the node's own addresses there and on the kernel's side of it."""
    for line in (
        f"vlan add {DEVICE} link dpdk0 id 102",
        f"addr add {address}/24 dev {DEVICE}",
        f"addr add {address6}/64 dev {DEVICE}",
        f"route add {address}/32 scope kni_host dev {DEVICE}",
    ):
        balancer.dpip(*line.split())
    host.ip("link", "set", KNI, "up")
    host.ip("address", "add", f"{address}/24", "dev", KNI)


class SecondLab:
    """A lab as the second balancer sees it: its own host takes `lb`'s place, its files have their own directory."""

    def __init__(self, lab: Lab, host: str) -> None:
        self.topology: Topology = replace(
            lab.topology, hosts=tuple(replace(plan, name="lb") for plan in lab.topology.hosts if plan.name == host)
        )
        self.lb = lab.hosts[host]
        self.run_dir = lab.run_dir / f"of-{host}"
        self.run_dir.mkdir(exist_ok=True)
        self._lab = lab

    def bpffs(self) -> Path:
        """A directory of its own in the run's bpffs."""
        directory = self._lab.bpffs() / self.run_dir.name
        directory.mkdir(exist_ok=True)
        return directory

    def on_exit(self, process: Process) -> Process:
        """As the lab's."""
        return self._lab.on_exit(process)


class Keepalived:
    """`keepalived` on a balancer's host. A context manager: starts, then stops."""

    def __init__(
        self,
        lab: Lab,
        balancer: Balancer,
        config: str = TUTORIAL_CONF,
        *,
        host: str = "lb",
        arguments: Sequence[str] = (),
    ) -> None:
        self.host = lab.hosts[host]
        self._lab = lab
        self._environment = balancer.environment
        self.directory = lab.run_dir / f"keepalived-{host}"
        self.directory.mkdir(exist_ok=True)
        self.conf_file = self.directory / "keepalived.conf"
        self.pid_file = self.directory / "keepalived.pid"
        self.vrrp_pid_file = self.directory / "vrrp.pid"
        self.checkers_pid_file = self.directory / "checkers.pid"
        self.configure(config)
        self._arguments = list(arguments)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    def configure(self, config: str) -> None:
        """Write the file, for a start or a reload."""
        self.conf_file.write_text(config)

    @property
    def process(self) -> Process:
        """The parent, running or dead."""
        if self._process is None:
            raise CommandFailed("keepalived was never started")
        return self._process

    def argv(self) -> list[str]:
        """The command line, as DPVS's containers have it."""
        return [
            *(str(installed("keepalived")), "-D", "-n", "-f", str(self.conf_file), "--log-console", "--log-facility=6"),
            *(f"--pid={self.pid_file}", f"--vrrp_pid={self.vrrp_pid_file}"),
            *(f"--checkers_pid={self.checkers_pid_file}", *self._arguments),
        ]

    def start(self) -> None:
        """Start it; what it does then takes its time."""
        process = self.host.start("keepalived", *self.argv(), environment=self._environment)
        self._process = self._lab.on_exit(process)
        wait_until(lambda: self.pid_file.exists() or not process.running(), 20.0, "keepalived writes its pid file")

    def stop(self) -> int:
        """Stop it the clean way and return its exit status."""
        return self.process.stop(20.0)

    def reload(self, config: str) -> None:
        """Write another configuration and have it read."""
        self.configure(config)
        self.process.signal(signal.SIGHUP)

    def pids(self) -> list[int]:
        """The processes that the pid files name."""
        files = (self.pid_file, self.vrrp_pid_file, self.checkers_pid_file)
        return [int(file.read_text()) for file in files if file.exists()]

    def kill9(self) -> None:
        """Kill all of its processes without warning."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(5.0)

    def output(self) -> str:
        """What it has logged so far."""
        return self.process.output()
