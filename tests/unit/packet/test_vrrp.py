"""VRRP packets: against scapy where it knows them, and against anything at all."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.vrrp import VRRP, VRRPv3

from xdpvs.model.address import IPAddress
from xdpvs.packet import vrrp
from xdpvs.packet.ethernet import Malformed
from xdpvs.packet.vrrp import GROUP4, GROUP6, Advertisement, Decoded, decode, encode

SOURCE4, PEER4 = IPv4Address("192.0.2.11"), IPv4Address("192.0.2.12")
SOURCE6, PEER6 = IPv6Address("fe80::11"), IPv6Address("fe80::12")
VIPS4 = (IPv4Address("192.0.2.100"), IPv4Address("192.0.2.101"))
VIPS6 = (IPv6Address("fe80::100"), IPv6Address("2001:db8::100"))
V2 = Advertisement(2, 7, 150, 100, VIPS4)
V3 = Advertisement(3, 7, 150, 20, VIPS4)
V3_6 = Advertisement(3, 7, 150, 20, VIPS6)


def test_version_2_is_scapys() -> None:
    scapy = IP(src=str(SOURCE4), dst=str(GROUP4)) / VRRP(vrid=7, priority=150, adv=1, addrlist=[str(a) for a in VIPS4])
    assert encode(V2, SOURCE4, GROUP4) == bytes(scapy[VRRP])


def test_a_password_stands_behind_the_addresses() -> None:
    advert = replace(V2, auth_type=1, auth_data=vrrp.password_data("12345"))
    packet = encode(advert, SOURCE4, GROUP4)
    assert packet[-8:] == b"12345\0\0\0"
    assert packet[4:6] == b"\x01\x01"
    assert decode(packet, SOURCE4, GROUP4) == Decoded(advert)


def test_a_password_is_cut_at_eight_bytes_and_never_shown() -> None:
    assert vrrp.password_data("1234567890") == b"12345678"
    assert "secret" not in repr(replace(V2, auth_data=vrrp.password_data("secret")))


def test_version_3_is_scapys() -> None:
    scapy = IP(src=str(SOURCE4), dst=str(GROUP4)) / VRRPv3(
        vrid=7, priority=150, adv=20, addrlist=[str(a) for a in VIPS4]
    )
    assert encode(V3, SOURCE4, GROUP4) == bytes(scapy[VRRPv3])


def test_version_3_over_ipv6_is_scapys() -> None:
    scapy = IPv6(src=str(SOURCE6), dst=str(GROUP6)) / VRRPv3(
        vrid=7, priority=150, adv=20, addrlist=[str(a) for a in VIPS6]
    )
    assert encode(V3_6, SOURCE6, GROUP6) == bytes(scapy[VRRPv3])


@pytest.mark.parametrize(
    ("advert", "source", "destination"),
    [
        (V2, SOURCE4, GROUP4),
        (V2, SOURCE4, PEER4),
        (replace(V2, addresses=()), SOURCE4, GROUP4),
        (V3, SOURCE4, GROUP4),
        (V3, SOURCE4, PEER4),
        (V3_6, SOURCE6, GROUP6),
        (V3_6, SOURCE6, PEER6),
        (replace(V3_6, version=2, interval_cs=200), SOURCE6, GROUP6),
        (replace(V3, interval_cs=4095, priority=0, vrid=255), SOURCE4, GROUP4),
    ],
)
def test_what_is_encoded_decodes(advert: Advertisement, source: IPAddress, destination: IPAddress) -> None:
    assert decode(encode(advert, source, destination), source, destination) == Decoded(advert)


def test_the_old_unicast_checksum_is_accepted_only_where_asked() -> None:
    packet = encode(V3, SOURCE4, GROUP4)
    assert decode(packet, SOURCE4, PEER4, GROUP4) == Decoded(V3, old_checksum=True)
    with pytest.raises(vrrp.WrongChecksum):
        decode(packet, SOURCE4, PEER4)


def test_version_2_has_no_pseudo_header_over_ipv4() -> None:
    assert encode(V2, SOURCE4, GROUP4) == encode(V2, PEER4, PEER4)


@pytest.mark.parametrize("length", range(8))
def test_too_short_for_a_header(length: int) -> None:
    with pytest.raises(vrrp.WrongLength):
        decode(encode(V2, SOURCE4, GROUP4)[:length], SOURCE4, GROUP4)
    assert vrrp.virtual_router_id(encode(V2, SOURCE4, GROUP4)[:length]) is None


@pytest.mark.parametrize("change", [-8, -4, -1, 1, 4, 8])
@pytest.mark.parametrize("advert", [V2, V3])
def test_length_is_exact(advert: Advertisement, change: int) -> None:
    packet = encode(advert, SOURCE4, GROUP4)
    with pytest.raises(vrrp.WrongLength):
        decode(packet[:change] if change < 0 else packet + bytes(change), SOURCE4, GROUP4)


def test_the_address_count_is_believed_only_if_they_are_there() -> None:
    packet = bytearray(encode(V3, SOURCE4, GROUP4))
    packet[3] = 200
    with pytest.raises(vrrp.WrongLength):
        decode(bytes(packet), SOURCE4, GROUP4)


@pytest.mark.parametrize("version", [0, 1, 4, 15])
def test_other_versions(version: int) -> None:
    packet = bytes([version << 4 | 1]) + encode(V3, SOURCE4, GROUP4)[1:]
    with pytest.raises(vrrp.UnknownVersion):
        decode(packet, SOURCE4, GROUP4)


@pytest.mark.parametrize("kind", [0, 2, 15])
def test_other_types(kind: int) -> None:
    packet = bytes([3 << 4 | kind]) + encode(V3, SOURCE4, GROUP4)[1:]
    with pytest.raises(vrrp.UnknownType):
        decode(packet, SOURCE4, GROUP4)


@given(st.integers(0, 8 * 16 - 1), st.sampled_from([V2, V3]))
def test_a_flipped_bit_is_found(bit: int, advert: Advertisement) -> None:
    packet = bytearray(encode(advert, SOURCE4, GROUP4))
    packet[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed):
        decode(bytes(packet), SOURCE4, GROUP4)


@given(st.binary(max_size=64), st.booleans())
def test_garbage_is_malformed_and_nothing_else(packet: bytes, is_ipv6: bool) -> None:
    source, destination = (SOURCE6, GROUP6) if is_ipv6 else (SOURCE4, GROUP4)
    vrrp.virtual_router_id(packet)
    try:
        decoded = decode(packet, source, destination)
    except Malformed:
        return
    assert decoded.advertisement.version in (2, 3)


@st.composite
def adverts(draw: st.DrawFn) -> tuple[Advertisement, IPAddress, IPAddress]:
    """Any advertisement that can be sent."""
    is_ipv6 = draw(st.booleans())
    address: st.SearchStrategy[IPAddress]
    address = st.integers(1, 2**128 - 1).map(IPv6Address) if is_ipv6 else st.integers(1, 2**32 - 1).map(IPv4Address)
    version = draw(st.sampled_from([2, 3]))
    interval = draw(st.integers(1, 255)) * 100 if version == 2 else draw(st.integers(1, 4095))
    has_auth = version == 2 and not is_ipv6
    advert = Advertisement(
        version,
        draw(st.integers(1, 255)),
        draw(st.integers(0, 255)),
        interval,
        tuple(draw(st.lists(address, max_size=12))),
        draw(st.integers(0, 255)) if version == 2 else 0,
        draw(st.binary(min_size=8, max_size=8)) if has_auth else bytes(8),
    )
    return advert, draw(address), draw(address)


@given(adverts())
def test_every_advert_goes_there_and_back(given_advert: tuple[Advertisement, IPAddress, IPAddress]) -> None:
    advert, source, destination = given_advert
    assert decode(encode(advert, source, destination), source, destination) == Decoded(advert)


def test_groups() -> None:
    assert (ip_address("224.0.0.18"), ip_address("ff02::12")) == (GROUP4, GROUP6)
