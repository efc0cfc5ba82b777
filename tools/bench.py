"""Runs the benchmark from a source tree: `tools/bench.py [--quick] [--only ROW]`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
