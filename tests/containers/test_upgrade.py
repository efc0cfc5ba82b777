"""`docker rm -f dpvs`, then the next version: what is pinned in the kernel goes on, and is taken over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.tutorial import FULLNAT, NETWORK, Command
from lab.wait import wait_until
from tests.support.containers import IMAGE, Machine

NEXT = f"{IMAGE}:next"
SECONDS = "9"
UDP_STREAM = Path(__file__).parent.parent / "support" / "udp_stream.py"
UDP: tuple[Command, ...] = (
    ("ipvsadm", "-A", "-u", "192.168.88.1:53", "-s", "rr"),
    ("ipvsadm", "-a", "-u", "192.168.88.1:53", "-r", "192.168.88.30:53", "-b", "-w", "1"),
    ("ipvsadm", "-P", "-u", "192.168.88.1:53", "-z", "192.168.88.241", "-F", "dpdk0.102"),
)


@pytest.fixture
def serving(machine: Machine) -> Machine:
    """dpvs with an HTTP and a UDP service, its servers resolved."""
    machine.start_dpvs()
    for name, *arguments in NETWORK + FULLNAT + UDP:
        machine.tool(name, *arguments)
    wait_until(lambda: machine.tool("dpip", "neigh", "show").count("REACHABLE") >= 2, 10, "the servers are resolved")
    machine.docker.run("create", "--name", "next", IMAGE)
    machine.docker.run("commit", "-c", "LABEL org.opencontainers.image.version=next", "next", NEXT)
    return machine


def configuration(machine: Machine) -> str:
    """What the operator set up, as the tools of the next version show it."""
    shown = [
        ("ipvsadm", "-S", "-n"),
        ("dpip", "addr", "show"),
        ("dpip", "route", "show"),
        ("dpip", "-6", "route", "show"),
    ]
    return "".join(machine.tool(name, *arguments, image=NEXT) for name, *arguments in shown)


def test_an_upgrade_loses_no_packet_and_no_connection(serving: Machine) -> None:
    client, url = serving.lab.client, "http://192.168.88.1/"
    before = configuration(serving)
    load = {
        "stream": [sys.executable, "-I", str(UDP_STREAM), "192.168.88.1", "53", SECONDS, "2"],
        "persistent": ["wrk", "-t1", "-c20", f"-d{SECONDS}s", url],
        "short": ["wrk", "-t1", "-c10", f"-d{SECONDS}s", "-H", "Connection: close", url],
        "download": ["curl", "-s", "-o", "/dev/null", "-w", "%{size_download}", "--limit-rate", "130k", f"{url}big"],
    }
    started = {
        name: subprocess.Popen(client.argv(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for name, argv in load.items()
    }
    try:
        wait_until(lambda: int(serving.tool("ipvsadm", "-ln").split("FullNat")[1].split()[1]) >= 5, 5, "load arrives")
        serving.remove("dpvs")
        assert client.curl(url).startswith("rs"), "new connections while there is no dpvs"
        serving.start_dpvs(image=NEXT)
        assert started["stream"].poll() is None, "the upgrade was over before the load"
        reports = {name: process.communicate(timeout=40)[0] for name, process in started.items()}
    finally:
        for process in started.values():
            process.kill()
            process.communicate()
    sent, answered = map(int, reports["stream"].split())
    assert sent > 1000
    assert answered == sent
    for name in ("persistent", "short"):
        assert "Requests/sec" in reports[name]
        assert "Socket errors" not in reports[name], reports[name]
        assert "Non-2xx" not in reports[name], reports[name]
    assert reports["download"] == str(1 << 20)
    assert configuration(serving) == before
    image = serving.docker.run("inspect", "-f", "{{.Config.Image}}", "dpvs").stdout.strip()
    assert image == NEXT
    assert "goes on with what an earlier run left" in serving.logs("dpvs")
