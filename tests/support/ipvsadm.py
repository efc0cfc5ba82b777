"""Runs ipvsadm in-process."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any, cast

from xdpvs.api.client import Client
from xdpvs.api.errors import ApiError, DpvsError, ShortReply
from xdpvs.api.ids import MessageId
from xdpvs.api.messages import Message
from xdpvs.api.structs_conn import encode_conn
from xdpvs.ipvsadm.environment import Environment
from xdpvs.ipvsadm.run import main
from xdpvs.model.conn import Conn, SocketPair
from xdpvs.model.service import AclEntry, DaemonInfo, DestStatus, LaddrStatus, ServiceKey, ServiceStatus
from xdpvs.model.table import TableEntry

DAEMON_1_9_5 = DaemonInfo(0x010905, 0)


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


@dataclass(slots=True)
class FakeClient:
    """A daemon in memory: lists what it was given, records changes and refuses those it was told to.

    An old one closes the connection on our own messages, as DPVS does.
    """

    table: list[TableEntry] = field(default_factory=list)
    info: DaemonInfo = field(default=DAEMON_1_9_5)
    denied: list[AclEntry] = field(default_factory=list)
    conns: list[Conn] = field(default_factory=list)
    refusals: dict[MessageId, int] = field(default_factory=dict)
    old: bool = False
    unreachable: Exception | None = None
    changes: list[tuple[MessageId, object]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def get_info(self) -> DaemonInfo:
        if self.unreachable is not None:
            raise self.unreachable
        return self.info

    def get_table(self) -> list[TableEntry]:
        self._own_message()
        self.asked.append("table")
        return self.table

    def get_services(self, count: int, index: int = 0) -> list[ServiceStatus]:
        self.asked.append(f"services {count} {index}")
        self._refuse(MessageId.GET_SERVICES)
        return [entry.status for entry in self.table]

    def get_service(self, key: ServiceKey, index: int = 0) -> ServiceStatus:
        self.asked.append(f"service {index}")
        return self._entry(key, MessageId.GET_SERVICE).status

    def get_dests(self, key: ServiceKey, num: int, index: int = 0) -> list[DestStatus]:
        self.asked.append(f"dests {num} {index}")
        self._refuse(MessageId.GET_DESTS)
        return list(self._entry(key, MessageId.GET_DESTS).dests)

    def get_laddrs(self, key: ServiceKey, index: int = 0) -> list[LaddrStatus]:
        self.asked.append(f"laddrs {index}")
        return list(self._entry(key, MessageId.LADDR_GETALL).laddrs)

    def get_denied(self) -> list[AclEntry]:
        self._refuse(MessageId.BLKLST_GETALL)
        return self.denied

    def get_allowed(self) -> list[AclEntry]:
        return []

    def iter_conn_pages(self, templates: bool = False) -> Iterator[bytes]:
        self.asked.append(f"conns {templates}")
        self._refuse(MessageId.GET_CONN_ALL)
        for conn in self.conns:
            yield encode_conn(conn)

    def get_conn(self, pair: SocketPair, template: bool = False) -> Conn:
        for conn in self.conns:
            if (conn.client, conn.client_port) == (pair.source, pair.source_port):
                return conn
        raise ApiError(DpvsError.NOTEXIST, MessageId.GET_CONN_SPECIFIED)

    def call(self, message: Message[Any, Any], request: object) -> None:
        self.changes.append((message.id, request))
        self._refuse(message.id)

    def batch(self, changes: Sequence[tuple[Message[Any, Any], object]]) -> list[int]:
        self._own_message()
        self.batches.append(len(changes))
        self.changes += [(message.id, request) for message, request in changes]
        return [self.refusals.get(message.id, 0) for message, _ in changes]

    def _own_message(self) -> None:
        if self.old:
            raise ShortReply(0, 88, header=True)

    def _refuse(self, number: MessageId) -> None:
        if number in self.refusals:
            raise ApiError(self.refusals[number], number)

    def _entry(self, key: ServiceKey, number: MessageId) -> TableEntry:
        for entry in self.table:
            if entry.status.service.key == key:
                return entry
        raise ApiError(DpvsError.MSG_FAIL, number)


def run_fake(line: str, fake: FakeClient, stdin: str = "", resolver: FakeResolver | None = None) -> Outcome:
    """One run against a fake daemon; line as typed behind the program's name."""
    return run_ipvsadm(line.split(), cast(Client, fake), stdin, resolver)
