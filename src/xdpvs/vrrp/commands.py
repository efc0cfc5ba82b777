"""What the machines want done."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import Notifications, VirtualAddress, VirtualRoute
from xdpvs.packet.vrrp import Advertisement


class Level(enum.Enum):
    """How much an operator should care; DETAIL only with -D."""

    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Subject(enum.Enum):
    """Who changed, as notify scripts are told."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


class Notice(enum.Enum):
    """What happened, in the words of notify scripts and FIFOs. The last three go to FIFOs only, or a program of
    their own."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    LOWER_PRIORITY_HEARD = "MASTER_RX_LOWER_PRI"
    MASTER_PRIORITY = "MASTER_PRIORITY"
    BACKUP_PRIORITY = "BACKUP_PRIORITY"


@dataclass(frozen=True, slots=True)
class SendAdvertisement:
    """Send to each destination, the group or the unicast peers.

    checksum_destination, if given, takes the destination's place in the checksum: the old form towards peers.
    """

    instance: str
    interface: str
    source: IPAddress
    destinations: tuple[IPAddress, ...]
    advertisement: Advertisement
    checksum_destination: IPAddress | None = None


@dataclass(frozen=True, slots=True)
class AddVips:
    """Put addresses on a device of DPVS."""

    instance: str
    device: str
    vips: tuple[VirtualAddress, ...]


@dataclass(frozen=True, slots=True)
class RemoveVips:
    """Take addresses off a device of DPVS."""

    instance: str
    device: str
    vips: tuple[VirtualAddress, ...]


@dataclass(frozen=True, slots=True)
class AddRoutes:
    """Add routes to DPVS; every one names its device."""

    instance: str
    routes: tuple[VirtualRoute, ...]


@dataclass(frozen=True, slots=True)
class RemoveRoutes:
    """Delete routes of DPVS."""

    instance: str
    routes: tuple[VirtualRoute, ...]


@dataclass(frozen=True, slots=True)
class AnnounceArp:
    """Send gratuitous ARP (IPv4) and unsolicited neighbour advertisements (IPv6), so often each."""

    instance: str
    addresses: tuple[IPAddress, ...]
    repeat: int = 1


@dataclass(frozen=True, slots=True)
class Notify:
    """Run the programs for this, write the FIFO, send mail; priority is 0 for groups."""

    subject: Subject
    name: str
    notice: Notice
    priority: int
    programs: Notifications = Notifications()


@dataclass(frozen=True, slots=True)
class Log:
    """A line for the operator."""

    level: Level
    text: str


Command = (
    SendAdvertisement | AddVips | RemoveVips | AddRoutes | RemoveRoutes | AnnounceArp | Notify | Log
)  # fmt: skip
