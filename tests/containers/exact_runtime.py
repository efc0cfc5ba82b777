#!/usr/bin/python3
"""An OCI runtime: runc, with capabilities replaced by those the container's environment names in EXACT_CAPABILITIES.

Debian 12's docker (20.10) knows no CAP_BPF and CAP_PERFMON. What a later one makes of `--cap-add BPF --cap-add PERFMON`
is this: the capabilities, and a seccomp profile that allows bpf(2) to their holder (moby pull request 43987).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

VARIABLE = "EXACT_CAPABILITIES"


def rewritten(config: dict[str, Any]) -> dict[str, Any]:
    """The bundle's configuration with the capabilities asked for, if any are."""
    process, seccomp = config["process"], config["linux"].get("seccomp")
    environment = dict(line.partition("=")[::2] for line in process["env"])
    if VARIABLE in environment:
        exact = [f"CAP_{name}" for name in environment[VARIABLE].split()]
        process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), exact)
        if seccomp and {"CAP_BPF", "CAP_SYS_ADMIN"} & set(exact):
            seccomp["syscalls"].append({"names": ["bpf"], "action": "SCMP_ACT_ALLOW"})
    return config


def main(arguments: list[str]) -> None:
    """Become runc."""
    if "create" in arguments:
        path = Path(arguments[arguments.index("--bundle") + 1], "config.json")
        path.write_text(json.dumps(rewritten(json.loads(path.read_text()))))
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
