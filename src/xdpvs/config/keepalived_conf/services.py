"""virtual_server blocks to the model: services, servers with their defaults, and keepalived's corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from xdpvs.config.keepalived_conf.groups import Groups, Members
from xdpvs.config.keepalived_conf.kinds import UINT_MAX, address, integer, port
from xdpvs.config.keepalived_conf.ranges import match_of
from xdpvs.config.keepalived_conf.reading import Block, Reader, Refused, Values
from xdpvs.config.keepalived_conf.servers import ServerDefaults, Servers
from xdpvs.config.keepalived_conf.service_keywords import FLAGS, PERSISTENCE_DEFAULT, VIRTUAL_SERVER, PlacedBlock
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import Family, IPAddress, Protocol, any_address, family_of
from xdpvs.model.keepalived import AclSubject, RealServer, VirtualServer
from xdpvs.model.service import (
    NO_MATCH,
    Dest,
    ForwardingMode,
    Laddr,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

_NAMES: dict[int, str] = {
    Protocol.TCP: "tcp",
    Protocol.UDP: "udp",
    Protocol.SCTP: "sctp",
    Protocol.ICMP: "icmp",
    Protocol.ICMPV6: "icmp6",
}
_ANY_PORT = (ForwardingMode.NAT, ForwardingMode.FULLNAT)
_WITH_LADDRS = (ForwardingMode.FULLNAT, ForwardingMode.SNAT)
_RANGE_WORDS = ("src-range", "dst-range", "iif", "oif")


@dataclass(frozen=True, slots=True)
class AlertDefaults:
    """What global_defs says for services and servers."""

    service_alert: bool = False
    server_alert: bool = True
    log_all_failures: bool = False


@dataclass(frozen=True, slots=True)
class _Identity:
    """What names a virtual_server: group, match, fwmark, or one address."""

    form: str
    name: str = ""
    address: IPAddress | None = None
    port: int = 0
    fwmark: int = 0


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
        stated = self.reader.read(VIRTUAL_SERVER, block, {})
        try:
            identity = _identity(block)
            members = self._members(identity)
            ordinal = self._ordinal(identity)
            if members is not None and not members:
                self.reader.warn(
                    block.number, f"virtual_server_group {shown(identity.name)} is empty, virtual_server ignored"
                )
                return None
            return self._made(block, stated, identity, members or (), ordinal)
        except Refused as error:
            self.reader.problem(block.number, f"virtual_server {error}")
            return None

    def _members(self, identity: _Identity) -> tuple[Members, ...] | None:
        if identity.form != "group":
            return None
        if identity.name not in self.groups.services:
            raise Refused(f"uses virtual_server_group {shown(identity.name)}, which is not defined")
        return self.groups.services[identity.name]

    def _ordinal(self, identity: _Identity) -> int:
        """How many blocks before this one use the group."""
        ordinal = self._ordinals.get(identity.name, 0)
        self._ordinals[identity.name] = ordinal + 1
        return ordinal

    def _made(
        self, block: Block, stated: Values, identity: _Identity, members: tuple[Members, ...], ordinal: int
    ) -> VirtualServer | None:
        reader, number = self.reader, block.number
        protocol = stated.get("protocol")
        name = _name(identity, stated, protocol or Protocol.UDP, ordinal)
        if not stated.get("servers"):
            reader.warn(number, f"virtual server {name} has no real servers, ignored")
            return None
        if protocol is None:
            protocol = Protocol.UDP
            reader.inform(number, f"virtual server {name}: no protocol set, UDP is used")
        forwarding = self._forwarding(number, name, stated, identity)
        services = self._services(number, name, stated, identity, members, protocol, forwarding)
        servers, weights = self._real_servers(stated, identity, services[0].key.port, forwarding, name)
        quorum, hysteresis = self._quorum(number, name, stated, weights)
        sorry = self._sorry_server(number, name, stated, identity, services[0].key.port, forwarding)
        return VirtualServer(
            name=name,
            services=services,
            servers=servers,
            sorry_server=sorry,
            sorry_server_inhibit=sorry is not None and stated.get("sorry_server_inhibit", False),
            laddrs=self._laddrs(number, name, stated, forwarding),
            denied=self._acl(stated, "daddr_group_name", self.groups.denied),
            allowed=self._acl(stated, "waddr_group_name", self.groups.allowed),
            quorum=quorum,
            hysteresis=hysteresis,
            quorum_up=stated.get("quorum_up"),
            quorum_down=stated.get("quorum_down"),
            omega=stated.get("omega", False),
            smtp_alert=stated.get("smtp_alert", self.alerts.service_alert),
            ha_suspend=stated.get("ha_suspend", False),
        )

    def _forwarding(self, number: int, name: str, stated: Values, identity: _Identity) -> ForwardingMode:
        found: ForwardingMode | None = stated.get("forwarding")
        if identity.form == "match":
            if found not in (None, ForwardingMode.SNAT):
                raise Refused(f"match {shown(identity.name)} needs lb_kind SNAT")
            return ForwardingMode.SNAT
        if found is None:
            self.reader.inform(number, f"virtual server {name}: no forwarding method set, NAT is used")
            return ForwardingMode.NAT
        return found

    def _services(
        self,
        number: int,
        name: str,
        stated: Values,
        identity: _Identity,
        members: tuple[Members, ...],
        protocol: Protocol,
        forwarding: ForwardingMode,
    ) -> tuple[Service, ...]:
        """The services, at least one, all alike but for their keys."""
        keys = self._service_keys(number, stated, identity, members, protocol, forwarding)
        for key in keys:
            match = None if key.match is NO_MATCH else key.match
            short = (key.family, protocol, int(key.address), key.port, key.fwmark, match)
            if short in self._keys:
                self.reader.warn(number, f"virtual server {name}: the same service stands before")
            self._keys.add(short)
        family = keys[0].family
        netmask = self._netmask(stated, family)
        timeout = stated.get("persistence_timeout_s", PERSISTENCE_DEFAULT if "granularity" in stated else 0)
        without_port = any(not key.port and not key.fwmark for key in keys)
        if not timeout and without_port and forwarding is not ForwardingMode.SNAT:
            message = f"no port needs persistence, persistence_timeout {PERSISTENCE_DEFAULT} is set"
            self.reader.warn(number, f"virtual server {name}: {message}")
            timeout = PERSISTENCE_DEFAULT
        scheduler = stated.get("scheduler")
        if scheduler is None:
            scheduler = "wlc"
            self.reader.inform(number, f"virtual server {name}: no scheduler set, wlc is used")
        flags = self._flags(number, name, stated, scheduler, protocol)
        if timeout:
            flags |= ServiceFlags.PERSISTENT
        if keys[0].match != NO_MATCH:
            flags |= ServiceFlags.MATCH
        settings = (
            scheduler,
            flags,
            timeout,
            stated.get("conn_timeout_s", 0),
            netmask if timeout else _full_netmask(family),
            stated.get("proxy_protocol", ProxyProtocol.OFF),
            stated.get("bps", 0),
            stated.get("limit_proportion", 100),
        )
        return tuple([Service(key, *settings) for key in keys])

    def _service_keys(
        self,
        number: int,
        stated: Values,
        identity: _Identity,
        members: tuple[Members, ...],
        protocol: Protocol,
        forwarding: ForwardingMode,
    ) -> list[ServiceKey]:
        if identity.form == "group":
            return self._group_keys(number, stated, identity, members, protocol)
        if identity.form == "fwmark":
            self.reader.warn(number, "fwmark: DPVS has no services by mark and will refuse it", fails_test=False)
            family = self._mark_family(stated)
            return [ServiceKey(family, protocol, any_address(family), 0, identity.fwmark)]
        if forwarding is ForwardingMode.SNAT:
            return [self._match_key(stated, identity, protocol)]
        if any(word in stated for word in _RANGE_WORDS):
            self.reader.warn(number, "src-range, dst-range, iif and oif belong to SNAT, ignored", fails_test=False)
        assert identity.address is not None
        family = family_of(identity.address)
        self._check_family(stated, family)
        return [ServiceKey(family, protocol, identity.address, identity.port)]

    def _group_keys(
        self, number: int, stated: Values, identity: _Identity, members: tuple[Members, ...], protocol: Protocol
    ) -> list[ServiceKey]:
        by_address = [each for each in members if each.addresses]
        family = family_of(by_address[0].addresses[0]) if by_address else self._mark_family(stated)
        self._check_family(stated, family)
        if len(by_address) < len(members):
            self.reader.warn(
                number,
                f"group {shown(identity.name)}: DPVS has no services by mark and will refuse them",
                fails_test=False,
            )
        keys = [ServiceKey(family, protocol, each, line.port) for line in by_address for each in line.addresses]
        marks = [each.fwmark for each in members if not each.addresses]
        return keys + [ServiceKey(family, protocol, any_address(family), 0, mark) for mark in marks]

    def _match_key(self, stated: Values, identity: _Identity, protocol: Protocol) -> ServiceKey:
        match: Match = match_of(*(stated.get(word, "") for word in _RANGE_WORDS))
        if match == NO_MATCH:
            raise Refused("with SNAT needs src-range, dst-range, iif or oif")
        server: PlacedBlock = stated["servers"][0]
        family = match.family or family_of(identity.address or server.address)
        self._check_family(stated, family)
        return ServiceKey(family, protocol, any_address(family), identity.port, match=match)

    @staticmethod
    def _check_family(stated: Values, family: Family) -> None:
        wanted = stated.get("ip_family")
        if wanted is not None and (wanted == 6) != (family == Family.INET6):
            raise Refused("has another ip_family than its addresses")

    @staticmethod
    def _mark_family(stated: Values) -> Family:
        if "ip_family" in stated:
            return Family.INET6 if stated["ip_family"] == 6 else Family.INET
        return family_of(stated["servers"][0].address)

    @staticmethod
    def _netmask(stated: Values, family: Family) -> int:
        word: str | None = stated.get("granularity")
        if word is None:
            return _full_netmask(family)
        try:
            if family == Family.INET6:
                return integer(word, 1, 128)
            mask = int(IPv4Address(word))
        except Refused as error:
            raise Refused(f"persistence_granularity {error}") from None
        except ValueError:
            raise Refused(f"persistence_granularity {shown(word)} is not a netmask") from None
        inverted = mask ^ 0xFFFFFFFF
        if not mask or inverted & (inverted + 1):
            raise Refused(f"persistence_granularity {shown(word)} is not a netmask")
        return mask

    def _flags(self, number: int, name: str, stated: Values, scheduler: str, protocol: Protocol) -> ServiceFlags:
        flags = ServiceFlags(0)
        for word in [word for word in FLAGS if word in stated]:
            if word == "ops" and protocol is not Protocol.UDP:
                self.reader.warn(number, f"virtual server {name}: ops needs UDP, ignored")
            elif word.startswith("mh-") and scheduler != "mh":
                self.reader.warn(number, f"virtual server {name}: {word} belongs to lb_algo mh, ignored")
            else:
                flags |= FLAGS[word]
        for word in ("sh-port", "sh-fallback"):
            if word in stated:
                self.reader.warn(number, f"virtual server {name}: {word} belongs to lb_algo sh, ignored")
        if scheduler == "conhash":
            target: ServiceFlags = stated.get("hash_target", ServiceFlags.SIP_HASH)
            if target is ServiceFlags.QID_HASH and protocol is not Protocol.UDP:
                self.reader.warn(number, f"virtual server {name}: hash_target qid needs UDP, ignored")
            else:
                flags |= target
        return flags

    def _real_servers(
        self, stated: Values, identity: _Identity, service_port: int, forwarding: ForwardingMode, name: str
    ) -> tuple[tuple[RealServer, ...], int]:
        """The servers and the sum of their weights."""
        defaults = self.servers.shared(self._defaults(stated, forwarding))
        found: list[RealServer] = []
        weights = 0
        seen: set[tuple[int, int]] = set()
        for placed in stated["servers"]:
            number = placed.block.number
            template = self.servers.template(self.servers.stated(placed.block), defaults, number)
            rs_port = placed.port
            if identity.form != "group" and rs_port != service_port:
                rs_port = self._server_port(number, name, placed, service_port, template.forwarding, identity)
            elif identity.form == "group" and rs_port and template.forwarding not in _ANY_PORT:
                self._tell_group_port(number, name, identity, rs_port)
            weights += template.weight
            key = (int(placed.address), rs_port)
            if key in seen:
                self.reader.warn(number, f"virtual server {name}: {placed.address} {rs_port} stands twice, ignored")
                continue
            seen.add(key)
            dest = Dest(
                family_of(placed.address),
                placed.address,
                rs_port,
                template.forwarding,
                template.weight,
                template.max_conn,
                template.min_conn,
            )
            checked_port = placed.port or rs_port
            found.append(self.servers.server(template, dest, checked_port, defaults.ha_suspend, number))
        return tuple(found), weights

    def _defaults(self, stated: Values, forwarding: ForwardingMode) -> ServerDefaults:
        return ServerDefaults(
            forwarding,
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
            stated.get("ha_suspend", False),
        )

    def _server_port(
        self,
        number: int,
        name: str,
        placed: PlacedBlock,
        service_port: int,
        forwarding: ForwardingMode,
        identity: _Identity,
    ) -> int:
        """The port of a server whose port is not the service's."""
        if forwarding is ForwardingMode.FULLNAT or (identity.form == "fwmark" and forwarding is ForwardingMode.NAT):
            return placed.port
        if forwarding is ForwardingMode.NAT:
            return placed.port or service_port
        if placed.port:
            message = f"ports of service and server {placed.address} differ, {service_port} is used"
            self.reader.warn(number, f"virtual server {name}: {message}")
        return service_port

    def _tell_group_port(self, number: int, name: str, identity: _Identity, rs_port: int) -> None:
        if any(each.addresses and each.port != rs_port for each in self.groups.services[identity.name]):
            self.reader.warn(number, f"virtual server {name}: port {rs_port} of the server is not that of the service")

    def _quorum(self, number: int, name: str, stated: Values, weights: int) -> tuple[int, int]:
        quorum, hysteresis = stated.get("quorum", 1), stated.get("hysteresis", 0)
        if quorum > weights:
            self.reader.warn(
                number, f"virtual server {name}: quorum {quorum} is above the sum of weights, {weights} is used"
            )
            quorum = weights
        if hysteresis and hysteresis >= quorum:
            lower = max(quorum - 1, 0)
            self.reader.warn(
                number, f"virtual server {name}: hysteresis {hysteresis} is not below quorum, {lower} is used"
            )
            hysteresis = lower
        return quorum, hysteresis

    def _sorry_server(
        self,
        number: int,
        name: str,
        stated: Values,
        identity: _Identity,
        service_port: int,
        forwarding: ForwardingMode,
    ) -> Dest | None:
        if "sorry_server" not in stated:
            for word in ("sorry_server_inhibit", "sorry_forwarding"):
                if word in stated:
                    self.reader.warn(number, f"virtual server {name}: {word} without sorry_server, ignored")
            return None
        found, sorry_port = stated["sorry_server"]
        mode = stated.get("sorry_forwarding", forwarding)
        if identity.form != "group" and mode not in _ANY_PORT and sorry_port != service_port:
            if sorry_port:
                self.reader.warn(
                    number, f"virtual server {name}: ports of service and sorry server differ, {service_port} is used"
                )
            sorry_port = service_port
        return Dest(family_of(found), found, sorry_port, mode)

    def _laddrs(self, number: int, name: str, stated: Values, forwarding: ForwardingMode) -> tuple[Laddr, ...]:
        group: str | None = stated.get("laddr_group_name")
        if forwarding not in _WITH_LADDRS:
            if group is not None:
                self.reader.warn(
                    number, f"virtual server {name}: laddr_group_name belongs to FNAT and SNAT", fails_test=False
                )
            return ()
        if group is None:
            return ()
        return _group_of(self.groups.laddrs, group, "local_address_group")

    @staticmethod
    def _acl(stated: Values, word: str, groups: Mapping[str, tuple[AclSubject, ...]]) -> tuple[AclSubject, ...]:
        if word not in stated:
            return ()
        kind = "deny_address_group" if word == "daddr_group_name" else "allow_address_group"
        if stated[word] not in groups:
            raise Refused(f"uses {kind} {shown(stated[word])}, which is not defined")
        return groups[stated[word]]


