"""Services as upstream's JSON: keys in alphabetical order, zeros left out, some booleans as words.

Plain dictionaries, for listings may have ten thousand services; `schemas` describes the same for the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from ipaddress import IPv6Address

from xdpvs.agent.snapshot import ServerState, ServiceState, Shown, server_key
from xdpvs.agent.table import Row
from xdpvs.model.address import IPAddress
from xdpvs.model.service import (
    NO_MATCH,
    NO_STATS,
    AddressRange,
    CheckTypes,
    Dest,
    ForwardingMode,
    LaddrStatus,
    Match,
    Service,
    ServiceFlags,
    Stats,
)

Json = dict[str, object]

_MODES = {
    ForwardingMode.FULLNAT: "FNAT",
    ForwardingMode.SNAT: "SNAT",
    ForwardingMode.DIRECT_ROUTE: "DR",
    ForwardingMode.TUNNEL: "TUNNEL",
    ForwardingMode.NAT: "NAT",
    ForwardingMode.LOCAL: "LOCALNODE",
    ForwardingMode.BYPASS: "BYPASS",
}
_CHECKS = ((CheckTypes.PASSIVE, "passive"), (CheckTypes.TCP, "tcp"), (CheckTypes.UDP, "udp"), (CheckTypes.PING, "ping"))
FLAG_WORDS = (
    (ServiceFlags.SYNPROXY, "SynProxy"),
    (ServiceFlags.EXPIRE_QUIESCENT, "ExpireQuiescent"),
    (ServiceFlags.QUIC, "Quic"),
    (ServiceFlags.QID_HASH, "ConHashByQuicID"),
    (ServiceFlags.SIP_HASH, "ConHashBySrcIP"),
)


def address_text(address: IPAddress) -> str:
    """An address in Go's text form: mapped IPv4 as IPv4."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def without_zeros(values: Mapping[str, object]) -> Json:
    """What Go's omitempty leaves of it."""
    return {key: value for key, value in values.items() if value not in (0, "")}


def mode_name(mode: ForwardingMode) -> str:
    """A forwarding mode's word."""
    return _MODES[mode]


def virtual_server(row: Row, shown: Shown = Shown.BY_REPORTER, *, both_weights: bool = False) -> Json:
    """VirtualServerSpecExpand of a look."""
    servers = row.state.servers
    items: list[Json] = [
        {
            "Spec": server_spec(status.dest, servers[server_key(status.dest)], shown, both_weights),
            "Stats": stats(status.stats),
        }
        for status in row.entry.dests
    ]
    total = _sum([row.entry.status.stats, *(status.stats for status in row.entry.dests)])
    return service_spec(row.state, items, stats(total))


def service_spec(state: ServiceState, servers: list[Json], counters: Json) -> Json:
    """VirtualServerSpecExpand of its parts."""
    service = state.service
    key, flags = service.key, service.flags
    spec: Json = {
        "Addr": address_text(key.address),
        "Af": int(key.family),
        "Bps": service.bps,
        "ConnTimeout": service.conn_timeout_s,
        "DestCheck": _dest_check(service),
        "ExpireQuiescent": _word(flags, ServiceFlags.EXPIRE_QUIESCENT),
        "Flags": "".join(f"{word}|" for flag, word in FLAG_WORDS if flags & flag),
        "Fwmark": key.fwmark,
        "LimitProportion": service.limit_proportion,
        "Match": _match(key.match),
        "Netmask": service.netmask,
        "Port": key.port,
        "Proto": key.protocol,
        "ProxyProto": int(service.proxy_protocol),
        "Quic": _word(flags, ServiceFlags.QUIC),
        "RSs": {"Items": servers},
        "SchedName": service.scheduler,
        "Stats": counters,
        "SynProxy": _word(flags, ServiceFlags.SYNPROXY),
        "Timeout": service.persistence_timeout_s,
        "Version": str(state.version),
    }
    return {name: value for name, value in spec.items() if name == "SchedName" or value not in (0, "")}


def server_spec(dest: Dest, state: ServerState, shown: Shown = Shown.BY_REPORTER, both_weights: bool = False) -> Json:
    """RealServerSpecTiny; with both_weights the daemon's weight, and the operator's beside it."""
    spec: Json = {
        "inhibited": dest.inhibited,
        "ip": address_text(dest.address),
        "mode": mode_name(dest.forwarding),
        "overloaded": False,
        "port": dest.port,
        "weight": state.shown_weight(Shown.DAEMON if both_weights else shown),
    }
    if both_weights:
        # In alphabetical order, like everything.
        return {key: spec.get(key, state.weight) for key in sorted([*spec, "operatorWeight"])}
    return spec


def stats(counted: Stats) -> Json:
    """ServerStats."""
    if counted is NO_STATS:
        return {}
    return without_zeros(
        {
            "Conns": counted.conns,
            "Cps": counted.cps,
            "InBps": counted.in_bps,
            "InBytes": counted.in_bytes,
            "InPkts": counted.in_packets,
            "InPps": counted.in_pps,
            "OutBps": counted.out_bps,
            "OutBytes": counted.out_bytes,
            "OutPkts": counted.out_packets,
            "OutPps": counted.out_pps,
        }
    )


def local_address(status: LaddrStatus) -> Json:
    """An item of LocalAddressExpandList."""
    laddr = status.laddr
    return without_zeros(
        {
            "addr": address_text(laddr.address),
            "af": int(laddr.family),
            "conns": status.conns,
            "device": laddr.device,
            "portConflict": status.conflicts,
        }
    )


def _sum(each: Iterable[Stats]) -> Stats:
    counted = [astuple(stats) for stats in each if stats is not NO_STATS and stats != NO_STATS]
    return Stats(*map(sum, zip(*counted, strict=True))) if counted else NO_STATS


def _word(flags: ServiceFlags, flag: ServiceFlags) -> str:
    return "true" if flags & flag else "false"


def _dest_check(service: Service) -> list[str] | None:
    return [word for check, word in _CHECKS if service.check.types & check] or None


def _match(match: Match) -> Json:
    if match == NO_MATCH:
        return {"Dest": {}, "Src": {}}
    devices = without_zeros({"InIfName": match.input_device, "OutIfName": match.output_device})
    return {"Dest": _range(match.destination), **devices, "Src": _range(match.source)}


def _range(span: AddressRange) -> Json:
    if span == AddressRange():
        return {}
    if not int(span.max_address) and not span.max_port:
        return {}
    return {
        "End": f"{address_text(span.max_address)}-{span.max_port}",
        "Start": f"{address_text(span.min_address)}-{span.min_port}",
    }
