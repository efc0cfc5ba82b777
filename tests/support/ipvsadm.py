"""Runs ipvsadm in-process."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from xdpvs.api.client import Client
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.run import main


@dataclass(slots=True)
class FakeResolver:
    """Knows the names it was given and no others."""

    hosts: dict[str, IPv4Address] = field(default_factory=dict)
    services: dict[tuple[str, str], int] = field(default_factory=dict)
    names: dict[IPv4Address, str] = field(default_factory=dict)

    def host_address(self, name: str) -> IPv4Address | None:
        return self.hosts.get(name)

    def host_name(self, address: IPv4Address) -> str | None:
        return self.names.get(address)

    def service_port(self, name: str, protocol: str) -> int | None:
        return self.services.get((name, protocol))

    def service_name(self, port: int, protocol: str) -> str | None:
        return next(
            (name for (name, known), number in self.services.items() if (known, number) == (protocol, port)), None
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind."""

    status: int
    stdout: str
    stderr: str


def run_ipvsadm(argv: Sequence[str], client: Client, stdin: str = "", resolver: FakeResolver | None = None) -> Outcome:
    """One run of the program; argv without its name."""
    stdout, stderr = io.StringIO(), io.StringIO()
    env = Environment(io.BytesIO(stdin.encode()), stdout, stderr, client, resolver or FakeResolver())
    status = main(["ipvsadm", *argv], env)
    return Outcome(status, stdout.getvalue(), stderr.getvalue())
