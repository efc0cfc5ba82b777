"""What tests with namespaces need, and how they say that it is missing."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterable

import pytest

from lab.objects import TOP, XDP_PASS, XDP_REFLECT, vlan_object
from lab.wait import DeadlinePassed, wait_until

__all__ = ["DeadlinePassed", "missing_for_balancer", "missing_for_lab", "need", "wait_until"]

NO_SKIP = "XDPVS_NO_SKIP"
LAB_TOOLS = ("ip", "tc", "ethtool", "nsenter", "nginx", "curl", "ping", "ss", "sysctl", "bpftool", "wrk")


def need(missing: Iterable[str]) -> None:
    """Skip the test, naming what is missing; fail it instead when XDPVS_NO_SKIP=1."""
    reason = ", ".join(missing)
    if not reason:
        return
    if os.environ.get(NO_SKIP) == "1":
        pytest.fail(f"missing: {reason}", pytrace=False)
    pytest.skip(f"missing: {reason}")


@functools.cache
def missing_for_lab() -> tuple[str, ...]:
    """What the lab lacks on this machine."""
    missing = [] if os.geteuid() == 0 else ["root"]
    missing += [tool for tool in LAB_TOOLS if shutil.which(tool) is None]
    objects = (XDP_PASS, XDP_REFLECT, vlan_object(102))
    missing += [f"{path.relative_to(TOP)} (run make)" for path in objects if not path.exists()]
    return tuple(missing)


@functools.cache
def missing_for_balancer() -> tuple[str, ...]:
    """What the daemon in the lab lacks besides."""
    program = TOP / "src" / "xdpvs" / "bpf" / "xdpvs.bpf.o"
    return missing_for_lab() + (() if program.exists() else (f"{program.relative_to(TOP)} (run make)",))
