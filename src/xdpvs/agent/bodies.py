"""What clients send, as upstream's OpenAPI document names it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xdpvs.agent.body import Body, OneOf, Text, Uint16, Uint32
from xdpvs.model.service import ForwardingMode, ProxyProtocol

SCHEDULERS = ("rr", "wrr", "wlc", "conhash")
MODES = {
    "FNAT": ForwardingMode.FULLNAT,
    "SNAT": ForwardingMode.SNAT,
    "DR": ForwardingMode.DIRECT_ROUTE,
    "TUNNEL": ForwardingMode.TUNNEL,
    "NAT": ForwardingMode.NAT,
}
MASQ = "MASQ"
"""What upstream lists a NAT server as: taken as well."""
PROXY_PROTOCOLS = {
    "v2": ProxyProtocol.V2,
    "v2-insecure": ProxyProtocol.V2_INSECURE,
    "v1": ProxyProtocol.V1,
    "v1-insecure": ProxyProtocol.V1_INSECURE,
    "disable": ProxyProtocol.OFF,
}

Scheduler = Annotated[str, OneOf(SCHEDULERS)]
Mode = Annotated[str, OneOf(tuple(MODES), also=(MASQ,))]
ProxyWord = Annotated[str, OneOf(tuple(PROXY_PROTOCOLS))]


class MatchAddrSpec(Body):
    """Accepted and ignored."""

    start: Text = Field("", alias="Start")
    end: Text = Field("", alias="End")


class MatchSpec(Body):
    """Accepted and ignored, as upstream does."""

    source: MatchAddrSpec | None = Field(None, alias="Src")
    destination: MatchAddrSpec | None = Field(None, alias="Dest")
    input_device: Text = Field("", alias="InIfName")
    output_device: Text = Field("", alias="OutIfName")


class VirtualServerSpecTiny(Body):
    """A service. What is absent goes back to its default."""

    scheduler: Scheduler = Field("", alias="SchedName", description="absent or empty: wrr")
    fwmark: Uint32 = Field(0, alias="Fwmark")
    synproxy: bool = Field(False, alias="SynProxy")
    expire_quiescent: bool = Field(False, alias="ExpireQuiescent")
    quic: bool = Field(False, alias="Quic")
    persistence_timeout_s: Uint32 = Field(0, alias="Timeout", description="persistence timeout in seconds, 0: none")
    conn_timeout_s: Uint32 = Field(0, alias="ConnTimeout", description="of established connections, 0: the default")
    bps: Uint32 = Field(0, alias="Bps")
    limit_proportion: Uint32 = Field(0, alias="LimitProportion")
    proxy_protocol: ProxyWord = Field("", alias="ProxyProtocol")
    match: MatchSpec | None = Field(None, alias="Match", description="ignored")


class RealServerSpecTiny(Body):
    """A server."""

    address: Text = Field("", alias="ip")
    port: Uint16 = Field(0, alias="port")
    weight: Uint16 | None = Field(None, alias="weight", description="absent: 0; in a health report, see `rs/health`")
    mode: Mode = Field("", alias="mode", description="absent or empty: FNAT")
    inhibited: bool | None = Field(None, alias="inhibited", description="absent: as it is")
    overloaded: bool | None = Field(None, alias="overloaded", description="ignored")


class RealServerTinyList(Body):
    """Servers."""

    items: list[RealServerSpecTiny] | None = Field(None, alias="Items")


class LocalAddressSpecTiny(Body):
    """A local address of a service."""

    address: Text = Field("", alias="addr")
    device: Text = Field("", alias="device")


class AclAddr(Body):
    """A client, or a set of clients as `ipset:NAME`, which wins."""

    address: Text = Field("", alias="addr")
    ipset: Text = Field("", alias="ipset")


class AclAddrList(Body):
    """Clients."""

    items: list[AclAddr] | None = Field(None, alias="Items")


class InetAddrSpec(Body):
    """An address of a device, `IP` or `IP/LENGTH`."""

    address: Text = Field("", alias="addr")
    broadcast: Text = Field("", alias="broadcast")
    scope: Text = Field("", alias="scope", description="0 to 255, host or link; anything else is global")


class VlanSpec(Body):
    """A VLAN; name is ignored, the path has it."""

    name: Text = Field("", alias="name")
    device: Text = Field("", alias="device", description="absent: what precedes the dot of the name")
    id: Text = Field("", alias="id", description="decimal digits; absent: what follows the dot of the name")


class RouteSpec(Body):
    """A route; device is ignored, the path has it."""

    source: Text = Field("", alias="src")
    destination: Text = Field("", alias="dst")
    gateway: Text = Field("", alias="gateway")
    preferred_source: Text = Field("", alias="prefixSrc")
    device: Text = Field("", alias="device")
    scope: Text = Field("", alias="scope", description="host, kni_host; anything else: global")
    mtu: Uint32 = Field(0, alias="mtu")
    metric: Uint32 = Field(0, alias="metric")
