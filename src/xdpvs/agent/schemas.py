"""What is answered, for the OpenAPI document. Listings themselves are made in `rendering`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

Count = Field(0, ge=0, description="absent if 0")


class Schema(BaseModel):
    """Base: keys are fields, and nothing else is answered."""

    model_config = ConfigDict(extra="forbid")


class ServerStats(Schema):
    """Counters and rates per second."""

    Conns: int = Count
    Cps: int = Count
    InBps: int = Count
    InBytes: int = Count
    InPkts: int = Count
    InPps: int = Count
    OutBps: int = Count
    OutBytes: int = Count
    OutPkts: int = Count
    OutPps: int = Count


class RealServerSpec(Schema):
    """A server as it is."""

    inhibited: bool
    ip: str
    mode: str
    operatorWeight: int = Field(0, description="with the query of that name only")
    overloaded: bool
    port: int
    weight: int


class RealServerExpand(Schema):
    """A server with its counters."""

    Spec: RealServerSpec
    Stats: ServerStats


class RealServerExpandList(Schema):
    """Servers, newest first."""

    Items: list[RealServerExpand]


class MatchRange(Schema):
    """Addresses and ports of a match."""

    Start: str = ""
    End: str = ""


class MatchExpand(Schema):
    """What names a service without an address."""

    Dest: MatchRange
    InIfName: str = ""
    OutIfName: str = ""
    Src: MatchRange


class VirtualServerSpecExpand(Schema):
    """A service with its servers. Zeros and empty strings are left out."""

    Addr: str = ""
    Af: int = 0
    Bps: int = 0
    ConnTimeout: int = 0
    DestCheck: list[str] | None
    ExpireQuiescent: str
    Flags: str = ""
    Fwmark: int = 0
    LimitProportion: int = 0
    Match: MatchExpand
    Netmask: int = 0
    Port: int = 0
    Proto: int = 0
    ProxyProto: int = 0
    Quic: str
    RSs: RealServerExpandList
    SchedName: str
    Stats: ServerStats
    SynProxy: str
    Timeout: int = 0
    Version: str


class VirtualServerList(Schema):
    """Services."""

    Items: list[VirtualServerSpecExpand]


class LocalAddressExpand(Schema):
    """A local address; portConflict counts local ports that were taken."""

    addr: str = ""
    af: int = 0
    conns: int = Count
    device: str = ""
    portConflict: int = Count


class LocalAddressExpandList(Schema):
    """Local addresses, oldest first."""

    Items: list[LocalAddressExpand]


class AclItem(Schema):
    """A client or a set of clients."""

    addr: str = ""
    ipset: str = ""


class AclItemList(Schema):
    """Clients."""

    Items: list[AclItem]


class NicDetail(Schema):
    """A device."""

    Flags: int = 0
    ID: int = 0
    MTU: int = 0
    addr: str = ""
    autoneg: str = ""
    duplex: str = ""
    nRxQ: int = 0
    nTxQ: int = 0
    name: str = ""
    socketID: int = 0
    speed: int = Field(0, description="Mbit/s")
    status: str = ""


class NicStats(Schema):
    """A device's counters; those by queue are always zero."""

    bufAvail: int = 0
    bufInuse: int = 0
    errorBytesQ: list[int]
    id: int = 0
    inBytes: int = 0
    inBytesQ: list[int]
    inErrors: int = 0
    inMissed: int = 0
    inPkts: int = 0
    inPktsQ: list[int]
    outBytes: int = 0
    outBytesQ: list[int]
    outErrors: int = 0
    outPkts: int = 0
    outPktsQ: list[int]
    rxNoMbuf: int = 0


class NicDevice(Schema):
    """A device with its counters."""

    detail: NicDetail
    stats: NicStats | None = None


class NicDeviceSpecList(Schema):
    """Devices."""

    Items: list[NicDevice]


class DeviceAddress(Schema):
    """An address of a device; ports are those of its pool."""

    addr: str
    af: int
    broadcast: str = ""
    device: str
    portsFree: int = 0
    portsMissed: int = 0
    portsUsed: int = 0
    sapool: str = ""
    scope: str
    validLifetime: int = Field(0, description="seconds left, absent: for ever")


class DeviceAddressList(Schema):
    """Addresses, newest first."""

    Items: list[DeviceAddress]


class DeviceRoute(Schema):
    """A route."""

    device: str
    dst: str
    gateway: str = ""
    metric: int = 0
    mtu: int = 0
    scope: str
    src: str = ""


class DeviceRouteList(Schema):
    """Routes, IPv4 first."""

    Items: list[DeviceRoute]


class DeviceVlan(Schema):
    """A VLAN device."""

    device: str
    id: str
    name: str


class DeviceVlanList(Schema):
    """VLAN devices."""

    Items: list[DeviceVlan]


class HostLinkItem(Schema):
    """A network interface of the kernel."""

    addr: str = ""
    index: int
    kind: str = ""
    mtu: int = 0
    name: str
    operstate: str
    status: str


class HostAddress(Schema):
    """An address of the kernel's."""

    addr: str


class HostAddressList(Schema):
    """Addresses of the kernel's."""

    Items: list[HostAddress]


class ConnItem(Schema):
    """A connection: client to vip on one side, laddr to rs on the other; timeout is what is left, in seconds."""

    client: str
    laddr: str
    proto: str
    rs: str
    state: str
    timeout: int
    vip: str


class ConnPage(Schema):
    """A page of connections; Cursor is there if more follow."""

    Count: int
    Cursor: str = ""
    Items: list[ConnItem]


class ConnCounts(Schema):
    """Connections of all services by kind."""

    Active: int
    Inactive: int
    Persistent: int


class IpsetInfos(Schema):
    """Sets."""

    Count: int = 0
    Infos: list[object] | None


class Error(Schema):
    """A request that was wrong in itself."""

    code: int
    message: str
