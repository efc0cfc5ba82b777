"""Refusals in the operator's words: what was refused, and which feature of it dpvs may lack."""

from __future__ import annotations

from xdpvs.api.errors import DpvsError, error_text
from xdpvs.keepalived.health.names import protocol_name
from xdpvs.keepalived.services.changes import (
    Change,
    ChangeAcl,
    ChangeAddress,
    ChangeDest,
    ChangeDests,
    ChangeLaddr,
    DropService,
    PutService,
)
from xdpvs.model.address import Protocol
from xdpvs.model.service import (
    NO_MATCH,
    Dest,
    ForwardingMode,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)

_FLAGS = {
    ServiceFlags.PERSISTENT: "persistence",
    ServiceFlags.ONE_PACKET: "one-packet scheduling (ops)",
    ServiceFlags.SYNPROXY: "syn_proxy",
    ServiceFlags.QUIC: "quic",
    ServiceFlags.QID_HASH: "hash_target qid",
    ServiceFlags.SCHED2: "hashing by port (sh-port, mh-port)",
}
_MODES = {
    ForwardingMode.NAT: "NAT",
    ForwardingMode.DIRECT_ROUTE: "DR",
    ForwardingMode.TUNNEL: "TUN",
    ForwardingMode.SNAT: "SNAT",
}


def service_name(key: ServiceKey) -> str:
    """A service as the log names it."""
    if key.fwmark:
        return f"FWM {key.fwmark}"
    if key.match != NO_MATCH and not key.port and not int(key.address):
        return f"MATCH {protocol_name(key.protocol)}"
    return f"[{key.address}]:{protocol_name(key.protocol)}:{key.port}"


def service_features(service: Service) -> list[str]:
    """What of a service a dpvs may not have."""
    features = [name for flag, name in _FLAGS.items() if service.flags & flag]
    if service.proxy_protocol is not ProxyProtocol.OFF:
        features.append("proxy_protocol")
    if service.bps:
        features.append("bps")
    if service.limit_proportion:
        features.append("limit_proportion")
    if service.key.fwmark:
        features.append("fwmark")
    if service.key.match != NO_MATCH:
        features.append("virtual_server match (SNAT)")
    if service.key.protocol not in (Protocol.TCP, Protocol.UDP):
        features.append(f"protocol {protocol_name(service.key.protocol)}")
    return features


def dest_features(dest: Dest) -> list[str]:
    """What of a server a dpvs may not have."""
    return [f"lb_kind {_MODES[dest.forwarding]}"] if dest.forwarding in _MODES else []


def subject(change: Change | ChangeAddress) -> str:
    """What a change is about; the same for every change that a log line stands for."""
    match change:
        case PutService(service):
            return f"service {service_name(service.key)}"
        case DropService(key):
            return f"service {service_name(key)}"
        case ChangeDests(key):
            return f"servers of {service_name(key)}"
        case ChangeDest(key, dest):
            return f"server [{dest.address}]:{dest.port} of {service_name(key)}"
        case ChangeLaddr(key, laddr):
            return f"local address {laddr.address} of {service_name(key)}"
        case ChangeAcl(entry, allow):
            # One line for a list, however long it is.
            what = "allow_address_group" if allow else "deny_address_group"
            return f"{what} of [{entry.vip}]:{protocol_name(entry.protocol)}:{entry.port}"
        case ChangeAddress(laddr):
            return f"local address {laddr.address} on {laddr.device}"


def refusal(change: Change | ChangeAddress, code: int) -> str:
    """Why, with the feature by name where dpvs says that it lacks one."""
    text = error_text(code)
    if code == DpvsError.NODEV and isinstance(change, (ChangeAddress, ChangeLaddr)):
        return f"{text}: {change.laddr.device}"
    if code not in (DpvsError.NOTSUPP, DpvsError.INVAL):
        return text
    match change:
        case PutService(service):
            features = service_features(service)
        case ChangeDest(_, dest):
            features = dest_features(dest)
        case ChangeDests(_, put):
            features = sorted({feature for dest in put for feature in dest_features(dest)})
        case ChangeAcl():
            features = ["access lists"]
        case _:
            features = []
    return f"{text}: {', '.join(features)}" if features else text


def lasting(change: Change | ChangeAddress, code: int) -> bool:
    """Whether only another dpvs will answer otherwise. An unknown scheduler does not exist, in DPVS's words."""
    if isinstance(change, PutService) and not change.edit:
        return code in (DpvsError.NOTSUPP, DpvsError.INVAL, DpvsError.NOTEXIST)
    return code == DpvsError.NOTSUPP


def surprising(change: Change | ChangeAddress, code: int) -> bool:
    """Whether dpvs has not what it was believed to have: somebody else changes it as well."""
    if isinstance(change, PutService) and not change.edit:
        return code == DpvsError.EXIST
    return code in (DpvsError.EXIST, DpvsError.NOTEXIST, DpvsError.NOSERV, DpvsError.INVAL)
