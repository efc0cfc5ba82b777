"""The vocabulary of virtual_server."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.config.keepalived_conf.kinds import (
    INT_MAX,
    Choice,
    Integer,
    address,
    command,
    device,
    flag,
    integer,
    port,
    same,
    switch,
    text,
    value_word,
)
from xdpvs.config.keepalived_conf.reading import Block, Corrected, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.servers import METHODS, TIMING
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.service import MH_FALLBACK, MH_PORT, ProxyProtocol, ServiceFlags

PERSISTENCE_DEFAULT = 360
_SCHEDULERS = ("rr", "wrr", "wlc", "conhash", "fo", "mh")
_REFUSED_SCHEDULERS = ("lc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "ovf", "twos")
_ESTABLISH_TIMEOUT = (1, 3600)

FLAGS = {
    "hashed": ServiceFlags.HASHED,
    "ops": ServiceFlags.ONE_PACKET,
    "flag-1": ServiceFlags.SCHED1,
    "flag-2": ServiceFlags.SCHED2,
    "flag-3": ServiceFlags.SCHED3,
    "mh-port": MH_PORT,
    "mh-fallback": MH_FALLBACK,
    "syn_proxy": ServiceFlags.SYNPROXY,
    "expire_quiescent_conn": ServiceFlags.EXPIRE_QUIESCENT,
    "quic": ServiceFlags.QUIC,
}
"""Keywords that stand for a bit; those of one scheduler are looked at again when it is known."""

_PROTOCOLS: dict[str, object] = {
    "TCP": Protocol.TCP,
    "UDP": Protocol.UDP,
    "SCTP": Protocol.SCTP,
    "ICMP": Protocol.ICMP,
    "ICMPV6": Protocol.ICMPV6,
}
_PROXY = {
    "v1": ProxyProtocol.V1,
    "v2": ProxyProtocol.V2,
    "v1-insecure": ProxyProtocol.V1_INSECURE,
    "v2-insecure": ProxyProtocol.V2_INSECURE,
}


@dataclass(slots=True, eq=False)
class PlacedBlock:
    """A real_server block with the address it is for."""

    address: IPAddress
    port: int
    block: Block


def _scheduler(statement: Statement) -> str:
    word = value_word(statement)
    if word in _REFUSED_SCHEDULERS:
        raise Refused(f"{word} is no scheduler of DPVS ({', '.join(_SCHEDULERS)})")
    if word not in _SCHEDULERS:
        raise Refused(f"{shown(word)} is none of {', '.join(_SCHEDULERS)}")
    return word


def _establish_timeout(statement: Statement) -> int:
    seconds = integer(value_word(statement), -INT_MAX, INT_MAX)
    clamped = min(max(seconds, _ESTABLISH_TIMEOUT[0]), _ESTABLISH_TIMEOUT[1])
    if clamped != seconds:
        raise Corrected(clamped, f"{seconds} becomes {clamped}")
    return clamped


def _proxy_protocol(statement: Statement) -> ProxyProtocol:
    word = value_word(statement)
    if word.lower() not in _PROXY:
        raise Corrected(ProxyProtocol.OFF, f"{shown(word)} is none of {', '.join(_PROXY)}, off is used")
    return _PROXY[word.lower()]


def _hash_target(statement: Statement) -> ServiceFlags:
    match value_word(statement):
        case "sip":
            return ServiceFlags.SIP_HASH
        case "qid":
            return ServiceFlags.QID_HASH
        case other:
            raise Corrected(ServiceFlags.SIP_HASH, f"{shown(other)} is neither sip nor qid, sip is used")


def _persistence_timeout(statement: Statement) -> int:
    if len(statement.words) < 2:
        return PERSISTENCE_DEFAULT
    return integer(statement.words[1], 1, INT_MAX)


def _sorry_server(statement: Statement) -> tuple[IPAddress, int]:
    return address(value_word(statement)), port(statement.words[2]) if len(statement.words) > 2 else 0


def _real_server(reader: Reader, block: Block, values: Values) -> None:
    words = block.head.words
    try:
        if len(words) < 2:
            raise Refused("needs an address")
        server = PlacedBlock(address(words[1]), port(words[2]) if len(words) > 2 else 0, block)
    except Refused as error:
        reader.problem(block.number, f"real_server {error}")
        return
    values.setdefault("servers", []).append(server)


VIRTUAL_SERVER = Table(
    "virtual_server",
    {
        **TIMING,
        "protocol": ("protocol", Choice(_PROTOCOLS, fold_case=True)),
        "lb_algo": ("scheduler", _scheduler),
        "lvs_sched": ("scheduler", _scheduler),
        "lb_kind": ("forwarding", Choice(METHODS)),
        "lvs_method": ("forwarding", Choice(METHODS)),
        **same(text, ("laddr_group_name", "daddr_group_name", "waddr_group_name")),
        "establish_timeout": ("conn_timeout_s", _establish_timeout),
        "persistence_timeout": ("persistence_timeout_s", _persistence_timeout),
        "persistence_granularity": ("granularity", text),
        "hash_target": ("hash_target", _hash_target),
        "proxy_protocol": ("proxy_protocol", _proxy_protocol),
        **same(flag, FLAGS),
        **same(flag, ("sh-port", "sh-fallback")),
        **same(flag, ("alpha", "omega", "inhibit_on_failure", "ha_suspend", "sorry_server_inhibit")),
        "quorum": ("quorum", Integer(1, substitute=1)),
        "hysteresis": ("hysteresis", Integer()),
        **same(command, ("quorum_up", "quorum_down")),
        "sorry_server": ("sorry_server", _sorry_server),
        "sorry_server_lvs_method": ("sorry_server_lvs_method", Choice(METHODS)),
        "weight": ("weight", Integer(1, 65535)),
        "virtualhost": ("host", text),
        "smtp_alert": ("smtp_alert", switch),
        "ip_family": ("ip_family", Choice({"inet": 4, "inet6": 6})),
        "bps": ("bps", Integer(0, INT_MAX)),
        "limit_proportion": ("limit_proportion", Integer(1, 100)),
        **same(text, ("src-range", "dst-range")),
        **same(device, ("oif", "iif")),
    },
    {"real_server": _real_server},
    unsupported=("persistence_engine", "vip_bind_dev", "snmp_name"),
    first_wins=("quorum_up", "quorum_down"),
)
