"""ICMP echo messages and IPv4 headers before them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, IPOption_NOP

from xdpvs.model.address import Family
from xdpvs.packet.icmp import EchoReply, decode_reply, encode_request, strip_ipv4_header


def test_a_request_is_what_scapy_builds() -> None:
    expected = bytes(ICMP(type="echo-request", id=0x1234, seq=7) / b"payload")
    assert encode_request(Family.INET, 0x1234, 7, b"payload") == expected


def test_the_kernel_sums_icmpv6() -> None:
    assert encode_request(Family.INET6, 1, 2, b"x") == b"\x80\x00\x00\x00\x00\x01\x00\x02x"


def test_a_reply_is_read_and_its_checksum_verified() -> None:
    reply = bytes(ICMP(type="echo-reply", id=1, seq=2) / b"odd")
    assert decode_reply(Family.INET, reply) == EchoReply(1, 2, b"odd")
    assert decode_reply(Family.INET, reply[:-1] + b"D") is None
    assert decode_reply(Family.INET6, b"\x81\x00\xff\xff\x00\x01\x00\x02x") == EchoReply(1, 2, b"x")


@pytest.mark.parametrize("family", [Family.INET, Family.INET6])
def test_other_messages_are_no_reply(family: Family) -> None:
    assert decode_reply(family, encode_request(family, 1, 2, b"")) is None
    assert decode_reply(family, b"\x03\x01" + bytes(6)) is None
    assert decode_reply(family, b"") is None


def test_an_ipv4_header_with_options_is_stripped() -> None:
    packet = bytes(IP(options=[IPOption_NOP()] * 4) / ICMP())
    assert packet[0] == 0x46
    assert strip_ipv4_header(packet) == bytes(ICMP())


@given(st.binary(max_size=64))
def test_garbage_is_not_mistaken(data: bytes) -> None:
    message = strip_ipv4_header(data)
    assert len(message) <= max(0, len(data) - 20)
    decode_reply(Family.INET, message)
