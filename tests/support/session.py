"""A connection through the balancer in scapy: what each side sends, and how it must arrive at the other."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.support import world
from tests.support.bpf import REDIRECT, TX, Plane, Result, address_of
from xdpvs.bpf.layout import DropReason

CLIENT_PORT = 40000
ISN, SERVER_ISN = 1000, 70000


def text(address: bytes) -> str:
    """An address as scapy wants it."""
    return str(ip_address(address))


def mac_text(mac: bytes) -> str:
    """A MAC as scapy wants it."""
    return mac.hex(":")


def packet(src: bytes, dst: bytes, l4: Packet, *, ttl: int = 64, tos: int = 0, **fields: Any) -> Packet:
    """An IP packet; fields are scapy's, of that family."""
    if len(src) == 4:
        return IP(src=text(src), dst=text(dst), ttl=ttl, tos=tos, **({"flags": "DF"} | fields)) / l4
    return IPv6(src=text(src), dst=text(dst), hlim=ttl, tc=tos, **fields) / l4


def frame(dst: bytes, src: bytes, payload: Packet, vlan: int = 0) -> bytes:
    """The frame around a packet."""
    l2 = Ether(dst=mac_text(dst), src=mac_text(src))
    return bytes(l2 / Dot1Q(vlan=vlan) / payload if vlan else l2 / payload)


def toa(client: bytes, port: int) -> tuple[int, bytes]:
    """The option that carries a client's address."""
    return 254, port.to_bytes(2, "big") + client


@dataclass(slots=True)
class Session:
    """A connection of a client to a service with one server, opened by open()."""

    plane: Plane
    service: world.Service
    client: bytes
    client_port: int = CLIENT_PORT
    client_device: world.Device = world.PORT0
    client_mac: bytes = world.CLIENT_MACS[0]
    laddr: bytes = b""
    lport: int = 0
    delta: int = 0
    server: world.Server | None = None

    def at_vip(self, l4: Packet, **fields: Any) -> bytes:
        """The client's frame as it arrives."""
        l4.sport, l4.dport = self.client_port, self.service.port
        payload = packet(self.client, self.service.vip, l4, **fields)
        return frame(self.client_device.mac, self.client_mac, payload, self.client_device.vlan)

    def at_server(self, l4: Packet, **fields: Any) -> bytes:
        """The client's frame as it must leave for the server."""
        assert self.server
        l4.sport, l4.dport = self.lport, self.server.port
        payload = packet(self.laddr, self.server.address, l4, **({"ttl": 63} | fields))
        hop = self.server.hop
        return frame(hop.mac, hop.device.mac, payload, hop.device.vlan)

    def at_laddr(self, l4: Packet, **fields: Any) -> bytes:
        """The server's frame as it arrives; from the second port's servers by the first, which is all there is."""
        assert self.server
        l4.sport, l4.dport = self.server.port, self.lport
        payload = packet(self.server.address, self.laddr, l4, **fields)
        hop = self.server.hop
        if hop.device.port:
            return frame(world.PORT0.mac, hop.mac, payload)
        return frame(hop.device.mac, hop.mac, payload, hop.device.vlan)

    def at_client(self, l4: Packet, **fields: Any) -> bytes:
        """The server's frame as it must leave for the client."""
        l4.sport, l4.dport = self.service.port, self.client_port
        payload = packet(self.service.vip, self.client, l4, **({"ttl": 63} | fields))
        if world.is_routed(self.client):
            return frame(world.GATEWAY_MAC, world.PORT0.mac, payload)
        return frame(self.client_mac, self.client_device.mac, payload, self.client_device.vlan)

    def open(self) -> Result:
        """The client's first frame; reads from the table what became of it."""
        l4 = TCP(flags="S", seq=ISN) if self.service.proto == 6 else UDP() / Raw(b"first")
        result = self.plane.send(self.at_vip(l4))
        assert result.reason == DropReason.NONE, result.reason
        self.learn()
        return result

    def learn(self) -> None:
        """Server, local address and shift of sequence numbers, from the client's slot."""
        for slot in self.plane.inbound():
            if address_of(slot, "key_saddr", "key_sport") == (self.client, self.client_port):
                self.laddr, self.lport = address_of(slot, "saddr", "sport")
                address, port = address_of(slot, "daddr", "dport")
                self.delta = int(slot["seq_delta"])
                found = [s for s in self.service.servers if (s.address, s.port) == (address, port)]
                self.server = found[0]
                return
        raise AssertionError("no connection")

    def handshake(self) -> None:
        """Open, SYN/ACK, ACK."""
        self.open()
        self.plane.send(self.at_laddr(TCP(flags="SA", seq=SERVER_ISN, ack=self.shifted(ISN + 1))))
        self.plane.send(self.at_vip(TCP(flags="A", seq=ISN + 1, ack=SERVER_ISN + 1)))

    def shifted(self, seq: int) -> int:
        """A sequence number of the client as the server sees it."""
        return (seq + self.delta) & 0xFFFFFFFF

    def to_server(self) -> int:
        """The verdict of frames for the server."""
        assert self.server
        return REDIRECT if self.server.hop.device.port else TX


def same(got: bytes, expected: bytes) -> bool:
    """Compares frames, showing them taken apart if they differ."""
    if got == expected:
        return True
    print("got     ", Ether(got).command(), got.hex(), "expected", Ether(expected).command(), expected.hex(), sep="\n")
    return False
