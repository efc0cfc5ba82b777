"""A command line's meaning: one method per option fills a Request, in the order the options stand.

Several checks look at what came before them (`-M` at the service's family, `--hash-target` at scheduler and
protocol, `-6` at the fwmark), so the order of the words matters as it does upstream.
"""

from __future__ import annotations

from collections.abc import Callable

from xdpvs.ipvsadm import grammar
from xdpvs.ipvsadm.errors import UsageError
from xdpvs.ipvsadm.match import is_any, parse_match
from xdpvs.ipvsadm.names import Resolver
from xdpvs.ipvsadm.numbers import bounded, leading
from xdpvs.ipvsadm.options import Command, Tracked
from xdpvs.ipvsadm.popt import c_integer
from xdpvs.model.address import IPV4_ANY, Family, IPAddress, Protocol, any_address, family_of
from xdpvs.model.service import (
    NO_MATCH,
    AclEntry,
    CheckConfig,
    Dest,
    ForwardingMode,
    Laddr,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.model.conn import SocketPair

DEFAULT_SCHEDULER = "wlc"
SCHEDULER_LIMIT = 15
DEVICE_LIMIT = 15
IPSET_LIMIT = 31
HOST_MASK4 = 0xFFFFFFFF
HOST_MASK6 = 128
WEIGHT_MAX = 65535
THRESHOLD_MAX = 2**31 - 1
SYNCID_MAX = 255
SAME_PORT_MODES = (ForwardingMode.TUNNEL, ForwardingMode.DIRECT_ROUTE)


class Request:
    """What one command line asks for; only the fields of its command mean something."""

    def __init__(self, command: Command, resolver: Resolver) -> None:
        self.command = command
        self.given: set[Tracked] = set()
        self._resolver = resolver
        self.family = Family.UNSPEC
        self.protocol = 0
        self.address: IPAddress = IPV4_ANY
        self.port = 0
        self.fwmark = 0
        self.match: Match = NO_MATCH
        self.flags = ServiceFlags(0)
        self.scheduler = ""
        self.persistence_timeout_s = 0
        self.conn_timeout_s = 0
        self.netmask = HOST_MASK4
        self.proxy_protocol = ProxyProtocol.OFF
        self.check = CheckConfig()
        self.server: IPAddress = IPV4_ANY
        self.server_port: int | None = None
        self.forwarding = ForwardingMode.DIRECT_ROUTE
        self.weight = 1
        self.max_conn = 0
        self.min_conn = 0
        self.laddr: IPAddress = IPV4_ANY
        self.device = ""
        self.acl_subject: IPAddress | None = None
        self.acl_ipset = ""
        self.sockpair: SocketPair | None = None
        self.cpu = 0

    def apply(self, name: str, value: str | None) -> None:
        """One option by its long name; UsageError if its argument is wrong or its place is."""
        tracked = TRACKED.get(name)
        if tracked is not None:
            if tracked in self.given:
                raise UsageError(f"multiple '{tracked.value}' options specified")
            self.given.add(tracked)
        setter = SETTERS.get(name)
        if setter is not None:
            setter(self, value or "")
        elif name == "persistent":
            self.set_persistent(value)

    def set_service(self, protocol: Protocol, text: str) -> None:
        self.protocol = protocol
        parsed = grammar.address_port(text, protocol, self._resolver)
        if parsed is None:
            raise UsageError("illegal virtual server address[:port] specified")
        self.address, port = parsed
        self.port = port or 0
        self.family = family_of(self.address)
        if self.family == Family.INET6:
            self.netmask = HOST_MASK6

    def set_match(self, text: str) -> None:
        self.flags |= ServiceFlags.MATCH
        parsed = parse_match(text)
        if parsed is None:
            raise UsageError("illegal match specified")
        self.family, self.protocol, self.match = parsed
        self.address = any_address(self.family)
        if self.family == Family.INET6 and self.netmask == HOST_MASK4:
            self.netmask = HOST_MASK6

    def set_fwmark(self, text: str) -> None:
        mark = grammar.fwmark(text)
        if mark is None:
            raise UsageError(f"invalid fwmark value `{text}' specified")
        self.family = Family.INET
        self.protocol = Protocol.TCP
        self.fwmark = mark

    def set_ipv6(self, _: str) -> None:
        if not self.fwmark:
            raise UsageError("-6 used before -f\n")
        self.family = Family.INET6
        self.address = any_address(Family.INET6)
        self.netmask = HOST_MASK6

    def set_scheduler(self, text: str) -> None:
        self.scheduler = text[:SCHEDULER_LIMIT]
        if text.startswith("conhash"):
            self.flags |= ServiceFlags.SIP_HASH

    def set_persistent(self, text: str | None) -> None:
        self.flags |= ServiceFlags.PERSISTENT
        if text is None:
            self.persistence_timeout_s = grammar.DEFAULT_PERSISTENCE_S
            return
        self.persistence_timeout_s = timeout(text, 1)

    def set_netmask(self, text: str) -> None:
        mask = grammar.netmask(text, self.family, self._resolver)
        if mask is None and self.family == Family.INET6:
            raise UsageError("illegal ipv6 netmask specified")
        if mask is None:
            raise UsageError("illegal virtual server persistent mask specified")
        self.netmask = mask

    def set_synproxy(self, text: str) -> None:
        if text.startswith("enable"):
            self.flags |= ServiceFlags.SYNPROXY
        elif text.startswith("disable"):
            self.flags &= ~ServiceFlags.SYNPROXY
        else:
            raise UsageError("synproxy switch must be enable or disable\n")

    def set_hash_target(self, text: str) -> None:
        if self.scheduler != "conhash":
            raise UsageError("hash target can only be set when schedule is conhash\n")
        if text.startswith("sip"):
            self.flags = (self.flags | ServiceFlags.SIP_HASH) & ~ServiceFlags.QID_HASH
        elif not text.startswith("qid"):
            raise UsageError("hash target not support\n")
        elif self.protocol != Protocol.UDP:
            raise UsageError("qid hash can only be set in udp service\n")
        else:
            self.flags = (self.flags | ServiceFlags.QID_HASH) & ~ServiceFlags.SIP_HASH

    def set_conn_timeout(self, text: str) -> None:
        self.conn_timeout_s = (c_integer(text) or 0) & 0xFFFFFFFF

    def set_dest_check(self, text: str) -> None:
        check = grammar.dest_check(text, self.check)
        if check is None:
            raise UsageError("invalid dest_check config")
        self.check = check

    def set_proxy_protocol(self, text: str) -> None:
        self.proxy_protocol = grammar.proxy_protocol(text)

    def set_server(self, text: str) -> None:
        parsed = grammar.address_port(text, self.protocol, self._resolver)
        if parsed is None:
            raise UsageError("illegal real server address[:port] specified")
        self.server, self.server_port = parsed

    def set_laddr(self, text: str) -> None:
        parsed = grammar.address_port(text, self.protocol, self._resolver)
        if parsed is None:
            raise UsageError("illegal local address")
        self.laddr = parsed[0]

    def set_device(self, text: str) -> None:
        self.device = text[:DEVICE_LIMIT]

    def set_acl(self, kind: str, text: str) -> None:
        if text.startswith("ipset:"):
            self.acl_ipset = text.removeprefix("ipset:")[:IPSET_LIMIT]
            return
        parsed = grammar.address_port(text, self.protocol, self._resolver)
        if parsed is None:
            raise UsageError(f"illegal {kind} entry format, require [ IP | ipset:NAME ]")
        self.acl_subject = parsed[0]

    def set_sockpair(self, text: str) -> None:
        self.sockpair = grammar.socket_pair(text)
        if self.sockpair is None:
            raise UsageError("illegal sockpair<af:sip:sport:tip:tport> specified")

    def set_cpu(self, text: str) -> None:
        self.cpu = leading(text) & 0xFF

    def set_flag(self, flag: ServiceFlags) -> None:
        self.flags |= flag

    def set_forwarding(self, mode: ForwardingMode) -> None:
        self.forwarding = mode

    def set_weight(self, text: str) -> None:
        self.weight = _number(text, WEIGHT_MAX, "weight")

    def set_upper(self, text: str) -> None:
        self.max_conn = _number(text, THRESHOLD_MAX, "u_threshold")

    def set_lower(self, text: str) -> None:
        self.min_conn = _number(text, THRESHOLD_MAX, "l_threshold")

    def set_syncid(self, text: str) -> None:
        _number(text, SYNCID_MAX, "syncid")

    def check_service(self) -> None:
        """What -A and -E ask of a service beyond the single options."""
        any_port = not self.port and not self.fwmark and ServiceFlags.PERSISTENT not in self.flags
        if any_port and not self._match_narrows():
            raise UsageError("Zero port specified for no-match and non-persistent service")
        one_packet = ServiceFlags.ONE_PACKET in self.flags
        if one_packet and not self.fwmark and self.protocol != Protocol.UDP:
            raise UsageError("One-Packet Scheduling is only for UDP virtual services")

    def _match_narrows(self) -> bool:
        match = self.match
        devices = match.input_device or match.output_device
        return bool(devices) or not (is_any(match.source) and is_any(match.destination))

    def key(self) -> ServiceKey:
        return ServiceKey(self.family, self.protocol, self.address, self.port, self.fwmark, self.match)

    def service(self) -> Service:
        return Service(
            key=self.key(),
            scheduler=self.scheduler or DEFAULT_SCHEDULER,
            flags=self.flags,
            persistence_timeout_s=self.persistence_timeout_s,
            conn_timeout_s=self.conn_timeout_s,
            netmask=self.netmask,
            proxy_protocol=self.proxy_protocol,
            check=self.check,
        )

    def dest(self) -> Dest:
        """The server; without a port of its own, or with a mode that cannot change it, at the service's port."""
        port = self.port if self.server_port is None else self.server_port
        if self.command is not Command.DELETE_SERVER and self.forwarding in SAME_PORT_MODES and not self.fwmark:
            port = self.port
        return Dest(
            family=family_of(self.server),
            address=self.server,
            port=port,
            forwarding=self.forwarding,
            weight=self.weight,
            max_conn=self.max_conn,
            min_conn=self.min_conn,
        )

    def local_address(self) -> Laddr:
        return Laddr(family_of(self.laddr), self.laddr, self.device)

    def acl_entry(self) -> AclEntry:
        subject = self.acl_subject if self.acl_subject is not None else any_address(self.family)
        return AclEntry(self.family, self.protocol, self.address, self.port, subject, self.acl_ipset)


def timeout(text: str, low: int) -> int:
    """Seconds up to 31 days."""
    value = bounded(text, low, grammar.MAX_TIMEOUT_S)
    if value is None:
        raise UsageError(f"invalid timeout value `{text}' specified")
    return value


def _number(text: str, high: int, name: str) -> int:
    value = bounded(text, 0, high)
    if value is None:
        raise UsageError(f"illegal {name} specified")
    return value


TRACKED = {
    "tcp-service": Tracked.SERVICE,
    "udp-service": Tracked.SERVICE,
    "sctp-service": Tracked.SERVICE,
    "icmp-service": Tracked.SERVICE,
    "icmpv6-service": Tracked.SERVICE,
    "fwmark-service": Tracked.SERVICE,
    "match": Tracked.SERVICE,
    "scheduler": Tracked.SCHEDULER,
    "persistent": Tracked.PERSISTENT,
    "netmask": Tracked.NETMASK,
    "real-server": Tracked.SERVER,
    "masquerading": Tracked.FORWARD,
    "ipip": Tracked.FORWARD,
    "gatewaying": Tracked.FORWARD,
    "fullnat": Tracked.FORWARD,
    "snat": Tracked.FORWARD,
    "weight": Tracked.WEIGHT,
    "u-threshold": Tracked.UPPER,
    "l-threshold": Tracked.LOWER,
    "numeric": Tracked.NUMERIC,
    "connection": Tracked.CONNECTION,
    "mcast-interface": Tracked.MCAST,
    "syncid": Tracked.SYNCID,
    "timeout": Tracked.TIMEOUT,
    "daemon": Tracked.DAEMON,
    "stats": Tracked.STATS,
    "rate": Tracked.RATE,
    "thresholds": Tracked.THRESHOLDS,
    "persistent-conn": Tracked.PERSISTENT_CONN,
    "sockpair": Tracked.SOCKPAIR,
    "nosort": Tracked.NOSORT,
    "exact": Tracked.EXACT,
    "ops": Tracked.OPS,
    "pe": Tracked.PE,
    "laddr": Tracked.LADDR,
    "blklst": Tracked.DENY,
    "whtlst": Tracked.ALLOW,
    "synproxy": Tracked.SYNPROXY,
    "ifname": Tracked.IFNAME,
    "hash-target": Tracked.HASH_TARGET,
    "cpu": Tracked.CPU,
    "expire-quiescent": Tracked.EXPIRE_QUIESCENT,
}
"""What may stand once; --sort, -6, --dest-check, --conn-timeout, --proxy-protocol and --quic may repeat."""

SETTERS: dict[str, Callable[[Request, str], None]] = {
    "tcp-service": lambda request, text: request.set_service(Protocol.TCP, text),
    "udp-service": lambda request, text: request.set_service(Protocol.UDP, text),
    "sctp-service": lambda request, text: request.set_service(Protocol.SCTP, text),
    "icmp-service": lambda request, text: request.set_service(Protocol.ICMP, text),
    "icmpv6-service": lambda request, text: request.set_service(Protocol.ICMPV6, text),
    "fwmark-service": Request.set_fwmark,
    "match": Request.set_match,
    "ipv6": Request.set_ipv6,
    "scheduler": Request.set_scheduler,
    "netmask": Request.set_netmask,
    "real-server": Request.set_server,
    "masquerading": lambda request, _: request.set_forwarding(ForwardingMode.NAT),
    "ipip": lambda request, _: request.set_forwarding(ForwardingMode.TUNNEL),
    "gatewaying": lambda request, _: request.set_forwarding(ForwardingMode.DIRECT_ROUTE),
    "fullnat": lambda request, _: request.set_forwarding(ForwardingMode.FULLNAT),
    "snat": lambda request, _: request.set_forwarding(ForwardingMode.SNAT),
    "weight": Request.set_weight,
    "u-threshold": Request.set_upper,
    "l-threshold": Request.set_lower,
    "syncid": Request.set_syncid,
    "sockpair": Request.set_sockpair,
    "ops": lambda request, _: request.set_flag(ServiceFlags.ONE_PACKET),
    "laddr": Request.set_laddr,
    "blklst": lambda request, text: request.set_acl("blacklist", text),
    "whtlst": lambda request, text: request.set_acl("whitelist", text),
    "synproxy": Request.set_synproxy,
    "ifname": Request.set_device,
    "hash-target": Request.set_hash_target,
    "cpu": Request.set_cpu,
    "expire-quiescent": lambda request, _: request.set_flag(ServiceFlags.EXPIRE_QUIESCENT),
    "dest-check": Request.set_dest_check,
    "conn-timeout": Request.set_conn_timeout,
    "proxy-protocol": Request.set_proxy_protocol,
    "quic": lambda request, _: request.set_flag(ServiceFlags.QUIC),
}
