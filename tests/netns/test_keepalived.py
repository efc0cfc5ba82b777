"""keepalived in the tutorial's network: the tutorial's file, servers that die, scripts, reloads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.keepalived import DEVICE, VIP4, VIP6, Keepalived
from tests.support.keepalived_lab import (
    RS1,
    RS2,
    at_vip,
    await_weights,
    check,
    conf,
    keepalived,
    real_server,
    service,
    weights,
)
from tests.support.netns import missing_for_balancer, need, wait_until

NAT64 = {f"[{VIP6}]:80 {server}": 100 for server in (f"{RS1}:80", f"{RS2}:8080", f"{RS1}:8080")}

TUTORIAL_LISTING = """\
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  192.168.88.1:80 rr conn-timeout 60
  -> 192.168.88.30:80             FullNat 100    0          0
  -> 192.168.88.130:80            FullNat 100    0          0
TCP  [2001::1]:80 conhash sip
  -> 192.168.88.30:80             FullNat 100    0          0
  -> 192.168.88.30:8080           FullNat 100    0          0
  -> 192.168.88.130:8080          FullNat 100    0          0
"""

Run = Callable[..., tuple[Balancer, Keepalived]]


@pytest.fixture
def run(lab: Lab) -> Iterator[Run]:
    """Starts the daemon and keepalived with a file."""
    need(missing_for_balancer())
    with ExitStack() as stack:

        def start(*arguments: str) -> tuple[Balancer, Keepalived]:
            return stack.enter_context(keepalived(lab, *arguments))

        yield start


@contextmanager
def standing_connection(lab: Lab) -> Iterator[Callable[[], str]]:
    """One connection to the VIP; the function asks once more who serves it."""
    script = Path(__file__).parents[1] / "support" / "keepalived_client.py"
    argv = lab.client.argv([sys.executable, "-I", str(script), VIP4, "80"])
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin
        assert client.stdout

        def ask() -> str:
            assert client.stdin
            assert client.stdout
            client.stdin.write("\n")
            client.stdin.flush()
            return client.stdout.readline().strip()

        yield ask
        client.stdin.close()


def add_vip(balancer: Balancer) -> None:
    balancer.dpip("addr", "add", f"{VIP4}/32", "dev", DEVICE)


def test_the_tutorials_file_brings_up_both_services(lab: Lab, run: Run) -> None:
    balancer, running = run()
    await_weights(balancer, at_vip(rs1=100, rs2=100) | NAT64)
    listing = balancer.ipvsadm("-ln").splitlines()
    assert [line.rstrip() for line in listing[1:]] == TUTORIAL_LISTING.splitlines()
    wait_until(lambda: "Entering MASTER STATE" in running.output(), 15)
    wait_until(lambda: VIP6 in balancer.dpip("addr", "show"), 5, "the VIPs are there")
    answers = Counter(lab.client.curl(f"http://{VIP4}/").strip() for _ in range(8))
    assert answers == Counter({"rs1:80": 4, "rs2:80": 4})
    assert lab.client.curl(f"http://[{VIP6}]/").strip() in ("rs1:80", "rs2:8080", "rs1:8080")
    listed = balancer.ipvsadm("-G")
    assert listed.count("192.168.88.240") == listed.count("192.168.88.241") == 2
    assert [Path(f"/proc/{pid}").exists() for pid in running.pids()] == [True] * 3
    assert running.stop() == 0
    assert weights(balancer) == {}
    assert "192.168.88.1" not in balancer.dpip("addr", "show").replace("192.168.88.28", ""), "nor VIPs"
    assert "192.168.88.24" not in balancer.dpip("addr", "show"), "nor local addresses"
    assert running.pids() == []


def test_a_server_that_dies_rests_at_weight_zero_and_comes_back(lab: Lab, run: Run) -> None:
    balancer, running = run(
        conf(service(real_server(RS1, "inhibit_on_failure"), real_server(RS2, "inhibit_on_failure")))
    )
    add_vip(balancer)
    await_weights(balancer, at_vip(rs1=100, rs2=100))
    wait_until(lambda: "success" in running.output(), 10)
    lab.hosts["rs1"].ip("link", "set", "eth0", "down")
    await_weights(balancer, at_vip(rs1=0, rs2=100))
    assert {lab.client.curl(f"http://{VIP4}/") for _ in range(4)} == {"rs2:80\n"}
    lab.hosts["rs1"].ip("link", "set", "eth0", "up")
    await_weights(balancer, at_vip(rs1=100, rs2=100))


def test_without_inhibit_it_leaves_and_the_sorry_server_stands_in(lab: Lab, run: Run, tmp_path: Path) -> None:
    quorum = tuple(f'quorum_{way} "touch {tmp_path}/quorum-{way}"' for way in ("up", "down"))
    notify = tuple(f'notify_{way} "touch {tmp_path}/server-{way}"' for way in ("up", "down"))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        balancer, _ = run(
            f"global_defs {{\n    lvs_notify_fifo {fifo}\n}}\n"
            + conf(service(real_server(RS1, *notify), lines=(*quorum, f"sorry_server {RS2} 80")))
        )
        add_vip(balancer)
        await_weights(balancer, at_vip(rs1=100))
        wait_until((tmp_path / "quorum-up").exists, 5, "quorum_up runs at the start")
        lab.hosts["rs1"].ip("link", "set", "eth0", "down")
        await_weights(balancer, at_vip(rs2=1))
        assert lab.client.curl(f"http://{VIP4}/") == "rs2:80\n"
        wait_until((tmp_path / "quorum-down").exists, 5)
        wait_until((tmp_path / "server-down").exists, 5)
        lab.hosts["rs1"].ip("link", "set", "eth0", "up")
        await_weights(balancer, at_vip(rs1=100))
        wait_until((tmp_path / "server-up").exists, 5)
        name, server = f"[{VIP4}]:tcp:80", f"[{RS1}]:tcp:80"
        assert os.read(reader, 4096).decode().splitlines() == [
            f"VS {name} UP",
            f"RS {server} {name} DOWN",
            f"VS {name} DOWN",
            f"RS {server} {name} UP",
            f"VS {name} UP",
        ]
    finally:
        os.close(reader)


def test_http_and_scripts_decide_too(lab: Lab, run: Run, tmp_path: Path) -> None:
    web = check("HTTP_GET", "url {", "  path /", "  status_code 200", "}", "url {", "  path /peer", "}")
    script = check("MISC_CHECK", f'misc_path "test ! -e {tmp_path}/sick"', "misc_timeout 2")
    always = check("MISC_CHECK", 'misc_path "exit 0"', "misc_timeout 2")
    balancer, running = run(
        conf(service(real_server(RS1, checks=web + script), real_server(RS2, "alpha", checks=always)))
    )
    await_weights(balancer, at_vip(rs1=100, rs2=100))
    wait_until(lambda: running.output().count("success.") >= 3, 10, "all have run")
    (tmp_path / "sick").touch()
    await_weights(balancer, at_vip(rs2=100))
    (tmp_path / "sick").unlink()
    await_weights(balancer, at_vip(rs1=100, rs2=100))


def test_scripts_that_hang_and_fork_are_ended_and_count_as_failures(lab: Lab, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\ntrap '' TERM\nsleep 71 &\necho $! >> {tmp_path}/children\nsleep 71\n")
    script.chmod(0o755)
    hanging = check("MISC_CHECK", f"misc_path {script}", "misc_timeout 1")
    balancer, running = run(conf(service(real_server(RS1, checks=hanging), real_server(RS2))))
    await_weights(balancer, at_vip(rs2=100))
    children = [int(pid) for pid in (tmp_path / "children").read_text().split()]
    wait_until(lambda: not any(_runs(pid, "sleep") for pid in children), 10, "they are killed with their group")
    assert running.stop() == 0
    children = [int(pid) for pid in (tmp_path / "children").read_text().split()]
    wait_until(lambda: not any(_runs(pid, "sleep") for pid in children), 5, "and at the stop as well")


def _runs(pid: int, name: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return name in status and "State:\tZ" not in status


def test_a_reload_touches_what_changed_and_nothing_else(lab: Lab, run: Run) -> None:
    first = service(real_server(RS1), real_server(RS2))
    balancer, running = run(conf(first, service(real_server(RS1), port=81)))
    add_vip(balancer)
    await_weights(balancer, {**at_vip(rs1=100, rs2=100), f"{VIP4}:81 {RS1}:80": 100})
    with standing_connection(lab) as ask:
        server = ask()
        changed = service(real_server(RS1, weight=7), real_server(RS2), lines=("establish_timeout 77",))
        running.reload(conf(changed, service(real_server(RS2), port=82)))
        await_weights(balancer, {**at_vip(rs1=7, rs2=100), f"{VIP4}:82 {RS2}:80": 100})
        assert "conn-timeout 77" in balancer.ipvsadm("-ln")
        assert ask() == server, "its connection goes on"
    running.reload(conf(changed))
    await_weights(balancer, at_vip(rs1=7, rs2=100))


def test_a_broken_file_changes_nothing_and_says_where(lab: Lab, run: Run) -> None:
    good = conf(service(real_server(RS1), real_server(RS2)))
    balancer, running = run(good)
    await_weights(balancer, at_vip(rs1=100, rs2=100))
    running.reload(conf(service(real_server(RS1))).replace("real_server 192.168.88.30 80 {", "real_server {"))
    wait_until(lambda: "everything goes on as before" in running.output(), 10)
    assert f"{running.conf_file}:" in running.output()
    assert weights(balancer) == at_vip(rs1=100, rs2=100)
    running.reload(conf(service(real_server(RS1))))
    await_weights(balancer, at_vip(rs1=100))


def test_a_feature_that_dpvs_lacks_is_named_and_costs_nothing_else(lab: Lab, run: Run) -> None:
    sticky = service(real_server(RS1), port=443, lines=("persistence_timeout 50",))
    balancer, running = run(conf(sticky, service(real_server(RS1), real_server(RS2))))
    await_weights(balancer, at_vip(rs1=100, rs2=100))
    refusal = f"VS [{VIP4}]:tcp:443: dpvs refuses service [{VIP4}]:tcp:443: not support: persistence"
    wait_until(lambda: refusal in running.output(), 5)


def test_stopped_with_i_it_leaves_the_services(lab: Lab, run: Run) -> None:
    balancer, running = run(conf(service(real_server(RS1), real_server(RS2))), "-I")
    await_weights(balancer, at_vip(rs1=100, rs2=100))
    assert running.stop() == 0
    assert weights(balancer) == at_vip(rs1=100, rs2=100)
    running.start()
    wait_until(lambda: running.output().count("success.") >= 2, 10, "checks run")
    assert weights(balancer) == at_vip(rs1=100, rs2=100), "found, and kept"


def test_state_is_dumped_on_request(lab: Lab, run: Run) -> None:
    balancer, running = run()
    await_weights(balancer, at_vip(rs1=100, rs2=100) | NAT64)
    data, report = Path("/tmp/keepalived.data"), Path("/tmp/keepalived_check.data")
    for path in (data, report):
        path.unlink(missing_ok=True)
    wait_until(lambda: "Entering BACKUP STATE (init)" in running.output(), 10)
    lab.lb.run("kill", "-USR1", str(running.pids()[0]))
    wait_until(lambda: data.exists() and report.exists(), 5, "both children write")
    assert "VS [192.168.88.1-80-TCP_QLB]:0" in report.read_text()
    assert "vrrp_instance_107" in data.read_text()
    assert "12345" not in data.read_text(), "no secrets"
