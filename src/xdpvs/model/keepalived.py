"""What keepalived.conf says, as values: defaults are filled in, groups resolved, every number in range.

VRRP's part is in model.vrrp. Times are seconds. Keys and order follow the file; nothing here knows where it stood.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from xdpvs.model.address import IPV4_ANY, IPAddress, family_of
from xdpvs.model.check import Check, Endpoint
from xdpvs.model.script import Command
from xdpvs.model.service import AclEntry, Dest, Laddr, Service, ServiceKey
from xdpvs.model.vrrp import TrackFile, TrackProcess, TrackScript, VrrpInstance, VrrpSyncGroup


class FlushOnStop(enum.Enum):
    """lvs_flush_onstop."""

    NO = "no"
    OWN = "VS"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Fifo:
    """notify_fifo and its reader, if any."""

    path: str
    user: str = ""
    group: str = ""
    script: Command | None = None


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where alerts go; none are sent without a server and recipients."""

    recipients: tuple[str, ...] = ()
    sender: str = ""
    server: str = ""
    port: int = 25
    helo_name: str = ""
    connect_timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class GlobalDefs:
    """global_defs, and the few root keywords that concern the process."""

    router_id: str = ""
    script_user: str = ""
    script_group: str = ""
    enable_script_security: bool = False
    mail: MailSettings = MailSettings()
    checker_log_all_failures: bool = False
    dynamic_interfaces: bool = False
    lvs_flush: bool = False
    lvs_flush_onstop: FlushOnStop = FlushOnStop.NO
    notify_fifo: Fifo | None = None
    vrrp_notify_fifo: Fifo | None = None
    lvs_notify_fifo: Fifo | None = None
    rs_init_notifies: bool = False
    vrrp_startup_delay_s: float = 0.0
    log_unknown_vrids: bool = False
    instance: str = ""
    net_namespace: str = ""
    use_pid_dir: bool = False
    child_wait_time_s: float = 5.0


@dataclass(frozen=True, slots=True)
class CheckerTiming:
    """When a check runs and how many attempts decide."""

    delay_loop_s: float = 60.0
    warmup_s: float = 60.0
    retry: int = 1
    delay_before_retry_s: float = 1.0
    connect_timeout_s: float = 5.0
    alpha: bool = False
    log_all_failures: bool = False


@dataclass(frozen=True, slots=True)
class Checker:
    """One checker block of a real server. HTTP_GET has a check for each url, run in turn; the others have one."""

    kind: str
    """The keyword: TCP_CHECK, HTTP_GET, …"""
    endpoint: Endpoint
    checks: tuple[Check, ...]
    timing: CheckerTiming = CheckerTiming()
    fast_recovery: bool = False
    host_suspends: bool = False
    """ha_suspend: checks pause while this node does not own the service's address."""


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server with its checks. dest.inhibited is always False here: it is a state, not a wish."""

    dest: Dest
    inhibit_on_failure: bool = False
    alpha: bool = False
    checkers: tuple[Checker, ...] = ()
    notify_up: Command | None = None
    notify_down: Command | None = None
    smtp_alert: bool = True


@dataclass(frozen=True, slots=True)
class AclSubject:
    """Who is denied or allowed: a client's address, or the ipset of clients of that name."""

    address: IPAddress = IPV4_ANY
    ipset: str = ""


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """One virtual_server block. A group makes several services that share the servers and their health."""

    name: str
    """As logs and FIFOs show it: `[ip]:proto:port`, `[NAME]:n`, `FWM n`, `MATCH …`."""
    services: tuple[Service, ...]
    servers: tuple[RealServer, ...]
    sorry_server: Dest | None = None
    sorry_server_inhibit: bool = False
    laddrs: tuple[Laddr, ...] = ()
    """Attached to every service; those of the servers' family do the work."""
    denied: tuple[AclSubject, ...] = ()
    """For every service; `acl_entries` makes the entries of one."""
    allowed: tuple[AclSubject, ...] = ()
    quorum: int = 1
    hysteresis: int = 0
    quorum_up: Command | None = None
    quorum_down: Command | None = None
    omega: bool = False
    smtp_alert: bool = False
    ha_suspend: bool = False


def acl_entries(subjects: Iterable[AclSubject], key: ServiceKey) -> tuple[AclEntry, ...]:
    """The entries of one service's deny or allow list; an ipset's entry has the service's family."""
    return tuple(
        AclEntry(
            key.family if subject.ipset else family_of(subject.address),
            key.protocol,
            key.address,
            key.port,
            subject.address,
            subject.ipset,
        )
        for subject in subjects
    )


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel_entry; kind is gre or ipip."""

    name: str
    kind: str
    local: IPAddress
    remote: IPAddress
    link: str = ""


@dataclass(frozen=True, slots=True)
class KeepalivedConfig:
    """A whole file."""

    globals: GlobalDefs = GlobalDefs()
    virtual_servers: tuple[VirtualServer, ...] = ()
    tunnels: tuple[Tunnel, ...] = ()
    instances: tuple[VrrpInstance, ...] = ()
    sync_groups: tuple[VrrpSyncGroup, ...] = ()
    scripts: Mapping[str, TrackScript] = field(default_factory=dict)
    track_files: Mapping[str, TrackFile] = field(default_factory=dict)
    track_processes: Mapping[str, TrackProcess] = field(default_factory=dict)
