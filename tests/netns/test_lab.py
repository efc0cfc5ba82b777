"""The lab itself, before any balancer: what it builds works, and nothing of it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import leftovers
from lab.builder import Lab
from lab.host import NETNS_DIR, Host
from lab.objects import TOP, XDP_REFLECT
from lab.process import CommandFailed, run
from lab.topology import IPV6, ONE_ARM, ROUTED_CLIENT, TUTORIAL, TWO_ARM, TWO_ARM_GATEWAY
from tests.support.netns import missing_for_lab, need, wait_until

NOBODY = "192.168.88.99"


def reflect(lab: Lab) -> None:
    """Put the reflector where the balancer would be."""
    lab.lb.ip("link", "set", "dpdk0", "up")
    lab.lb.attach_xdp("dpdk0", XDP_REFLECT)


def reflected(lab: Lab) -> dict[str, int]:
    """How many frames the reflector saw, by whether they were tagged."""
    shown = json.loads(lab.lb.run("ip", "-d", "-j", "link", "show", "dev", "dpdk0").stdout)
    program = shown[0]["xdp"]["prog"]["id"]
    (map_id,) = [
        identity
        for identity in json.loads(run(["bpftool", "-j", "prog", "show", "id", str(program)]).stdout)["map_ids"]
        if json.loads(run(["bpftool", "-j", "map", "show", "id", str(identity)]).stdout)["name"] == "reflected"
    ]
    entries = json.loads(run(["bpftool", "-j", "map", "dump", "id", str(map_id)]).stdout)
    values = [entry["formatted"]["value"] for entry in entries]
    return {"untagged": values[0], "tagged": values[1]}


def echo(host: Host, address: str, port: int, text: str) -> str:
    """Send a datagram from a host and return the answer."""
    script = (
        "import socket,sys\n"
        "a,p,t=sys.argv[1:]\n"
        "s=socket.socket(socket.AF_INET6 if ':' in a else socket.AF_INET,socket.SOCK_DGRAM)\n"
        "s.settimeout(3);s.connect((a,int(p)));s.send(t.encode());print(s.recv(65535).decode())"
    )
    return host.run(sys.executable, "-I", "-c", script, address, str(port), text).stdout.strip()


def test_client_reaches_servers_through_the_switch(lab: Lab) -> None:
    assert lab.client.curl("http://192.168.88.30/") == "rs1:80\n"
    assert lab.client.curl("http://192.168.88.130:8080/") == "rs2:8080\n"
    assert lab.client.curl("http://192.168.88.30/peer", source="192.168.88.16").startswith("192.168.88.16 ")
    assert echo(lab.client, "192.168.88.30", 5300, "hello") == "rs1:5300 hello"


def test_big_is_one_mebibyte(lab: Lab) -> None:
    out = lab.client.curl("http://192.168.88.30/big", "--output", "/dev/null", "--write-out", "%{size_download}")
    assert out == str(1 << 20)


def test_hundreds_of_connections_at_once(lab: Lab) -> None:
    argv = ("wrk", "-t1", "-c500", "-d1s", "-H", "Connection: close", "http://192.168.88.30/")
    report = lab.client.run(*argv).stdout
    assert "Socket errors" not in report, report
    assert "Non-2xx" not in report, report


def test_a_curl_that_gets_no_answer_fails(lab: Lab) -> None:
    with pytest.raises(CommandFailed, match="exit status 7"):
        lab.client.curl("http://192.168.88.30:81/")


def test_the_balancers_port_arrives_untouched(lab: Lab) -> None:
    shown = json.loads(lab.lb.ip("-j", "address", "show", "dev", "dpdk0"))[0]
    assert "UP" not in shown["flags"]
    assert shown["addr_info"] == []


def test_the_balancer_sees_tagged_frames_and_its_tagged_answers_arrive(lab: Lab) -> None:
    reflect(lab)
    lab.client.ip("neigh", "add", NOBODY, "lladdr", lab.lb.mac("dpdk0"), "dev", "eth0")
    received = _received(lab.client)
    lab.client.ping(NOBODY, count=5, timeout_s=1)
    lab.client.ping(NOBODY, count=5, timeout_s=1, size=1500 - 28)
    wait_until(lambda: reflected(lab)["tagged"] >= 10)
    assert reflected(lab)["untagged"] == 0
    assert _received(lab.client) >= received + 10


@pytest.mark.topology(ONE_ARM)
def test_without_a_vlan_frames_are_untagged(lab: Lab) -> None:
    reflect(lab)
    lab.client.ip("neigh", "add", "192.0.2.99", "lladdr", lab.lb.mac("dpdk0"), "dev", "eth0")
    lab.client.ping("192.0.2.99", count=5, timeout_s=1)
    wait_until(lambda: reflected(lab)["untagged"] >= 5)
    assert reflected(lab)["tagged"] == 0


def _received(host: Host) -> int:
    shown = json.loads(host.ip("-s", "-j", "link", "show", "dev", "eth0"))[0]
    packets: int = shown["stats64"]["rx"]["packets"]
    return packets


@pytest.mark.topology(ROUTED_CLIENT)
def test_the_router_forwards_between_client_and_servers(lab: Lab) -> None:
    assert lab.client.curl("http://192.0.2.30/") == "rs1:80\n"
    assert lab.client.curl("http://[2001:db8::130]:8080/") == "rs2:8080\n"
    assert lab.client.curl("http://[2001:db8::130]/peer").startswith("2001:db8:3::15 ")


@pytest.mark.topology(TWO_ARM)
def test_two_arm_servers_cannot_be_reached_without_a_balancer(lab: Lab) -> None:
    assert not lab.client.ping("192.0.2.30", timeout_s=1)
    assert lab.hosts["rs1"].curl("http://192.0.2.130/") == "rs2:80\n"


@pytest.mark.topology(TWO_ARM_GATEWAY)
def test_with_the_balancer_as_gateway_servers_have_default_routes(lab: Lab) -> None:
    assert "default via 192.0.2.1" in lab.hosts["rs1"].ip("route")
    assert "default via 2001:db8:2::1" in lab.hosts["rs1"].ip("-6", "route")


@pytest.mark.topology(IPV6)
def test_ipv6_is_usable_at_once(lab: Lab) -> None:
    assert lab.client.curl("http://[2001:db8::30]/", source="2001:db8::16") == "rs1:80\n"
    assert echo(lab.client, "2001:db8::130", 53, "hello") == "rs2:53 hello"


@pytest.mark.topology(ONE_ARM.with_mtu(1400, "rs1"))
def test_mtu_of_one_host_alone(lab: Lab) -> None:
    assert "mtu 1400" in lab.hosts["rs1"].ip("link", "show", "dev", "eth0")
    assert "mtu 1500" in lab.client.ip("link", "show", "dev", "eth0")
    out = lab.client.curl("http://192.0.2.30/big", "--output", "/dev/null", "--write-out", "%{size_download}")
    assert out == str(1 << 20)


@pytest.mark.topology(ONE_ARM)
def test_echo_answers_from_the_address_it_was_asked_at(lab: Lab) -> None:
    lab.hosts["rs1"].add_address("192.0.2.31/24")
    lab.hosts["rs1"].add_address("2001:db8::31/64")
    assert echo(lab.client, "192.0.2.31", 5300, "v4") == "rs1:5300 v4"
    assert echo(lab.client, "2001:db8::31", 5300, "v6") == "rs1:5300 v6"


@pytest.mark.topology(ONE_ARM)
def test_a_silent_vip_is_served_but_not_announced(lab: Lab) -> None:
    rs1 = lab.hosts["rs1"]
    for vip in ("192.0.2.1", "2001:db8::1"):
        rs1.add_silent_vip(vip)
        assert not lab.client.ping(vip, timeout_s=1)
        lab.client.ip("neigh", "replace", vip, "lladdr", rs1.mac("eth0"), "dev", "eth0")
        assert lab.client.ping(vip)


def test_nothing_stays_after_a_run_that_raised() -> None:
    need(missing_for_lab())
    lab = Lab(TUTORIAL)
    pids: list[int] = []

    def run_that_raises() -> None:
        with lab:
            lab.bpffs()
            pids.extend(process.pid for process in lab.processes)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_that_raises()
    assert not list(NETNS_DIR.glob(f"{lab.prefix}-*"))
    assert not lab.run_dir.exists()
    assert str(lab.run_dir) not in Path("/proc/mounts").read_text()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_clean_removes_a_killed_run_and_leaves_a_living_one(lab: Lab) -> None:
    script = (
        "import os,signal\n"
        "from lab.builder import Lab\n"
        "from lab.topology import TUTORIAL\n"
        "lab=Lab(TUTORIAL).__enter__();lab.bpffs()\n"
        "print(lab.prefix,*(p.pid for p in lab.processes),flush=True);os.kill(os.getpid(),signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=TOP, env={**os.environ, "PYTHONPATH": str(TOP)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    prefix, *pids = done.stdout.split()
    assert list(NETNS_DIR.glob(f"{prefix}-*"))
    assert prefix in leftovers.clean()
    assert not list(NETNS_DIR.glob(f"{prefix}-*"))
    assert not (leftovers.RUN / prefix).exists()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="its processes are gone")
    assert lab.client.curl("http://192.168.88.30/") == "rs1:80\n"


def test_a_host_may_be_the_namespace_the_lab_runs_in() -> None:
    """As in a container. When it is killed, cleaning takes the name off that namespace, and leaves its processes."""
    need(missing_for_lab())
    argv = [sys.executable, "-m", "lab", "up", "tutorial", "--no-daemon", "--here", "lb"]
    with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as home:
        inside = ["nsenter", f"--net=/proc/{home.pid}/ns/net", "--"]
        own = os.stat("/proc/self/ns/net").st_ino
        wait_until(lambda: os.stat(f"/proc/{home.pid}/ns/net").st_ino != own, what="the namespace is new")
        with subprocess.Popen([*inside, *argv], cwd=TOP, stdout=subprocess.PIPE, text=True) as process:
            prefix = f"{leftovers.PREFIX}{process.pid}-1"
            assert process.stdout
            assert f"/run/netns/{leftovers.HERE}{prefix}-lb" in "".join(process.stdout.readline() for _ in range(4))
            assert "dpdk0" in run([*inside, "ip", "-o", "link"]).stdout
            process.kill()
        assert prefix in leftovers.clean()
        assert not list(NETNS_DIR.glob(f"*{prefix}*"))
        assert home.poll() is None
        wait_until(lambda: "dpdk0" not in run([*inside, "ip", "-o", "link"]).stdout, what="its cable is gone")
        home.kill()
