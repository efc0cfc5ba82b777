"""What the parent and its children tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdpvs.model.address import IPAddress
from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig


@dataclass(frozen=True, slots=True)
class LoadFile:
    """Parent to checker: read the configuration file, tell what came of it, and keep it until Apply or Discard."""


@dataclass(frozen=True, slots=True)
class FileLoaded:
    """Checker to parent. settings None: the file cannot be used; lines say why, otherwise they are notes.

    vrrp is the configuration without virtual servers.
    """

    settings: GlobalDefs | None
    lines: tuple[str, ...] = ()
    exit_code: int = 0
    vrrp: KeepalivedConfig = field(default_factory=KeepalivedConfig)
    num_virtual_servers: int = 0
    dump: str = ""


@dataclass(frozen=True, slots=True)
class Apply:
    """Parent to checker: go over to what was read. has_vrrp: whether this keepalived runs VRRP as well."""

    has_vrrp: bool = False


@dataclass(frozen=True, slots=True)
class Discard:
    """Parent to checker: forget what was read, go on as before."""


@dataclass(frozen=True, slots=True)
class RunVrrp:
    """Parent to VRRP: go over to this configuration. has_checker: the checker runs the common FIFO's script."""

    config: KeepalivedConfig
    has_checker: bool = False


@dataclass(frozen=True, slots=True)
class Owned:
    """VRRP to parent to checker: the addresses that instances in MASTER state have."""

    addresses: frozenset[IPAddress] = frozenset()


@dataclass(frozen=True, slots=True)
class Stopping:
    """A child to the parent: it is still busy ending, and wants to be given time."""


Message = LoadFile | FileLoaded | Apply | Discard | RunVrrp | Owned | Stopping
