"""What the data plane must do with a frame, from the descriptions alone: FullNAT and NAT64 in plain Python.

The oracle keeps its own connections. What it cannot know - which server, local address, port and initial sequence
number a connection got - it takes from the first frame that leaves, if they are legal; from then on every frame is
predicted byte by byte. L4 checksums are computed over the whole segment: right where the input's was right, wrong by
the same amount where it was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.support import world
from tests.support.frames import (
    ACK,
    DF,
    FIN,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    RST,
    SYN,
    TCP,
    UDP,
    VLAN,
    complement,
    ones_sum,
    pseudo,
)

ABORTED, DROP, PASS, TX, REDIRECT = range(5)
PORT_MIN, PORT_MAX = 1025, 65535
ARP = 0x0806
EXTENSION_HEADERS = (0, 43, 51, 60)
IPV6_FRAGMENT = 44

# Reference dataplane 3.4: rows are events, columns the states in this order.
STATES = ("NO", "ES", "SS", "SR", "FW", "TW", "CL", "CW", "LA", "LI", "SA")
FROM_CLIENT = {
    "syn": "SR ES ES SR SR SR SR SR SR SR SR".split(),
    "fin": "CL CW SS TW TW TW CL CW LA LI TW".split(),
    "ack": "CL ES SS ES FW TW CL CW CL LI ES".split(),
    "rst": "CL CL CL SR CL CL CL CL LA LI SR".split(),
}
FROM_SERVER = {
    "syn": "SS ES SS SR SS SS SS SS SS LI SR".split(),
    "fin": "TW FW SS TW FW TW CL TW LA LI TW".split(),
    "ack": "ES ES SS ES FW TW CL CW LA ES ES".split(),
    "rst": "CL CL SS CL CL TW CL CL CL CL CL".split(),
}
UDP_STATES = ("NONE", "ONEWAY", "NORMAL")


def tcp_event(flags: int) -> str | None:
    """Event of a segment: RST before SYN before FIN before ACK."""
    for bit, name in ((RST, "rst"), (SYN, "syn"), (FIN, "fin"), (ACK, "ack")):
        if flags & bit:
            return name
    return None


def tcp_next(state: str, flags: int, inbound: bool) -> str:
    """State after a segment."""
    event = tcp_event(flags)
    if event is None:
        return "CL"
    return (FROM_CLIENT if inbound else FROM_SERVER)[event][STATES.index(state)]


@dataclass(slots=True)
class Packet:
    """A frame taken apart; kind is other, ip, fragment, options, icmp or l4."""

    frame: bytes
    kind: str = "other"
    ethertype: int = 0
    vlan: int | None = None
    l3: int = 14
    l4: int = 0
    end: int = 0
    src: bytes = b""
    dst: bytes = b""
    proto: int = 0
    ttl: int = 0
    tos: int = 0
    sport: int = 0
    dport: int = 0
    flags: int = 0

    @property
    def ip_length(self) -> int:
        """Of the whole IP packet."""
        return self.end - self.l3

    @property
    def key(self) -> Key:
        """Names the flow."""
        return (self.proto, self.src, self.sport, self.dst, self.dport)

    @property
    def device(self) -> world.Device | None:
        """The frame's device, None for VLANs we do not have."""
        if not self.vlan:
            return world.PORT0
        return next((d for d in world.DEVICES if d.port == 0 and d.vlan == self.vlan), None)


Key = tuple[int, bytes, int, bytes, int]


class Refused(Exception):
    """A packet that is dropped, with the name of the reason."""


def read(frame: bytes) -> Packet:
    """Takes a frame apart, in the order of its headers."""
    p = Packet(frame, ethertype=int.from_bytes(frame[12:14], "big"))
    if p.ethertype == VLAN:
        if len(frame) < 18:
            raise Refused("TRUNCATED")
        p.vlan, p.l3 = int.from_bytes(frame[14:16], "big") & 0xFFF, 18
        p.ethertype = int.from_bytes(frame[16:18], "big")
    if p.ethertype == IPV4:
        _read_ipv4(p)
    elif p.ethertype == IPV6:
        _read_ipv6(p)
    return p


