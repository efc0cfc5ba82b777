"""real_server blocks: what is written, and with the service's defaults the model of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xdpvs.config.keepalived_conf.checker_keywords import (
    CHECKERS,
    CONNECT_TIMEOUT_MAX,
    CheckerSpec,
    read_bfd,
    read_checker,
)
from xdpvs.config.keepalived_conf.checks import checks_of
from xdpvs.config.keepalived_conf.kinds import Choice, Integer, Seconds, command, switch, text
from xdpvs.config.keepalived_conf.reading import Block, Kind, Reader, Table, Values
from xdpvs.config.keepalived_conf.tree import Body
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.check import Check, Endpoint
from xdpvs.model.keepalived import Checker, CheckerTiming, RealServer
from xdpvs.model.script import Command
from xdpvs.model.service import Dest, ForwardingMode, ProxyProtocol
from xdpvs.model.vrrp import TrackFile

_LOCAL = ("MISC_CHECK", "FILE_CHECK")
METHODS: dict[str, object] = {
    "NAT": ForwardingMode.NAT,
    "DR": ForwardingMode.DIRECT_ROUTE,
    "TUN": ForwardingMode.TUNNEL,
    "FNAT": ForwardingMode.FULLNAT,
    "SNAT": ForwardingMode.SNAT,
}
TIMING: dict[str, tuple[str, Kind]] = {
    "retry": ("retry", Integer(1)),
    "delay_before_retry": ("delay_before_retry_s", Seconds()),
    "warmup": ("warmup_s", Seconds()),
    "connect_timeout": ("connect_timeout_s", Seconds(0.000001, CONNECT_TIMEOUT_MAX)),
    "delay_loop": ("delay_loop_s", Seconds(0.000001)),
}

REAL_SERVER = Table(
    "real_server",
    {
        **TIMING,
        "weight": ("weight", Integer(0, 65535)),
        "lvs_method": ("forwarding", Choice(METHODS)),
        "uthreshold": ("max_conn", Integer()),
        "lthreshold": ("min_conn", Integer()),
        "inhibit_on_failure": ("inhibit_on_failure", switch),
        "notify_up": ("notify_up", command),
        "notify_down": ("notify_down", command),
        "alpha": ("alpha", switch),
        "smtp_alert": ("smtp_alert", switch),
        "virtualhost": ("host", text),
    },
    {**dict.fromkeys(CHECKERS, read_checker), "BFD_CHECK": read_bfd},
    unsupported=("snmp_name",),
    first_wins=("notify_up", "notify_down"),
)


@dataclass(frozen=True, slots=True)
class ServerDefaults:
    """What a service says for its servers."""

    forwarding: ForwardingMode
    weight: int = 1
    inhibit_on_failure: bool = False
    alpha: bool = False
    smtp_alert: bool = True
    host: str = ""
    proxy: ProxyProtocol = ProxyProtocol.OFF
    delay_loop_s: float = 60.0
    connect_timeout_s: float = 5.0
    warmup_s: float | None = None
    retry: int | None = None
    delay_before_retry_s: float | None = None
    log_all_failures: bool = False
    ha_suspend: bool = False


@dataclass(frozen=True, slots=True)
class _Connection:
    """Where a checker connects to and from, as far as it says; its port is beside it."""

    address: IPAddress | None = None
    source: IPAddress | None = None
    source_port: int = 0
    device: str = ""
    fwmark: int = 0


_NOWHERE = _Connection()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A checker but for the address of its server."""

    kind: str
    checks: tuple[Check, ...]
    timing: CheckerTiming
    fast_recovery: bool
    port: int
    connection: _Connection | None


@dataclass(frozen=True, slots=True)
class _Template:
    """A server but for its address and port."""

    forwarding: ForwardingMode
    weight: int
    max_conn: int
    min_conn: int
    inhibit_on_failure: bool
    alpha: bool
    notify_up: Command | None
    notify_down: Command | None
    smtp_alert: bool
    checkers: tuple[_Prepared, ...]


