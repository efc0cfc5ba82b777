"""Seeded traffic for the data plane: flows that live their life, and everything that can be wrong with a frame.

Valid frames first, so that there are connections to be hurt: about a third of all frames are then mutated, with or
without their checksums put right again, and some are random bytes from some header on.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.support import world
from tests.support.frames import (
    ACK,
    DF,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    MF,
    NOP,
    PSH,
    RST,
    SYN,
    TCP,
    UDP,
    complement,
    ether,
    ipv4,
    ipv6,
    ones_sum,
    pseudo,
    tcp,
    udp,
)
from tests.support.oracle import Flow, Oracle

MAX_FRAME = 3500
HANDSHAKE = (SYN, SYN | 0x40, SYN | 0xC0)
COMMON = (ACK, ACK, ACK, ACK | PSH, ACK | PSH, ACK | 0x01, SYN, RST, RST | ACK, SYN | ACK)
OTHER_PORTS = (0, 22, 443, 8080, 65535)
FOREIGN_VLANS = (0, 1, 300, 999, 4095)
BAD_SOURCES4 = ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "255.255.255.255", "240.0.0.1")
BAD_SOURCES6 = ("::", "::1", "ff02::1")


class Traffic:
    """Frames one after the other; what the oracle knows of the flows makes replies possible."""

    def __init__(self, rng: random.Random, oracle: Oracle) -> None:
        self.rng = rng
        self.oracle = oracle
        self._macs = list(world.CLIENT_MACS)

    def next(self) -> bytes:
        """A frame of any kind."""
        roll = self.rng.random()
        if roll < 0.60:
            return self.valid()
        if roll < 0.93:
            return self.mutated(self.valid())
        if roll < 0.97:
            return self.foreign()
        return self.garbage()

    def valid(self) -> bytes:
        """A frame of a flow, known or new."""
        rng = self.rng
        if not self.oracle.replies or rng.random() < 0.08:
            return self.opening()
        flow = rng.choice(self._known())
        return self.from_client(flow) if rng.random() < 0.5 else self.from_server(flow)

    def _known(self) -> list[Flow]:
        """The latest flows, so that each sees many frames."""
        flows = self.oracle.replies.values()
        return list(flows)[-24:]

    def opening(self) -> bytes:
        """A client's first frame."""
        rng = self.rng
        service = rng.choice(world.SERVICES)
        client = self._client(service)
        flow = Flow(service, client, rng.randrange(1, 65536), world.CLIENT_HOP, "")
        if service.proto == TCP:
            return self._client_frame(flow, self._segment(flow, True, rng.choice(HANDSHAKE)))
        return self.from_client(flow)

    def _client(self, service: world.Service) -> bytes:
        rng = self.rng
        if len(service.vip) == 4:
            if rng.random() < 0.03:
                return world.packed(rng.choice(BAD_SOURCES4))
            return (world.ROUTED4[:3] if rng.random() < 0.5 else b"\xcb\x00\x71") + rng.randbytes(1)
        if rng.random() < 0.03:
            return world.packed(rng.choice(BAD_SOURCES6))
        return (world.ROUTED6[:6] if rng.random() < 0.5 else b"\x20\x01\x0d\xb8\x00\x0d") + rng.randbytes(10)

    def from_client(self, flow: Flow) -> bytes:
        """The client goes on."""
        if flow.service.proto == UDP:
            return self._client_frame(flow, self._datagram(flow, True))
        return self._client_frame(flow, self._segment(flow, True, self._flags()))

    def from_server(self, flow: Flow) -> bytes:
        """The server answers."""
        if flow.service.proto == UDP:
            return self._server_frame(flow, self._datagram(flow, False))
        flags = SYN | ACK if flow.state == "SR" and self.rng.random() < 0.7 else self._flags()
        return self._server_frame(flow, self._segment(flow, False, flags))

    def _flags(self) -> int:
        return self.rng.choice(COMMON) if self.rng.random() < 0.8 else self.rng.randrange(256)

    def _ends(self, flow: Flow, inbound: bool) -> tuple[bytes, int, bytes, int]:
        if inbound:
            return flow.client, flow.client_port, flow.service.vip, flow.service.port
        assert flow.server
        return flow.server.address, flow.server.port, flow.laddr, flow.lport

    def _segment(self, flow: Flow, inbound: bool, flags: int) -> bytes:
        rng = self.rng
        src, sport, dst, dport = self._ends(flow, inbound)
        ack = flow.first_ack if inbound and rng.random() < 0.6 else rng.getrandbits(32)
        options = self.tcp_options() if rng.random() < 0.6 else b""
        return tcp(
            src,
            dst,
            sport,
            dport,
            flags,
            seq=rng.getrandbits(32),
            ack=ack,
            window=rng.getrandbits(16),
            options=options,
            payload=self.payload(),
            checksum=None if rng.random() < 0.95 else rng.getrandbits(16),
        )

    def _datagram(self, flow: Flow, inbound: bool) -> bytes:
        rng = self.rng
        src, sport, dst, dport = self._ends(flow, inbound)
        roll = rng.random()
        checksum = None if roll < 0.85 else 0 if roll < 0.93 else rng.getrandbits(16)
        payload = self.payload()
        # The IP packet may be longer than the datagram in it.
        length = None if rng.random() < 0.95 or not payload else 8 + rng.randrange(len(payload) + 1)
        return udp(src, dst, sport, dport, payload, length=length, checksum=checksum)

    def payload(self) -> bytes:
        """Mostly short, some around the MTUs and the extra lengths that count there."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.5:
            return b""
        if roll < 0.9:
            return rng.randbytes(rng.randrange(1, 64))
        return rng.randbytes(rng.choice((1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480)) + rng.randrange(-24, 24))

    def tcp_options(self) -> bytes:
        """Options of every kind, well formed or not, up to the 40 bytes there are."""
        rng = self.rng
        options = b""
        while len(options) < 40 and rng.random() < 0.75:
            options += rng.choice(OPTIONS)(rng)
        return options[:40] if rng.random() < 0.9 else rng.randbytes(40)[: rng.randrange(41)]

    def _client_frame(self, flow: Flow, l4: bytes) -> bytes:
        rng = self.rng
        device = rng.choice((world.PORT0, world.PORT0, world.VLAN100, world.VLAN200))
        return self._frame(rng.choice(self._macs), device, flow.client, flow.service.vip, flow.service.proto, l4)

    def _server_frame(self, flow: Flow, l4: bytes) -> bytes:
        assert flow.server
        device = flow.server.hop.device
        arriving = world.PORT0 if device.port else device
        return self._frame(flow.server.hop.mac, arriving, flow.server.address, flow.laddr, flow.service.proto, l4)

    def _frame(self, mac: bytes, device: world.Device, src: bytes, dst: bytes, proto: int, l4: bytes) -> bytes:
        rng = self.rng
        ttl = 64 if rng.random() < 0.9 else rng.choice((0, 1, 2, 255))
        tos = 0 if rng.random() < 0.7 else rng.getrandbits(8)
        if len(src) == 4:
            fragment = DF if rng.random() < 0.8 else rng.choice((0, 0x8000, 0xC000))
            packet = ipv4(src, dst, proto, l4, ttl=ttl, tos=tos, ident=rng.getrandbits(16), fragment=fragment)
        else:
            packet = ipv6(src, dst, proto, l4, ttl=ttl, tos=tos, flow=rng.getrandbits(20))
        padding = bytes(46 - len(packet)) if len(packet) < 46 and rng.random() < 0.5 else b""
        kind = IPV4 if len(src) == 4 else IPV6
        vlan = device.vlan or None
        priority = rng.randrange(16) if vlan and rng.random() < 0.2 else 0
        return ether(device.mac, mac, kind, packet + padding, vlan, priority)

    def mutated(self, frame: bytes) -> bytes:
        """One thing or two go wrong."""
        for _ in range(1 if self.rng.random() < 0.7 else 2):
            frame = self.rng.choice(MUTATIONS)(self.rng, frame)
        return frame[:MAX_FRAME].ljust(14, b"\0")

    def foreign(self) -> bytes:
        """Frames for the host or nobody: other services, protocols, machines."""
        rng = self.rng
        service = rng.choice(world.SERVICES)
        proto = rng.choice((TCP, UDP, 47, 132, 4, 41, 0, 50, ICMP, ICMPV6))
        client, vip = self._client(service), service.vip
        if proto == TCP:
            l4 = tcp(client, vip, 1024, rng.choice(OTHER_PORTS), self._flags(), options=self.tcp_options())
        elif proto == UDP:
            l4 = udp(client, vip, 1024, rng.choice(OTHER_PORTS), self.payload())
        else:
            l4 = rng.randbytes(rng.randrange(64))
        device = rng.choice((world.PORT0, world.VLAN100, world.VLAN200))
        return self._frame(rng.choice(self._macs), device, client, vip, proto, l4)

    def garbage(self) -> bytes:
        """Random bytes behind some headers that make them look like something."""
        rng = self.rng
        rest = rng.randbytes(rng.randrange(120))
        kind = rng.choice((IPV4, IPV6, 0x0806, 0x8100, 0x88A8, rng.getrandbits(16)))
        vlan = rng.choice((None, None, 100, 200, *FOREIGN_VLANS))
        if kind == IPV4 and rng.random() < 0.8:
            rest = ipv4(rest[:4].ljust(4), world.VIP4, rng.choice((TCP, UDP, ICMP)), rest)
        elif kind == IPV6 and rng.random() < 0.8:
            rest = ipv6(rest[:16].ljust(16), rng.choice((world.VIP6, world.VIP64)), rng.choice((TCP, UDP, 44, 0)), rest)
        device = next((d for d in world.DEVICES if d.vlan == vlan), world.PORT0)
        return ether(device.mac, rng.choice(self._macs), kind, rest, vlan)


Option = Callable[[random.Random], bytes]


def _sack(rng: random.Random) -> bytes:
    edges = rng.randrange(1, 5) * 8
    return NOP * 2 + bytes((5, 2 + edges)) + rng.randbytes(edges)


OPTIONS: tuple[Option, ...] = (
    lambda rng: NOP,
    lambda rng: b"\0",
    lambda rng: b"\2\4" + rng.choice((b"\5\xb4", b"\5\xa0", b"\0\x40", b"\0\x49", b"\0\x55", rng.randbytes(2))),
    lambda rng: b"\3\3" + rng.randbytes(1),
    lambda rng: b"\4\2",
    lambda rng: b"\x08\x0a" + rng.randbytes(8),
    lambda rng: NOP * 2 + b"\x08\x0a" + rng.randbytes(8),
    _sack,
    _sack,
    lambda rng: b"\xfe\x08" + rng.randbytes(6),
    lambda rng: b"\xfe\x14" + rng.randbytes(18),
    lambda rng: bytes((rng.randrange(256), rng.randrange(12))) + rng.randbytes(rng.randrange(10)),
    lambda rng: bytes((rng.choice((2, 5, 8, 254)), rng.randrange(41))) + rng.randbytes(rng.randrange(10)),
)

Mutation = Callable[[random.Random, bytes], bytes]


def l3_of(frame: bytes) -> int:
    """Where the IP header is."""
    return 18 if frame[12:14] == b"\x81\x00" else 14


def with_checksum(frame: bytes) -> bytes:
    """The IPv4 header checksum put right, so that what is behind it gets looked at."""
    at = l3_of(frame)
    if len(frame) < at + 20 or frame[at] != 0x45:
        return frame
    head = frame[at : at + 10] + b"\0\0" + frame[at + 12 : at + 20]
    return frame[: at + 10] + complement(ones_sum(head)).to_bytes(2, "big") + frame[at + 12 :]


def _flip(rng: random.Random, frame: bytes) -> bytes:
    at = rng.randrange(len(frame))
    return frame[:at] + bytes((frame[at] ^ 1 << rng.randrange(8),)) + frame[at + 1 :]


def _set(rng: random.Random, frame: bytes) -> bytes:
    at = rng.randrange(12, min(len(frame), 90))
    return with_checksum(frame[:at] + rng.choice((b"\0", b"\xff", rng.randbytes(1))) + frame[at + 1 :])


def _truncate(rng: random.Random, frame: bytes) -> bytes:
    return frame[: rng.randrange(14, len(frame) + 1)]


def _shorten(rng: random.Random, frame: bytes) -> bytes:
    """Cut, with lengths to match: what is missing is part of L4."""
    at = l3_of(frame)
    if len(frame) <= at + 40:
        return frame
    frame = frame[: rng.randrange(at + 20, min(len(frame), at + 80))]
    if frame[at] >> 4 == 4:
        return with_checksum(frame[: at + 2] + (len(frame) - at).to_bytes(2, "big") + frame[at + 4 :])
    return frame[: at + 4] + max(0, len(frame) - at - 40).to_bytes(2, "big") + frame[at + 6 :]


def _extend(rng: random.Random, frame: bytes) -> bytes:
    return frame + rng.randbytes(rng.randrange(1, 40))


def _mac(rng: random.Random, frame: bytes) -> bytes:
    return rng.choice((b"\xff" * 6, b"\x02\0\0\0\0\x77", world.VLAN200.mac, world.PORT0.mac)) + frame[6:]


def _source_mac(rng: random.Random, frame: bytes) -> bytes:
    return frame[:6] + rng.choice((b"\xff" * 6, b"\x01\0\x5e\0\0\1", bytes(6))) + frame[12:]


def _retag(rng: random.Random, frame: bytes) -> bytes:
    vlan = rng.choice((100, 200, *FOREIGN_VLANS))
    rest = frame[16:] if frame[12:14] == b"\x81\x00" else frame[12:]
    if rng.random() < 0.2:
        return frame[:12] + rest
    return frame[:12] + b"\x81\x00" + vlan.to_bytes(2, "big") + rest


def _double_tag(rng: random.Random, frame: bytes) -> bytes:
    return frame[:12] + rng.choice((b"\x81\x00\0\x64", b"\x88\xa8\0\x64", b"\x81\x00\0\xc8")) + frame[12:]


def _fragment(rng: random.Random, frame: bytes) -> bytes:
    at = l3_of(frame)
    if len(frame) < at + 20:
        return frame
    if frame[at] >> 4 == 4:
        bits = rng.choice((MF, MF | DF, 1, 185, 0x1FFF, MF | 185)).to_bytes(2, "big")
        return with_checksum(frame[: at + 6] + bits + frame[at + 8 :])
    if len(frame) < at + 40:
        return frame
    header = frame[at + 6 : at + 7] + b"\0" + rng.choice((b"\0\1", b"\0\0", b"\5\xc8")) + rng.randbytes(4)
    return _insert_extension(frame, at, 44, header)


def _insert_extension(frame: bytes, at: int, kind: int, header: bytes) -> bytes:
    length = int.from_bytes(frame[at + 4 : at + 6], "big") + len(header)
    start = frame[: at + 4] + (length & 0xFFFF).to_bytes(2, "big") + bytes((kind,)) + frame[at + 7 : at + 40]
    return start + header + frame[at + 40 :]


def _options(rng: random.Random, frame: bytes) -> bytes:
    at = l3_of(frame)
    if len(frame) < at + 40:
        return frame
    if frame[at] >> 4 == 6:
        header = frame[at + 6 : at + 7] + b"\0" + rng.randbytes(6)
        return _insert_extension(frame, at, rng.choice((0, 43, 51, 60)), header)
    words = rng.randrange(1, 11)
    length = int.from_bytes(frame[at + 2 : at + 4], "big") + words * 4
    head = bytes((0x45 + words,)) + frame[at + 1 : at + 2] + (length & 0xFFFF).to_bytes(2, "big")
    return frame[:at] + head + frame[at + 4 : at + 20] + rng.randbytes(words * 4) + frame[at + 20 :]


def _swap_family(rng: random.Random, frame: bytes) -> bytes:
    at = l3_of(frame)
    return frame[: at - 2] + rng.choice((b"\x08\x00", b"\x86\xdd", rng.randbytes(2))) + frame[at:]


def _tcp_header(rng: random.Random, frame: bytes) -> bytes:
    """Flags or data offset, with the checksum right or not."""
    at = l3_of(frame)
    if len(frame) < at + 60:
        return frame
    l4 = at + (20 if frame[at] >> 4 == 4 else 40)
    if len(frame) < l4 + 20:
        return frame
    place = l4 + rng.choice((12, 13))
    changed = frame[:place] + rng.randbytes(1) + frame[place + 1 :]
    return changed if rng.random() < 0.5 else _right_l4(changed, at, l4)


def _right_l4(frame: bytes, at: int, l4: int) -> bytes:
    addresses = frame[at + 12 : at + 20] if l4 - at == 20 else frame[at + 8 : at + 40]
    half = len(addresses) // 2
    segment = frame[l4 : l4 + 16] + b"\0\0" + frame[l4 + 18 :]
    total = ones_sum(pseudo(addresses[:half], addresses[half:], TCP, len(segment)) + segment)
    return frame[: l4 + 16] + complement(total).to_bytes(2, "big") + frame[l4 + 18 :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _flip,
    _set,
    _set,
    _truncate,
    _shorten,
    _extend,
    _mac,
    _source_mac,
    _retag,
    _double_tag,
    _fragment,
    _options,
    _swap_family,
    _tcp_header,
)