def _read_ipv4(p: Packet) -> None:
    h = p.frame[p.l3 :]
    if len(h) < 20:
        raise Refused("TRUNCATED")
    length, header = int.from_bytes(h[2:4], "big"), (h[0] & 15) * 4
    if h[0] >> 4 != 4 or header < 20 or length < header or length > len(h):
        raise Refused("BAD_HEADER")
    p.src, p.dst, p.proto, p.ttl, p.tos = h[12:16], h[16:20], h[9], h[8], h[1]
    p.l4, p.end = p.l3 + header, p.l3 + length
    fragment = int.from_bytes(h[6:8], "big") & 0x3FFF
    if header == 20 and ones_sum(h[:20]):
        raise Refused("BAD_CHECKSUM")
    if fragment:
        p.kind = "fragment"
    elif header != 20:
        p.kind = "options"
    else:
        _read_l4(p, ICMP)


def _read_ipv6(p: Packet) -> None:
    h = p.frame[p.l3 :]
    if len(h) < 40:
        raise Refused("TRUNCATED")
    length = 40 + int.from_bytes(h[4:6], "big")
    if h[0] >> 4 != 6 or length > len(h):
        raise Refused("BAD_HEADER")
    p.src, p.dst, p.proto, p.ttl = h[8:24], h[24:40], h[6], h[7]
    p.tos = int.from_bytes(h[0:2], "big") >> 4 & 0xFF
    p.l4, p.end = p.l3 + 40, p.l3 + length
    if p.proto == IPV6_FRAGMENT:
        p.kind = "fragment"
    elif p.proto in EXTENSION_HEADERS:
        p.kind = "options"
    else:
        _read_l4(p, ICMPV6)


def _read_l4(p: Packet, icmp: int) -> None:
    least = {TCP: 20, UDP: 8, icmp: 8}.get(p.proto)
    if least is None:
        p.kind = "ip"
        return
    h = p.frame[p.l4 : p.end]
    if len(h) < least:
        raise Refused("TRUNCATED")
    if p.proto == icmp:
        p.kind = "icmp"
        return
    if p.proto == TCP and not 20 <= (h[12] >> 4) * 4 <= len(h):
        raise Refused("BAD_HEADER")
    if p.proto == UDP and not 8 <= int.from_bytes(h[4:6], "big") <= len(h):
        raise Refused("BAD_HEADER")
    p.kind = "l4"
    p.sport, p.dport = int.from_bytes(h[:2], "big"), int.from_bytes(h[2:4], "big")
    p.flags = h[13] if p.proto == TCP else 0


@dataclass(slots=True)
class Flow:
    """A connection. The facts are None until a frame of it has left."""

    service: world.Service
    client: bytes
    client_port: int
    client_hop: world.Hop
    state: str
    active: bool = False
    first_ack: int = 0
    server: world.Server | None = None
    laddr: bytes = b""
    lport: int = 0
    delta: int | None = None
    syn_seq: int = 0
    traffic: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    @property
    def reply_key(self) -> Key:
        """Of the server's packets."""
        assert self.server
        return (self.service.proto, self.server.address, self.server.port, self.laddr, self.lport)


@dataclass(frozen=True, slots=True)
class Expected:
    """The verdict; frame None: drop (reason says why) or, without reason, a frame the oracle has no opinion on."""

    action: int | None
    frame: bytes | None = None
    reason: str | None = None


ANYTHING = Expected(None)


