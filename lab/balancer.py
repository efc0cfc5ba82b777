"""The daemon in the lab, and its tools."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from lab.builder import Lab
from lab.objects import NotBuilt
from lab.process import CommandFailed, Process, run
from lab.wait import wait_until

# Where pip puts scripts: beside the interpreter that runs the lab.
SCRIPTS = Path(sys.executable).parent

START_DEADLINE_S = 30.0


def dpvs_conf(devices: Sequence[str]) -> str:
    """A dpvs.conf with those ports, one worker for all of them, and defaults otherwise."""
    lines = ["global_defs {", "    log_level INFO", "}", "netif_defs {"]
    for device in devices:
        lines += [f"    <init> device {device} {{", f"        kni_name {device}.kni", "    }"]
    lines += ["}", "worker_defs {"]
    lines += ["    <init> worker cpu0 {", "        type master", "        cpu_id 0", "    }"]
    lines += ["    <init> worker cpu1 {", "        type slave", "        cpu_id 1"]
    for device in devices:
        lines += [f"        port {device} {{", "            rx_queue_ids 0", "            tx_queue_ids 0", "        }"]
    lines += ["    }", "}"]
    return "\n".join(lines) + "\n"


class Balancer:
    """`dpvs` in the namespace `lb`, with the ports the topology gives it. A context manager: starts, then stops."""

    def __init__(self, lab: Lab, *, config: str | None = None, arguments: Sequence[str] = ()) -> None:
        self.lab = lab
        self.devices = [interface.name for interface in lab.topology.host("lb").interfaces]
        self.directory = lab.run_dir / "dpvs"
        self.directory.mkdir(exist_ok=True)
        self.conf_file = self.directory / "dpvs.conf"
        self.pid_file = self.directory / "dpvs.pid"
        self.socket = self.directory / "dpvs.ipc"
        self.conf_file.write_text(config if config is not None else dpvs_conf(self.devices))
        self.environment = {"DPVS_IPC_FILE": str(self.socket)}
        self._arguments = list(arguments)
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()

    @property
    def process(self) -> Process:
        """The running (or dead) daemon."""
        if self._process is None:
            raise CommandFailed("the daemon was never started")
        return self._process

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        return self.process.pid

    def argv(self) -> list[str]:
        """The daemon's command line, as upstream's with --bpffs added."""
        ports = [word for device in self.devices for word in ("-a", device)]
        return [
            *(str(installed("dpvs")), "-c", str(self.conf_file), "-p", str(self.pid_file), "-x", str(self.socket)),
            *("--bpffs", str(self.lab.bpffs())),
            *self._arguments,
            *("--", *ports, "--file-prefix", "lab"),
        ]

    def start(self) -> None:
        """Start the daemon and wait until its pid file says that it serves."""
        self._process = self.lab.on_exit(self.lab.lb.start("dpvs", *self.argv()))
        wait_until(self._ready, START_DEADLINE_S, "dpvs writes its pid file")

    def stop(self) -> int:
        """Stop the daemon the clean way and return its exit status."""
        return self.process.stop(10.0)

    def kill9(self) -> None:
        """Kill the daemon without warning; what it attached and pinned stays."""
        self.process.signal(signal.SIGKILL)
        self.process.wait(5.0)

    def reload(self) -> None:
        """Have the daemon read its configuration again."""
        self.process.signal(signal.SIGHUP)

    def restart(self, *, clean: bool = True) -> None:
        """Stop the daemon, cleanly or by kill9, and start it again."""
        if clean:
            self.stop()
        else:
            self.kill9()
        self.start()

    def dpip(self, *arguments: str, check: bool = True) -> str:
        """Run dpip against this daemon and return what it printed."""
        return self.tool("dpip", *arguments, check=check)

    def ipvsadm(self, *arguments: str, check: bool = True) -> str:
        """Run ipvsadm against this daemon and return what it printed."""
        return self.tool("ipvsadm", *arguments, check=check)

    def tool(self, name: str, *arguments: str, check: bool = True) -> str:
        """Run one of the tools. dpip reports some refusals on stderr alone, so any text there counts as failure."""
        done = run([str(installed(name)), *arguments], environment=self.environment, check=check)
        if check and done.stderr:
            raise CommandFailed(f"{name} {' '.join(arguments)}: {done.stderr.rstrip()}")
        return done.stdout if check else done.stdout + done.stderr

    def _ready(self) -> bool:
        if not self.process.running():
            raise CommandFailed(f"dpvs ended with {self.process.exit_status()}\n{self.process.output()}")
        try:
            return self.pid_file.read_text().strip() == str(self.pid)
        except FileNotFoundError:
            return False


def installed(name: str) -> Path:
    """The script of that name; NotBuilt without it."""
    script = SCRIPTS / name
    if not script.exists():
        raise NotBuilt(f"{name} is not installed beside {sys.executable}: run make setup")
    return script
