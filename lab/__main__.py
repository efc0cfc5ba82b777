"""`python -m lab up [TOPOLOGY]` brings a topology up until Ctrl-C; `python -m lab clean` removes dead runs' remains."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from lab import leftovers, tutorial
from lab.balancer import Balancer
from lab.builder import Lab
from lab.objects import NotBuilt
from lab.process import CommandFailed
from lab.topology import TOPOLOGIES, TUTORIAL, Topology
from lab.wait import DeadlinePassed


def main() -> int:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="build a topology with the daemon, and wait for Ctrl-C")
    up.add_argument("topology", nargs="?", default=TUTORIAL.name, choices=sorted(TOPOLOGIES))
    up.add_argument("--no-daemon", action="store_true", help="leave the balancer's namespace empty")
    up.add_argument("--here", metavar="HOST", help="the host that is the namespace this runs in")
    commands.add_parser("clean", help="remove what runs left that died")
    arguments = parser.parse_args()
    if arguments.command == "clean":
        for prefix in leftovers.clean():
            print(f"removed {prefix}")
        return 0
    try:
        return _up(TOPOLOGIES[arguments.topology], daemon=not arguments.no_daemon, here=arguments.here)
    except (CommandFailed, DeadlinePassed, NotBuilt, PermissionError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def interrupt_on_sigterm() -> None:
    """Have SIGTERM unwind like Ctrl-C, so that teardown runs."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def _up(topology: Topology, *, daemon: bool, here: str | None) -> int:
    interrupt_on_sigterm()
    with Lab(topology, here=here) as lab:
        try:
            balancer = Balancer(lab) if daemon else None
            if balancer is not None:
                balancer.start()
                if topology == TUTORIAL:
                    for name, *arguments in tutorial.SETUP:
                        balancer.tool(name, *arguments)
            _print_hint(lab, balancer)
            signal.pause()
        except KeyboardInterrupt:
            print("\nlab: taking it down")
    return 0


def _print_hint(lab: Lab, balancer: Balancer | None) -> None:
    print(f"lab: {lab.topology.name} is up; files and logs are in {lab.run_dir}")
    for host in lab.hosts.values():
        print(f"  {host.name:8} nsenter --net=/run/netns/{host.namespace}")
    if balancer is not None:
        print(f"  tools    export DPVS_IPC_FILE={balancer.socket}")
    print("lab: Ctrl-C takes it down", flush=True)


if __name__ == "__main__":
    sys.exit(main())
