"""containers/run.sh on a machine that has Docker and nothing else: listing, services, the death of containers."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from lab.process import CommandFailed
from lab.wait import wait_until
from tests.support import listing
from tests.support.containers import Machine

COMPONENTS = ("dpvs", "dpvs-agent", "keepalived", "healthcheck")
CLIENT = ["exec", "dpvs-lab", "nsenter", "--net=/run/netns/xdpvs-1-1-client"]
URLS = ("http://192.168.88.1/", "http://[2001::1]/", "http://[2001::2]/")


def run_sh(machine: Machine, *arguments: str) -> str:
    """Run the script to its end; it says on stdout and stderr what happened."""
    done = machine.docker.on_machine("containers/run.sh", *arguments, timeout_s=150, check=False)
    if done.returncode:
        raise CommandFailed(done.stdout + done.stderr)
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def transcript(machine: Machine) -> str:
    """What the first run prints."""
    machine.sh("rm -rf /var/run/dpvs/*")
    return run_sh(machine, "initial")


@pytest.fixture
def running(machine: Machine, transcript: str) -> Machine:
    """The machine with everything on it."""
    for name in COMPONENTS:
        assert machine.running(name), f"{name}: {machine.logs(name)}"
    return machine


def curl(machine: Machine, url: str, *options: str) -> str:
    """Ask as the lab's client."""
    return machine.docker.run(*CLIENT, "curl", "-sSfg", "--max-time", "5", *options, url).stdout


def servers(machine: Machine, service: str) -> dict[str, str]:
    """The servers of a service: address → weight, with "inhibited" if it says so."""
    rows = (line.split() for line in machine.tool("ipvsadm", "-ln", "-t", service).splitlines() if "FullNat" in line)
    return {row[1]: " ".join([row[3], *row[6:]]) for row in rows}


def test_it_ends_with_the_tutorials_listing(transcript: str) -> None:
    listing.check(listing.sections(transcript))


def test_the_client_is_answered_by_all_three_services(running: Machine, transcript: str) -> None:
    for url in URLS:
        assert f"\n{url}: rs" in transcript
    assert {curl(running, URLS[0]) for _ in range(4)} == {"rs1:80\n", "rs2:80\n"}
    assert curl(running, URLS[1]) in ("rs1:80\n", "rs1:8080\n", "rs2:8080\n")
    assert {curl(running, URLS[2]) for _ in range(4)} == {"rs1:80\n", "rs2:8080\n"}


def test_every_container_is_healthy(running: Machine) -> None:
    """By the image's own check, without waiting for Docker to make it."""
    for name in COMPONENTS:
        done = running.docker.run("exec", name, "/opt/xdpvs/bin/container-probe", check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_killed_container_costs_no_connection_and_comes_back(running: Machine, name: str) -> None:
    """One connection to each service goes on being used all the while."""
    before = services(running)
    others = {each: started_at(running, each) for each in COMPONENTS if each != name}
    argv = ["docker", *CLIENT, ".venv/bin/python", "-I", "tests/support/http_stream.py", "5", *URLS]
    environment = {**os.environ, **running.docker.environment}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as stream:
        assert stream.stdout
        assert stream.stdout.readline() == "begun\n"
        running.docker.run("kill", name)
        assert not running.running(name)
        assert curl(running, URLS[0]).startswith("rs"), "new connections too"
        running.docker.run("start", name)
        assert stream.poll() is None, "the container was back before the connections were done"
        assert re.fullmatch(r"answered \d\d+\n", stream.communicate(timeout=30)[0])
    wait_until(lambda: services(running) == before, 20, "all is as before")
    assert running.running(name), running.logs(name)
    assert {each: started_at(running, each) for each in others} == others, "the others were not touched"
    if name == "dpvs-agent":
        wait_until(lambda: "2001::2" in running.docker.run(*api("vs")).stdout, 10, "the agent answers")


def services(machine: Machine) -> list[str]:
    """The services without their counters, or what ipvsadm complains of."""
    return listing.without_counts(machine.tool("ipvsadm", "-ln", check=False))


def api(path: str) -> list[str]:
    """Ask the agent."""
    return ["exec", "dpvs-lab", "curl", "-sS", f"http://127.0.0.1:6601/v2/{path}"]


def started_at(machine: Machine, name: str) -> str:
    """When a container was started last."""
    return machine.docker.run("inspect", "-f", "{{.State.StartedAt}} {{.RestartCount}}", name).stdout


def test_both_checkers_still_notice_a_server_that_dies_and_returns(running: Machine) -> None:
    """After all of them were killed and started again: keepalived for [2001::1]:80, healthcheck for [2001::2]:80."""
    rs1 = ["exec", "dpvs-lab", "ip", "-n", "xdpvs-1-1-rs1", "link", "set", "eth0"]
    running.docker.run(*rs1, "down")
    for service in ("192.168.88.1:80", "[2001::1]:80", "[2001::2]:80"):
        wait_until(
            lambda service=service: servers(running, service)["192.168.88.30:80"] == "0 inhibited",  # type: ignore[misc]
            30,
            f"rs1 is out of {service}",
        )
    assert {curl(running, url) for url in URLS for _ in range(2)} <= {"rs2:80\n", "rs2:8080\n"}
    running.docker.run(*rs1, "up")
    for service in ("192.168.88.1:80", "[2001::1]:80", "[2001::2]:80"):
        wait_until(
            lambda service=service: servers(running, service)["192.168.88.30:80"] == "100",  # type: ignore[misc]
            30,
            f"rs1 is back in {service}",
        )
    assert {curl(running, URLS[0]) for _ in range(4)} == {"rs1:80\n", "rs2:80\n"}


def test_a_second_run_starts_anew_and_stop_leaves_nothing(running: Machine) -> None:
    listing.check(listing.sections(run_sh(running)))
    run_sh(running, "stop")
    assert running.docker.run("ps", "-aq").stdout == ""
    assert running.sh("ls /sys/fs/bpf/xdpvs").split() == []
    assert running.sh("ls /var/run/dpvs").split() == ["dpvs.conf", "keepalived.conf", "logs"]
