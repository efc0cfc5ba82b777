"""Which programs root may run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xdpvs.probing import script_security
from xdpvs.probing.open_files import attempts_room, raise_open_files_limit
from xdpvs.probing.script_security import insecurity

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to own files")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose way there counts as safe."""
    real = script_security._writable_by_others
    ours = {os.lstat(path).st_ino for path in tmp_path.parents}
    monkeypatch.setattr(
        script_security, "_writable_by_others", lambda found: "" if found.st_ino in ours else real(found)
    )
    tmp_path.chmod(0o755)
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "script").chmod(0o755)
    return tmp_path


def test_a_program_of_the_system_is_safe() -> None:
    assert insecurity("/bin/sh") == ""


def test_a_directory_everybody_writes_to_is_not() -> None:
    assert insecurity("/tmp/nonesuch") == "/tmp: writable by everybody"
    assert insecurity("/nonesuch") == "/nonesuch: no such file or directory"
    assert insecurity("sh") == "sh: no absolute path"


@needs_root
def test_owner_and_mode_of_every_part_count(home: Path) -> None:
    script = home / "script"
    assert insecurity(str(script)) == ""
    script.chmod(0o775)
    assert insecurity(str(script)) == ""  # root's own group
    os.chown(script, 0, 1)
    script.chmod(0o775)
    assert insecurity(str(script)) == f"{script}: writable by group 1"
    os.chown(script, 0, 0)
    script.chmod(0o757)
    assert insecurity(str(script)) == f"{script}: writable by everybody"
    script.chmod(0o755)
    os.chown(home, 1, 0)
    assert insecurity(str(script)) == f"{home}: belongs to user 1"


@needs_root
def test_links_are_followed_and_their_ways_count(home: Path) -> None:
    inner = home / "inner"
    inner.mkdir(mode=0o755)
    (inner / "link").symlink_to("../script")
    (home / "absolute").symlink_to(inner / "link")
    assert insecurity(str(home / "absolute")) == ""
    assert insecurity(f"{home}/./inner/../script") == ""
    inner.chmod(0o777)
    assert insecurity(str(home / "absolute")) == f"{inner}: writable by everybody"
    (home / "round").symlink_to("round")
    assert insecurity(str(home / "round")).endswith("too many symbolic links")


def test_the_limit_of_open_files_is_raised_to_the_hard_one() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert attempts_room() == 192
        assert raise_open_files_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
