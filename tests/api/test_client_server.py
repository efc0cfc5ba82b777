"""Client and server against each other over a real socket: every message of the table, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import serving
from xdpvs.api import messages as m
from xdpvs.api.client import Client
from xdpvs.api.dispatch import Handler, handled_messages
from xdpvs.api.errors import ApiError, CorruptReply, DpvsError, ShortReply, TransportError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.messages import Message
from xdpvs.api.requests import (
    AddressFilter,
    ConnPage,
    ConnRequest,
    ConnSliceRequest,
    ConnsRequest,
    DestRequest,
    DestsChange,
    DestsRequest,
    DestsSwap,
    LaddrRequest,
    LaddrsChange,
    LaddrsRequest,
    RouteChange,
    ServiceRequest,
    ServicesRequest,
)
from xdpvs.api.structs_conn import encode_conn
from xdpvs.api.structs_table import encode_table_entry
from xdpvs.model.address import IPV4_ANY, IPV6_ANY, Family, Protocol
from xdpvs.model.conn import Conn, SocketPair
from xdpvs.model.counters import IPV6_COUNTERS, DaemonStatus, DropCounter, Ipv6Stats
from xdpvs.model.device import (
    HardwareMulticast,
    LcoreInfo,
    LcoreMask,
    LcoreStats,
    LinkCounter,
    LinkCounters,
    LinkDetails,
    LinkSettings,
    MulticastAddress,
    PortEntry,
    PortList,
)
from xdpvs.model.network import (
    Address,
    AddressFlags,
    AddressScope,
    AddressStatus,
    Link,
    LinkFlags,
    LinkStats,
    Neighbour,
    NeighbourState,
    Route,
    RouteFlags,
    Vlan,
)
from xdpvs.model.service import (
    AclEntry,
    AddressRange,
    CheckConfig,
    CheckTypes,
    DaemonInfo,
    Dest,
    DestStatus,
    ForwardingMode,
    Laddr,
    LaddrStatus,
    Match,
    ProxyProtocol,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
    Stats,
)
from xdpvs.model.table import TableEntry

VIP, CLIENT, LOCAL, SERVER = (IPv4Address(a) for a in ("192.0.2.100", "192.0.2.2", "198.51.100.1", "198.51.100.11"))
VIP6, SERVER6 = IPv6Address("2001:db8:1::100"), IPv6Address("2001:db8:2::11")

KEY = ServiceKey(Family.INET, Protocol.TCP, VIP, 80)
KEY6 = ServiceKey(Family.INET6, Protocol.UDP, VIP6, 53)
FWMARK = ServiceKey(Family.INET, Protocol.TCP, IPV4_ANY, 0, fwmark=10)
MATCH = ServiceKey(
    Family.INET,
    Protocol.ICMP,
    IPV4_ANY,
    0,
    match=Match(Family.INET, AddressRange(CLIENT, SERVER, 1, 65535), input_device="dpdk1", output_device="dpdk0"),
)
SERVICE = Service(
    KEY,
    "wrr",
    ServiceFlags.PERSISTENT | ServiceFlags.SYNPROXY,
    300,
    90,
    0xFFFFFF00,
    ProxyProtocol.V2_INSECURE,
    check=CheckConfig(CheckTypes.PASSIVE | CheckTypes.TCP, 1, 1, 3, 5, 3600),
)
SERVICE6 = Service(KEY6, "mh", netmask=64)
STATUS = ServiceStatus(SERVICE, 2, 1, Stats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
STATUS6 = ServiceStatus(SERVICE6)
DEST = Dest(Family.INET, SERVER, 8080, ForwardingMode.FULLNAT, 100, 20, 10, True)
DEST6 = Dest(Family.INET6, SERVER6, 53, ForwardingMode.TUNNEL, -25536)
DESTS = [DestStatus(DEST, True, 1, 2, 3, Stats(in_packets=1 << 40)), DestStatus(DEST6)]
LADDR, LADDR6 = Laddr(Family.INET, LOCAL, "dpdk1"), Laddr(Family.INET6, SERVER6, "dpdk1")
LADDRS = [LaddrStatus(Laddr(Family.INET, LOCAL), 0, 7), LaddrStatus(Laddr(Family.INET6, SERVER6), 1, 0)]
LADDRS_CHANGE, DESTS_CHANGE = LaddrsChange(KEY6, (LADDR, LADDR6)), DestsChange(KEY, (DEST, DEST6))
ACL = AclEntry(Family.INET, Protocol.TCP, VIP, 80, CLIENT)
ACL6 = AclEntry(Family.INET6, Protocol.UDP, VIP6, 53, IPV6_ANY, "aset")
CONN = Conn(Family.INET6, Family.INET, 6, SERVER6, 1234, VIP6, 80, LOCAL, 5000, SERVER, 80, 90, "TCP_EST", 3)
PAIR = SocketPair(Family.INET, 17, CLIENT, 4000, VIP, 53)
ADDRESS = Address(
    Family.INET, VIP, 24, "dpdk0", IPv4Address("192.0.2.255"), AddressScope.HOST, AddressFlags.SAPOOL, 60, 30
)
ADDRESS6 = Address(Family.INET6, VIP6, 64, "dpdk0", IPV6_ANY)
ROUTE = Route(Family.INET, IPv4Address("203.0.113.0"), 24, "dpdk0", CLIENT, VIP, RouteFlags.FORWARD, 1400, 3)
ROUTE6 = Route(Family.INET6, IPv6Address("2001:db8::"), 48, "dpdk0", SERVER6, VIP6, RouteFlags.LOCALIN, 1400)
NEIGHBOUR = Neighbour(Family.INET6, SERVER6, "dpdk1", bytes(range(6)), static=True)
SEEN = Neighbour(Family.INET, SERVER, "dpdk1", bytes(range(6)), NeighbourState.REACHABLE, False, 1)
VLAN = Vlan("dpdk0.102", "dpdk0", 102)
COUNTERS = tuple(range(len(IPV6_COUNTERS)))
LINK = Link(1, "dpdk1", bytes(range(6)), True, 10000, mtu=9000, flags=LinkFlags.PROMISC | LinkFlags.TX_FAST_FREE)
SETTINGS = LinkSettings("dpdk0", "02:00:00:00:02:EE", promisc=True, up=False, tc_ingress=True, lldp=False)
DETAILS = LinkDetails(
    1, "0000:00:01.0", "xdp", max_rx_queues=8, queues="rx0 cpu1\n", multicast="link 33:33:00:00:00:01"
)
PORTS = PortList((PortEntry(0, "dpdk0"), PortEntry(1, "dpdk1")), 0, 2)

STATUS_OF_DAEMON = DaemonStatus(
    "xdpvs 0.1.0", (1 << 63) - 1, 1800000000.5, 12.25, 7, 65536, 1 << 40, 3, 0.015625, *range(1, 14)
)

Call = Callable[[Client], Any]

# What the client is asked to do, the request the handler must see, what it answers and the client must return.
EXCHANGES: list[tuple[Message[Any, Any], Call, Any, Any]] = [
    (m.LADDR_ADD, lambda c: c.add_laddr(KEY, LADDR), LaddrRequest(KEY, LADDR), None),
    (m.LADDR_DEL, lambda c: c.del_laddr(KEY6, LADDR6), LaddrRequest(KEY6, LADDR6), None),
    (m.LADDR_FLUSH, lambda c: c.flush_laddrs(FWMARK), FWMARK, None),
    (m.LADDR_GETALL, lambda c: c.get_laddrs(MATCH, 1), LaddrsRequest(MATCH, 1), LADDRS),
    (m.AGENT_GET_LADDR, lambda c: c.call(m.AGENT_GET_LADDR, LaddrsRequest(KEY)), LaddrsRequest(KEY), LADDRS),
    *[
        (message, lambda c, o=message: c.call(o, LADDRS_CHANGE), LADDRS_CHANGE, None)
        for message in (m.AGENT_ADD_LADDR, m.AGENT_DEL_LADDR)
    ],
    (m.FLUSH, lambda c: c.flush(), None, None),
    (m.ZERO, lambda c: c.zero(KEY), KEY, None),
    (m.ZERO, lambda c: c.zero(), None, None),
    (m.ADD, lambda c: c.add_service(SERVICE), SERVICE, None),
    (m.EDIT, lambda c: c.edit_service(SERVICE6), SERVICE6, None),
    (m.DEL, lambda c: c.del_service(MATCH), MATCH, None),
    (m.ADDDEST, lambda c: c.add_dest(KEY, DEST), DestRequest(KEY, DEST), None),
    (m.EDITDEST, lambda c: c.edit_dest(KEY6, DEST6), DestRequest(KEY6, DEST6), None),
    (m.DELDEST, lambda c: c.del_dest(FWMARK, DEST), DestRequest(FWMARK, DEST), None),
    (m.GRATARP, lambda c: c.announce(VIP), VIP, None),
    (m.GET_VERSION, lambda c: c.get_version(), None, "dpvs:v1.10-2"),
    (m.GET_INFO, lambda c: c.get_info(), None, DaemonInfo(0x010A02, 7, 0, 1)),
    (m.GET_SERVICES, lambda c: c.get_services(2), ServicesRequest(2), [STATUS, STATUS6]),
    (m.GET_SERVICE, lambda c: c.get_service(KEY, 1), ServiceRequest(KEY, 1), STATUS),
    (m.GET_DESTS, lambda c: c.get_dests(KEY, 2), DestsRequest(KEY, 2), DESTS),
    (
        m.AGENT_GET_SERVICES,
        lambda c: c.call(m.AGENT_GET_SERVICES, ServicesRequest(None)),
        ServicesRequest(None),
        [STATUS],
    ),
    (
        m.AGENT_GET_DESTS,
        lambda c: c.call(m.AGENT_GET_DESTS, DestsRequest(KEY, None)),
        DestsRequest(KEY, None),
        DESTS,
    ),
    *[
        (
            message,
            lambda c, o=message: c.call(o, DESTS_CHANGE),
            DESTS_CHANGE,
            None,
        )
        for message in (m.AGENT_ADD_DESTS, m.AGENT_EDIT_DESTS, m.AGENT_DEL_DESTS)
    ],
    (m.ROUTE_ADD, lambda c: c.add_route(ROUTE), ROUTE, None),
    (m.ROUTE_DEL, lambda c: c.del_route(ROUTE), ROUTE, None),
    (m.ROUTE_FLUSH, lambda c: c.flush_routes("dpdk0"), "dpdk0", None),
    (m.ROUTE_SHOW, lambda c: c.get_routes(), "", [ROUTE, ROUTE]),
    (m.ROUTE6_ADD_DEL, lambda c: c.add_route6(ROUTE6), RouteChange(True, ROUTE6), None),
    (m.ROUTE6_ADD_DEL, lambda c: c.del_route6(ROUTE6), RouteChange(False, ROUTE6), None),
    (m.ROUTE6_FLUSH, lambda c: c.flush_routes6("dpdk0"), "dpdk0", None),
    (m.ROUTE6_SHOW, lambda c: c.get_routes6("dpdk0"), "dpdk0", [ROUTE6]),
    (m.AGENT_ROUTE_GET, lambda c: c.call(m.AGENT_ROUTE_GET, ""), "", [ROUTE]),
    (m.AGENT_ROUTE_ADD, lambda c: c.call(m.AGENT_ROUTE_ADD, ROUTE), ROUTE, None),
    (m.AGENT_ROUTE_DEL, lambda c: c.call(m.AGENT_ROUTE_DEL, ROUTE), ROUTE, None),
    (m.AGENT_ROUTE6_GET, lambda c: c.call(m.AGENT_ROUTE6_GET, ""), "", [ROUTE6]),
    (m.AGENT_ROUTE6_ADD, lambda c: c.call(m.AGENT_ROUTE6_ADD, ROUTE6), ROUTE6, None),
    (m.AGENT_ROUTE6_DEL, lambda c: c.call(m.AGENT_ROUTE6_DEL, ROUTE6), ROUTE6, None),
    (
        m.AGENT_IFADDR_GET_BASE,
        lambda c: c.call(m.AGENT_IFADDR_GET_BASE, AddressFilter("dpdk0", Family.INET)),
        AddressFilter("dpdk0", Family.INET, stats=True),
        [AddressStatus(ADDRESS), AddressStatus(ADDRESS6)],
    ),
    (
        m.AGENT_IFADDR_GET_STATS,
        lambda c: c.call(m.AGENT_IFADDR_GET_STATS, AddressFilter()),
        AddressFilter(stats=True),
        [AddressStatus(Address(Family.INET, VIP, 0, ""), 1, 2, 3)],
    ),
    (m.AGENT_IFADDR_ADD, lambda c: c.call(m.AGENT_IFADDR_ADD, ADDRESS), ADDRESS, None),
    (m.AGENT_IFADDR_DEL, lambda c: c.call(m.AGENT_IFADDR_DEL, ADDRESS6), ADDRESS6, None),
    (m.IFADDR_ADD, lambda c: c.add_address(ADDRESS), ADDRESS, None),
    (m.IFADDR_DEL, lambda c: c.del_address(ADDRESS6), ADDRESS6, None),
    (m.IFADDR_SET, lambda c: c.set_address(ADDRESS), ADDRESS, None),
    (m.IFADDR_FLUSH, lambda c: c.flush_addresses("dpdk0"), "dpdk0", None),
    (
        m.IFADDR_SHOW,
        lambda c: c.get_addresses(AddressFilter("dpdk0", Family.INET6, True, True)),
        AddressFilter("dpdk0", Family.INET6, True, True),
        [AddressStatus(ADDRESS, 1, 2, 3, 1), AddressStatus(ADDRESS6)],
    ),
    (
        m.IFMADDR_SHOW,
        lambda c: c.get_multicast_addresses("dpdk0"),
        "dpdk0",
        [MulticastAddress("dpdk0", Family.INET6, IPv6Address("ff02::1"), 0, 2)],
    ),
    (m.SET_LCORE, lambda c: c.call(m.SET_LCORE, 1), 1, None),
    (m.SET_PORT, lambda c: c.set_link(SETTINGS), SETTINGS, None),
    (m.GET_LCORE_MASK, lambda c: c.get_lcore_mask(), None, LcoreMask()),
    (m.GET_LCORE_BASIC, lambda c: c.get_lcore(1), 1, LcoreInfo(1, 0, "dpdk0:rx0 dpdk0:tx0")),
    (m.GET_LCORE_BASIC, lambda c: c.get_lcore(0), 0, LcoreInfo(0)),
    (m.GET_LCORE_STATS, lambda c: c.get_lcore_stats(1), 1, LcoreStats(1, *range(11))),
    (m.GET_PORT_LIST, lambda c: c.get_ports(), None, PORTS),
    (m.GET_PORT_BASIC, lambda c: c.get_link("dpdk1"), "dpdk1", LINK),
    (m.GET_PORT_STATS, lambda c: c.get_link_stats("dpdk1"), "dpdk1", LinkStats(*range(11))),
    (
        m.GET_PORT_XSTATS,
        lambda c: c.get_link_counters("dpdk1"),
        "dpdk1",
        LinkCounters(1, (LinkCounter(0, "rx_good", 7),)),
    ),
    (m.GET_PORT_XSTATS, lambda c: c.get_link_counters("dpdk1"), "dpdk1", None),
    (m.GET_PORT_EXT_INFO, lambda c: c.get_link_details("dpdk1"), "dpdk1", DETAILS),
    (m.GET_PORT_EXT_INFO, lambda c: c.get_link_details("dpdk1"), "dpdk1", LinkDetails(multicast="link …")),
    (m.GET_MADDR, lambda c: c.get_hardware_multicasts("dpdk1"), "dpdk1", [HardwareMulticast(bytes(range(6)), 2, 1)]),
    (m.NEIGH_ADD, lambda c: c.add_neighbour(NEIGHBOUR), NEIGHBOUR, None),
    (m.NEIGH_DEL, lambda c: c.del_neighbour(NEIGHBOUR), NEIGHBOUR, None),
    (m.NEIGH_SHOW, lambda c: c.get_neighbours("dpdk1"), "dpdk1", [SEEN, NEIGHBOUR]),
    (m.BLKLST_ADD, lambda c: c.add_denied(ACL), ACL, None),
    (m.BLKLST_DEL, lambda c: c.del_denied(ACL6), ACL6, None),
    (m.BLKLST_GETALL, lambda c: c.get_denied(), None, [ACL, ACL6]),
    (m.WHTLST_ADD, lambda c: c.add_allowed(ACL6), ACL6, None),
    (m.WHTLST_DEL, lambda c: c.del_allowed(ACL), ACL, None),
    (m.WHTLST_GETALL, lambda c: c.get_allowed(), None, []),
    (m.VLAN_ADD, lambda c: c.add_vlan(VLAN), VLAN, None),
    (m.VLAN_DEL, lambda c: c.del_vlan(VLAN), VLAN, None),
    (m.VLAN_SHOW, lambda c: c.get_vlans(Vlan("", "dpdk0", 0)), Vlan("", "dpdk0", 0), [VLAN]),
    (m.GET_CONN_SPECIFIED, lambda c: c.get_conn(PAIR), ConnRequest(PAIR), CONN),
    (m.IP6_STATS, lambda c: c.get_ipv6_stats(), None, Ipv6Stats(COUNTERS, (COUNTERS,) * 64)),
    (m.XDPVS_CHANGE_DESTS, lambda c: c.change_dests(KEY, [DEST], [DEST6]), DestsSwap(KEY, (DEST,), (DEST6,)), None),
    (m.XDPVS_ANNOUNCE, lambda c: c.announce(VIP6), VIP6, None),
    (m.XDPVS_GET_STATUS, lambda c: c.get_status(), None, STATUS_OF_DAEMON),
    (m.XDPVS_GET_DROPS, lambda c: c.get_drops(), None, [DropCounter("no_dest", "the service has no server", 1 << 33)]),
    (
        m.XDPVS_GET_TABLE,
        lambda c: c.get_table(),
        None,
        [TableEntry(STATUS, tuple(DESTS), tuple(LADDRS[:1])), TableEntry(STATUS6)],
    ),
]

# Paged listings have tests of their own.
PAGED = {m.GET_CONN_ALL, m.XDPVS_GET_CONNS}


@pytest.mark.parametrize(("message", "call", "request_seen", "answer"), EXCHANGES, ids=lambda v: _name(v))
def test_every_message(tmp_path: Path, message: Message[Any, Any], call: Call, request_seen: Any, answer: Any) -> None:
    seen: list[Any] = []

    def handler(request: Any) -> Any:
        seen.append(request)
        return answer

    with serving(tmp_path / "ipc", {message: handler}) as server:
        assert call(Client(server.path, 5)) == answer
    assert seen == [request_seen]


def _name(value: object) -> str:
    return value.id.name if isinstance(value, Message) else ""


def test_no_message_is_forgotten() -> None:
    tested = {message for message, *_rest in EXCHANGES} | PAGED
    assert set(handled_messages().values()) == tested


def test_refusal_reaches_the_client(tmp_path: Path) -> None:
    def handler(_request: object) -> None:
        raise ApiError(DpvsError.EXIST)

    with serving(tmp_path / "ipc", {m.ADD: handler}) as server, pytest.raises(ApiError) as caught:
        Client(server.path, 5).add_service(SERVICE)
    assert caught.value.code == DpvsError.EXIST
    assert caught.value.line == "[sockopt_msg_recv] errcode set in socket msg#10 header: already exist(-3)"


def test_own_failure_is_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def handler(_request: object) -> None:
        raise KeyError("a bug")

    with serving(tmp_path / "ipc", {m.FLUSH: handler}) as server:
        with pytest.raises(ApiError) as caught:
            Client(server.path, 5).flush()
        assert caught.value.code == DpvsError.SYSCALL
        with pytest.raises(ApiError):
            Client(server.path, 5).get_info()
    assert "FLUSH failed" in caplog.text


def test_services_are_never_more_than_asked_for(tmp_path: Path) -> None:
    given: dict[Message[Any, Any], Handler] = {
        m.GET_SERVICES: lambda _q: [STATUS, STATUS6],
        m.GET_DESTS: lambda _q: DESTS,
    }
    with serving(tmp_path / "ipc", given) as server:
        client = Client(server.path, 5)
        assert client.get_services(1) == [STATUS]
        assert client.get_services(0) == []
        assert client.get_services(9) == [STATUS, STATUS6]
        assert client.get_dests(KEY, 1) == DESTS[:1]


def test_route6_of_unknown_device_is_a_corrupt_reply(tmp_path: Path) -> None:
    with serving(tmp_path / "ipc", {m.ROUTE6_SHOW: lambda _q: None}) as server, pytest.raises(CorruptReply):
        Client(server.path, 5).get_routes6("nosuch")


def test_awaited_and_iterated_answers(tmp_path: Path) -> None:
    entries = [TableEntry(STATUS, tuple(DESTS), tuple(LADDRS[:1]))] * 5

    async def info(_request: None) -> DaemonInfo:
        return DaemonInfo(1, 2)

    def table(_request: None) -> Iterator[bytes]:
        return map(encode_table_entry, entries)

    async def failing(_request: None) -> str:
        raise ApiError(DpvsError.BUSY)

    given: dict[Message[Any, Any], Handler] = {m.GET_INFO: info, m.XDPVS_GET_TABLE: table, m.GET_VERSION: failing}
    with serving(tmp_path / "ipc", given) as server:
        client = Client(server.path, 5)
        assert client.get_info() == DaemonInfo(1, 2)
        assert client.get_table() == entries
        with pytest.raises(ApiError, match="resource busy"):
            client.get_version()


def test_batch_attempts_everything(tmp_path: Path) -> None:
    added: list[object] = []

    def add(service: Service) -> None:
        if service in added:
            raise ApiError(DpvsError.EXIST)
        added.append(service)

    async def add_dest(request: DestRequest) -> None:
        added.append(request)

    with serving(tmp_path / "ipc", {m.ADD: add, m.ADDDEST: add_dest}) as server:
        codes = Client(server.path, 5).batch(
            [(m.ADD, SERVICE), (m.ADD, SERVICE), (m.SET_BOND, b""), (m.ADDDEST, DestRequest(KEY, DEST))]
        )
    assert codes == [0, DpvsError.EXIST, DpvsError.INVAL, 0]
    assert added == [SERVICE, DestRequest(KEY, DEST)]


def test_large_batch_is_sent_in_parts(tmp_path: Path) -> None:
    added: list[object] = []
    with serving(tmp_path / "ipc", {m.ADDDEST: added.append}) as server:
        codes = Client(server.path, 30).batch([(m.ADDDEST, DestRequest(KEY, DEST))] * 60_000)
        assert server.counters.requests > 1
        assert Client(server.path, 5).batch([]) == []
    assert codes == [0] * 60_000
    assert len(added) == 60_000


def test_daemon_lost_between_the_parts_of_a_batch_is_no_daemon_without_batches(tmp_path: Path) -> None:
    calls = 0

    def add_dest(_request: DestRequest) -> None:
        nonlocal calls
        calls += 1
        if calls > 10_000:
            server.close()

    with serving(tmp_path / "ipc", {m.ADDDEST: add_dest}) as server, pytest.raises(TransportError) as caught:
        Client(server.path, 5).batch([(m.ADDDEST, DestRequest(KEY, DEST))] * 20_000)
    assert not isinstance(caught.value, ShortReply)


def test_batch_holds_nothing_but_sets(tmp_path: Path) -> None:
    with serving(tmp_path / "ipc", {}) as server:
        assert Client(server.path, 5).batch([(m.GET_INFO, None), (m.XDPVS_BATCH, [])]) == [DpvsError.NOTSUPP] * 2


def test_conns_by_our_own_message(tmp_path: Path) -> None:
    asked: list[ConnSliceRequest] = []

    def page(request: ConnSliceRequest) -> ConnPage:
        asked.append(request)
        return ConnPage(encode_conn(CONN) * 3, more=request.cursor == 0, cursor=1 << 40)

    with serving(tmp_path / "ipc", {m.XDPVS_GET_CONNS: page}) as server:
        assert list(Client(server.path, 5).get_conns(templates=True)) == [CONN] * 6
    assert [(request.templates, request.cursor) for request in asked] == [(True, 0), (True, 1 << 40)]


def test_conns_of_dpvs(tmp_path: Path) -> None:
    asked: list[ConnsRequest] = []

    def page(request: ConnsRequest) -> ConnPage:
        asked.append(request)
        return ConnPage(encode_conn(CONN) if not request.more else b"", more=not request.more, cursor=2)

    with serving(tmp_path / "ipc", {m.GET_CONN_ALL: page}) as server:
        pages = list(Client(server.path, 5)._dpvs_conn_pages(False))
    assert pages == [encode_conn(CONN), b""]
    assert asked == [ConnsRequest(), ConnsRequest(False, True, 2)]


@pytest.mark.parametrize(
    ("number", "kind", "body"),
    [
        (MessageId.TC_SHOW, Kind.GET, b""),
        (MessageId.TUNNEL_SHOW, Kind.GET, b""),
        (MessageId.IPSET_LIST, Kind.GET, bytes(4)),
        (MessageId.IFTRAF_SHOW, Kind.GET, b""),
        (MessageId.EAL_MEM_SEG, Kind.GET, bytes(8)),
        (MessageId.EAL_MEM_POOL, Kind.GET, bytes(4)),
    ],
)
def test_listings_of_what_we_have_not(tmp_path: Path, number: MessageId, kind: Kind, body: bytes) -> None:
    with serving(tmp_path / "ipc", {}) as server:
        assert Client(server.path, 5).call_raw(number, kind, bytes(208)) == body


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (MessageId.TC_ADD, Kind.SET, -14),
        (MessageId.TUNNEL_ADD, Kind.SET, -14),
        (MessageId.IPSET_SET, Kind.SET, -14),
        (MessageId.LLDP_SHOW, Kind.GET, -4),
        (MessageId.GET_BOND_STATUS, Kind.GET, -1),
        (MessageId.SET_CONN, Kind.SET, -14),
        (MessageId.EAL_MEM_NONE, Kind.SET, -14),
        (MessageId.GET_INFO, Kind.SET, -1),
        (MessageId.ADD, Kind.GET, -1),
    ],
)
def test_fixed_refusals(tmp_path: Path, number: MessageId, kind: Kind, code: int) -> None:
    with serving(tmp_path / "ipc", {}) as server, pytest.raises(ApiError) as caught:
        Client(server.path, 5).call_raw(number, kind, b"")
    assert caught.value.code == code
