"""The command line of dpip: options, object, verb, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

from xdpvs.dpip.command import VERBS, Command, DpipObject, Environment, Failure, Options, Verb
from xdpvs.dpip.options import OptionError, OptionScanner
from xdpvs.model.address import Family

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.api.client import Client

VERSION = "1.10-2"

# Objects and the modules (of this package) that hold them; loaded on demand for the sake of start-up time.
OBJECTS = {
    "addr": "addr",
    "route": "route",
    "link": "link",
    "vlan": "vlan",
    "neigh": "neigh",
    "ipv6": "ipv6",
    "maddr": "maddr",
    "eal-mem": "eal_mem",
    "ipset": "pending",
    "qsch": "pending",
    "cls": "pending",
    "tunnel": "pending",
    "flow": "pending",
    "iftraf": "pending",
    "lldp": "pending",
}

HELP = """\
Usage:
    dpip [OPTIONS] OBJECT { VERB [ARGUMENTS] | help }
Objects:
    addr      addresses of the balancer's devices
    route     routes, IPv4 or (-6) IPv6
    link      devices and cores
    vlan      VLAN devices
    neigh     ARP and neighbour-discovery entries
    maddr     multicast addresses
    ipv6      IPv6 counters
    eal-mem   packet memory
    ipset | qsch | cls | tunnel | flow | iftraf | lldp
Verbs:
    add | del | set (change) | show (list) | replace | flush |
    create | destroy | test | enable | disable
Options:
    -v, --verbose               more detail
    -s, --stats, --statistics   counters
    -4, --family=inet           IPv4
    -6, --family=inet6          IPv6
    -i, --interval SECONDS      sample again and again (link show -s)
    -c, --count N               stop after N samples (with -i)
    -C, --color                 alternate colours per sample
    -F, --force                 overwrite, or ignore what is missing
    -h, --help                  this help, or that of OBJECT
    -V, --version               print the version
"""

FAMILIES = {"inet": Family.INET, "inet6": Family.INET6}


class _Exit(Exception):
    """Ends the program with a status, everything having been said."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def program_name(argv0: str) -> str:
    """What follows the first slash (so `/usr/bin/dpip` calls itself `usr/bin/dpip`, as upstream's does)."""
    before, _, after = argv0.partition("/")
    return after or before


def load_object(name: str) -> DpipObject | None:
    """The object called name, or None."""
    module = OBJECTS.get(name)
    if module is None:
        return None
    objects: dict[str, DpipObject] = import_module(f"xdpvs.dpip.{module}").OBJECTS
    return objects[name]


def main(argv: Sequence[str], env: Environment) -> int:
    """Run one command line (argv[0] included) and return the exit status."""
    program = program_name(argv[0] if argv else "dpip")
    try:
        _run(program, argv[1:], env)
    except _Exit as done:
        return done.status
    except Failure as failure:
        if failure.detail:
            env.err(failure.detail)
        env.err(f"{program}: {failure.phase.value}{failure.text}")
        return 1
    return 0


def _run(program: str, words: Sequence[str], env: Environment) -> None:
    if not words:
        env.stderr.write(HELP)
        return
    options, wants_help, operands = _parse_options(program, words, env)
    if not operands:
        env.stderr.write(HELP)
        raise _Exit(1)
    if options.count and not options.interval_s:
        env.err("missing option '-i'")
    name, *rest = operands
    if not rest or wants_help:
        found = load_object(name)
        env.stderr.write(found.help if found else HELP)
        raise _Exit(1)
    verb = VERBS.get(rest[0])
    if verb is None:
        env.err(f"invalid command {rest[0]}")
        raise _Exit(1)
    found = load_object(name)
    if found is None:
        env.err(f"{program}: invalid object, use `-h' for help.")
        raise _Exit(1)
    if verb is Verb.HELP:
        env.stderr.write(found.help)
        return
    _execute(found, Command(verb, tuple(rest[1:]), options), env)


def _execute(found: DpipObject, command: Command, env: Environment) -> None:
    # Imported here: -V, help and usage errors need no client.
    from xdpvs.api.errors import ApiError, CorruptReply, TransportError

    try:
        found.run(command, env)
    except CorruptReply as error:
        raise Failure(detail="corrupted response.") from error
    except (ApiError, TransportError) as error:
        raise Failure(error.text, detail=error.line) from error


def _parse_options(program: str, words: Sequence[str], env: Environment) -> tuple[Options, bool, list[str]]:
    from xdpvs.dpip.words import atoi

    options = Options()
    wants_help = False
    scanner = OptionScanner(words, env.posixly_correct)
    try:
        for letter, value in scanner:
            match letter:
                case "v":
                    options = replace(options, verbose=True)
                case "s":
                    options = replace(options, stats=True)
                case "4" | "6":
                    options = replace(options, family=Family.INET if letter == "4" else Family.INET6)
                case "f":
                    if value not in FAMILIES:
                        env.err("invalid family")
                        raise _Exit(1)
                    options = replace(options, family=FAMILIES[value])
                case "i":
                    options = replace(options, interval_s=atoi(value))
                case "c":
                    options = replace(options, count=atoi(value))
                case "C":
                    options = replace(options, color=True)
                case "F":
                    options = replace(options, force=True)
                case "h":
                    wants_help = True
                case "V":
                    env.out(f"dpip-{VERSION}\n")
                    raise _Exit(0)
                case _:
                    # -D is in upstream's option string, but nothing handles it: no line of getopt's.
                    raise OptionError("", scanner.next_word())
    except OptionError as error:
        if error.message:
            env.err(f"{program}: {error.message}")
        env.err(f"Invalid option: {error.next_word if error.next_word is not None else '(null)'}")
        raise _Exit(1) from error
    return options, wants_help, scanner.operands


def _connect() -> Client:
    from xdpvs.api.client import Client

    return Client()


def run() -> int:
    """Console entry point."""
    import os
    import signal
    import time

    # As a C program: `dpip link show | head` and Ctrl-C in a sampling loop end quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    env = Environment(sys.stdout, sys.stderr, _connect, time.sleep, "POSIXLY_CORRECT" in os.environ)
    return main(sys.argv, env)


if __name__ == "__main__":
    sys.exit(run())
