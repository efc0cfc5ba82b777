"""virtual_server blocks to the model: services, servers with their defaults, and keepalived's corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from xdpvs.config.keepalived_conf.groups import Groups, Members
from xdpvs.config.keepalived_conf.reading import Block, Reader, Refused, Values
from xdpvs.config.keepalived_conf.servers import ServerDefaults, Servers
from xdpvs.config.keepalived_conf.service_keys import RANGE_WORDS, Identity, identity_of, name_of, service_keys
from xdpvs.config.keepalived_conf.service_keywords import VIRTUAL_SERVER, PlacedBlock
from xdpvs.config.keepalived_conf.service_settings import services
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import Protocol, family_of
from xdpvs.model.keepalived import RealServer, VirtualServer
from xdpvs.model.service import NO_MATCH, Dest, ForwardingMode, Laddr, Match, ProxyProtocol, Service, ServiceKey

T = TypeVar("T")
_ANY_PORT = (ForwardingMode.NAT, ForwardingMode.FULLNAT)
_WITH_LADDRS = (ForwardingMode.FULLNAT, ForwardingMode.SNAT)
_NO_MARKS = "DPVS has no services by mark and will refuse it"


@dataclass(frozen=True, slots=True)
class AlertDefaults:
    """What global_defs says for services and servers."""

    service_alert: bool = False
    server_alert: bool = True
    log_all_failures: bool = False


@dataclass(slots=True)
class _Draft:
    """A virtual server in the making: what is stated, and where to complain."""

    reader: Reader
    number: int
    identity: Identity
    stated: Values
    name: str
    protocol: Protocol
    forwarding: ForwardingMode = ForwardingMode.NAT
    service_port: int = 0

    def warn(self, message: str, *, fails_test: bool = True) -> None:
        self.reader.warn(self.number, f"virtual server {self.name}: {message}", fails_test=fails_test)

    def inform(self, message: str) -> None:
        self.reader.inform(self.number, f"virtual server {self.name}: {message}")


@dataclass(slots=True)
class Services:
    """Makes the virtual servers of a file, once its groups are known."""

    reader: Reader
    groups: Groups
    servers: Servers
    alerts: AlertDefaults
    _ordinals: dict[str, int] = field(default_factory=dict)
    _keys: set[tuple[int, int, int, int, int, Match | None]] = field(default_factory=set)

    def virtual_server(self, block: Block) -> VirtualServer | None:
        """The virtual server of a block; None where it is left out or cannot be made, which is told."""
        problems = len(self.reader.problems)
        stated = self.reader.read(VIRTUAL_SERVER, block, {})
        try:
            identity = identity_of(block)
            members = self._members(identity)
            ordinal = self._ordinals.get(identity.name, 0)
            self._ordinals[identity.name] = ordinal + 1
            protocol = stated.get("protocol", Protocol.UDP)
            name = name_of(identity, stated, protocol, ordinal)
            draft = _Draft(self.reader, block.number, identity, stated, name, protocol)
            if not stated.get("servers"):
                if len(self.reader.problems) == problems:
                    draft.warn("no real servers, ignored")
                return None
            if identity.form == "group" and not members:
                draft.warn(f"virtual_server_group {shown(identity.name)} is empty, ignored")
                return None
            return self._made(draft, members)
        except Refused as error:
            self.reader.problem(block.number, f"virtual_server {error}")
            return None

    def _members(self, identity: Identity) -> tuple[Members, ...]:
        if identity.form != "group":
            return ()
        return _group(self.groups.services, identity.name, "virtual_server_group")

    def _made(self, draft: _Draft, members: tuple[Members, ...]) -> VirtualServer:
        stated = draft.stated
        if "protocol" not in stated:
            draft.inform("no protocol set, UDP is used")
        if "scheduler" not in stated:
            draft.inform("no scheduler set, wlc is used")
        draft.forwarding = _forwarding(draft)
        made = self._services(draft, members)
        draft.service_port = made[0].key.port
        servers, weights = self._real_servers(draft, members)
        quorum, hysteresis = _quorum(draft, weights)
        sorry = _sorry_server(draft)
        return VirtualServer(
            name=draft.name,
            services=made,
            servers=servers,
            sorry_server=sorry,
            sorry_server_inhibit=sorry is not None and stated.get("sorry_server_inhibit", False),
            laddrs=self._laddrs(draft),
            denied=_named(self.groups.denied, stated.get("daddr_group_name"), "deny_address_group"),
            allowed=_named(self.groups.allowed, stated.get("waddr_group_name"), "allow_address_group"),
            quorum=quorum,
            hysteresis=hysteresis,
            quorum_up=stated.get("quorum_up"),
            quorum_down=stated.get("quorum_down"),
            omega=stated.get("omega", False),
            smtp_alert=stated.get("smtp_alert", self.alerts.service_alert),
            ha_suspend=_ha_suspend(draft, made),
        )

    def _services(self, draft: _Draft, members: tuple[Members, ...]) -> tuple[Service, ...]:
        stated, identity = draft.stated, draft.identity
        keys = service_keys(identity, members, stated, draft.protocol, draft.forwarding)
        if identity.form == "fwmark" or keys[-1].fwmark:
            draft.warn(_NO_MARKS, fails_test=False)
        if draft.forwarding is not ForwardingMode.SNAT and not stated.keys().isdisjoint(RANGE_WORDS):
            draft.warn("src-range, dst-range, iif and oif belong to SNAT, ignored", fails_test=False)
        for key in keys:
            self._note_repeated(draft, key)
        return services(keys, stated, draft.protocol, draft.forwarding, draft.warn)

    def _note_repeated(self, draft: _Draft, key: ServiceKey) -> None:
        match = None if key.match is NO_MATCH else key.match
        short = (key.family, key.protocol, int(key.address), key.port, key.fwmark, match)
        if short in self._keys:
            draft.warn("the same service stands before")
        self._keys.add(short)

    def _real_servers(self, draft: _Draft, members: tuple[Members, ...]) -> tuple[tuple[RealServer, ...], int]:
        """The servers and the sum of their weights."""
        defaults = self._defaults(draft)
        found: list[RealServer] = []
        weights = 0
        seen: set[tuple[int, int]] = set()
        for placed in draft.stated["servers"]:
            number = placed.block.number
            template = self.servers.template(placed.block, defaults)
            port = placed.port
            if template.forwarding is not ForwardingMode.FULLNAT and (port != draft.service_port or members):
                port = _server_port(draft, placed, template.forwarding, members)
            weights += template.weight
            key = (int(placed.address), port)
            if key in seen:
                self.reader.warn(number, f"real_server {placed.address} {port} stands twice, ignored")
                continue
            seen.add(key)
            dest = Dest(
                family_of(placed.address),
                placed.address,
                port,
                template.forwarding,
                template.weight,
                template.max_conn,
                template.min_conn,
            )
            checked_port = placed.port or port
            found.append(self.servers.server(template, dest, checked_port, defaults.ha_suspend, number))
        return tuple(found), weights

    def _defaults(self, draft: _Draft) -> ServerDefaults:
        """What the service says for its servers; equal defaults are one object."""
        stated = draft.stated
        return self.servers.defaults(
            draft.forwarding,
            stated.get("weight", 1),
            stated.get("inhibit_on_failure", False),
            stated.get("alpha", False),
            self.alerts.server_alert,
            stated.get("host", ""),
            stated.get("proxy_protocol", ProxyProtocol.OFF),
            stated.get("delay_loop_s", 60.0),
            stated.get("connect_timeout_s", 5.0),
            stated.get("warmup_s"),
            stated.get("retry"),
            stated.get("delay_before_retry_s"),
            self.alerts.log_all_failures,
            stated.get("ha_suspend", False) and draft.identity.form != "fwmark",
        )

    def _laddrs(self, draft: _Draft) -> tuple[Laddr, ...]:
        name: str | None = draft.stated.get("laddr_group_name")
        if name is not None and draft.forwarding not in _WITH_LADDRS:
            draft.warn("laddr_group_name belongs to FNAT and SNAT, ignored", fails_test=False)
            return ()
        return _named(self.groups.laddrs, name, "local_address_group")


def _group(groups: Mapping[str, T], name: str, kind: str) -> T:
    if name not in groups:
        raise Refused(f"uses {kind} {shown(name)}, which is not defined")
    return groups[name]


def _named(groups: Mapping[str, tuple[T, ...]], name: str | None, kind: str) -> tuple[T, ...]:
    return () if name is None else _group(groups, name, kind)


def _forwarding(draft: _Draft) -> ForwardingMode:
    found: ForwardingMode | None = draft.stated.get("forwarding")
    if draft.identity.form == "match":
        if found not in (None, ForwardingMode.SNAT):
            raise Refused(f"match {shown(draft.identity.name)} needs lb_kind SNAT")
        return ForwardingMode.SNAT
    if found is None:
        draft.inform("no forwarding method set, NAT is used")
        return ForwardingMode.NAT
    return found


def _ha_suspend(draft: _Draft, made: tuple[Service, ...]) -> bool:
    wanted = draft.stated.get("ha_suspend", False)
    if wanted and any(service.key.fwmark for service in made):
        draft.warn("ha_suspend does not go with fwmark, ignored")
        return False
    return bool(wanted)


def _server_port(draft: _Draft, placed: PlacedBlock, forwarding: ForwardingMode, members: tuple[Members, ...]) -> int:
    """The port of a server that is not of FNAT, where every port will do."""
    if members:
        differs = any(each.addresses and each.port != placed.port for each in members)
        if placed.port and forwarding not in _ANY_PORT and differs:
            message = f"port {placed.port} of server {placed.address} is not that of the service"
            draft.reader.warn(placed.block.number, f"virtual server {draft.name}: {message}")
        return placed.port
    if forwarding is ForwardingMode.NAT:
        return placed.port if draft.identity.form == "fwmark" else placed.port or draft.service_port
    if placed.port:
        message = f"ports of service and server {placed.address} differ, {draft.service_port} is used"
        draft.reader.warn(placed.block.number, f"virtual server {draft.name}: {message}")
    return draft.service_port


def _quorum(draft: _Draft, weights: int) -> tuple[int, int]:
    """Quorum and hysteresis; quorum is within the sum of weights, hysteresis below quorum."""
    quorum, hysteresis = draft.stated.get("quorum", 1), draft.stated.get("hysteresis", 0)
    if quorum > weights:
        draft.warn(f"quorum {quorum} is above the sum of weights, {weights} is used")
        quorum = weights
    if hysteresis and hysteresis >= quorum:
        lower = max(quorum - 1, 0)
        draft.warn(f"hysteresis {hysteresis} is not below quorum, {lower} is used")
        hysteresis = lower
    return quorum, hysteresis


def _sorry_server(draft: _Draft) -> Dest | None:
    stated = draft.stated
    if "sorry_server" not in stated:
        for name in ("sorry_server_inhibit", "sorry_server_lvs_method"):
            if name in stated:
                draft.warn(f"{name} without sorry_server, ignored")
        return None
    found, port = stated["sorry_server"]
    mode = stated.get("sorry_server_lvs_method", draft.forwarding)
    if draft.identity.form != "group" and mode not in _ANY_PORT and port != draft.service_port:
        if port:
            draft.warn(f"ports of service and sorry server differ, {draft.service_port} is used")
        port = draft.service_port
    return Dest(family_of(found), found, port, mode)
