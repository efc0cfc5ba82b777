"""Neighbours, VLANs, and the name of an LLDP port (DPVS include/conf/neigh.h, vlan.h, lldp.h)."""

from __future__ import annotations

from typing import Any

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact
from xdpvs.api.requests import LldpRequest
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.model.network import Neighbour, NeighbourState, Vlan

NEIGH = Layout(
    52,
    "0 af i32 | 4 state u32 | 8 ip_addr addr | 24 mac b6 | 30 que_num u32 | 34 ifname c16 | 50 flag u8 | 51 cid u8",
)
VLAN = Layout(36, "0 real_dev c16 | 16 ifname c16 | 32 proto u16 | 34 id u16")
LLDP_REQUEST = Layout(18, "0 node u16 | 2 device c16")
LLDP_REPLY = Layout(4114, "0 node u16 | 2 device c16 | 18 text c4096")
COUNT = Layout(4, "0 count i32")

_HASHED, _STATIC = 1, 2


def _encode_neighbour(neighbour: Neighbour, flag: int) -> bytes:
    return NEIGH.pack(
        neighbour.family,
        neighbour.state,
        neighbour.address.packed,
        neighbour.mac,
        0,
        neighbour.device,
        flag | (_STATIC if neighbour.static else 0),
        neighbour.lcore,
    )


def _decode_neighbour(fields: tuple[Any, ...]) -> Neighbour:
    af, state, addr, mac, _queued, device, flag, cid = fields
    if state >= len(NeighbourState):
        raise DecodeError(f"neighbour state {state}")
    family = decode_family(af)
    return Neighbour(
        family, decode_address(family, addr), device, mac, NeighbourState(state), bool(flag & _STATIC), cid
    )


def encode_neighbour(neighbour: Neighbour) -> bytes:
    """NEIGH_ADD, NEIGH_DEL."""
    return _encode_neighbour(neighbour, 0)


def decode_neighbour(body: bytes) -> Neighbour:
    """NEIGH_ADD, NEIGH_DEL; the state of a request means nothing."""
    af, _state, addr, mac, queued, device, flag, cid = NEIGH.unpack(body)
    return _decode_neighbour((af, NeighbourState.NONE, addr, mac, queued, device, flag, cid))


def encode_neighbours_request(device: str) -> bytes:
    """NEIGH_SHOW: one device or (empty) all."""
    return NEIGH.pack(0, 0, b"", b"", 0, device, 0, 0)


def decode_neighbours_request(body: bytes) -> str:
    """NEIGH_SHOW: a body too short to hold a name means all."""
    return str(NEIGH.unpack(body)[5]) if len(body) >= NEIGH.size else ""


def encode_neighbours(_request: str, neighbours: list[Neighbour]) -> bytes:
    """NEIGH_SHOW."""
    return COUNT.pack(len(neighbours)) + b"".join([_encode_neighbour(each, _HASHED) for each in neighbours])


def decode_neighbours(body: bytes) -> list[Neighbour]:
    """NEIGH_SHOW: exact length."""
    count = COUNT.unpack(body)[0]
    require_exact(body, COUNT.size + count * NEIGH.size)
    return [_decode_neighbour(fields) for fields in NEIGH.unpack_array(body, COUNT.size, count)]


def encode_vlan(vlan: Vlan) -> bytes:
    """VLAN_ADD, VLAN_DEL, VLAN_SHOW: for SHOW, what is empty or 0 filters nothing."""
    return VLAN.pack(vlan.real_device, vlan.name, vlan.protocol, vlan.vlan_id)


def decode_vlan(body: bytes) -> Vlan:
    """VLAN_ADD, VLAN_DEL, VLAN_SHOW."""
    real_device, name, protocol, vlan_id = VLAN.unpack(body)
    return Vlan(name, real_device, vlan_id, protocol)


def encode_vlans(_request: Vlan, vlans: list[Vlan]) -> bytes:
    """VLAN_SHOW."""
    return COUNT.pack(len(vlans)) + b"".join([encode_vlan(vlan) for vlan in vlans])


def decode_vlans(body: bytes) -> list[Vlan]:
    """VLAN_SHOW: at least the promised length."""
    count = COUNT.unpack(body)[0]
    return [
        Vlan(name, real_device, vlan_id, protocol)
        for real_device, name, protocol, vlan_id in VLAN.unpack_array(body, COUNT.size, count)
    ]


def encode_lldp_request(request: LldpRequest) -> bytes:
    """LLDP_SHOW."""
    return LLDP_REQUEST.pack(request.node, request.device)


def decode_lldp_request(body: bytes) -> LldpRequest:
    """LLDP_SHOW."""
    node, device = LLDP_REQUEST.unpack(body)
    return LldpRequest(device, node)


def encode_lldp_reply(request: LldpRequest, text: str) -> bytes:
    """LLDP_SHOW: dpip uses the text as a printf format, so percent signs are the caller's to double."""
    return LLDP_REPLY.pack(request.node, request.device, text)


def decode_lldp_reply(body: bytes) -> str:
    """LLDP_SHOW."""
    return str(LLDP_REPLY.unpack(body)[2])
