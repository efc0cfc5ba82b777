"""Services and servers as `-l` prints them: five views of one table."""

from __future__ import annotations

import enum
from collections.abc import Iterator

from xdpvs.ipvsadm import grammar
from xdpvs.ipvsadm.match import describe_match
from xdpvs.ipvsadm.names import Endpoints
from xdpvs.ipvsadm.numbers import scaled, signed32
from xdpvs.model.address import IPV4_ANY, Family, Protocol
from xdpvs.model.service import (
    CheckConfig,
    CheckTypes,
    DestStatus,
    ForwardingMode,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
    Stats,
)

LABEL_LIMIT = 33
SERVER_LIMIT = 28
HOST_MASK = {Family.INET: 0xFFFFFFFF, Family.INET6: 128}

_HEAD = "Prot LocalAddress:Port"


class View(enum.Enum):
    """What the columns show. If several are asked for, the first of this order wins."""

    STATS = enum.auto()
    RATE = enum.auto()
    THRESHOLDS = enum.auto()
    PERSISTENT = enum.auto()
    PLAIN = enum.auto()


_TITLES = {
    View.STATS: f"{_HEAD:33} {'Conns':>8} {'InPkts':>8} {'OutPkts':>8} {'InBytes':>8} {'OutBytes':>8}\n",
    View.RATE: f"{_HEAD:33} {'CPS':>8} {'InPPS':>8} {'OutPPS':>8} {'InBPS':>8} {'OutBPS':>8}\n",
    View.THRESHOLDS: f"{_HEAD:33} {'Uthreshold':10} {'Lthreshold':10} {'ActiveConn':10} {'InActConn':10}\n",
    View.PERSISTENT: f"{_HEAD:33} {'Weight':9} {'PersistConn':11} {'ActiveConn':10} {'InActConn':10}\n",
    View.PLAIN: f"{_HEAD} Scheduler Flags\n",
}
_SERVER_TITLES = {View.PLAIN: "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"}

PROTOCOL_LABELS: dict[int, str] = {
    Protocol.TCP: "TCP",
    Protocol.UDP: "UDP",
    Protocol.SCTP: "SCTP",
    Protocol.ICMP: "ICMP",
}
FORWARD_WORDS = {
    ForwardingMode.NAT: "Masq",
    ForwardingMode.LOCAL: "Local",
    ForwardingMode.TUNNEL: "Tunnel",
    ForwardingMode.DIRECT_ROUTE: "Route",
    ForwardingMode.BYPASS: "(null)",
    ForwardingMode.FULLNAT: "FullNat",
    ForwardingMode.SNAT: "SNAT",
}
PROXY_WORDS = {
    ProxyProtocol.V1: "ppv1",
    ProxyProtocol.V2: "ppv2",
    ProxyProtocol.V1_INSECURE: "ppv1-insecure",
    ProxyProtocol.V2_INSECURE: "ppv2-insecure",
}
_EXTERNAL_WORDS = (
    (CheckTypes.TCP, "tcp"),
    (CheckTypes.UDP, "udp"),
    (CheckTypes.SCTP, "sctp"),
    (CheckTypes.PING, "ping"),
)


def title(view: View) -> str:
    """The two lines above a listing."""
    return _TITLES[view] + _SERVER_TITLES.get(view, "  -> RemoteAddress:Port\n")


def is_address_service(key: ServiceKey) -> bool:
    """Whether address and port name it; of an IPv6 address upstream looks at the first 32 bits only."""
    value = int(key.address)
    return bool(key.port or (value >> 96 if key.address.version == 6 else value))


def label(key: ServiceKey, endpoints: Endpoints) -> str:
    """A service in the first column."""
    if key.fwmark:
        suffix = " IPv6" if key.family == Family.INET6 else ""
        return f"FWM  {signed32(key.fwmark)}{suffix}"
    if not is_address_service(key):
        return f"MATCH {describe_match(key.protocol, key.match)}"
    protocol = PROTOCOL_LABELS.get(key.protocol, "ICMPv6")
    text = f"{protocol}  {endpoints.text(key.address, key.port, key.protocol)}"
    return text if key.family == Family.INET6 else text[:LABEL_LIMIT]


def render_service(
    status: ServiceStatus, dests: list[DestStatus], view: View, endpoints: Endpoints, *, exact: bool
) -> Iterator[str]:
    """The lines of one service and of its servers, in the order they come."""
    key = status.service.key
    text = label(key, endpoints)
    if view is View.STATS:
        yield f"{text:33}{_counters(_total(status, dests), exact)}\n"
    elif view is View.RATE:
        total = _total(status, dests)
        if status.service.bps:
            text = f"{text} bps {signed32(status.service.bps)}M"
        rates = (total.cps, total.in_pps, total.out_pps, total.in_bps, total.out_bps)
        yield f"{text:33}{''.join(scaled(rate, exact) for rate in rates)}\n"
    else:
        yield f"{text} {status.service.scheduler}{describe_flags(status.service)}\n"
    for dest in dests:
        server = endpoints.text(dest.dest.address, dest.dest.port, key.protocol)
        if key.family != Family.INET6:
            server = server[:SERVER_LIMIT]
        yield f"  -> {server:28}{_server_columns(dest, view, exact)}\n"