@dataclass(slots=True)
class Servers:
    """Makes the servers of a file. Equal bodies under equal defaults are prepared once."""

    reader: Reader
    track_files: Mapping[str, TrackFile]
    _defaults: dict[tuple[Any, ...], ServerDefaults] = field(default_factory=dict)
    _templates: dict[tuple[Body, int], _Template] = field(default_factory=dict)
    _timings: dict[CheckerTiming, CheckerTiming] = field(default_factory=dict)

    def defaults(self, *values: Any) -> ServerDefaults:
        """The one object of these defaults, by the fields of ServerDefaults in turn; `template` wants it."""
        found = self._defaults.get(values)
        if found is None:
            found = self._defaults[values] = ServerDefaults(*values)
        return found

    def template(self, block: Block, defaults: ServerDefaults) -> _Template:
        """The server of a block under a service's defaults."""
        found = self._templates.get((block.body, id(defaults)))
        if found is None:
            events = self.reader.events
            found = self._template(self._stated(block), defaults)
            if self.reader.events == events:
                self._templates[block.body, id(defaults)] = found
        return found

    def _stated(self, block: Block) -> Values:
        """What a block says; read once for the same content, unless there is something to say about it."""
        found: Values | None = self.reader.meanings.get((REAL_SERVER, block.body))
        if found is None:
            events = self.reader.events
            found = self.reader.read(REAL_SERVER, block, {})
            if self.reader.events == events:
                self.reader.meanings[REAL_SERVER, block.body] = found
        return found

    def _template(self, stated: Values, defaults: ServerDefaults) -> _Template:
        return _Template(
            stated.get("forwarding", defaults.forwarding),
            stated.get("weight", defaults.weight),
            stated.get("max_conn", 0),
            stated.get("min_conn", 0),
            stated.get("inhibit_on_failure", defaults.inhibit_on_failure),
            stated.get("alpha", defaults.alpha),
            stated.get("notify_up"),
            stated.get("notify_down"),
            stated.get("smtp_alert", defaults.smtp_alert),
            tuple(
                prepared for spec in stated.get("checkers", ()) for prepared in self._prepare(spec, stated, defaults)
            ),
        )

    def _prepare(self, spec: CheckerSpec, server: Values, defaults: ServerDefaults) -> list[_Prepared]:
        timing = self._timing(spec, server, defaults)
        host = spec.stated.get("host") or server.get("host") or defaults.host
        checks = checks_of(spec, host, defaults.proxy, self.track_files)
        if checks is None:
            if "track_file" in spec.stated:
                name = shown(spec.stated["track_file"])
                self.reader.problem(spec.number, f"FILE_CHECK: no track_file of the name {name}")
            return []
        fast = spec.stated.get("fast_recovery", False)
        prepared = [_Prepared(spec.kind, checks, timing, fast, *_connection(spec.stated))]
        for other in spec.stated.get("hosts", ()):
            also = CheckerSpec(spec.kind, {**spec.stated, **other}, spec.number)
            timing = self._timing(also, server, defaults)
            prepared.append(_Prepared(spec.kind, checks, timing, fast, *_connection(other)))
        return prepared

    def _timing(self, spec: CheckerSpec, server: Values, defaults: ServerDefaults) -> CheckerTiming:
        stated = spec.stated

        def inherited(name: str) -> Any:
            value = stated.get(name)
            if value is None:
                value = server.get(name)
            return getattr(defaults, name) if value is None else value

        delay_loop, warmup = inherited("delay_loop_s"), inherited("warmup_s")
        retry, pause = inherited("retry"), inherited("delay_before_retry_s")
        if pause is None:
            pause = {"HTTP_GET": 3.0, "SSL_GET": 3.0, "DNS_CHECK": delay_loop}.get(spec.kind, 1.0)
        timeout = inherited("connect_timeout_s")
        if spec.kind == "MISC_CHECK":
            timeout = stated.get("misc_timeout_s") or defaults.delay_loop_s
        timing = CheckerTiming(
            delay_loop_s=delay_loop,
            warmup_s=delay_loop if warmup is None else warmup,
            retry={"MISC_CHECK": 0, "DNS_CHECK": 3}.get(spec.kind, 1) if retry is None else retry,
            delay_before_retry_s=pause,
            connect_timeout_s=timeout,
            alpha=inherited("alpha"),
            log_all_failures=stated.get("log_all_failures", defaults.log_all_failures),
        )
        return self._timings.setdefault(timing, timing)

    def server(self, template: _Template, dest: Dest, port: int, ha_suspend: bool, number: int) -> RealServer:
        """The server of a dest; port is what its checks connect to unless they say so."""
        checkers = [
            Checker(
                prepared.kind,
                Endpoint(dest.address, prepared.port or port)
                if prepared.connection is None and dest.family == Family.INET
                else self._endpoint(prepared, dest.address, port, number),
                prepared.checks,
                prepared.timing,
                prepared.fast_recovery,
                ha_suspend,
            )
            for prepared in template.checkers
        ]
        return RealServer(
            dest,
            template.inhibit_on_failure,
            template.alpha,
            tuple(checkers),
            template.notify_up,
            template.notify_down,
            template.smtp_alert,
        )

    def _endpoint(self, prepared: _Prepared, address: IPAddress, port: int, number: int) -> Endpoint:
        connection = prepared.connection or _NOWHERE
        target = connection.address or address
        if connection.source is not None and connection.source.version != target.version:
            message = f"bindto {connection.source} and {target} are of different families"
            self.reader.problem(number, f"{prepared.kind}: {message}")
        if target.version == 6 and target.is_link_local and not connection.device and prepared.kind not in _LOCAL:
            self.reader.problem(number, f"{prepared.kind}: link-local address {target} needs bind_if")
        return Endpoint(
            target,
            prepared.port or port,
            connection.source,
            connection.source_port,
            connection.device,
            connection.fwmark,
        )


def _connection(stated: Values) -> tuple[int, _Connection | None]:
    connection = _Connection(
        stated.get("connect_ip"),
        stated.get("bindto"),
        stated.get("bind_port", 0),
        stated.get("bind_if", ""),
        stated.get("fwmark", 0),
    )
    return stated.get("connect_port", 0), None if connection == _NOWHERE else connection
