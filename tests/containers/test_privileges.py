"""What the containers may do at least: exactly what docs/containers.md gives them, and not one capability less."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.process import CommandFailed
from lab.wait import wait_until
from tests.containers.exact_runtime import VARIABLE
from tests.support.containers import CAPABILITIES, DPVS_ARGUMENTS, MOUNTS, OLD_CAPABILITIES, Machine

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
    machine.start_dpvs()
    status = machine.sh(
        "grep -h -e ^Cap -e ^NoNewPrivs -e ^Seccomp: /proc/$(docker inspect -f {{.State.Pid}} dpvs)/status"
    )
    assert {"NoNewPrivs:\t1", "Seccomp:\t2"} <= set(status.splitlines())
    wait_until(lambda: machine.docker.run("exec", "dpvs", "/opt/xdpvs/bin/container-probe").returncode == 0, 5)


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