class Oracle:
    """Connections, and the verdict on each frame. cpu and cpus say whose local ports new connections get."""

    def __init__(self, cpu: int = 0, cpus: int = 1) -> None:
        self.cpu, self.cpus = cpu, cpus
        self.flows: dict[Key, Flow] = {}
        self.replies: dict[Key, Flow] = {}

    def judge(self, frame: bytes, action: int, out: bytes) -> Expected:
        """The verdict there must be on a frame; the one there was is only looked at for facts of a new connection."""
        try:
            return self._judge(read(frame), action, out)
        except Refused as refused:
            return Expected(DROP, None, str(refused))

    def _judge(self, p: Packet, action: int, out: bytes) -> Expected:
        device = p.device
        if device is None:
            return Expected(PASS, p.frame)
        if p.frame[:6] == device.mac:
            if p.kind == "l4":
                flow, inbound = self._flow_of(p)
                if flow:
                    return self._forward(p, flow, inbound, action, out)
            if p.kind in ("fragment", "options") and any(s.vip == p.dst for s in world.SERVICES):
                raise Refused("FRAGMENT" if p.kind == "fragment" else "IP_OPTIONS")
            if p.kind == "icmp":
                return ANYTHING
        if p.ethertype == ARP or (p.kind == "icmp" and p.proto == ICMPV6):
            return ANYTHING
        return self._to_host(p, device)

    def _to_host(self, p: Packet, device: world.Device) -> Expected:
        if not device.vlan:
            return Expected(PASS, p.frame)
        if not device.has_kni:
            raise Refused("KNI_OFF")
        return Expected(REDIRECT, p.frame[:12] + p.frame[16:])

    def _flow_of(self, p: Packet) -> tuple[Flow | None, bool]:
        """The packet's connection, made if need be, and whether it comes from the client."""
        if p.key in self.replies:
            return self.replies[p.key], False
        if p.key in self.flows:
            return self.flows[p.key], True
        service = world.service_at(p.dst, p.dport, p.proto)
        if not service:
            return None, True
        if p.proto == TCP and p.flags & (SYN | ACK | FIN | RST) != SYN:
            raise Refused("TCP_NO_CONN")
        if _is_no_client(p.src):
            raise Refused("BAD_ADDRESS")
        flow = Flow(service, p.src, p.sport, self._client_hop(p), "NO" if p.proto == TCP else "NONE")
        flow.syn_seq = int.from_bytes(p.frame[p.l4 + 4 : p.l4 + 8], "big")
        self.flows[p.key] = flow
        return flow, True

    def _client_hop(self, p: Packet) -> world.Hop:
        if world.is_routed(p.src):
            return world.CLIENT_HOP
        if p.frame[6] & 1:
            raise Refused("NEIGHBOUR_FULL")
        assert p.device
        return world.Hop(p.device, p.frame[6:12])

    def _forward(self, p: Packet, flow: Flow, inbound: bool, action: int, out: bytes) -> Expected:
        self._track(p, flow, inbound)
        flow.traffic[0 if inbound else 2] += 1
        flow.traffic[1 if inbound else 3] += p.ip_length
        if p.ttl <= 1:
            raise Refused("TTL")
        if flow.server is None and inbound:
            # Nothing can be predicted before the facts are known but what makes it leave at all.
            if p.proto == UDP and len(p.src) == 16 and not _udp_checksum(p):
                raise Refused(self._mtu_or(p, flow, "NAT64_CHECKSUM"))
            if self._too_big_for_all(p, flow) or (action == DROP and self._too_big_for_some(p, flow)):
                raise Refused("MTU")
            self._learn(p, flow, action, out)
        assert flow.server
        hop = flow.server.hop if inbound else flow.client_hop
        size = p.ip_length - _header_length(p.src) + _header_length(flow.server.address if inbound else flow.client)
        if size > hop.device.mtu:
            raise Refused("MTU")
        if p.proto == UDP and len(p.src) == 16 and not _udp_checksum(p):
            raise Refused("NAT64_CHECKSUM")
        return Expected(
            REDIRECT if hop.device.port else TX,
            l2(hop, self._addresses(flow, inbound)[0]) + self._rewrite(p, flow, inbound),
        )

    def _sizes(self, p: Packet, flow: Flow) -> list[bool]:
        """For each server: whether the packet is too big for the way there."""
        before = _header_length(p.src)
        return [p.ip_length - before + _header_length(s.address) > s.hop.device.mtu for s in flow.service.servers]

    def _too_big_for_all(self, p: Packet, flow: Flow) -> bool:
        return all(self._sizes(p, flow))

    def _too_big_for_some(self, p: Packet, flow: Flow) -> bool:
        return any(self._sizes(p, flow))

    def _mtu_or(self, p: Packet, flow: Flow, reason: str) -> str:
        """Either reason may come first while the server is unknown."""
        return f"{reason}|MTU" if self._too_big_for_some(p, flow) else reason

    def _track(self, p: Packet, flow: Flow, inbound: bool) -> None:
        """State, counts and what the server's SYN/ACK says."""
        if p.proto == UDP:
            if not inbound:
                flow.state = "NORMAL"
            elif flow.state == "NONE":
                flow.state = "ONEWAY"
            return
        flow.state = tcp_next(flow.state, p.flags, inbound)
        flow.active = flow.state == "ES"

    def _learn(self, p: Packet, flow: Flow, action: int, out: bytes) -> None:
        """Facts of a connection from the first frame that leaves, if they are legal ones."""
        assert action in (TX, REDIRECT), f"a new connection's frame got verdict {action}"
        l3 = 18 if out[12:14] == b"\x81\x00" else 14
        if out[l3] >> 4 == 4:
            laddr, address, l4 = out[l3 + 12 : l3 + 16], out[l3 + 16 : l3 + 20], l3 + 20
        else:
            laddr, address, l4 = out[l3 + 8 : l3 + 24], out[l3 + 24 : l3 + 40], l3 + 40
        lport = int.from_bytes(out[l4 : l4 + 2], "big")
        found = [s for s in flow.service.servers if s.address == address]
        assert found, f"sent to {address.hex()}, no server of service {flow.service.id}"
        assert laddr in flow.service.laddrs, f"sent from {laddr.hex()}, no local address of the service"
        assert PORT_MIN <= lport <= PORT_MAX, f"local port {lport}"
        assert (lport - PORT_MIN) % self.cpus == self.cpu, f"local port {lport} is another CPU's"
        flow.server, flow.laddr, flow.lport = found[0], laddr, lport
        if p.proto == TCP:
            seq = int.from_bytes(p.frame[p.l4 + 4 : p.l4 + 8], "big")
            flow.delta = (int.from_bytes(out[l4 + 4 : l4 + 8], "big") - seq) & 0xFFFFFFFF
        assert flow.reply_key not in self.replies, "the local port is taken"
        self.replies[flow.reply_key] = flow

    def _addresses(self, flow: Flow, inbound: bool) -> tuple[bytes, int, bytes, int]:
        """New source and destination."""
        assert flow.server
        if inbound:
            return flow.laddr, flow.lport, flow.server.address, flow.server.port
        return flow.service.vip, flow.service.port, flow.client, flow.client_port

    def _rewrite(self, p: Packet, flow: Flow, inbound: bool) -> bytes:
        """The frame from its IP header on; what follows the IP packet stays behind it."""
        src, sport, dst, dport = self._addresses(flow, inbound)
        segment = p.frame[p.l4 : p.end]
        ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
        if p.proto == UDP:
            segment = _rewrite_udp(p, segment, ports, src, dst)
        else:
            segment = self._rewrite_tcp(p, segment, ports, src, dst, flow, inbound)
        return ip_header(p, src, dst, len(segment)) + segment + p.frame[p.end :]

    def _rewrite_tcp(
        self, p: Packet, segment: bytes, ports: bytes, src: bytes, dst: bytes, flow: Flow, inbound: bool
    ) -> bytes:
        assert flow.delta is not None
        error = ones_sum(pseudo(p.src, p.dst, TCP, len(segment)) + segment)
        seq, ack = int.from_bytes(segment[4:8], "big"), int.from_bytes(segment[8:12], "big")
        words = segment[12] >> 4
        options, payload = bytearray(segment[20 : words * 4]), segment[words * 4 :]
        toa = b""
        if inbound:
            seq = (seq + flow.delta) & 0xFFFFFFFF
            believed = ack == flow.first_ack != 0 and not p.flags & (SYN | RST)
            if believed:
                toa = self._toa(p, flow, words, len(segment))
            edit_options(options, no_timestamp=bool(p.flags & SYN), no_toa=bool(p.flags & SYN) or believed)
        else:
            if p.flags & SYN and p.flags & ACK:
                flow.first_ack = (seq + 1) & 0xFFFFFFFF
            if p.flags & ACK:
                ack = (ack - flow.delta) & 0xFFFFFFFF
            mss_less = (8 if len(flow.client) == 4 else 20) if p.flags & SYN else 0
            edit_options(options, sack_less=flow.delta, mss_less=mss_less)
        words += len(toa) // 4
        head = ports + seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
        head += bytes(((words << 4) | (segment[12] & 15), p.flags)) + segment[14:16]
        rest = segment[18:20] + toa + options + payload
        total = ones_sum(pseudo(src, dst, TCP, len(head) + 2 + len(rest)) + head + b"\0\0" + rest)
        return head + ((error - total) % 0xFFFF).to_bytes(2, "big") + rest

    def _toa(self, p: Packet, flow: Flow, words: int, length: int) -> bytes:
        """The client's address for the server, if it fits."""
        assert flow.server
        address = p.src
        size = 4 + len(address)
        if words * 4 + size > 60 or _header_length(flow.server.address) + length + size > flow.server.hop.device.mtu:
            return b""
        return bytes((254, size)) + p.sport.to_bytes(2, "big") + address


