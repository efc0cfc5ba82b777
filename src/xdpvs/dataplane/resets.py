"""Resets for both ends of an established TCP connection that expired (DPVS src/ipvs/ip_vs_proto_tcp.c).

The sweep reports each such connection with the sequence numbers its server has used; what is to be sent is the packet a
client, and a server, accepts. Frames go to the connection's next hops, as its packets did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xdpvs.bpf import layout
from xdpvs.bpf.layout import Maps, SlotKind
from xdpvs.bpf.structure import unpack_address
from xdpvs.packet.ethernet import ETHERTYPE_IPV6, Frame
from xdpvs.packet.tcp import Reset

ETHERTYPE_IPV4 = 0x0800


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame and the netdev to send it on."""

    ifindex: int
    frame: Frame


def resets(report: layout.ExpiredConn) -> tuple[tuple[int, Reset], tuple[int, Reset]]:
    """Next hop and reset for the client, then for the server."""
    client, reply = report.client, report.reply
    to_client = Reset(
        unpack_address(client.daddr, client.af),
        client.dport,
        unpack_address(client.saddr, client.af),
        client.sport,
        report.client_seq,
    )
    to_server = Reset(
        unpack_address(reply.daddr, reply.af),
        reply.dport,
        unpack_address(reply.saddr, reply.af),
        reply.sport,
        report.server_seq,
    )
    return (report.client_next_hop, to_client), (report.server_next_hop, to_server)


def outgoing(maps: Maps, sample: bytes) -> Iterator[Outgoing]:
    """The frames for one report; none for an end whose next hop is gone or has become another."""
    for next_hop, reset in resets(layout.ExpiredConn.from_bytes(sample)):
        hop = maps.neighbours[next_hop & 0xFFFF]
        live = hop.tag >> 32 == SlotKind.LIVE and hop.generation == next_hop >> 16
        if not live or hop.state < layout.NeighbourState.REACHABLE:
            continue
        ethertype = ETHERTYPE_IPV4 if reset.source.version == 4 else ETHERTYPE_IPV6
        yield Outgoing(hop.ifindex, Frame(hop.dmac, hop.smac, ethertype, reset.encode(), hop.vlan))
