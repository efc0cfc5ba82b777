"""The command line of `dpvs`: its own options, `--`, then arguments for DPDK's EAL (DPVS src/main.c).

Options are read one by one as getopt_long does, so `-v` answers before a mistake behind it is seen.
"""

from __future__ import annotations

import enum
import grp
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from xdpvs.daemon.eal import DEFAULT_FILE_PREFIX, EalError, parse_eal

DEFAULT_CONF = "/etc/dpvs.conf"
DEFAULT_PID_FILE = "/var/run/dpvs.pid"
DEFAULT_IPC_FILE = "/var/run/dpvs.ipc"
DEFAULT_BPFFS = "/sys/fs/bpf/xdpvs"

EXIT_OK, EXIT_FAILURE = 0, 1

USAGE = """
Usage: {program} [options] [-- EAL arguments]
DPVS application options:
   -v, --version           print the version of DPVS
   -c, --conf FILE         configuration file (/etc/dpvs.conf)
   -p, --pid-file FILE     pid file (/var/run/dpvs.pid)
   -x, --ipc-file FILE     unix socket the tools talk to (/var/run/dpvs.ipc)
   -h, --help              print this text
XDP options:
       --xdp-mode MODE     native or generic (native)
       --bpffs DIR         where the pinned state lives (/sys/fs/bpf/xdpvs)
       --socket-group GRP  group, by name or number, that may use the socket too (none)
       --keep              SIGTERM leaves the data plane forwarding, as a crash does
       --unload            detach, remove the pinned state, exit
       --check             check the configuration file, exit 0 or 1
"""

EAL_USAGE = """
Usage: {program} [options] -- [EAL arguments]
EAL arguments with a meaning here; all others are accepted and listed in the log:
   -a, --allow DEVICE      port: PCI address or netdev name; repeat it in the order of dpvs.conf's devices
   -b, --block DEVICE      port not to be used
   --file-prefix NAME      name of this instance's pinned state (rte)
"""


class XdpMode(enum.Enum):
    """native: in the driver. generic: in the kernel's stack, slow, only when asked for."""

    NATIVE = "native"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line asks for.

    ports are PCI addresses or netdev names, in order; socket_group is a number; notes go to the log.
    """

    conf: str = DEFAULT_CONF
    pid_file: str = DEFAULT_PID_FILE
    ipc_file: str = DEFAULT_IPC_FILE
    ports: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    file_prefix: str = DEFAULT_FILE_PREFIX
    xdp_mode: XdpMode = XdpMode.NATIVE
    bpffs: str = DEFAULT_BPFFS
    socket_group: int | None = None
    keep: bool = False
    unload: bool = False
    check: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Version:
    """What -v and the start line print."""

    text: str
    built: str

    def __str__(self) -> str:
        return f"dpvs version: {self.text}, build on {self.built}"


class _UsageError(Exception):
    """A getopt message."""


_SHORT = {"v": "version", "c": "conf", "p": "pid-file", "x": "ipc-file", "h": "help"}
# Long name → whether it takes a value.
_LONG = {
    "version": False,
    "conf": True,
    "pid-file": True,
    "ipc-file": True,
    "help": False,
    "xdp-mode": True,
    "bpffs": True,
    "socket-group": True,
    "keep": False,
    "unload": False,
    "check": False,
}


@dataclass(slots=True)
class _Reader:
    """Reads the words before `--`. others are words that are no options: getopt leaves them to the EAL."""

    words: list[str]
    values: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    _bundle: str = ""

    def next_option(self) -> str | None:
        """Store the next option's value and return its long name; None at the end."""
        while self._bundle or self.words:
            if self._bundle:
                return self._short()
            word = self.words.pop(0)
            if word == "--":
                return None
            if word.startswith("--"):
                return self._long(word[2:])
            if word.startswith("-") and len(word) > 1:
                self._bundle = word[1:]
            else:
                self.others.append(word)
        return None

    def _short(self) -> str:
        letter, rest = self._bundle[0], self._bundle[1:]
        name = _SHORT.get(letter)
        if name is None:
            raise _UsageError(f"invalid option -- '{letter}'")
        if not _LONG[name]:
            self._bundle = rest
            return name
        self._bundle = ""
        if not rest and not self.words:
            raise _UsageError(f"option requires an argument -- '{letter}'")
        self.values[name] = rest or self.words.pop(0)
        return name

    def _long(self, word: str) -> str:
        given, equals, value = word.partition("=")
        name = _long_name(given)
        if not _LONG[name]:
            if equals:
                raise _UsageError(f"option '--{name}' doesn't allow an argument")
            return name
        if not equals and not self.words:
            raise _UsageError(f"option '--{name}' requires an argument")
        self.values[name] = value if equals else self.words.pop(0)
        if name == "xdp-mode" and self.values[name] not in (mode.value for mode in XdpMode):
            raise _UsageError(f"option '--xdp-mode' is native or generic, not '{self.values[name]}'")
        return name


def _long_name(given: str) -> str:
    """A long option, which may be shortened as long as it stays unique."""
    if given in _LONG:
        return given
    matches = [name for name in _LONG if name.startswith(given)]
    if not matches:
        raise _UsageError(f"unrecognized option '--{given}'")
    if len(matches) > 1:
        listed = " ".join(f"'--{name}'" for name in matches)
        raise _UsageError(f"option '--{given}' is ambiguous; possibilities: {listed}")
    return matches[0]


def _group(given: str | None) -> int | None:
    """The number of a group named or numbered."""
    if given is None or given.isdecimal():
        return None if given is None else int(given)
    try:
        return grp.getgrnam(given).gr_gid
    except KeyError:
        raise _UsageError(f"option '--socket-group': there is no group '{given}'") from None


def parse_command_line(argv: Sequence[str], version: Version, stdout: TextIO, stderr: TextIO) -> Arguments | int:
    """The arguments, or the exit code where the command line was answered already. argv[0] is the program."""
    program = argv[0] if argv else "dpvs"
    reader = _Reader(list(argv[1:]))
    switches: set[str] = set()
    try:
        while (name := reader.next_option()) is not None:
            if name == "version":
                print(version, file=stderr)
                return EXIT_OK
            if name == "help":
                stdout.write(USAGE.format(program=program))
                return EXIT_OK
            switches.add(name)
        group = _group(reader.values.get("socket-group"))
    except _UsageError as error:
        print(f"{program}: {error}", file=stderr)
        stdout.write(USAGE.format(program=program))
        return EXIT_FAILURE
    try:
        eal = parse_eal(reader.others + reader.words)
    except EalError as error:
        print(f"EAL: {error}\nEAL: Error - exiting with code: 1\n  Cause: Invalid EAL parameters", file=stderr)
        return EXIT_FAILURE
    if eal.help:
        stdout.write(EAL_USAGE.format(program=program))
        return EXIT_OK
    values = reader.values
    return Arguments(
        conf=values.get("conf", DEFAULT_CONF),
        pid_file=values.get("pid-file", DEFAULT_PID_FILE),
        ipc_file=values.get("ipc-file", DEFAULT_IPC_FILE),
        ports=eal.ports,
        blocked=eal.blocked,
        file_prefix=eal.file_prefix,
        xdp_mode=XdpMode(values.get("xdp-mode", XdpMode.NATIVE.value)),
        bpffs=values.get("bpffs", DEFAULT_BPFFS),
        socket_group=group,
        keep="keep" in switches,
        unload="unload" in switches,
        check="check" in switches,
        notes=eal.notes,
    )
