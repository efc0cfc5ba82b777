"""Pid files: where they are, and whom they keep out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from xdpvs.keepalived import pidfile
from xdpvs.keepalived.options import Arguments
from xdpvs.keepalived.pidfile import PidFiles, pid_files, running
from xdpvs.model.keepalived import GlobalDefs


def places(settings: GlobalDefs, arguments: Arguments | None = None) -> list[str]:
    return [str(path) for path in pid_files(arguments or Arguments(), settings).all()]


def test_defaults_and_what_moves_them() -> None:
    assert places(GlobalDefs()) == ["/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"]
    assert places(GlobalDefs(use_pid_dir=True))[0] == "/run/keepalived/keepalived.pid"
    assert places(GlobalDefs(instance="blue")) == [
        "/run/keepalived/keepalived_blue.pid",
        "/run/keepalived/vrrp_blue.pid",
        "/run/keepalived/checkers_blue.pid",
    ]
    assert places(GlobalDefs(instance="blue"), Arguments(pid_file="/x"))[0] == "/x"


def test_a_file_is_written_whole_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "run" / "k.pid"
    pidfile.write(path, 77)
    assert path.read_text() == "77\n"
    assert path.stat().st_mode & 0o777 == 0o644
    pidfile.remove(path)
    pidfile.remove(path)
    assert list(path.parent.iterdir()) == []


def test_only_a_living_keepalived_keeps_others_out(tmp_path: Path) -> None:
    files = PidFiles(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert running(files) is None
    for text in ("", "nonsense\n", "-1\n", "999999999\n", "1\n"):
        files.vrrp.write_text(text)
        assert running(files) is None, text
    argv = [sys.executable, "-c", "input()", "keepalived"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as other:
        files.vrrp.write_text(f"{other.pid}\n")
        assert running(files) == files.vrrp
        other.communicate(b"\n")
    assert running(files) is None
