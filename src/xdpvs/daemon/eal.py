"""What follows `--` on the command line: arguments for DPDK's EAL, of which a few mean something here.

Lenient on purpose: command lines written for DPVS must start, so what has no meaning becomes a note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT_FILE_PREFIX = "rte"

# The kernel refuses names with a dot in a BPF file system, and a slash would leave our directory.
_FILE_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SPELLINGS = {"a": "allow", "w": "allow", "b": "block", "l": "lcores", "c": "coremask", "h": "help"}
_SHORT_WITH_VALUE = frozenset("awblcnmsSdr")
_LONG_WITH_VALUE = frozenset(
    [
        "allow",
        "pci-whitelist",
        "block",
        "pci-blacklist",
        "lcores",
        "coremask",
        "main-lcore",
        "master-lcore",
        "file-prefix",
        "socket-mem",
        "socket-limit",
        "huge-dir",
        "proc-type",
        "vdev",
        "log-level",
        "syslog",
        "base-virtaddr",
        "iova-mode",
        "vfio-intr",
        "vfio-vf-token",
        "mbuf-pool-ops-name",
        "force-max-simd-bitwidth",
        "trace",
        "trace-dir",
        "trace-bufsz",
        "trace-mode",
        "lcore-worker-threads",
        "service-corelist",
    ]
)


class EalError(Exception):
    """The operator's EAL arguments cannot be understood."""


@dataclass(frozen=True, slots=True)
class EalArguments:
    """ports are PCI addresses or netdev names in order; notes name what was ignored."""

    ports: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    file_prefix: str = DEFAULT_FILE_PREFIX
    help: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Words:
    """The arguments still to be read."""

    words: list[str]

    def value_of(self, name: str) -> str:
        if not self.words:
            raise EalError(f"{name} needs a value")
        return self.words.pop(0)


def parse_eal(argv: Sequence[str]) -> EalArguments:
    """Read EAL arguments; EalError where a value is missing or cannot be used."""
    ports: list[str] = []
    blocked: list[str] = []
    notes: list[str] = []
    file_prefix = DEFAULT_FILE_PREFIX
    wants_help = False
    words = _Words(list(argv))
    while words.words:
        spelling, name, value = _option(words)
        if name == "help":
            wants_help = True
        elif name in ("allow", "pci-whitelist") and value is not None:
            ports.append(_device(spelling, value, notes))
        elif name in ("block", "pci-blacklist") and value is not None:
            blocked.append(_device(spelling, value, notes))
        elif name == "file-prefix" and value is not None:
            if _FILE_PREFIX.fullmatch(value) is None:
                raise EalError(f"--file-prefix {value}: letters, digits, - and _ only")
            file_prefix = value
        else:
            shown = spelling if value is None else f"{spelling} {value}"
            notes.append(f"EAL argument without effect here: {shown}")
    return EalArguments(tuple(ports), tuple(blocked), file_prefix, wants_help, tuple(notes))


def _option(words: _Words) -> tuple[str, str, str | None]:
    """The next argument as (spelling, name, value); what is no option has an empty name."""
    word = words.words.pop(0)
    if word.startswith("--") and len(word) > 2:
        name, equals, value = word[2:].partition("=")
        if equals:
            return f"--{name}", name, value
        return word, name, words.value_of(word) if name in _LONG_WITH_VALUE else None
    if word.startswith("-") and len(word) > 1:
        letter, attached = word[1], word[2:]
        name = _SPELLINGS.get(letter, letter)
        if letter not in _SHORT_WITH_VALUE:
            return word, name if not attached else "", None
        return word[:2], name, attached or words.value_of(word)
    return word, "", None


def _device(spelling: str, value: str, notes: list[str]) -> str:
    device, comma, options = value.partition(",")
    if not device:
        raise EalError(f"{spelling} needs a PCI address or a netdev name")
    if comma:
        notes.append(f"EAL device options without effect here: {device}: {options}")
    return device
