"""The frames the other tests are made of, against scapy's."""

from __future__ import annotations

import random

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from tests.support import frames, world
from tests.support.session import mac_text, text


@pytest.mark.parametrize("seed", range(40))
def test_frames_are_those_of_scapy(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.choice((4, 16))
    src, dst = rng.randbytes(size), rng.randbytes(size)
    sport, dport, seq, ack = rng.getrandbits(16), rng.getrandbits(16), rng.getrandbits(32), rng.getrandbits(32)
    flags, tos, ttl, payload = rng.getrandbits(8), rng.getrandbits(8), rng.getrandbits(8), rng.randbytes(seed)
    if seed % 2:
        l4 = frames.tcp(src, dst, sport, dport, flags, seq=seq, ack=ack, payload=payload)
        theirs = TCP(sport=sport, dport=dport, flags=flags, seq=seq, ack=ack) / Raw(payload)
    else:
        l4 = frames.udp(src, dst, sport, dport, payload)
        theirs = UDP(sport=sport, dport=dport) / Raw(payload)
    packet = frames.ip(src, dst, 6 if seed % 2 else 17, l4, ttl=ttl, tos=tos)
    if size == 4:
        theirs = IP(src=text(src), dst=text(dst), id=0, flags="DF", ttl=ttl, tos=tos) / theirs
    else:
        theirs = IPv6(src=text(src), dst=text(dst), hlim=ttl, tc=tos) / theirs
    kind = 0x0800 if size == 4 else 0x86DD
    macs = {"dst": mac_text(world.PORT0.mac), "src": mac_text(world.CLIENT_MACS[0])}
    assert frames.ether(world.PORT0.mac, world.CLIENT_MACS[0], kind, packet) == bytes(Ether(**macs) / theirs)
    tagged = frames.ether(world.PORT0.mac, world.CLIENT_MACS[0], kind, packet, vlan=100, priority=11)
    assert tagged == bytes(Ether(**macs) / Dot1Q(vlan=100, prio=5, dei=1) / theirs)
