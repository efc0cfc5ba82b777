"""Resets, against scapy's reading of them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet

from xdpvs.packet.checksum import checksum
from xdpvs.packet.tcp import Reset


def rebuilt(packet: Packet) -> bytes:
    """The packet with every checksum and length made anew by scapy."""
    del packet[TCP].chksum
    if IP in packet:
        del packet[IP].chksum
        del packet[IP].len
    else:
        del packet[IPv6].plen
    return bytes(packet)


@pytest.mark.parametrize(("source", "destination"), [("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "2001:db8:1::2")])
def test_a_reset_is_a_well_formed_segment(source: str, destination: str) -> None:
    data = Reset(ip_address(source), 80, ip_address(destination), 40000, 0xFFFFFFFE).encode()
    packet = (IP if "." in source else IPv6)(data)
    assert rebuilt(packet.copy()) == data
    assert (packet.src, packet.dst) == (source, destination)
    assert (packet[TCP].sport, packet[TCP].dport, packet[TCP].seq, packet[TCP].flags) == (80, 40000, 0xFFFFFFFE, "R")


def test_checksum_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
