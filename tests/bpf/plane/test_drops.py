"""Each reason for which this program refuses a frame, counted once, and nothing left behind by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.packet import Raw

from tests.support import world
from tests.support.bpf import DROP, PASS, REDIRECT, TX, Plane
from tests.support.frames import ACK, DF, IPV4, IPV6, SYN, ether, ipv4, ipv6, tcp, udp
from tests.support.session import ISN, Session, frame
from xdpvs.bpf import layout
from xdpvs.bpf.layout import DropReason, SettingsFlags

WEB, DNS, WEB6, DNS6, WEB64, DNS64 = world.SERVICES
CLIENT4, CLIENT6 = world.packed("198.51.100.7"), world.packed("2001:db8:c::7")
MAC = world.CLIENT_MACS[0]
OUR_MAC = world.PORT0.mac
SERVER = WEB.servers[0]

Setup = Callable[[Plane], object]


def untagged(packet: bytes, dst: bytes = OUR_MAC, src: bytes = MAC) -> bytes:
    """A frame around a packet of either family."""
    return ether(dst, src, IPV4 if packet[0] >> 4 == 4 else IPV6, packet)


def syn4(client: bytes = CLIENT4, flags: int = SYN, port: int = 80) -> bytes:
    return tcp(client, world.VIP4, 1000, port, flags, seq=7)


SYN4 = untagged(ipv4(CLIENT4, world.VIP4, 6, syn4()))
QUERY4 = untagged(ipv4(CLIENT4, world.VIP4, 17, udp(CLIENT4, world.VIP4, 1000, 53, b"query")))
SYN6 = untagged(ipv6(CLIENT6, world.VIP6, 6, tcp(CLIENT6, world.VIP6, 1000, 80, SYN)))
SYN64 = untagged(ipv6(CLIENT6, world.VIP64, 6, tcp(CLIENT6, world.VIP64, 1000, 80, SYN)))


def syn_with(**fields: Any) -> bytes:
    """A SYN whose IPv4 header has these fields."""
    return untagged(ipv4(CLIENT4, world.VIP4, 6, syn4(), **fields))


def from_source(source: str) -> bytes:
    """A SYN of an address that cannot be a client's."""
    address = world.packed(source)
    if len(address) == 4:
        return untagged(ipv4(address, world.VIP4, 6, syn4(address)))
    return untagged(ipv6(address, world.VIP6, 6, tcp(address, world.VIP6, 1000, 80, SYN)))


def nothing(_: Plane) -> None:
    """As the fixture left it."""


def flags(value: int) -> Setup:
    return lambda plane: plane.settings(flags=value)


def web(**fields: object) -> Setup:
    """The service with other facts."""
    return lambda plane: plane.put_service(WEB, **fields)  # type: ignore[arg-type]


def without_laddr(plane: Plane) -> None:
    plane.put_service(world.Service(WEB.id, WEB.proto, WEB.vip, WEB.port, WEB.servers, world.LADDRS6))


def without_route(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[SERVER.id])
    plane.maps.routes4.delete(layout.Route4Key(prefix_length=32, addr=SERVER.address))


def local_server(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[SERVER.id])
    route = layout.Route(device=0, mtu=1500, flags=layout.RouteFlags.LOCAL)
    plane.maps.routes4.put(layout.Route4Key(prefix_length=32, addr=SERVER.address), route)


def without_neighbour(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[SERVER.id])
    plane.remove_neighbour(SERVER.address, SERVER.hop.device)


def soliciting_neighbour(plane: Plane) -> None:
    without_neighbour(plane)
    plane.put_neighbour(SERVER.address, bytes(6), SERVER.hop.device, layout.NeighbourState.SEND)


def other_mode(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[SERVER.id])
    plane.put_dest(SERVER, WEB.id, forwarding=layout.Forwarding.DR)


