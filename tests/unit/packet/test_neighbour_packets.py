"""ARP and neighbour discovery, against scapy where it can build the same."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from xdpvs.packet import arp, ndisc
from xdpvs.packet.ethernet import Frame, Malformed, multicast_mac

MAC = bytes.fromhex("020000000101")
OTHER = bytes.fromhex("020000000030")
A4, B4 = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.30")
A6, B6 = IPv6Address("2001:db8::1"), IPv6Address("2001:db8::30")


def ether(destination: bytes, vlan: int) -> Ether:
    """The head of an expected frame."""
    head = Ether(src=MAC.hex(":"), dst=destination.hex(":"))
    return head / Dot1Q(vlan=vlan) if vlan else head


@pytest.mark.parametrize("vlan", [0, 102, 4094])
def test_an_arp_request_is_scapys(vlan: int) -> None:
    expected = ether(b"\xff" * 6, vlan) / ARP(
        op=1, hwsrc=MAC.hex(":"), psrc=str(A4), hwdst="00:00:00:00:00:00", pdst=str(B4)
    )
    frame = arp.request(MAC, A4, B4, vlan=vlan)
    assert frame.encode() == bytes(expected)
    assert Frame.decode(frame.encode()) == frame
    assert arp.Arp.decode(frame.payload + bytes(18)) == arp.Arp(arp.REQUEST, MAC, A4, bytes(6), B4)


def test_a_probe_goes_to_one_station() -> None:
    assert arp.request(MAC, A4, B4, to=OTHER).destination == OTHER
    assert ndisc.solicitation(MAC, A6, B6, to=OTHER).destination == OTHER
    assert ndisc.decode(ndisc.solicitation(MAC, A6, B6, to=OTHER).payload)[1] == B6


@pytest.mark.parametrize("vlan", [0, 102])
def test_a_solicitation_is_scapys(vlan: int) -> None:
    group = ndisc.solicited_node(B6)
    expected = (
        ether(multicast_mac(group), vlan)
        / IPv6(src=str(A6), dst=str(group), hlim=255)
        / ICMPv6ND_NS(tgt=str(B6))
        / ICMPv6NDOptSrcLLAddr(lladdr=MAC.hex(":"))
    )
    frame = ndisc.solicitation(MAC, A6, B6, vlan=vlan)
    assert frame.encode() == bytes(expected)
    assert ndisc.decode(frame.payload) == (A6, group, ndisc.Solicitation(B6, MAC))


def test_an_announcement_is_scapys() -> None:
    expected = (
        ether(bytes.fromhex("333300000001"), 0)
        / IPv6(src=str(A6), dst="ff02::1", hlim=255)
        / ICMPv6ND_NA(tgt=str(A6), R=0, S=0, O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=MAC.hex(":"))
    )
    assert ndisc.announcement(MAC, A6).encode() == bytes(expected)


def test_an_unspecified_source_names_no_mac() -> None:
    _, _, message = ndisc.decode(ndisc.solicitation(MAC, IPv6Address("::"), B6).payload)
    assert message == ndisc.Solicitation(B6, None)


def test_link_local_addresses() -> None:
    assert ndisc.link_local(MAC) == IPv6Address("fe80::ff:fe00:101")


@pytest.mark.parametrize("length", range(0, 72, 7))
def test_what_is_cut_short_or_broken_is_malformed(length: int) -> None:
    packet = ndisc.solicitation(MAC, A6, B6).payload
    with pytest.raises(Malformed):
        ndisc.decode(packet[:length])
    with pytest.raises(Malformed):
        ndisc.decode(packet[:length] + bytes([packet[length] ^ 0x10]) + packet[length + 1 :][: 71 - length][:-1])


def test_malformed_arp_and_frames() -> None:
    whole = arp.request(MAC, A4, B4).payload
    for data in (whole[:27], b"\0\2" + whole[2:]):
        with pytest.raises(Malformed):
            arp.Arp.decode(data)
    for data in (bytes(13), MAC + MAC + b"\x81\x00\x00"):
        with pytest.raises(Malformed):
            Frame.decode(data)
