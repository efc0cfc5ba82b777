"""dpvs.conf on disk, and --check."""

from __future__ import annotations

import io
from pathlib import Path

from tests.support.dpvs_conf import SAMPLE
from xdpvs.daemon.conf_file import check


def run(path: Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return check(str(path), out, err), out.getvalue(), err.getvalue()


def test_good_file_prints_its_notes(tmp_path: Path) -> None:
    path = tmp_path / "dpvs.conf"
    path.write_text(SAMPLE)
    code, out, err = run(path)
    assert (code, err) == (0, "")
    assert out.startswith(f"CFG_FILE: Opening configuration file '{path}'.\n")
    assert "IPVS: conn_pool_size = 2097152 (round to 2^n-1)\n" in out


def test_bad_file_prints_where(tmp_path: Path) -> None:
    path = tmp_path / "dpvs.conf"
    path.write_text("neigh_defs {\n timeot 3\n}\n")
    assert run(path) == (1, "", f"{path}:2: unknown keyword timeot in neigh_defs\n")


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "dpvs.conf"
    assert run(path) == (1, "", f"{path}: cannot read {path}: No such file or directory\n")


def test_includes_are_relative_to_the_file_that_includes(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.conf").write_text("include b.conf\n")
    (tmp_path / "parts" / "b.conf").write_text("neigh_defs {\n timeout 7\n}\n")
    path = tmp_path / "dpvs.conf"
    path.write_text("include parts/a*.conf\n")
    code, out, _ = run(path)
    assert code == 0
    assert "NEIGHBOUR: arp_reachable_timeout = 7\n" in out


def test_bytes_that_are_no_text_are_an_error_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "dpvs.conf"
    path.write_bytes(b"\n\xff\xfe\x00 1\n")
    code, _, err = run(path)
    assert code == 1
    assert err.startswith(f"{path}:2: unknown keyword ")


def test_directory_is_an_error(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 1
