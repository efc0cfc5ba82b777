"""Starting, stopping, dying and starting again."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.balancer import Balancer, installed
from lab.builder import Lab
from lab.process import run
from lab.topology import TUTORIAL
from tests.support.daemon import PLACES, add_service, configure, small_conf
from tests.support.netns import missing_for_balancer, need, wait_until
from xdpvs.api.client import Client

PLAN = PLACES[TUTORIAL.name]
URL = f"http://{PLAN.vip4}/"


@pytest.fixture
def daemon(lab: Lab) -> Iterator[Balancer]:
    """The daemon with a FullNAT service in the tutorial's network, its servers resolved."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"])) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        yield balancer


def listings(balancer: Balancer) -> str:
    """Everything the operator configured, as the tools show it."""
    return "".join(
        (
            balancer.ipvsadm("-S", "-n"),
            re.sub(r"\d+ *$", "", balancer.ipvsadm("-G"), flags=re.MULTILINE),
            balancer.dpip("addr", "show"),
            balancer.dpip("route", "show"),
            balancer.dpip("-6", "route", "show"),
            balancer.tool("dpip", "vlan", "show", "link", "dpdk0", check=False),
        )
    )


def refused(lab: Lab, *arguments: str) -> str:
    """What a dpvs says that must not start."""
    done = lab.lb.run(str(installed("dpvs")), *arguments, check=False, timeout_s=20)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def instances(lab: Lab) -> list[str]:
    """Pinned state by prefix; the kernel keeps files of its own beside it."""
    return [path.name for path in Path(lab.bpffs()).iterdir() if path.is_dir()]


def command_line(balancer: Balancer, **instead: str) -> list[str]:
    """The daemon's command line with other values."""
    argv = balancer.argv()[1:]
    for option, value in instead.items():
        flag = {"pid": "-p", "socket": "-x", "prefix": "--file-prefix", "bpffs": "--bpffs", "port": "-a"}[option]
        argv[argv.index(flag) + 1] = value
    return argv


def test_a_killed_daemon_leaves_packets_flowing_and_a_new_one_adopts_everything(lab: Lab, daemon: Balancer) -> None:
    before = listings(daemon)
    daemon.kill9()
    for _ in range(4):
        assert lab.client.curl(URL) in ("rs1:80\n", "rs2:80\n")
    assert lab.client.ping(PLAN.vip4), "ARP and echo are answered without a daemon"
    daemon.start()
    assert listings(daemon) == before
    assert lab.client.curl(URL)


def test_the_generation_tells_whether_the_configuration_is_still_there(daemon: Balancer) -> None:
    status = Client(str(daemon.socket)).get_status()
    assert (status.services, status.dests, status.laddrs) == (1, 2, len(PLAN.laddrs4))
    assert status.version.startswith("xdpvs ")
    assert status.resident_bytes > 10 << 20
    daemon.restart(clean=False)
    assert Client(str(daemon.socket)).get_status().generation == status.generation
    daemon.restart(clean=True)
    empty = Client(str(daemon.socket)).get_status()
    assert empty.generation != status.generation
    assert empty.services == 0