def _group_of(groups: Mapping[str, tuple[Laddr, ...]], name: str, kind: str) -> tuple[Laddr, ...]:
    if name not in groups:
        raise Refused(f"uses {kind} {shown(name)}, which is not defined")
    return groups[name]


def _full_netmask(family: Family) -> int:
    return 128 if family == Family.INET6 else 0xFFFFFFFF


def _identity(block: Block) -> _Identity:
    words = block.head.words
    if len(words) < 2:
        raise Refused("needs an address, a group, a match or a fwmark")
    if words[1] in ("group", "match", "fwmark"):
        if len(words) < 3:
            raise Refused(f"{words[1]} needs a value")
        if words[1] == "fwmark":
            return _Identity("fwmark", fwmark=integer(words[2], 0, UINT_MAX))
        return _Identity(words[1], words[2])
    return _Identity("address", "", address(words[1]), port(words[2]) if len(words) > 2 else 0)


def _name(identity: _Identity, stated: Values, protocol: Protocol, ordinal: int) -> str:
    if identity.form == "group":
        return f"[{identity.name}]:{ordinal}"
    if identity.form == "fwmark":
        return f"FWM {identity.fwmark}"
    labels = zip(("from", "to", "iif", "oif"), _RANGE_WORDS, strict=True)
    parts = [f"{label}={stated[word]}" for label, word in labels if stated.get(word)]
    if parts or identity.address is None:
        return f"MATCH {','.join([_NAMES[protocol], *parts])}"
    return f"[{identity.address}]:{_NAMES[protocol]}:{identity.port}"