def edit_options(
    options: bytearray,
    *,
    sack_less: int = 0,
    mss_less: int = 0,
    no_timestamp: bool = False,
    no_toa: bool = False,
) -> None:
    """FullNAT's edits of TCP options, in place (reference dataplane 2.7); a malformed option ends the walk."""
    at = 0
    while at < len(options) and options[at] != 0:
        kind = options[at]
        if kind == 1:
            at += 1
            continue
        if at + 2 > len(options):
            return
        size = options[at + 1]
        if size < 2 or at + size > len(options):
            return
        if (kind, size) == (8, 10) and no_timestamp:
            options[at : at + 10] = b"\1" * 10
        elif kind == 254 and size in (8, 20) and no_toa:
            options[at : at + size] = b"\1" * size
        elif kind == 5:
            # At most four blocks (RFC 2018, 3); more, or half ones, are malformed and of no interest.
            for edge in range(at + 2, min(at + size - 3, at + 2 + 32), 4):
                value = (int.from_bytes(options[edge : edge + 4], "big") - sack_less) & 0xFFFFFFFF
                options[edge : edge + 4] = value.to_bytes(4, "big")
        elif (kind, size) == (2, 4) and mss_less:
            mss = int.from_bytes(options[at + 2 : at + 4], "big")
            if mss > mss_less + 64:
                options[at + 2 : at + 4] = (mss - mss_less).to_bytes(2, "big")
        at += size


