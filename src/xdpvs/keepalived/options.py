"""The command line of `keepalived` (DPVS keepalived core/main.c), read word by word as getopt_long does.

Options that only builds with SNMP, BFD or a debugger have are accepted; what has no effect is said in the log.
"""

from __future__ import annotations

import enum
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from xdpvs.keepalived.usage import USAGE

EXIT_OK, EXIT_FAILURE = 0, 1
EXIT_CONFIG, EXIT_CONFIG_TEST, EXIT_CONFIG_TEST_SECURITY, EXIT_NO_CONFIG = 3, 4, 5, 6

DEFAULT_CONF = "/etc/keepalived/keepalived.conf"
DEFAULT_LOG_FILE = "/tmp/keepalived.log"


class Takes(enum.Enum):
    """Whether an option has a value."""

    NOTHING = 0
    VALUE = 1
    OPTIONAL = 2


# Long name, its letter (or none), what it takes.
_OPTIONS: tuple[tuple[str, str, Takes], ...] = (
    ("use-file", "f", Takes.VALUE),
    ("vrrp", "P", Takes.NOTHING),
    ("check", "C", Takes.NOTHING),
    ("all", "", Takes.NOTHING),
    ("dont-fork", "n", Takes.NOTHING),
    ("log-console", "l", Takes.NOTHING),
    ("log-detail", "D", Takes.NOTHING),
    ("log-facility", "S", Takes.VALUE),
    ("no-syslog", "G", Takes.NOTHING),
    ("log-file", "g", Takes.OPTIONAL),
    ("flush-log-file", "", Takes.NOTHING),
    ("pid", "p", Takes.VALUE),
    ("vrrp_pid", "r", Takes.VALUE),
    ("checkers_pid", "c", Takes.VALUE),
    ("config-id", "i", Takes.VALUE),
    ("config-test", "t", Takes.OPTIONAL),
    ("dump-conf", "d", Takes.NOTHING),
    ("dont-release-vrrp", "V", Takes.NOTHING),
    ("dont-release-ipvs", "I", Takes.NOTHING),
    ("dont-respawn", "R", Takes.NOTHING),
    ("release-vips", "X", Takes.NOTHING),
    ("umask", "u", Takes.VALUE),
    ("signum", "", Takes.VALUE),
    ("version", "v", Takes.NOTHING),
    ("help", "h", Takes.NOTHING),
    ("address-monitoring", "a", Takes.NOTHING),
    ("core-dump", "m", Takes.NOTHING),
    ("core-dump-pattern", "M", Takes.OPTIONAL),
    ("namespace", "s", Takes.VALUE),
    ("no_bfd", "B", Takes.NOTHING),
    ("bfd_pid", "b", Takes.VALUE),
    ("snmp", "x", Takes.NOTHING),
    ("snmp-agent-socket", "A", Takes.VALUE),
    ("perf", "", Takes.OPTIONAL),
    ("debug", "", Takes.OPTIONAL),
)
_LONG = {name: takes for name, _, takes in _OPTIONS}
_SHORT = {letter: name for name, letter, _ in _OPTIONS if letter}

_NO_EFFECT = (
    "release-vips address-monitoring core-dump core-dump-pattern no_bfd bfd_pid snmp snmp-agent-socket"
    " flush-log-file perf debug namespace"
).split()

