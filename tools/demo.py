"""The tutorial, live: builds the network, starts the daemon, runs the commands, balances real HTTP, tears down.

Exit status 0 only if every command succeeded and every real server answered.
"""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab import tutorial
from lab.__main__ import interrupt_on_sigterm
from lab.balancer import Balancer
from lab.builder import Lab
from lab.objects import NotBuilt
from lab.process import CommandFailed
from lab.topology import TUTORIAL
from lab.wait import DeadlinePassed

REQUESTS_PER_SERVICE = 6


class WrongAnswer(Exception):
    """The network works, but not as the tutorial says."""


def main() -> int:
    """Run the demo and say how it went."""
    if os.geteuid() != 0:
        print("demo: needs root, for namespaces and BPF", file=sys.stderr)
        return 1
    interrupt_on_sigterm()
    start = time.monotonic()
    try:
        _run()
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    except (CommandFailed, DeadlinePassed, NotBuilt, WrongAnswer) as error:
        print(f"demo: FAILED: {error}", file=sys.stderr)
        return 1
    _progress(f"all good, {time.monotonic() - start:.1f} s")
    return 0


def _run() -> None:
    _progress("building client, switch, balancer and two real servers from namespaces")
    with Lab(TUTORIAL) as lab:
        try:
            _progress("starting dpvs on dpdk0 in the balancer's namespace")
            with Balancer(lab) as balancer:
                _progress("setting up the tutorial: a VLAN device, addresses, a FullNAT and a NAT64 service")
                for command in tutorial.SETUP:
                    _tool(balancer, command)
                _progress("asking both services from the client")
                for url, expected in tutorial.REQUESTS:
                    _ask(lab, url, expected)
                _progress("looking at it")
                for command in tutorial.SHOW:
                    _tool(balancer, command)
                _progress("tearing down")
        except (CommandFailed, DeadlinePassed, WrongAnswer):
            print(lab.logs(), file=sys.stderr)
            raise


def _tool(balancer: Balancer, command: tutorial.Command) -> None:
    _show("lb", *command)
    name, *arguments = command
    print(balancer.tool(name, *arguments), end="", flush=True)


def _ask(lab: Lab, url: str, expected: frozenset[str]) -> None:
    answers = set()
    for _ in range(REQUESTS_PER_SERVICE):
        _show("client", "curl", url)
        body = lab.client.curl(url)
        print(body, end="", flush=True)
        answers.add(body.strip())
    if answers != expected:
        raise WrongAnswer(f"{url} was answered by {sorted(answers)}, not by {sorted(expected)}")


def _show(where: str, *command: str) -> None:
    print(f"{where}# {shlex.join(command)}", flush=True)


def _progress(what: str) -> None:
    print(f"== {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
