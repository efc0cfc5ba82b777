"""What the containers may do at least: exactly what docs/containers.md gives them, and not one capability less."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from lab.objects import TOP
from lab.process import CommandFailed
from lab.wait import wait_until
from tests.containers.exact_runtime import VARIABLE
from tests.support.containers import (
    CAPABILITIES,
    DOCUMENT,
    DPVS_ARGUMENTS,
    IMAGE,
    MOUNTS,
    OLD_CAPABILITIES,
    Machine,
    fenced_blocks,
)

CONFINED = ("--cap-drop", "ALL", "--read-only", "--security-opt", "no-new-privileges")
ORDINARY = ("--user", "6601:6601")


@pytest.fixture(autouse=True)
def nothing_left(machine: Machine) -> Iterator[None]:
    """No dpvs and nothing of it in the kernel, before the next test."""
    yield
    machine.unload()


def exactly(names: tuple[str, ...]) -> list[str]:
    """As `--cap-add` for each with a Docker that knows them all."""
    return ["--runtime", "exact", "-e", f"{VARIABLE}={' '.join(names)}", *CONFINED[2:]]


@pytest.mark.parametrize("names", [CAPABILITIES, OLD_CAPABILITIES])
def test_dpvs_needs_no_more(machine: Machine, names: tuple[str, ...]) -> None:
    machine.start_dpvs(*exactly(names), confined=False)
    machine.tool("dpip", "vlan", "add", "dpdk0.102", "link", "dpdk0", "id", "102")
    machine.tool("dpip", "addr", "add", "192.168.88.28/24", "dev", "dpdk0.102")
    assert machine.lab.client.ping("192.168.88.28")
    assert "dpdk0.102.kni" in machine.sh("ip link show")
    machine.docker.run("stop", "dpvs")
    assert "dpdk0.102.kni" not in machine.sh("ip link show"), "a clean stop takes everything away"
    assert machine.sh("ls /sys/fs/bpf/xdpvs").split() == []


@pytest.mark.parametrize("lacking", CAPABILITIES)
def test_dpvs_needs_each_and_says_which_is_missing(machine: Machine, lacking: str) -> None:
    with pytest.raises(CommandFailed, match=f"CAP_{lacking}"):
        machine.start_dpvs(*exactly(tuple(name for name in CAPABILITIES if name != lacking)), confined=False)
    assert "Traceback" not in machine.logs("dpvs")
    assert "prog/xdp" not in machine.sh("ip -d link show")


def test_dpvs_with_this_docker_and_no_tricks(machine: Machine) -> None:
    machine.start_dpvs("--health-interval", "1s")
    show = "grep -h -e ^NoNewPrivs -e ^Seccomp: /proc/$(docker inspect -f {{.State.Pid}} dpvs)/status"
    assert machine.sh(show).splitlines() == ["NoNewPrivs:\t1", "Seccomp:\t2"]
    health = ["inspect", "-f", "{{.State.Health.Status}}", "dpvs"]
    wait_until(lambda: machine.docker.run(*health).stdout == "healthy\n", 20, "dpvs is healthy")


def test_an_orchestrator_replaces_it_by_sigterm(machine: Machine) -> None:
    """With --keep; and the network of the Compose file and the Pod may be set up twice."""
    _configuration, pod = yaml.safe_load_all((TOP / "containers" / "kubernetes.yaml").read_text())
    (script,) = next(each["args"] for each in pod["spec"]["initContainers"] if each["name"] == "network")
    network = ["run", "--rm", "--network", "host", *CONFINED, "--cap-add", "NET_ADMIN", *MOUNTS[2:]]
    network += ["-e", "DPVS_IPC_FILE=/dpvs/dpvs.ipc", "--entrypoint=/bin/sh", IMAGE, "-ec", script]
    for _ in range(2):
        machine.start_dpvs(arguments=("--keep", *DPVS_ARGUMENTS))
        done = machine.docker.run(*network)
        assert done.stderr == ""
        assert "inet 192.168.88.28/24 scope global dpdk0.102" in machine.tool("dpip", "addr", "show")
        assert "192.168.88.28/24" in machine.sh("ip addr show dpdk0.102.kni")
        machine.docker.run("stop", "dpvs")
        machine.docker.run("rm", "dpvs")
        assert machine.lab.client.ping("192.168.88.28"), "it goes on without a daemon"
    (command,) = (
        line for block in fenced_blocks(DOCUMENT, "console") for line in block.splitlines() if "--unload" in line
    )
    machine.sh(command.replace("--cap-add BPF --cap-add PERFMON", "--cap-add SYS_ADMIN"))
    assert "prog/xdp" not in machine.sh("ip -d link show")
    assert "dpdk0.102.kni" not in machine.sh("ip link show")


def test_without_a_bpffs_dpvs_says_what_it_lacks(machine: Machine) -> None:
    run = ["run", "--name", "dpvs", "--network", "host", *CONFINED, MOUNTS[2], MOUNTS[3], "xdpvs", *DPVS_ARGUMENTS]
    done = machine.docker.run(*run, check=False)
    assert done.returncode == 1
    assert "mounting bpffs on /sys/fs/bpf" in done.stderr


def test_tools_as_an_ordinary_user(machine: Machine) -> None:
    """The group of the control socket is all they need; any other user is refused."""
    machine.start_dpvs("--group-add", "6601", arguments=("--socket-group", "6601", *DPVS_ARGUMENTS))
    confined = [*CONFINED, *ORDINARY]
    assert machine.tool("dpip", "link", "show", options=confined).startswith("1: dpdk0")
    assert machine.tool("ipvsadm", "-A", "-t", "192.168.88.1:80", "-s", "rr", options=confined) == ""
    assert "192.168.88.1:80" in machine.tool("ipvsadm", "-ln", options=confined)
    stranger = [*CONFINED, "--user", "6602:6602"]
    assert "Permission denied" in machine.tool("ipvsadm", "-ln", options=stranger, check=False)


def test_a_group_that_dpvs_may_not_give_the_socket_to(machine: Machine) -> None:
    with pytest.raises(CommandFailed, match="cannot be given to group 6601"):
        machine.start_dpvs(arguments=("--socket-group", "6601", *DPVS_ARGUMENTS))
    assert "prog/xdp" not in machine.sh("ip -d link show")