SIGNALS = {
    "STOP": signal.SIGTERM,
    "RELOAD": signal.SIGHUP,
    "DATA": signal.SIGUSR1,
    "STATS": signal.SIGUSR2,
}


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line asks for. Pid files are empty where not given; notes go to the log."""

    conf: str = DEFAULT_CONF
    run_vrrp: bool = True
    run_checker: bool = True
    run_all: bool = False
    foreground: bool = False
    log_console: bool = False
    log_detail: int = 0
    log_facility: int | None = None
    no_syslog: bool = False
    log_file: str = ""
    pid_file: str = ""
    vrrp_pid_file: str = ""
    checkers_pid_file: str = ""
    config_id: str = ""
    test: bool = False
    test_log: str = ""
    dump: bool = False
    release_vrrp: bool = True
    release_ipvs: bool = True
    respawn: bool = True
    umask: int | None = None
    notes: tuple[str, ...] = ()


class _UsageError(Exception):
    """A message for stderr; the exit status is 1."""


@dataclass(slots=True)
class _Reader:
    """Reads options; words that are none are collected, as getopt leaves them to the end."""

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
                self.others += self.words
                self.words = []
            elif word.startswith("--"):
                return self._long(word[2:])
            elif word.startswith("-") and len(word) > 1:
                self._bundle = word[1:]
            else:
                self.others.append(word)
        return None

    def _short(self) -> str:
        letter, rest = self._bundle[0], self._bundle[1:]
        name = _SHORT.get(letter)
        if name is None:
            raise _UsageError(f"Unknown option -{letter}")
        takes = _LONG[name]
        if takes is Takes.NOTHING:
            self._bundle = rest
            return name
        self._bundle = ""
        if takes is Takes.VALUE and not rest and not self.words:
            raise _UsageError(f"Missing parameter for option -{letter}")
        self.values[name] = rest or (self.words.pop(0) if takes is Takes.VALUE else "")
        return name

    def _long(self, word: str) -> str:
        given, equals, value = word.partition("=")
        name = _long_name(given)
        takes = _LONG[name]
        if takes is Takes.NOTHING:
            if equals:
                raise _UsageError(f"Option --{name} takes no parameter")
            return name
        if takes is Takes.VALUE and not equals and not self.words:
            raise _UsageError(f"Missing parameter for option --{name}")
        self.values[name] = value if equals or takes is Takes.OPTIONAL else self.words.pop(0)
        return name


def _long_name(given: str) -> str:
    """A long option, which may be shortened as long as it stays unique."""
    if given in _LONG:
        return given
    matches = [name for name in _LONG if name.startswith(given)]
    if not matches:
        raise _UsageError(f"Unknown option --{given}")
    if len(matches) > 1:
        raise _UsageError(f"Option --{given} may be {' or '.join(f'--{name}' for name in matches)}")
    return matches[0]


def parse_command_line(argv: Sequence[str], version: str, stdout: TextIO, stderr: TextIO) -> Arguments | int:
    """The arguments, or the exit code where the command line was answered already. argv[0] is the program."""
    program = argv[0] if argv else "keepalived"
    reader = _Reader(list(argv[1:]))
    seen: list[str] = []
    try:
        while (name := reader.next_option()) is not None:
            if name == "version":
                print(version, file=stderr)
                return EXIT_OK
            if name == "help":
                stderr.write(USAGE.format(program=program))
                return EXIT_OK
            if name == "signum":
                return _print_signal(reader.values[name], stdout)
            seen.append(name)
        if reader.others:
            raise _UsageError(f"Unexpected argument(s): {' '.join(reader.others)}")
        return _arguments(reader.values, seen)
    except _UsageError as error:
        print(f"{program}: {error}", file=stderr)
        return EXIT_FAILURE


def _print_signal(name: str, stdout: TextIO) -> int:
    if name not in SIGNALS:
        raise _UsageError(f"Unknown sigfunc {name}")
    print(int(SIGNALS[name]), file=stdout)
    return EXIT_OK


def _arguments(values: dict[str, str], seen: list[str]) -> Arguments:
    given = set(seen)
    notes = [f"option --{name} has no effect here" for name in _NO_EFFECT if name in given]
    if "log-console" in given and "dont-fork" not in given:
        notes.append("option --log-console has no effect without --dont-fork")
    return Arguments(
        conf=values.get("use-file", DEFAULT_CONF),
        run_vrrp="check" not in given or "vrrp" in given,
        run_checker="vrrp" not in given or "check" in given,
        run_all="all" in given,
        foreground="dont-fork" in given,
        log_console={"log-console", "dont-fork"} <= given,
        log_detail=seen.count("log-detail"),
        log_facility=_facility(values.get("log-facility")),
        no_syslog="no-syslog" in given,
        log_file=(values["log-file"] or DEFAULT_LOG_FILE) if "log-file" in given else "",
        pid_file=values.get("pid", ""),
        vrrp_pid_file=values.get("vrrp_pid", ""),
        checkers_pid_file=values.get("checkers_pid", ""),
        config_id=values.get("config-id", "") or socket.gethostname().partition(".")[0],
        test="config-test" in given,
        test_log=values.get("config-test", ""),
        dump="dump-conf" in given,
        release_vrrp="dont-release-vrrp" not in given,
        release_ipvs="dont-release-ipvs" not in given,
        respawn="dont-respawn" not in given,
        umask=_umask(values.get("umask")),
        notes=tuple(notes),
    )


def _facility(text: str | None) -> int | None:
    if text is None:
        return None
    if text not in tuple("01234567"):
        raise _UsageError(f"Invalid log facility '{text}'")
    return int(text)


def _umask(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        mask = int(text, 0) if text.lower().startswith("0x") else int(text, 8 if text.startswith("0") else 10)
    except ValueError:
        mask = -1
    if not 0 <= mask <= 0o777:
        raise _UsageError(f"Invalid --umask option {text}")
    return mask
