"""FullNAT and NAT64 of connections, both ways, each frame as scapy builds it (reference dataplane 2.2-2.7, 6.1)."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.packet import Packet, Raw

from tests.support import world
from tests.support.bpf import PASS, TX, Plane
from tests.support.session import ISN, SERVER_ISN, Session, same, toa
from xdpvs.bpf.layout import DropReason

NOPS = [("NOP", None)]
TIMESTAMP = ("Timestamp", (1, 2))
CLIENT4, CLIENT6 = world.packed("198.51.100.7"), world.packed("2001:db8:c::7")
NEAR4, NEAR6 = world.packed("203.0.113.7"), world.packed("2001:db8:d::7")
TCP_SERVICES = [s for s in world.SERVICES if s.proto == 6]
UDP_SERVICES = [s for s in world.SERVICES if s.proto == 17]
NAMES = ["v4", "v6", "nat64"]


def client_of(service: world.Service, near: bool = False) -> bytes:
    if len(service.vip) == 4:
        return NEAR4 if near else CLIENT4
    return NEAR6 if near else CLIENT6


def session_to(plane: Plane, service: world.Service, server: int = 0, **fields: Any) -> Session:
    """A session whose server is the one by that hop."""
    plane.put_service(service, schedule=[service.servers[server].id])
    return Session(plane, service, fields.pop("client", client_of(service)), **fields)


def is_nat64(service: world.Service) -> bool:
    return len(service.vip) != len(service.laddrs[0])


def crossed(service: world.Service) -> dict[str, Any]:
    """What a packet that became IPv4 bears (RFC 7915, 5.1)."""
    return {"id": 0, "flags": "DF"} if is_nat64(service) else {}


def mss_of(service: world.Service) -> int:
    return 1460 - (8 if len(service.vip) == 4 else 20)


@pytest.mark.parametrize("server", range(len(world.HOPS)))
@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
def test_tcp_connection(plane: Plane, service: world.Service, server: int) -> None:
    s = session_to(plane, service, server)
    syn = [("MSS", 1460), ("SAckOK", b""), TIMESTAMP, ("WScale", 7)]
    result = plane.send(s.at_vip(TCP(flags="S", seq=ISN, options=syn)))
    s.learn()
    seen = [("MSS", 1460), ("SAckOK", b""), *NOPS * 10, ("WScale", 7)]
    assert same(result.frame, s.at_server(TCP(flags="S", seq=s.shifted(ISN), options=seen), **crossed(service)))
    assert result.action == s.to_server()

    client, port = toa(s.client, s.client_port)[1], s.client_port
    ours = toa(client[2:], port)
    for sent, seen_segment, inbound in (
        (
            TCP(flags="SA", seq=SERVER_ISN, ack=s.shifted(ISN + 1), options=[("MSS", 1460), *NOPS, ("WScale", 7)]),
            TCP(flags="SA", seq=SERVER_ISN, ack=ISN + 1, options=[("MSS", mss_of(service)), *NOPS, ("WScale", 7)]),
            False,
        ),
        (
            TCP(flags="A", seq=ISN + 1, ack=SERVER_ISN + 1),
            TCP(flags="A", seq=s.shifted(ISN + 1), ack=SERVER_ISN + 1, options=[ours]),
            True,
        ),
        (
            TCP(flags="PA", seq=ISN + 1, ack=SERVER_ISN + 1, options=[*NOPS * 2, TIMESTAMP]) / Raw(b"hello"),
            TCP(flags="PA", seq=s.shifted(ISN + 1), ack=SERVER_ISN + 1, options=[ours, *NOPS * 2, TIMESTAMP])
            / Raw(b"hello"),
            True,
        ),
        (
            TCP(flags="PA", seq=SERVER_ISN + 1, ack=s.shifted(ISN + 6)) / Raw(b"odd"),
            TCP(flags="PA", seq=SERVER_ISN + 1, ack=ISN + 6) / Raw(b"odd"),
            False,
        ),
        (
            TCP(
                flags="A",
                seq=SERVER_ISN + 4,
                ack=s.shifted(ISN + 6),
                options=[*NOPS * 2, ("SAck", (s.shifted(ISN + 9), s.shifted(ISN + 19), s.shifted(3), s.shifted(4)))],
            ),
            TCP(flags="A", seq=SERVER_ISN + 4, ack=ISN + 6, options=[*NOPS * 2, ("SAck", (ISN + 9, ISN + 19, 3, 4))]),
            False,
        ),
        (
            TCP(flags="A", seq=ISN + 6, ack=SERVER_ISN + 4, options=[*NOPS * 2, ("SAck", (1, 2))]) / Raw(b"x"),
            TCP(flags="A", seq=s.shifted(ISN + 6), ack=SERVER_ISN + 4, options=[*NOPS * 2, ("SAck", (1, 2))])
            / Raw(b"x"),
            True,
        ),
        (
            TCP(flags="FA", seq=ISN + 7, ack=SERVER_ISN + 4),
            TCP(flags="FA", seq=s.shifted(ISN + 7), ack=SERVER_ISN + 4),
            True,
        ),
        (TCP(flags="R", seq=SERVER_ISN + 4), TCP(flags="R", seq=SERVER_ISN + 4), False),
    ):
        if inbound:
            result = plane.send(s.at_vip(sent))
            assert same(result.frame, s.at_server(seen_segment, **crossed(service)))
            assert (result.action, result.reason) == (s.to_server(), DropReason.NONE)
        else:
            result = plane.send(s.at_laddr(sent))
            assert same(result.frame, s.at_client(seen_segment))
            assert (result.action, result.reason) == (TX, DropReason.NONE)


@pytest.mark.parametrize("server", range(len(world.HOPS)))
@pytest.mark.parametrize("service", UDP_SERVICES, ids=NAMES)
def test_udp_connection(plane: Plane, service: world.Service, server: int) -> None:
    s = session_to(plane, service, server)
    result = s.open()
    assert same(result.frame, s.at_server(UDP() / Raw(b"first"), **crossed(service)))
    assert result.action == s.to_server()
    result = plane.send(s.at_laddr(UDP() / Raw(b"answer")))
    assert same(result.frame, s.at_client(UDP() / Raw(b"answer")))
    assert result.action == TX


@pytest.mark.parametrize("service", world.SERVICES, ids=[f"{p}-{n}" for n in NAMES for p in ("tcp", "udp")])
@pytest.mark.parametrize("device", [world.PORT0, world.VLAN100, world.VLAN200], ids=["untagged", "vlan100", "vlan200"])
def test_client_without_route_is_answered_by_the_way_it_came(
    plane: Plane, service: world.Service, device: world.Device
) -> None:
    s = session_to(plane, service, client=client_of(service, near=True), client_device=device)
    s.client_mac = world.CLIENT_MACS[3]
    s.open()
    if service.proto == 6:
        result = plane.send(s.at_laddr(TCP(flags="SA", seq=1, ack=s.shifted(ISN + 1))))
        expected = s.at_client(TCP(flags="SA", seq=1, ack=ISN + 1))
    else:
        result = plane.send(s.at_laddr(UDP() / Raw(b"x")))
        expected = s.at_client(UDP() / Raw(b"x"))
    assert same(result.frame, expected)
    assert result.action == TX


@pytest.mark.parametrize("service", UDP_SERVICES, ids=NAMES)
def test_udp_without_checksum(plane: Plane, service: world.Service) -> None:
    s = session_to(plane, service)
    s.open()
    result = plane.send(s.at_vip(UDP(chksum=0) / Raw(b"no sum")))
    if len(service.vip) == 4:
        assert same(result.frame, s.at_server(UDP(chksum=0) / Raw(b"no sum")))
    else:
        assert result.reason == DropReason.NAT64_CHECKSUM
    result = plane.send(s.at_laddr(UDP(chksum=0) / Raw(b"no sum!")))
    if is_nat64(service):
        assert same(result.frame, s.at_client(UDP() / Raw(b"no sum!")))
    elif len(service.vip) == 4:
        assert same(result.frame, s.at_client(UDP(chksum=0) / Raw(b"no sum!")))
    else:
        assert result.reason == DropReason.NAT64_CHECKSUM


@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
def test_wrong_checksum_stays_wrong(plane: Plane, service: world.Service) -> None:
    s = session_to(plane, service)
    s.open()
    right = plane.send(s.at_vip(TCP(flags="A", seq=5, ack=6) / Raw(b"data"))).frame
    wrong = plane.send(s.at_vip(TCP(flags="A", seq=5, ack=6, chksum=1) / Raw(b"data"))).frame
    at = len(right) - 4 - 20 + 16
    assert right != wrong
    assert right[:at] + right[at + 2 :] == wrong[:at] + wrong[at + 2 :]


@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
def test_class_and_ttl_survive(plane: Plane, service: world.Service) -> None:
    s = session_to(plane, service)
    s.open()
    result = plane.send(s.at_vip(TCP(flags="A", seq=5), ttl=2, tos=0x2E))
    assert same(result.frame, s.at_server(TCP(flags="A", seq=s.shifted(5)), ttl=1, tos=0x2E, **crossed(service)))
    result = plane.send(s.at_laddr(TCP(flags="", seq=5), ttl=255, tos=0xB9))
    assert same(result.frame, s.at_client(TCP(flags="", seq=5), ttl=254, tos=0xB9))


def test_identification_and_flow_label_survive(plane: Plane) -> None:
    four, six = session_to(plane, TCP_SERVICES[0]), session_to(plane, TCP_SERVICES[1])
    four.open()
    six.open()
    result = plane.send(four.at_vip(TCP(flags="A"), id=0x1234, flags=0))
    assert same(result.frame, four.at_server(TCP(flags="A", seq=four.shifted(0)), id=0x1234, flags=0))
    result = plane.send(six.at_vip(TCP(flags="A"), fl=0x54321))
    assert same(result.frame, six.at_server(TCP(flags="A", seq=six.shifted(0)), fl=0x54321))


@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
def test_padding_behind_the_packet_stays_behind_it(plane: Plane, service: world.Service) -> None:
    s = session_to(plane, service)
    s.handshake()
    result = plane.send(s.at_vip(TCP(flags="A", seq=ISN + 1, ack=SERVER_ISN + 1)) + b"\xaa" * 6)
    segment = TCP(flags="A", seq=s.shifted(ISN + 1), ack=SERVER_ISN + 1, options=[toa(s.client, s.client_port)])
    assert same(result.frame, s.at_server(segment, **crossed(service)) + b"\xaa" * 6)


def acknowledging(s: Session, options: list[Any], payload: bytes = b"", **fields: Any) -> tuple[Packet, Packet]:
    """A segment that wants a TOA, as sent and with shifted number."""
    sent = TCP(flags="A", seq=ISN + 1, ack=SERVER_ISN + 1, options=options) / Raw(payload)
    seen = TCP(flags="A", seq=s.shifted(ISN + 1), ack=SERVER_ISN + 1, options=fields["seen"]) / Raw(payload)
    return sent, seen


@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
class TestToa:
    def test_comes_with_every_segment_until_data_is_acknowledged(self, plane: Plane, service: world.Service) -> None:
        s = session_to(plane, service)
        s.handshake()
        sent, seen = acknowledging(s, [], b"abc", seen=[toa(s.client, s.client_port)])
        for _ in range(2):
            assert same(plane.send(s.at_vip(sent.copy())).frame, s.at_server(seen.copy(), **crossed(service)))
        result = plane.send(s.at_vip(TCP(flags="A", seq=ISN + 4, ack=SERVER_ISN + 2)))
        assert same(
            result.frame, s.at_server(TCP(flags="A", seq=s.shifted(ISN + 4), ack=SERVER_ISN + 2), **crossed(service))
        )

    @pytest.mark.parametrize("flags", ["R", "RA", "S", "SA"])
    def test_not_on_resets_and_syns(self, plane: Plane, service: world.Service, flags: str) -> None:
        s = session_to(plane, service)
        s.handshake()
        result = plane.send(s.at_vip(TCP(flags=flags, seq=ISN + 1, ack=SERVER_ISN + 1)))
        seen = TCP(flags=flags, seq=s.shifted(ISN + 1), ack=SERVER_ISN + 1)
        assert same(result.frame, s.at_server(seen, **crossed(service)))

    def test_left_out_where_options_fill_the_header(self, plane: Plane, service: world.Service) -> None:
        s = session_to(plane, service)
        s.handshake()
        full = [TIMESTAMP, *NOPS * 2, ("SAck", (1, 2, 3, 4)), *NOPS * 6]
        sent, seen = acknowledging(s, full, seen=full)
        assert same(plane.send(s.at_vip(sent)).frame, s.at_server(seen, **crossed(service)))

    @pytest.mark.parametrize("size", [8, 20])
    def test_a_clients_own_is_blanked(self, plane: Plane, service: world.Service, size: int) -> None:
        s = session_to(plane, service)
        s.handshake()
        forged = (254, b"\1\2" + bytes(size - 4))
        sent, seen = acknowledging(s, [forged], b"x", seen=[toa(s.client, s.client_port), *NOPS * size])
        assert same(plane.send(s.at_vip(sent)).frame, s.at_server(seen, **crossed(service)))

    def test_a_clients_own_is_blanked_where_ours_does_not_fit(self, plane: Plane, service: world.Service) -> None:
        s = session_to(plane, service)
        s.handshake()
        rest = [TIMESTAMP, *NOPS * 10]
        sent, seen = acknowledging(s, [*rest, (254, bytes(18))], seen=[*rest, *NOPS * 20])
        assert same(plane.send(s.at_vip(sent)).frame, s.at_server(seen, **crossed(service)))

    def test_a_clients_own_in_a_syn_is_blanked(self, plane: Plane, service: world.Service) -> None:
        s = session_to(plane, service)
        s.open()
        result = plane.send(s.at_vip(TCP(flags="S", seq=ISN, options=[("MSS", 1400), (254, bytes(6))])))
        seen = TCP(flags="S", seq=s.shifted(ISN), options=[("MSS", 1400), *NOPS * 8])
        assert same(result.frame, s.at_server(seen, **crossed(service)))

    def test_left_out_where_the_packet_would_grow_over_the_mtu(self, plane: Plane, service: world.Service) -> None:
        s = session_to(plane, service)
        s.handshake()
        assert s.server
        header = len(s.at_server(TCP(), **crossed(service))) - 14
        ours = 4 + len(s.client)
        for room, options in ((ours, [toa(s.client, s.client_port)]), (ours - 1, [])):
            payload = bytes(s.server.hop.device.mtu - header - room)
            sent, seen = acknowledging(s, [], payload, seen=options)
            assert same(plane.send(s.at_vip(sent)).frame, s.at_server(seen, **crossed(service)))


@pytest.mark.parametrize(
    ("mss", "seen"), [(1460, 1452), (73, 65), (72, 72), (536, 528), (65535, 65527), (0, 0)], ids=str
)
def test_mss_of_the_server_leaves_room_for_the_toa(plane: Plane, mss: int, seen: int) -> None:
    s = session_to(plane, TCP_SERVICES[0])
    s.open()
    result = plane.send(s.at_laddr(TCP(flags="SA", seq=9, options=[("MSS", mss)])))
    expected = s.at_client(TCP(flags="SA", seq=9, ack=(-s.delta) & 0xFFFFFFFF, options=[("MSS", seen)]))
    assert same(result.frame, expected)


@pytest.mark.parametrize("service", world.SERVICES, ids=[f"{p}-{n}" for n in NAMES for p in ("tcp", "udp")])
@pytest.mark.parametrize("server", range(len(world.HOPS)))
def test_packets_up_to_the_mtu_of_the_next_hop_pass(plane: Plane, service: world.Service, server: int) -> None:
    s = session_to(plane, service, server)
    s.open()
    assert s.server
    header = len(s.at_server(TCP() if service.proto == 6 else UDP(), **crossed(service))) - 14
    header -= 4 if s.server.hop.device.vlan else 0
    for size, reason in ((s.server.hop.device.mtu, DropReason.NONE), (s.server.hop.device.mtu + 1, DropReason.MTU)):
        l4 = (TCP(flags="A") if service.proto == 6 else UDP()) / Raw(bytes(size - header))
        assert plane.send(s.at_vip(l4)).reason == reason


def test_frames_of_the_host_pass_unmodified(plane: Plane) -> None:
    s = session_to(plane, TCP_SERVICES[0])
    other = s.at_vip(TCP(flags="S", seq=1))
    other = other[:36] + b"\x1f\x40" + other[38:]
    result = plane.send(other)
    assert (result.action, result.frame) == (PASS, other)


@pytest.mark.parametrize("service", TCP_SERVICES, ids=NAMES)
def test_syn_in_time_wait_reopens_the_connection(plane: Plane, service: world.Service) -> None:
    s = session_to(plane, service)
    s.handshake()
    before = (s.laddr, s.lport, s.delta)
    plane.send(s.at_laddr(TCP(flags="FA", seq=5, ack=6)))
    plane.send(s.at_vip(TCP(flags="FA", seq=5, ack=6)))
    assert plane.states() == {"TW"}
    result = plane.send(s.at_vip(TCP(flags="S", seq=ISN + 500_000)))
    s.learn()
    assert plane.states() == {"SR"}
    assert (s.laddr, s.lport, s.delta) == before
    assert same(result.frame, s.at_server(TCP(flags="S", seq=s.shifted(ISN + 500_000)), **crossed(service)))
    # The TOA waits for the new SYN/ACK.
    plane.send(s.at_laddr(TCP(flags="SA", seq=12345, ack=1)))
    result = plane.send(s.at_vip(TCP(flags="A", seq=7, ack=12346)))
    seen = TCP(flags="A", seq=s.shifted(7), ack=12346, options=[toa(s.client, s.client_port)])
    assert same(result.frame, s.at_server(seen, **crossed(service)))


def test_a_neighbour_that_moves_is_followed(plane: Plane) -> None:
    s = session_to(plane, TCP_SERVICES[0])
    s.open()
    assert s.server
    moved = world.mac("02:00:00:00:0d:99")
    plane.put_neighbour(s.server.address, moved, s.server.hop.device)
    assert plane.send(s.at_vip(TCP(flags="A"))).frame[:6] == moved
    plane.remove_neighbour(s.server.address, s.server.hop.device)
    assert plane.send(s.at_vip(TCP(flags="A"))).reason == DropReason.NO_NEIGHBOUR
    plane.put_neighbour(s.server.address, s.server.hop.mac, s.server.hop.device)
    assert plane.send(s.at_vip(TCP(flags="A"))).frame[:6] == s.server.hop.mac


def test_isns_differ_between_connections_and_stay_for_retransmits(plane: Plane) -> None:
    deltas = set()
    for port in range(1000, 1050):
        s = session_to(plane, TCP_SERVICES[0], client_port=port)
        first = s.open().frame
        assert plane.send(s.at_vip(TCP(flags="S", seq=ISN))).frame == first
        deltas.add(s.delta)
    assert len(deltas) == 50
