"""Virtual servers for tests of keepalived, in the documentation's networks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from xdpvs.keepalived.health.commands import (
    AddDest,
    ArmTimer,
    Command,
    DelDest,
    EditDest,
    FifoLine,
    Log,
    Mail,
    RunScript,
)
from xdpvs.model.address import Family, Protocol, family_of
from xdpvs.model.check import Check, Endpoint, Outcome, TcpCheck, Verdict
from xdpvs.model.keepalived import Checker, CheckerTiming, RealServer, VirtualServer
from xdpvs.model.script import Command as Program
from xdpvs.model.service import Dest, ForwardingMode, Laddr, Service, ServiceKey

GOOD = Outcome(Verdict.GOOD)
BAD = Outcome(Verdict.BAD, "connection refused")
UNDECIDED = Outcome(Verdict.UNDECIDED, "no socket")

TIMING = CheckerTiming(delay_loop_s=10, warmup_s=0, retry=1, delay_before_retry_s=2, connect_timeout_s=3)


def key(address: str = "192.0.2.100", port: int = 80, protocol: int = Protocol.TCP) -> ServiceKey:
    """A service's key."""
    ip = ip_address(address)
    return ServiceKey(family_of(ip), protocol, ip, port)


def service(address: str = "192.0.2.100", port: int = 80, **fields: Any) -> Service:
    """A service by address."""
    where = key(address, port)
    fields.setdefault("netmask", 128 if where.family == Family.INET6 else 0xFFFFFFFF)
    return Service(where, fields.pop("scheduler", "rr"), **fields)


def dest(address: str, weight: int = 1, port: int = 80, **fields: Any) -> Dest:
    """A FullNAT server."""
    ip = ip_address(address)
    fields.setdefault("forwarding", ForwardingMode.FULLNAT)
    return Dest(family_of(ip), ip, port, weight=weight, **fields)


def laddr(address: str = "192.0.2.200", device: str = "dpdk0") -> Laddr:
    """A local address."""
    ip = ip_address(address)
    return Laddr(family_of(ip), ip, device)


def checker(server: Dest, kind: str = "TCP_CHECK", *checks: Check, **timing: Any) -> Checker:
    """A checker of a server; timing fields replace those of TIMING."""
    fast = bool(timing.pop("fast_recovery", False))
    return Checker(
        kind, Endpoint(server.address, server.port), checks or (TcpCheck(),), replace(TIMING, **timing), fast
    )


def server(
    address: str, weight: int = 1, *, checks: int = 1, inhibit: bool = False, scripts: bool = False, **timing: Any
) -> RealServer:
    """A server with so many TCP checks, and notify scripts named after its last number."""
    where = dest(address, weight)
    number = address.rpartition(".")[2]
    return RealServer(
        where,
        inhibit_on_failure=inhibit,
        alpha=bool(timing.get("alpha")),
        checkers=tuple(checker(where, **{**timing, "delay_before_retry_s": 2 + index}) for index in range(checks)),
        notify_up=Program((f"up-{number}",)) if scripts else None,
        notify_down=Program((f"down-{number}",)) if scripts else None,
        smtp_alert=False,
    )


def virtual_server(*servers: RealServer, name: str = "[192.0.2.100]:tcp:80", **fields: Any) -> VirtualServer:
    """A virtual server of one service, with quorum scripts."""
    fields.setdefault("services", (service(),))
    fields.setdefault("quorum_up", Program(("quorum-up",)))
    fields.setdefault("quorum_down", Program(("quorum-down",)))
    return VirtualServer(name=name, servers=servers, **fields)


def trace(commands: list[Command], *, logs: bool = False) -> list[str]:
    """Commands in words, without timers and (unless asked for) without logs."""
    words = [_words(command) for command in commands if logs or not isinstance(command, Log)]
    return [line for line in words if line]


def _words(command: Command) -> str:
    match command:
        case AddDest(where):
            return f"add {where.address} {where.weight}{' inhibited' if where.inhibited else ''}"
        case EditDest(where):
            return f"edit {where.address} {where.weight}{' inhibited' if where.inhibited else ''}"
        case DelDest(where):
            return f"delete {where.address}"
        case RunScript(program):
            return f"run {' '.join(program.argv)}"
        case FifoLine(text):
            return f"fifo {text}"
        case Mail(subject):
            return f"mail {subject}"
        case Log(text):
            return f"log {text}"
        case ArmTimer():
            return ""