def _rewrite_udp(p: Packet, datagram: bytes, ports: bytes, src: bytes, dst: bytes) -> bytes:
    size = int.from_bytes(datagram[4:6], "big")
    checksum = datagram[6:8]
    new = ports + datagram[4:6]
    if checksum != b"\0\0" or len(src) != len(p.src):
        error = ones_sum(pseudo(p.src, p.dst, UDP, size) + datagram[:size]) if checksum != b"\0\0" else 0
        total = ones_sum(pseudo(src, dst, UDP, size) + new + b"\0\0" + datagram[8:size])
        checksum = ((error - total) % 0xFFFF or 0xFFFF).to_bytes(2, "big")
    return new + checksum + datagram[8:]


def ip_header(p: Packet, src: bytes, dst: bytes, length: int) -> bytes:
    """The header of the rewritten packet: kept but for addresses, length and TTL; across families RFC 7915."""
    same = len(src) == len(p.src)
    old = p.frame[p.l3 :]
    if len(src) == 16:
        first = old[:4] if same else (6 << 28 | p.tos << 20).to_bytes(4, "big")
        return first + length.to_bytes(2, "big") + bytes((p.proto, p.ttl - 1)) + src + dst
    ident, fragment = (old[4:6], old[6:8]) if same else (b"\0\0", DF.to_bytes(2, "big"))
    head = bytes((0x45, p.tos)) + (20 + length).to_bytes(2, "big") + ident + fragment + bytes((p.ttl - 1, p.proto))
    return head + complement(ones_sum(head + src + dst)).to_bytes(2, "big") + src + dst


def l2(hop: world.Hop, address: bytes) -> bytes:
    """Link-layer header towards a hop for a packet of the address' family."""
    tag = b"\x81\x00" + hop.device.vlan.to_bytes(2, "big") if hop.device.vlan else b""
    return hop.mac + hop.device.mac + tag + (IPV4 if len(address) == 4 else IPV6).to_bytes(2, "big")


def _header_length(address: bytes) -> int:
    return 20 if len(address) == 4 else 40


def _udp_checksum(p: Packet) -> int:
    return int.from_bytes(p.frame[p.l4 + 6 : p.l4 + 8], "big")


def _is_no_client(address: bytes) -> bool:
    """Unspecified, loopback, multicast, class E."""
    if len(address) == 4:
        return address[0] in (0, 127) or address[0] >= 224
    return address[0] == 0xFF or int.from_bytes(address, "big") <= 1