def test_killed_and_restarted_under_load_nothing_is_lost(lab: Lab, daemon: Balancer) -> None:
    argv = ["wrk", "-t1", "-c50", "-d8s", URL]
    short = ["wrk", "-t1", "-c20", "-d8s", "-H", "Connection: close", URL]
    load = [
        subprocess.Popen(lab.client.argv(each), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for each in (argv, short)
    ]
    try:
        time.sleep(1.5)
        daemon.kill9()
        time.sleep(0.5)
        daemon.start()
        time.sleep(0.5)
        daemon.restart(clean=False)
        reports = [process.communicate(timeout=30)[0] for process in load]
    finally:
        for process in load:
            process.kill()
    for report in reports:
        assert "Requests/sec" in report
        assert "Socket errors" not in report, report
        assert "Non-2xx" not in report, report


def test_a_connection_outlives_a_restart(lab: Lab, daemon: Balancer) -> None:
    argv = lab.client.argv(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{size_download}", "--limit-rate", "300k", f"{URL}big"]
    )
    download = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    daemon.restart(clean=False)
    assert download.communicate(timeout=30)[0] == str(1 << 20)
    assert "FullNat" in daemon.ipvsadm("-ln")


def test_a_clean_stop_leaves_nothing(lab: Lab, daemon: Balancer) -> None:
    assert daemon.stop() == 0
    assert not daemon.pid_file.exists()
    assert not daemon.socket.exists()
    shown = lab.lb.ip("-d", "link", "show")
    assert "prog/xdp" not in shown
    assert ".kni" not in shown
    assert instances(lab) == []
    daemon.start()
    assert PLAN.vip4 not in daemon.ipvsadm("-ln")


def test_a_second_daemon_is_refused(lab: Lab, daemon: Balancer, tmp_path: Path) -> None:
    other = {"pid": str(tmp_path / "pid"), "socket": str(tmp_path / "ipc")}
    assert "dpvs is already running" in refused(lab, *command_line(daemon))
    assert "another dpvs uses" in refused(lab, *command_line(daemon, **other))
    other["prefix"] = "second"
    assert "already holds" in refused(lab, *command_line(daemon, **other))
    assert instances(lab) == ["lab"]
    assert "a daemon answers at" in refused(
        lab, *command_line(daemon, pid=other["pid"], prefix="second", socket=str(daemon.socket))
    )
    assert lab.client.curl(URL), "the first one goes on undisturbed"


def test_an_unknown_port_is_named(lab: Lab, tmp_path: Path) -> None:
    config = tmp_path / "dpvs.conf"
    config.write_text("")
    argv = ["-c", str(config), "-p", str(tmp_path / "pid"), "-x", str(tmp_path / "ipc"), "--bpffs", str(lab.bpffs())]
    assert "-a nosuch: no such network device" in refused(lab, *argv, "--", "-a", "nosuch")
    assert "No dpdk ports found" in refused(lab, *argv)


def test_unload_takes_away_what_a_killed_daemon_left(lab: Lab, daemon: Balancer) -> None:
    daemon.kill9()
    lab.lb.run(*daemon.argv()[:1], "--bpffs", str(lab.bpffs()), "--unload", "--", "--file-prefix", "lab")
    shown = lab.lb.ip("-d", "link", "show")
    assert "prog/xdp" not in shown
    assert "dpdk0.102" not in shown
    assert "altname" not in shown


def test_sighup_applies_what_can_be_reloaded(lab: Lab, daemon: Balancer) -> None:
    daemon.conf_file.write_text("ipvs_defs {\n    nonsense {\n")
    daemon.reload()
    wait_until(lambda: "nonsense" in daemon.process.output(), 5, "the mistake is reported")
    assert lab.client.curl(URL), "a broken file changes nothing"
    daemon.conf_file.write_text(
        small_conf(["dpdk0"])
        + "ipvs_defs {\n    tcp {\n        timeout {\n            time_wait 2\n        }\n    }\n}\n"
    )
    daemon.reload()
    wait_until(lambda: daemon.process.output().count("Got signal SIGHUP") == 2, 5, "it is read")
    lab.client.curl(URL)
    wait_until(lambda: "TIME_WAIT" not in daemon.ipvsadm("-lnc"), 6, "connections expire after two seconds")


def test_version_and_help_need_nothing() -> None:
    shown = run([str(installed("dpvs")), "-v"])
    assert "dpvs version: " in shown.stderr


def test_a_stop_that_keeps_the_data_plane(lab: Lab) -> None:
    """What orchestrators do to replace a daemon is SIGTERM; with --keep that costs no more than a crash."""
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"]), arguments=["--keep"]) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        before = listings(balancer)
        assert balancer.stop() == 0
        assert not balancer.pid_file.exists()
        assert not balancer.socket.exists()
        assert lab.client.curl(URL) in ("rs1:80\n", "rs2:80\n")
        balancer.start()
        assert listings(balancer) == before
        balancer.stop()
        lab.lb.run(str(installed("dpvs")), "--unload", "--bpffs", str(lab.bpffs()), "--", "--file-prefix", "lab")
        assert "prog/xdp" not in lab.lb.ip("-d", "link", "show")
        assert ".kni" not in lab.lb.ip("-d", "link", "show")