def overloaded(plane: Plane) -> None:
    plane.put_service(WEB, schedule=[SERVER.id], max_conn=1)
    assert plane.send(untagged(ipv4(CLIENT4, world.VIP4, 6, tcp(CLIENT4, world.VIP4, 1, 80, SYN)))).action == TX


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame that must be dropped for a reason."""

    name: str
    reason: DropReason
    frame: bytes
    setup: Setup = nothing


R = DropReason
REFUSALS = (
    Refusal("tag cut short", R.TRUNCATED, OUR_MAC + MAC + b"\x81\x00\0\0\0"),
    Refusal("IPv4 header cut short", R.TRUNCATED, SYN4[:33]),
    Refusal("IPv6 header cut short", R.TRUNCATED, SYN6[:53]),
    Refusal("TCP header cut short", R.TRUNCATED, untagged(ipv4(CLIENT4, world.VIP4, 6, syn4()[:19]))),
    Refusal("TCP header cut short by the IP length", R.TRUNCATED, syn_with(length=39)),
    Refusal("UDP header cut short", R.TRUNCATED, untagged(ipv4(CLIENT4, world.VIP4, 17, bytes(7)))),
    Refusal("ICMP header cut short", R.TRUNCATED, untagged(ipv4(CLIENT4, world.VIP4, 1, bytes(7)))),
    Refusal("IPv4 of version 5", R.BAD_HEADER, syn_with(version=5)),
    Refusal("IPv4 header of four words", R.BAD_HEADER, syn_with(ihl=4)),
    Refusal("IPv4 length less than its header", R.BAD_HEADER, syn_with(length=19)),
    Refusal("IPv4 length beyond the frame", R.BAD_HEADER, syn_with(length=41)),
    Refusal("IPv6 of version 4", R.BAD_HEADER, ether(OUR_MAC, MAC, IPV6, ipv6(CLIENT6, world.VIP6, 6, b"", version=4))),
    Refusal("IPv6 length beyond the frame", R.BAD_HEADER, untagged(ipv6(CLIENT6, world.VIP6, 6, b"", length=1))),
    Refusal(
        "data offset of four words",
        R.BAD_HEADER,
        untagged(ipv4(CLIENT4, world.VIP4, 6, tcp(CLIENT4, world.VIP4, 1, 80, SYN, doff=4))),
    ),
    Refusal(
        "data offset beyond the segment",
        R.BAD_HEADER,
        untagged(ipv4(CLIENT4, world.VIP4, 6, tcp(CLIENT4, world.VIP4, 1, 80, SYN, doff=6))),
    ),
    Refusal(
        "UDP length less than its header",
        R.BAD_HEADER,
        untagged(ipv4(CLIENT4, world.VIP4, 17, udp(CLIENT4, world.VIP4, 1, 53, length=7))),
    ),
    Refusal(
        "UDP length beyond the packet",
        R.BAD_HEADER,
        untagged(ipv4(CLIENT4, world.VIP4, 17, udp(CLIENT4, world.VIP4, 1, 53, length=9))),
    ),
    Refusal("IPv4 header checksum", R.BAD_CHECKSUM, syn_with(checksum=0x1234)),
    *(
        Refusal(f"from {source}", R.BAD_ADDRESS, from_source(source))
        for source in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255")
    ),
    *(Refusal(f"from {source}", R.BAD_ADDRESS, from_source(source)) for source in ("::", "::1", "ff02::1")),
    Refusal("IPv4 options", R.IP_OPTIONS, untagged(ipv4(CLIENT4, world.VIP4, 6, syn4(), options=b"\x94\4\0\0"))),
    *(
        Refusal(
            f"IPv6 extension header {kind}", R.IP_OPTIONS, untagged(ipv6(CLIENT6, world.VIP6, kind, b"\6" + bytes(7)))
        )
        for kind in (0, 43, 51, 60)
    ),
    Refusal("first fragment", R.FRAGMENT, syn_with(fragment=0x2000)),
    Refusal("last fragment", R.FRAGMENT, syn_with(fragment=0x0001)),
    Refusal("fragment with DF", R.FRAGMENT, syn_with(fragment=0x2000 | DF)),
    Refusal("IPv6 fragment", R.FRAGMENT, untagged(ipv6(CLIENT6, world.VIP6, 44, b"\6\0\0\1\0\0\0\1" + bytes(20)))),
    Refusal("TTL 1", R.TTL, syn_with(ttl=1)),
    Refusal("TTL 0", R.TTL, syn_with(ttl=0)),
    Refusal(
        "hop limit 1", R.TTL, untagged(ipv6(CLIENT6, world.VIP64, 6, tcp(CLIENT6, world.VIP64, 1, 80, SYN), ttl=1))
    ),
    Refusal(
        "longer than the MTU",
        R.MTU,
        untagged(ipv4(CLIENT4, world.VIP4, 17, udp(CLIENT4, world.VIP4, 1, 53, bytes(1473)))),
    ),
    Refusal("no server in the schedule", R.NO_DEST, SYN4, web(schedule=[])),
    Refusal("all servers at weight 0", R.NO_DEST, SYN4, web(weight=0)),
    Refusal("wlc, all servers at weight 0", R.NO_DEST, SYN4, web(weight=0, kind=layout.ScheduleKind.WLC)),
    Refusal("hash, all servers at weight 0", R.NO_DEST, SYN4, web(weight=0, kind=layout.ScheduleKind.HASH)),
    Refusal("no schedule", R.NO_DEST, SYN4, web(kind=layout.ScheduleKind.NONE)),
    Refusal("server at max_conn", R.DEST_OVERLOAD, SYN4, overloaded),
    Refusal("no local address of the family", R.NO_LADDR, SYN4, without_laddr),
    *(
        Refusal(
            f"flags {value:#x} without connection",
            R.TCP_NO_CONN,
            untagged(ipv4(CLIENT4, world.VIP4, 6, syn4(flags=value))),
        )
        for value in (0, ACK, SYN | ACK, SYN | 1, SYN | 4, 1, 4, 0x38)
    ),
    Refusal(
        "defence_tcp: no connection",
        R.DEFENCE_TCP,
        untagged(ipv4(CLIENT4, world.VIP4, 6, syn4(flags=ACK))),
        flags(SettingsFlags.DEFENCE_TCP),
    ),
    Refusal(
        "defence_tcp: other port",
        R.DEFENCE_TCP,
        untagged(ipv4(CLIENT4, world.VIP4, 6, syn4(port=81))),
        flags(SettingsFlags.DEFENCE_TCP),
    ),
    Refusal("no route to the server", R.NO_ROUTE, SYN4, without_route),
    Refusal("server is ourselves", R.NO_ROUTE, SYN4, local_server),
    Refusal("server not resolved", R.NO_NEIGHBOUR, SYN4, without_neighbour),
    Refusal("server being resolved", R.NO_NEIGHBOUR, SYN4, soliciting_neighbour),
    Refusal(
        "client without route behind a multicast MAC",
        R.NEIGHBOUR_FULL,
        untagged(
            ipv4(world.packed("203.0.113.9"), world.VIP4, 6, syn4(world.packed("203.0.113.9"))), src=b"\1\0\x5e\0\0\1"
        ),
    ),
    Refusal("a mode there is not", R.FORWARDING_MODE, SYN4, other_mode),
    Refusal(
        "IPv6 UDP without checksum",
        R.NAT64_CHECKSUM,
        untagged(ipv6(CLIENT6, world.VIP64, 17, udp(CLIENT6, world.VIP64, 1, 53, checksum=0))),
    ),
    Refusal("IPv6 is off", R.IPV6_OFF, SYN6, flags(SettingsFlags.IPV6_OFF)),
    Refusal(
        "not ours, KNI is off",
        R.KNI_OFF,
        untagged(ipv4(CLIENT4, world.packed("192.0.2.77"), 47, bytes(8))),
        flags(SettingsFlags.KNI_OFF),
    ),
    Refusal("not ours, VLAN without KNI", R.KNI_OFF, ether(world.VLAN200.mac, MAC, 0x88CC, bytes(46), vlan=200)),
    Refusal(
        "neighbour discovery from afar",
        R.ND_INVALID,
        frame(OUR_MAC, MAC, IPv6(src="2001:db8::9", dst="2001:db8::1", hlim=64) / ICMPv6ND_NS(tgt="2001:db8::1")),
    ),
)
# Reasons with tests of their own, here and in the modules about them.
ELSEWHERE = {
    R.NONE,
    R.DEFENCE_UDP,
    R.NO_PORT,
    R.CONN_FULL,
    R.EXPIRE_QUIESCENT,
    R.ICMP_UNRELATED,
    R.ADJUST,  # the kernel's own limits, out of a test run's reach
    R.INTERNAL,
    R.CONN_RACE,
    R.REASON_MAX,
}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_refusal(plane: Plane, refusal: Refusal) -> None:
    refusal.setup(plane)
    before, counted = len(plane.inbound()), plane.drops()
    result = plane.send(refusal.frame)
    assert (result.action, result.reason.name) == (DROP, refusal.reason.name)
    assert plane.drops() == counted | {refusal.reason: 1}
    # The first packet of a flow may be refused after its connection was made, but then as a whole.
    made = len(plane.inbound()) - before
    assert len(plane.live()) == 2 * (before + made)
    assert (
        sum(sum(plane.counts(server.id)) for service in world.SERVICES for server in service.servers) == before + made
    )
    if refusal.reason not in (R.TTL, R.MTU, R.NAT64_CHECKSUM):
        assert not made


def test_every_reason_has_a_test() -> None:
    assert {refusal.reason for refusal in REFUSALS} | ELSEWHERE == set(DropReason)


def test_defence_udp_is_for_addresses_with_tcp_services_only(plane: Plane) -> None:
    other_port = untagged(ipv4(CLIENT4, world.VIP4, 17, udp(CLIENT4, world.VIP4, 1000, 54, b"query")))
    plane.settings(flags=SettingsFlags.DEFENCE_UDP)
    assert plane.send(other_port).action == PASS
    plane.maps.vips.delete(layout.ServiceKey(addr=world.VIP4, proto=17, af=2))
    assert plane.send(other_port).reason == R.DEFENCE_UDP
    plane.settings()
    assert plane.send(other_port).action == PASS


def test_defence_tcp_leaves_other_addresses_alone(plane: Plane) -> None:
    plane.settings(flags=SettingsFlags.DEFENCE_TCP)
    host = world.packed("192.0.2.77")
    packet = untagged(ipv4(CLIENT4, host, 6, tcp(CLIENT4, host, 1000, 80, ACK)))
    result = plane.send(packet)
    assert (result.action, result.frame) == (PASS, packet)
    assert plane.send(SYN4).action == TX


@pytest.mark.parametrize("packet", [SYN4, QUERY4, SYN6, SYN64], ids=["tcp", "udp", "tcp6", "nat64"])
def test_frames_for_others_are_not_looked_at(plane: Plane, packet: bytes) -> None:
    other = b"\2\0\0\0\0\x77" + packet[6:]
    result = plane.send(other)
    assert (result.action, result.frame) == (PASS, other)
    assert not len(plane.live())


def test_unknown_vlan_passes_with_its_tag(plane: Plane) -> None:
    tagged = ether(OUR_MAC, MAC, IPV4, SYN4[14:], vlan=300)
    result = plane.send(tagged)
    assert (result.action, result.frame) == (PASS, tagged)


def test_a_vlans_kni_gets_the_frame_without_tag_and_sends_it_with(plane: Plane) -> None:
    host = ether(world.VLAN100.mac, MAC, 0x88CC, bytes(46))
    tagged = ether(world.VLAN100.mac, MAC, 0x88CC, bytes(46), vlan=100, priority=5)
    result = plane.send(tagged)
    assert (result.action, result.frame) == (REDIRECT, host)
    plane.maps.kni_devices.put(world.PORT0_IFINDEX, world.VLAN100.id)
    result = plane.kni_transmit(host)
    assert result.action == REDIRECT
    assert result.frame == ether(world.VLAN100.mac, MAC, 0x88CC, bytes(46), vlan=100)
    plane.maps.kni_devices.clear()


def test_priority_tag_is_no_vlan(plane: Plane) -> None:
    result = plane.send(ether(OUR_MAC, MAC, IPV4, SYN4[14:], vlan=0, priority=6))
    assert (result.action, result.reason) == (TX, R.NONE)


@pytest.mark.parametrize(
    ("service", "client"), [(WEB, CLIENT4), (WEB6, CLIENT6), (WEB64, CLIENT6)], ids=["4", "6", "64"]
)
def test_time_exceeded_is_told_within_the_rate(plane: Plane, service: world.Service, client: bytes) -> None:
    plane.settings(icmp_errors_per_second=1_000_000)
    s = Session(plane, service, client)
    s.open()
    result = plane.send(s.at_vip(TCP(flags="A", seq=ISN), ttl=1))
    assert (result.action, result.reason) == (TX, R.TTL)
    assert result.frame[:12] == s.client_mac + OUR_MAC
    assert result.frame[14 + (9 if len(client) == 4 else 6)] == (1 if len(client) == 4 else 58)


@pytest.mark.parametrize(
    ("service", "client"), [(WEB, CLIENT4), (WEB6, CLIENT6), (WEB64, CLIENT6)], ids=["4", "6", "64"]
)
def test_segments_without_connection_are_reset_within_the_rate(
    plane: Plane, service: world.Service, client: bytes
) -> None:
    plane.settings(icmp_errors_per_second=1_000_000)
    s = Session(plane, service, client)
    result = plane.send(s.at_vip(TCP(flags="PA", seq=5, ack=77) / Raw(b"data")))
    assert (result.action, result.reason) == (TX, R.TCP_NO_CONN)
    expected = TCP(sport=service.port, dport=s.client_port, flags="R", seq=77, window=0)
    at = 34 if len(client) == 4 else 54
    header = Session.at_client(s, expected, ttl=64, **({"id": 0} if len(client) == 4 else {}))
    assert result.frame == s.client_mac + OUR_MAC + header[12:]
    assert len(result.frame) == at + 20
    assert plane.send(s.at_vip(TCP(flags="R", ack=77))).action == DROP
    assert plane.send(s.at_vip(TCP(flags="F"))).action == DROP


def test_established_flows_outlive_what_refuses_new_ones(plane: Plane) -> None:
    s = Session(plane, DNS, CLIENT4)
    s.open()
    plane.put_service(DNS, weight=0)
    assert plane.send(s.at_vip(UDP() / Raw(b"more"))).reason == R.NONE
    assert plane.send(s.at_laddr(UDP() / Raw(b"more"))).reason == R.NONE
    assert plane.send(QUERY4).reason == R.NO_DEST
