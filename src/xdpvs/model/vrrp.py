"""VRRP as keepalived configures it: instances, sync groups and what they track. Times are seconds."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from xdpvs.model.address import Family, IPAddress
from xdpvs.model.script import Command


class VrrpState(enum.Enum):
    """States of an instance; the values are what notify scripts are told."""

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"
    STOP = "STOP"


class AuthType(enum.IntEnum):
    """Authentication of VRRP version 2 (RFC 2338); numbers as on the wire."""

    NONE = 0
    PASS = 1
    AH = 2


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """An address of an instance, put on its dpdk_interface."""

    address: IPAddress
    prefix_length: int


@dataclass(frozen=True, slots=True)
class VirtualRoute:
    """A route put into DPVS while the instance is master; device empty: the instance's dpdk_interface."""

    destination: IPAddress
    prefix_length: int
    gateway: IPAddress | None = None
    device: str = ""
    source: IPAddress | None = None
    metric: int = 0
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class GarpTiming:
    """Bursts of gratuitous ARP and unsolicited neighbour advertisements."""

    master_delay_s: float = 5.0
    master_repeat: int = 5
    master_refresh_s: float = 0.0
    master_refresh_repeat: int = 1
    lower_prio_delay_s: float = 5.0
    lower_prio_repeat: int = 5
    interval_s: float = 0.0
    gna_interval_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Track:
    """Something tracked by name (interface, script, file or process); weight None: that of the tracked thing.

    Weight 0: bad means FAULT. Positive: added while good. Negative: added while bad. reverse exchanges good and bad.
    """

    name: str
    weight: int | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Tracking:
    """What an instance or a sync group tracks."""

    interfaces: tuple[Track, ...] = ()
    scripts: tuple[Track, ...] = ()
    files: tuple[Track, ...] = ()
    processes: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True)
class Notifications:
    """Programs run on changes of state."""

    master: Command | None = None
    backup: Command | None = None
    fault: Command | None = None
    stop: Command | None = None
    master_rx_lower_pri: Command | None = None
    any_state: Command | None = None
    """`notify`: gets INSTANCE or GROUP, name, state and priority appended."""
    priority_changes: bool = False
    smtp_alert: bool = False


@dataclass(frozen=True, slots=True)
class VrrpInstance:
    """A virtual router. Addresses go to DPVS's dpdk_interface, adverts over the kernel's interface."""

    name: str
    interface: str
    virtual_router_id: int
    dpdk_interface: str = ""
    version: int = 2
    family: Family = Family.INET
    initial_state: VrrpState = VrrpState.BACKUP
    priority: int = 100
    advert_interval_s: float = 1.0
    auth_type: AuthType = AuthType.NONE
    auth_password: str = field(default="", repr=False)
    addresses: tuple[VirtualAddress, ...] = ()
    excluded_addresses: tuple[VirtualAddress, ...] = ()
    routes: tuple[VirtualRoute, ...] = ()
    nopreempt: bool = False
    preempt_delay_s: float = 0.0
    garp: GarpTiming = GarpTiming()
    lower_prio_no_advert: bool = False
    higher_prio_send_advert: bool = False
    source_address: IPAddress | None = None
    """None: the interface's first address of the family."""
    track_source_address: bool = False
    unicast_peers: tuple[IPAddress, ...] = ()
    check_unicast_source: bool = False
    old_unicast_checksum: bool | None = None
    """None: accept both forms and answer in the one the peer uses."""
    multicast_group: IPAddress | None = None
    """None: 224.0.0.18 or ff02::12."""
    skip_check_adv_addr: bool = False
    strict: bool = False
    tracking: Tracking = Tracking()
    track_interface_itself: bool = True
    """False with dont_track_primary."""
    notifications: Notifications = Notifications()


@dataclass(frozen=True, slots=True)
class VrrpSyncGroup:
    """Instances that change state together."""

    name: str
    members: tuple[str, ...]
    tracking: Tracking = Tracking()
    notifications: Notifications = Notifications()
    tracking_weight: bool = False
    """Allow different weights within the group."""


@dataclass(frozen=True, slots=True)
class TrackScript:
    """vrrp_script: a program run again and again."""

    name: str
    command: Command
    interval_s: float = 1.0
    timeout_s: float = 1.0
    weight: int = 0
    reverse: bool = False
    rise: int = 1
    fall: int = 1
    init_fail: bool = False


@dataclass(frozen=True, slots=True)
class TrackFile:
    """vrrp_track_file: the number in a file times weight is added to the priority."""

    name: str
    path: str
    weight: int = 1
    reverse: bool = False
    initial: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class TrackProcess:
    """vrrp_track_process: good while quorum … quorum_max processes of that name run."""

    name: str
    process: str
    arguments: tuple[str, ...] = ()
    param_match: str = ""
    """Empty: arguments do not matter; else exact, initial or partial."""
    full_command: bool = False
    weight: int = 0
    reverse: bool = False
    quorum: int = 1
    quorum_max: int | None = None
    delay_s: float = 0.0
    terminate_delay_s: float = 0.0
    fork_delay_s: float = 0.0