def _total(status: ServiceStatus, dests: list[DestStatus]) -> Stats:
    """A service's own counters are what no present server accounts for; the rest is its servers'."""
    parts = [status.stats, *(dest.stats for dest in dests)]
    return Stats(
        conns=sum(part.conns for part in parts),
        in_packets=sum(part.in_packets for part in parts),
        in_bytes=sum(part.in_bytes for part in parts),
        out_packets=sum(part.out_packets for part in parts),
        out_bytes=sum(part.out_bytes for part in parts),
        cps=sum(part.cps for part in parts),
        in_pps=sum(part.in_pps for part in parts),
        in_bps=sum(part.in_bps for part in parts),
        out_pps=sum(part.out_pps for part in parts),
        out_bps=sum(part.out_bps for part in parts),
    )


def _counters(stats: Stats, exact: bool) -> str:
    values = (stats.conns, stats.in_packets, stats.out_packets, stats.in_bytes, stats.out_bytes)
    return "".join(scaled(value, exact) for value in values)


def _server_columns(status: DestStatus, view: View, exact: bool) -> str:
    """What follows the server. Rates per second of packets stay unscaled, as upstream's do."""
    dest, stats = status.dest, status.stats
    conns = f"{status.active_conns:<10} {status.inactive_conns:<10}"
    if view is View.PLAIN:
        word = FORWARD_WORDS[dest.forwarding]
        return f" {word:7} {signed32(dest.weight):<6} {conns}{_server_marks(status)}"
    if view is View.STATS:
        return _counters(stats, exact)
    if view is View.RATE:
        bandwidth = scaled(stats.in_bps, exact) + scaled(stats.out_bps, exact)
        return f" {stats.cps:8} {stats.in_pps:8} {stats.out_pps:8}{bandwidth}"
    if view is View.THRESHOLDS:
        return f" {dest.max_conn:<10} {dest.min_conn:<10} {conns}"
    return f" {dest.weight & 0xFFFFFFFF:<9} {status.persistent_conns:<11} {conns}"


def _server_marks(status: DestStatus) -> str:
    marks = ["inhibited"] if status.dest.inhibited else []
    if status.overloaded:
        marks.append("overload")
    return f" {','.join(marks)}" if marks else ""


def mask_text(service: Service) -> str | None:
    """The persistence mask where it is not the host's own."""
    family = service.key.family
    if family not in HOST_MASK or service.netmask == HOST_MASK[family]:
        return None
    return str(IPV4_ANY + service.netmask) if family == Family.INET else str(service.netmask)


def describe_flags(service: Service) -> str:
    """What follows the scheduler, each word with a blank before it."""
    flags = service.flags
    words = []
    if ServiceFlags.SIP_HASH in flags:
        words.append("sip")
    if ServiceFlags.QID_HASH in flags:
        words.append("qid")
    if ServiceFlags.PERSISTENT in flags:
        words.append(f"persistent {service.persistence_timeout_s}")
        mask = mask_text(service)
        if mask is not None:
            words.append(f"mask {mask}")
    if ServiceFlags.ONE_PACKET in flags:
        words.append("ops")
    if ServiceFlags.SYNPROXY in flags:
        words.append("synproxy")
    if service.conn_timeout_s:
        words.append(f"conn-timeout {service.conn_timeout_s}")
    if service.proxy_protocol in PROXY_WORDS:
        words.append(PROXY_WORDS[service.proxy_protocol])
    if ServiceFlags.EXPIRE_QUIESCENT in flags:
        words.append("expire-quiescent")
    if ServiceFlags.QUIC in flags and service.key.protocol == Protocol.UDP:
        words.append("quic")
    if service.check.types:
        words.append(describe_check(service.check))
    return "".join(f" {word}" for word in words)


def describe_check(check: CheckConfig) -> str:
    """dest-check, with the passive check's values and the external checkers."""
    words = ["dest-check"]
    if CheckTypes.PASSIVE in check.types:
        words.append(f"internal:{_passive(check)}")
    external = [word for kind, word in _EXTERNAL_WORDS if kind in check.types]
    if external:
        words.append(f"external:{','.join(external)}")
    return " ".join(words)


def _passive(check: CheckConfig) -> str:
    default = grammar.DEFAULT_CHECK
    values = (check.down_notice, check.up_notice, check.down_wait_s, check.inhibit_min_s, check.inhibit_max_s)
    if values == (
        default.down_notice,
        default.up_notice,
        default.down_wait_s,
        default.inhibit_min_s,
        default.inhibit_max_s,
    ):
        return "default"
    if grammar.is_down_only(check):
        return f"{check.down_notice},{check.down_wait_s}s"
    return f"{check.down_notice},{check.up_notice},{check.down_wait_s}s,{check.inhibit_min_s}-{check.inhibit_max_s}s"
