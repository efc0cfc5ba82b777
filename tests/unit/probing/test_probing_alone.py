"""What the network itself says, in a namespace where it can be made to say it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a network namespace")
def test_the_network_speaks_for_the_server_and_permissions_for_us() -> None:
    argv = ["unshare", "--net", sys.executable, "-m", "tests.support.probing_alone"]
    result = subprocess.run(argv, cwd=TOP, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "tcp without a network: bad: network is unreachable",
        "udp without a network: bad: network is unreachable",
        "ping without a network: bad: network is unreachable",
        "tcp to nobody: bad: no connection in time",
        "tcp to the unreachable: bad: no route to host",
        "udp to nobody: good: ",
        "udp to the unreachable: bad: no route to host",
        "ping to nobody: bad: no echo reply in time",
        "ping to the unreachable: bad: no route to host",
        "ping on a link: good: ",
        "tcp on a link: good: ",
        "ping not allowed: undecided: permission denied",
        "ping without a raw socket: good: ",
        "ping without a raw socket, IPv6: good: ",
    ]
