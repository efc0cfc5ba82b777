"""The cache file's text: upstream's form of it, with what else is worth keeping under `xdpvs`.

{"NodeSpec":{"AnnouncePort":{"dpvs","switch"},"Laddrs":{"Items":[{"addr","device"}]}},
 "Services":{"Items":[VirtualServerSpecExpand, its servers with the operator's weights]}}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xdpvs.agent.bodies import MODES
from xdpvs.agent.node import NodeSpec
from xdpvs.agent.rendering import FLAG_WORDS, Json, address_text, server_spec, service_spec
from xdpvs.agent.snapshot import Reporter, ServerState, ServiceState, server_key
from xdpvs.model.address import family_of
from xdpvs.model.service import (
    CheckConfig,
    CheckTypes,
    Dest,
    ForwardingMode,
    Laddr,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
)


class CorruptCache(ValueError):
    """A file that is no cache file."""


@dataclass(frozen=True, slots=True)
class Cached:
    """What a cache file holds."""

    services: tuple[ServiceState, ...] = ()
    node: NodeSpec = NodeSpec()
    laddrs: tuple[Laddr, ...] = ()
    last_version: int = 0


def encode(services: Sequence[ServiceState], last_version: int, node: NodeSpec) -> bytes:
    """The file."""
    laddrs = {(laddr.address, laddr.device): laddr for state in services for laddr in state.laddrs}
    value = {
        "NodeSpec": {
            "AnnouncePort": {"dpvs": node.dpvs, "switch": node.switch},
            "Laddrs": {"Items": _laddrs(laddrs.values())},
        },
        "Services": {"Items": [_service(state) for state in services]},
        "xdpvs": {"lastVersion": last_version},
    }
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _laddrs(laddrs: Iterable[Laddr]) -> list[Json]:
    return [{"addr": address_text(laddr.address), "device": laddr.device} for laddr in laddrs]


def _service(state: ServiceState) -> Json:
    servers: list[Json] = [{"Spec": _server(each), "Stats": {}} for each in state.servers.values()]
    return {**service_spec(state, servers, {}), "xdpvs": {"laddrs": _laddrs(state.laddrs)}}


def _server(state: ServerState) -> Json:
    seen = state.seen
    ours = {
        "weight": seen.weight,
        "reporter": state.reporter.value if state.reporter else "",
        "replaced": list(state.replaced),
        "maxConn": seen.max_conn,
        "minConn": seen.min_conn,
    }
    return {**server_spec(seen, state), "weight": state.weight, "xdpvs": ours}


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Laddr(_Model):
    addr: str
    device: str = ""


class _Laddrs(_Model):
    Items: list[_Laddr] | None = None


class _Announce(_Model):
    dpvs: str = ""
    switch: str = ""


class _Node(_Model):
    AnnouncePort: _Announce | None = None
    Laddrs: _Laddrs | None = None


class _OurServer(_Model):
    weight: int
    reporter: str = ""
    replaced: list[int] = Field(default_factory=list)
    maxConn: int = 0
    minConn: int = 0


class _Spec(_Model):
    ip: str
    port: int = 0
    weight: int = 0
    mode: str = "FNAT"
    inhibited: bool | None = None
    xdpvs: _OurServer | None = None


class _Server(_Model):
    Spec: _Spec


class _Servers(_Model):
    Items: list[_Server] | None = None


class _OurService(_Model):
    laddrs: list[_Laddr] = Field(default_factory=list)


class _Service(_Model):
    Addr: str
    Port: int = 0
    Proto: int
    Version: str = "0"
    SchedName: str = "wrr"
    Flags: str = ""
    Fwmark: int = 0
    Timeout: int = 0
    ConnTimeout: int = 0
    Netmask: int = 0
    ProxyProto: int = 0
    Bps: int = 0
    LimitProportion: int = 0
    DestCheck: list[str] | None = None
    RSs: _Servers | None = None
    xdpvs: _OurService | None = None


class _Services(_Model):
    Items: list[_Service] | None = None


class _Ours(_Model):
    lastVersion: int = 0


class _File(_Model):
    NodeSpec: _Node | None = None
    Services: _Services | None = None
    xdpvs: _Ours | None = None


def decode(text: bytes) -> Cached:
    """What a file holds, upstream's too; CorruptCache if it is none."""
    try:
        file = _File.model_validate_json(text)
        node = file.NodeSpec or _Node()
        announce = node.AnnouncePort or _Announce()
        laddrs = (node.Laddrs.Items or []) if node.Laddrs else []
        services = (file.Services.Items or []) if file.Services else []
        return Cached(
            tuple(_service_state(service) for service in services),
            NodeSpec(announce.dpvs, announce.switch),
            tuple(_laddr(each) for each in laddrs),
            file.xdpvs.lastVersion if file.xdpvs else 0,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise CorruptCache(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise CorruptCache(str(error)) from None


def _laddr(item: _Laddr) -> Laddr:
    address = ip_address(item.addr)
    return Laddr(family_of(address), address, item.device)


def _service_state(item: _Service) -> ServiceState:
    address = ip_address(item.Addr)
    flags = ServiceFlags(0)
    for flag, word in FLAG_WORDS:
        if word in item.Flags.split("|"):
            flags |= flag
    if item.Timeout:
        flags |= ServiceFlags.PERSISTENT
    checks = CheckTypes(0)
    for word in item.DestCheck or ():
        checks |= CheckTypes[word.upper()] if word.upper() in CheckTypes.__members__ else CheckTypes(0)
    service = Service(
        ServiceKey(family_of(address), item.Proto, address, item.Port, item.Fwmark),
        item.SchedName,
        flags,
        item.Timeout,
        item.ConnTimeout,
        item.Netmask or (0xFFFFFFFF if address.version == 4 else 128),
        ProxyProtocol(item.ProxyProto),
        item.Bps,
        item.LimitProportion,
        CheckConfig(checks),
    )
    states = [_server_state(server.Spec) for server in (item.RSs.Items or [])] if item.RSs else []
    laddrs = tuple(_laddr(each) for each in item.xdpvs.laddrs) if item.xdpvs else ()
    return ServiceState(service, int(item.Version), {server_key(state.seen): state for state in states}, laddrs)


def _server_state(spec: _Spec) -> ServerState:
    address = ip_address(spec.ip)
    inhibited = bool(spec.inhibited)
    mode = MODES.get(spec.mode, ForwardingMode.NAT if spec.mode == "MASQ" else ForwardingMode.FULLNAT)
    # Upstream's file does not tell what DPVS held: 0 for a server that is down.
    ours = spec.xdpvs or _OurServer(
        weight=0 if inhibited else spec.weight, reporter=Reporter.VERSIONED.value if inhibited else ""
    )
    seen = Dest(family_of(address), address, spec.port, mode, ours.weight, ours.maxConn, ours.minConn, inhibited)
    reporter = Reporter(ours.reporter) if ours.reporter else None
    return ServerState(spec.weight, seen, reporter, tuple(ours.replaced))
