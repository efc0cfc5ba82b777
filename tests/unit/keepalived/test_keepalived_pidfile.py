"""Pid files that an earlier keepalived left, above all in a container, where numbers come again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOOKS = "-keepalived-"
# What the number in the file belongs to: this process, a thread of it, a child of it.
LEFT = {
    "itself": "pid = os.getpid()",
    "thread": "t = threading.Thread(target=time.sleep, args=(20,), daemon=True); t.start(); pid = t.native_id",
    "child": f"p = subprocess.Popen([sys.executable, '-c', 'input()', '{LOOKS}'], stdin=-1); pid = p.pid",
}
ASK = """
import os, subprocess, sys, threading, time
from pathlib import Path
from xdpvs.keepalived.pidfile import PidFiles, running
{}
file = Path(sys.argv[2])
if pid: file.write_text(str(pid))
print(running(PidFiles(file, file, file)))
os._exit(0)
"""


def ask(file: Path, left: str = "pid = 0") -> str:
    """What a process that looks like keepalived says of the file."""
    argv = [sys.executable, "-c", ASK.format(left), LOOKS, str(file)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


@pytest.mark.parametrize("whose", LEFT)
def test_a_number_that_is_ours_now_is_nobody_elses(tmp_path: Path, whose: str) -> None:
    assert ask(tmp_path / "pid", LEFT[whose]) == "None"


def test_another_keepalived_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", "input()", LOOKS], stdin=subprocess.PIPE) as other:
        file.write_text(f"{other.pid}\n")
        assert ask(file) == str(file)
        other.kill()


@pytest.mark.parametrize("content", ["", "x\n", "-1\n", "0\n", "4194305\n"])
def test_files_that_name_nobody(tmp_path: Path, content: str) -> None:
    file = tmp_path / "pid"
    file.write_text(content)
    assert ask(file) == "None"
