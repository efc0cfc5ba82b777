"""The pid file: written last, refused while its process lives, removed only by its owner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xdpvs.daemon.pidfile import AlreadyRunningError, PidFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dpvs.pid"


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_is_written_when_ready_and_removed_at_the_end(path: Path) -> None:
    pid_file = PidFile(str(path))
    pid_file.acquire()
    assert not path.exists()
    assert pid_file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.release()
    assert list(path.parent.iterdir()) == []


def test_living_process_is_refused_and_its_file_left(path: Path) -> None:
    path.write_text(f"{os.getppid()}\n")
    with pytest.raises(AlreadyRunningError, match="dpvs is already running"):
        PidFile(str(path)).acquire()
    assert path.exists()


def test_file_of_a_dead_process_is_removed(path: Path) -> None:
    path.write_text(f"{dead_pid()}\n")
    pid_file = PidFile(str(path))
    pid_file.acquire()
    assert not path.exists()
    pid_file.release()


@pytest.mark.parametrize("content", ["", "no number", "-1\n", "0\n", "9" * 30])
def test_file_without_a_process_is_no_obstacle(path: Path, content: str) -> None:
    path.write_text(content)
    pid_file = PidFile(str(path))
    pid_file.acquire()
    assert pid_file.write()
    pid_file.release()


def test_own_number_is_stale_as_after_a_container_restart(path: Path) -> None:
    path.write_text(f"{os.getpid()}\n")
    pid_file = PidFile(str(path))
    pid_file.acquire()
    pid_file.release()


def test_second_start_is_refused_before_the_first_is_ready(path: Path) -> None:
    first, second = PidFile(str(path)), PidFile(str(path))
    first.acquire()
    with pytest.raises(AlreadyRunningError):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_killed_holder_leaves_no_lock(path: Path) -> None:
    code = "import sys, os; from xdpvs.daemon.pidfile import PidFile; PidFile(sys.argv[1]).acquire(); os._exit(1)"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.with_name("dpvs.pid.lock").exists()
    pid_file = PidFile(str(path))
    pid_file.acquire()
    pid_file.release()


def test_file_of_another_is_not_removed(path: Path) -> None:
    pid_file = PidFile(str(path))
    pid_file.acquire()
    pid_file.write()
    path.write_text("1\n")
    pid_file.release()
    assert path.read_text() == "1\n"


def test_unwritable_place_is_told_by_write(tmp_path: Path) -> None:
    pid_file = PidFile(str(tmp_path / "missing" / "dpvs.pid"))
    pid_file.acquire()
    assert not pid_file.write()
    pid_file.release()
