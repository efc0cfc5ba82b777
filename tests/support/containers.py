"""xdpvs in containers, on the balancer's machine of the lab with a Docker of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from lab.builder import Lab
from lab.docker import Docker
from lab.objects import TOP
from lab.process import CommandFailed
from lab.wait import wait_until

IMAGE, BUILDER = "xdpvs", "xdpvs-builder"
WORK_DIRECTORY = "/var/run/dpvs"
READY_S = 30.0

MOUNTS = ("-v", "/sys/fs/bpf:/sys/fs/bpf", "-v", f"{WORK_DIRECTORY}:/dpvs")
DPVS_ARGUMENTS = ("-c", "/dpvs/dpvs.conf", "-p", "/dpvs/dpvs.pid", "-x", "/dpvs/dpvs.ipc", "--", "-a", "dpdk0")

# What docs/containers.md says dpvs needs at least, for Docker 23 and later and for those before.
CAPABILITIES = ("BPF", "PERFMON", "NET_ADMIN", "NET_RAW")
OLD_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "NET_RAW")


def capabilities(names: Sequence[str]) -> list[str]:
    """These and no others, in the old Docker's words."""
    return ["--cap-drop", "ALL", *(word for name in names for word in ("--cap-add", name))]


CONFINED = (*capabilities(OLD_CAPABILITIES), "--read-only", "--security-opt", "no-new-privileges")


class Machine:
    """A machine whose only software is Docker: the lab's balancer."""

    def __init__(self, lab: Lab, docker: Docker) -> None:
        self.lab = lab
        self.docker = docker

    def sh(self, script: str, *, check: bool = True, timeout_s: float = 60.0) -> str:
        """Run shell commands on the machine and return what they print, errors included."""
        done = self.docker.on_machine("sh", "-ec", script, check=check, timeout_s=timeout_s)
        return done.stdout + done.stderr

    def prepare(self, config: str) -> None:
        """The work directory as the tutorial makes it, with this dpvs.conf."""
        self.sh(f"mkdir -p {WORK_DIRECTORY}/logs/dpvs-agent {WORK_DIRECTORY}/logs/healthcheck")
        self.sh(f"cat > {WORK_DIRECTORY}/dpvs.conf <<'END'\n{config}END\n")

    def start_dpvs(
        self, *options: str, image: str = IMAGE, arguments: Sequence[str] = DPVS_ARGUMENTS, confined: bool = True
    ) -> None:
        """Start dpvs with the fewest privileges, and wait until it serves."""
        given = [*(CONFINED if confined else ()), *MOUNTS, *options]
        self.docker.run("run", "--name", "dpvs", "-d", "--network", "host", *given, image, *arguments)
        wait_until(self._serves, READY_S, "dpvs serves")

    def _serves(self) -> bool:
        if not self.running("dpvs"):
            raise CommandFailed(f"dpvs ended: {self.logs('dpvs')}")
        return self.tool("dpip", "link", "show", check=False).startswith("1: ")

    def running(self, container: str) -> bool:
        """Whether a container is there and its program runs."""
        done = self.docker.run("inspect", "-f", "{{.State.Running}}", container, check=False)
        return done.stdout.strip() == "true"

    def logs(self, container: str) -> str:
        """What a container's program wrote."""
        done = self.docker.run("logs", container, check=False)
        return done.stdout + done.stderr

    def remove(self, container: str) -> None:
        """`docker rm -f`: SIGKILL, and the container is gone."""
        self.docker.run("rm", "-f", container, check=False)

    def tool(
        self, name: str, *arguments: str, options: Sequence[str] = (), check: bool = True, image: str = IMAGE
    ) -> str:
        """Run dpip or ipvsadm as the tutorial's alias does."""
        argv = ["run", "--name", name, "--rm", "--network", "none", "-v", f"{WORK_DIRECTORY}:/dpvs"]
        argv += ["-e", "DPVS_IPC_FILE=/dpvs/dpvs.ipc", f"--entrypoint=/usr/bin/{name}", *options, image, *arguments]
        done = self.docker.run(*argv, check=check)
        if check and done.stderr:
            raise CommandFailed(f"{shlex.join(arguments)}: {done.stderr}")
        return done.stdout + done.stderr

    def unload(self) -> None:
        """Take away what a killed dpvs left in the kernel."""
        self.remove("dpvs")
        self.docker.run(*("run", "--rm", "--network", "host", *CONFINED, *MOUNTS, IMAGE, "--unload"), check=False)


def fenced_blocks(document: Path, language: str = "sh") -> list[str]:
    """The code blocks of a Markdown file in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


DOCUMENT = TOP / "docs" / "containers.md"
