"""keepalived as a process: exit codes, pid files, signals, reloads; dpvs is a table behind a real socket."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from lab.wait import wait_until
from tests.support.keepalived import key
from tests.support.keepalived_dpvs import FakeDpvs
from tests.support.keepalived_process import Process, process, virtual_server

SERVERS = ("10.9.0.1", "10.9.0.2")
ONE = virtual_server(1, SERVERS)
KEY = key("10.1.0.1")


def alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# The test of a configuration


def test_t_ends_with_0_for_a_good_file(tmp_path: Path) -> None:
    done = Process(tmp_path, ONE).run("-t")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_t_ends_with_4_and_says_where(tmp_path: Path) -> None:
    made = Process(tmp_path, ONE.replace("real_server 10.9.0.1", "real_server nonsense"))
    done = made.run("--config-test")
    assert done.returncode == 4
    assert f"{made.conf}:5: " in done.stderr
    log = tmp_path / "test.log"
    assert made.run(f"-t{log}").returncode == 4
    assert log.read_text() == done.stderr


def test_t_ends_with_5_for_a_script_that_others_could_change(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o777)
    security = "global_defs {\n    script_user root\n    enable_script_security\n}\n"
    made = Process(tmp_path, security + virtual_server(1, SERVERS, f"quorum_up {script}"))
    done = made.run("-t")
    assert done.returncode == 5
    assert "quorum_up" in done.stderr
    assert "not secure" in done.stderr


def test_no_file_is_6_and_a_directory_or_a_program_is_no_file(tmp_path: Path) -> None:
    made = Process(tmp_path, ONE)
    made.conf.chmod(0o755)
    assert made.run("-t").returncode == 6
    made.conf.unlink()
    assert made.run("-t").returncode == 6
    done = made.run("-n", "-l", "-G")
    assert done.returncode == 6
    assert "No such file or directory" in done.stderr
    made.conf.mkdir()
    assert made.run("-t").returncode == 6


def test_a_start_with_a_broken_file_is_3_and_leaves_nothing(tmp_path: Path) -> None:
    made = Process(tmp_path, ONE.replace("lb_kind FNAT", "lb_kind"))
    done = made.run("-n", "-l", "-G")
    assert done.returncode == 3
    assert f"{made.conf}:3" in done.stderr
    assert not any(file.exists() for file in made.pid_files)
    assert made.run("-G").returncode == 3, "in the background as well"


def test_wrong_words_are_1(tmp_path: Path) -> None:
    assert Process(tmp_path, ONE).run("-n", "what").returncode == 1


# Life


def test_it_applies_writes_pid_files_and_takes_back(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, "-D", dpvs=dpvs) as running:
        wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 20, "the service is there")
        assert running.pid("keepalived") == running.popen.pid
        assert running.pid("checkers") not in (0, running.popen.pid)
        assert running.pid("vrrp") == 0, "there is no instance"
        assert running.pid_files[0].stat().st_mode & 0o777 == 0o644
        assert running.stop() == 0
        assert dpvs.services == {}
        assert not any(file.exists() for file in running.pid_files)
        assert "Stopped Keepalived" in running.output()


def test_a_second_one_says_so_and_ends_with_0(tmp_path: Path) -> None:
    with process(tmp_path, ONE, dpvs=FakeDpvs()) as running:
        wait_until(lambda: running.pid("keepalived"), 20)
        second = running.run("-n", "-l", "-G")
        assert second.returncode == 0
        assert "daemon is already running" in second.stderr
        assert running.popen.poll() is None
        assert running.pid("keepalived") == running.popen.pid


def test_a_stale_pid_file_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "keepalived.pid").write_text("1\n")
    (tmp_path / "checkers.pid").write_text("garbage")
    with process(tmp_path, ONE, dpvs=FakeDpvs()) as running:
        wait_until(lambda: running.pid("keepalived") == running.popen.pid, 20)


def test_in_the_background_it_returns_when_it_runs(tmp_path: Path) -> None:
    made = Process(tmp_path, ONE)
    done = made.run("-G", f"-g{tmp_path}/log")
    assert done.returncode == 0, done.stderr
    pid = made.pid("keepalived")
    try:
        assert alive(pid)
        assert os.getsid(pid) not in (os.getsid(0), pid), "a session without terminal, which it does not lead"
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert os.readlink(f"/proc/{pid}/fd/2") == "/dev/null"
    finally:
        made.kill("keepalived", signal.SIGTERM)
    wait_until(lambda: not alive(pid), 20)
    assert "Stopped Keepalived" in (tmp_path / "log").read_text()


def test_without_syslog_and_anybody_to_read_it_runs(tmp_path: Path) -> None:
    made = Process(tmp_path, ONE)
    with subprocess.Popen([*made.argv, "-n", "-l"], stderr=subprocess.PIPE, env=made.environment) as running:
        assert running.stderr
        wait_until(lambda: made.pid("checkers"), 20)
        running.stderr.close()
        running.send_signal(signal.SIGHUP)
        wait_until(lambda: made.pid("keepalived") == running.pid, 5)
        running.terminate()
        assert running.wait(20) == 0


def test_killall_reaches_the_children_too_and_does_no_harm(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: KEY in dpvs.services, 20)
        checker = running.pid("checkers")
        running.kill("checkers", signal.SIGHUP)
        running.reload(virtual_server(2, SERVERS))
        running.kill("checkers", signal.SIGHUP)
        wait_until(lambda: list(dpvs.services) == [key("10.1.0.2")], 20)
        assert running.pid("checkers") == checker
        running.kill("checkers", signal.SIGTERM)
        assert running.stop() == 0
        assert dpvs.services == {}


def test_a_killed_checker_comes_back_and_touches_nothing_that_is_right(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 20)
        checker = running.pid("checkers")
        dpvs.changes.clear()
        running.kill("checkers", signal.SIGKILL)
        wait_until(lambda: running.pid("checkers") not in (0, checker), 20)
        running.says("was ended by signal 9")
        dpvs.dests[KEY].clear()
        dpvs.restart(clean=True)
        wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 20, "it works")


def test_a_checker_killed_over_a_broken_file_waits_for_a_good_one(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: KEY in dpvs.services, 20)
        running.conf.write_text("virtual_server {\n")
        running.kill("checkers", signal.SIGKILL)
        running.says("The configuration is not used")
        running.reload(virtual_server(2, SERVERS))
        wait_until(lambda: key("10.1.0.2") in dpvs.services, 20)


def test_with_r_the_end_of_a_child_ends_all(tmp_path: Path) -> None:
    with process(tmp_path, ONE, "-R", dpvs=FakeDpvs()) as running:
        wait_until(lambda: running.pid("checkers"), 20)
        running.kill("checkers", signal.SIGKILL)
        assert running.popen.wait(20) == 0
        assert "as -R asks" in running.output()


def test_i_leaves_services_and_c_and_p_choose(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, "-I", "-C", dpvs=dpvs) as running:
        wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 20)
        assert running.stop() == 0
        assert len(dpvs.dests[KEY]) == 2
    with process(tmp_path, ONE, "-P", dpvs=dpvs) as running:
        running.says("no configuration to run")
        wait_until(lambda: running.pid("keepalived"), 20)
        assert running.pid("checkers") == 0
        running.reload(ONE)
        wait_until(lambda: running.output().count("no configuration to run") == 2, 20)
        assert running.stop() == 0


def test_d_dumps_the_configuration(tmp_path: Path) -> None:
    with process(tmp_path, ONE, "-d") as running:
        running.says("virtual_server")
        running.says("10.9.0.2")


# Reload


def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: len(dpvs.dests.get(KEY, ())) == 2, 20)
        dpvs.changes.clear()
        running.reload(virtual_server(2, SERVERS).replace("lb_kind FNAT", "lb_kind"))
        running.says("everything goes on as before")
        assert f"{running.conf}:3" in running.output()
        running.conf.unlink()
        running.popen.send_signal(signal.SIGHUP)
        running.says("No such file or directory")
        assert dpvs.changes == []
        running.reload(ONE + virtual_server(2, SERVERS))
        wait_until(lambda: key("10.1.0.2") in dpvs.services, 20)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("instance other\n", "Cannot change instance name"),
        ("net_namespace blue\n", "Cannot change network namespace"),
    ],
)
def test_what_cannot_change_is_refused(tmp_path: Path, line: str, message: str) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: KEY in dpvs.services, 20)
        running.reload(line + virtual_server(2, SERVERS))
        running.says(message)
        running.says("everything goes on as before")
        assert list(dpvs.services) == [KEY]


def test_the_last_service_may_go_and_come_back(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: KEY in dpvs.services, 20)
        running.reload("global_defs {\n}\n")
        wait_until(lambda: not dpvs.services, 20)
        wait_until(lambda: running.pid("checkers") == 0, 10)
        running.reload(ONE)
        wait_until(lambda: KEY in dpvs.services, 20)
        wait_until(lambda: running.pid("checkers"), 10)


def test_many_reloads_in_a_row_end_with_the_last_one(tmp_path: Path) -> None:
    dpvs = FakeDpvs()
    with process(tmp_path, ONE, dpvs=dpvs) as running:
        wait_until(lambda: KEY in dpvs.services, 20)
        for number in range(2, 30):
            running.reload(virtual_server(number, SERVERS))
        wait_until(lambda: list(dpvs.services) == [key("10.1.0.29")], 30)


def test_of_two_thousand_services_the_one_that_changed_is_touched(tmp_path: Path) -> None:
    count = 2000
    dpvs = FakeDpvs()
    services = [virtual_server(number, SERVERS) for number in range(count)]
    with process(tmp_path, "".join(services), dpvs=dpvs) as running:
        wait_until(lambda: sum(map(len, dpvs.dests.values())) == 2 * count, 60, "all of them are there")
        dpvs.changes.clear()
        services[77] = virtual_server(77, (SERVERS[0], "10.9.0.3"))
        running.reload("".join(services))
        wait_until(lambda: dpvs.changes, 30)
        polls = dpvs.polls
        wait_until(lambda: dpvs.polls > polls + 1, 10)
        assert dpvs.changes == ["XDPVS_CHANGE_DESTS 10.1.0.77:80 +10.9.0.3=100 -10.9.0.2"]
