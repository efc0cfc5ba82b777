"""The benchmark runs: its quick form measures every row it means to measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.netns import need

TOP = Path(__file__).resolve().parents[2]
# Sizes a quick run leaves to a whole one.
LEFT_OUT = "in a quick run"


def test_quick_run(tmp_path: Path) -> None:
    need([] if os.geteuid() == 0 else ["root"])
    saved = tmp_path / "bench.json"
    argv = [sys.executable, str(TOP / "tools" / "bench.py"), "--quick", "--json", str(saved)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(saved.read_text())["rows"]
    missing = [f"{row['row']}: {row['why_not']}" for row in rows if row["value"] is None]
    assert [line for line in missing if LEFT_OUT not in line] == []
