"""Addresses on devices and joined multicast addresses (DPVS include/conf/inetaddr.h)."""

from __future__ import annotations

from typing import Any

from xdpvs.api.errors import DecodeError, DpvsError
from xdpvs.api.layout import Layout, require_exact
from xdpvs.api.requests import AddressFilter
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.model.address import Family, any_address
from xdpvs.model.device import MulticastAddress
from xdpvs.model.network import Address, AddressFlags, AddressStatus

_IFADDR = (
    "{0} af i32 | {1} valid_lft u32 | {2} prefered_lft u32 | {3} flags u32 | {4} ifname c16 | {5} bcast addr"
    " | {6} addr addr | {7} plen u8 | {8} scope u8 | {9} cid u8"
)
_OFFSETS = (0, 4, 8, 12, 16, 32, 48, 64, 65, 66)
IFADDR = Layout(68, _IFADDR.format(*_OFFSETS))
IFADDR_PARAM = Layout(76, "0 ops u32 | 4 ops_flags u32 | " + _IFADDR.format(*[offset + 8 for offset in _OFFSETS]))
IFADDR_STATUS = Layout(80, _IFADDR.format(*_OFFSETS) + " | 68 sa_used u32 | 72 sa_free u32 | 76 sa_miss u32")
ARRAY_HEAD = Layout(12, "0 ops u32 | 4 ops_flags u32 | 8 naddr i32")
AGENT_HEAD = Layout(4, "0 count i32")
AGENT_STATS = Layout(28, "0 addr addr | 16 used u32 | 20 free u32 | 24 miss u32")
DEVICE16 = Layout(16, "0 ifname c16")
MADDR_HEAD = Layout(4, "0 nmaddr i32")
MADDR = Layout(44, "0 ifname c16 | 16 maddr addr | 32 af i32 | 36 flags u32 | 40 refcnt u32")

OPS_GET, OPS_ADD, OPS_DEL, OPS_MOD, OPS_FLUSH = 1, 2, 3, 4, 5
_VERBOSE, _STATS = 1, 2


def _fields(address: Address, lcore: int = 0) -> tuple[Any, ...]:
    return (
        address.family,
        address.valid_lifetime_s,
        address.preferred_lifetime_s,
        address.flags,
        address.device,
        address.broadcast.packed,
        address.address.packed,
        address.prefix_length,
        address.scope,
        lcore,
    )


def _address(fields: tuple[Any, ...]) -> Address:
    af, valid, preferred, flags, device, bcast, addr, plen, scope, _cid = fields
    family = decode_family(af)
    return Address(
        family,
        decode_address(af, addr),
        plen,
        device,
        decode_address(af, bcast),
        scope,
        AddressFlags(flags),
        valid,
        preferred,
    )


def _encode_param(ops: int, address: Address) -> bytes:
    return IFADDR_PARAM.pack(ops, 0, *_fields(address))


def encode_address_add(address: Address) -> bytes:
    """IFADDR_ADD."""
    return _encode_param(OPS_ADD, address)


def encode_address_del(address: Address) -> bytes:
    """IFADDR_DEL."""
    return _encode_param(OPS_DEL, address)


def encode_address_set(address: Address) -> bytes:
    """IFADDR_SET."""
    return _encode_param(OPS_MOD, address)


def decode_address_change(body: bytes) -> Address:
    """IFADDR_ADD, _DEL, _SET: only the message's id says which, `ops` is ignored as upstream does."""
    return _address(IFADDR_PARAM.unpack(body)[2:])


def encode_address_flush(device: str) -> bytes:
    """IFADDR_FLUSH."""
    return _encode_param(OPS_FLUSH, Address(Family.UNSPEC, any_address(Family.UNSPEC), 0, device))


def decode_address_flush(body: bytes) -> str:
    """IFADDR_FLUSH: both families of the device."""
    return str(IFADDR_PARAM.unpack(body)[6])


def encode_addresses_request(request: AddressFilter) -> bytes:
    """IFADDR_SHOW."""
    flags = (_VERBOSE if request.verbose else 0) | (_STATS if request.stats else 0)
    address = Address(request.family, any_address(request.family), 0, request.device)
    return IFADDR_PARAM.pack(OPS_GET, flags, *_fields(address))


def decode_addresses_request(body: bytes) -> AddressFilter:
    """IFADDR_SHOW."""
    ops, flags, af, *_rest = fields = IFADDR_PARAM.unpack(body)
    if ops != OPS_GET:
        raise DecodeError(f"operation {ops}")
    return AddressFilter(fields[6], _shown_family(af), bool(flags & _VERBOSE), bool(flags & _STATS))


def _shown_family(af: int) -> Family:
    if af not in (Family.UNSPEC, Family.INET, Family.INET6):
        raise DecodeError(f"address family {af}", DpvsError.NOTSUPP)
    return Family(af)


def encode_addresses_reply(request: AddressFilter, statuses: list[AddressStatus]) -> bytes:
    """IFADDR_SHOW."""
    flags = (_VERBOSE if request.verbose else 0) | (_STATS if request.stats else 0)
    records = [
        IFADDR_STATUS.pack(*_fields(status.address, status.lcore), status.sa_used, status.sa_free, status.sa_miss)
        for status in statuses
    ]
    return ARRAY_HEAD.pack(OPS_GET, flags, len(records)) + b"".join(records)


def decode_addresses_reply(body: bytes) -> list[AddressStatus]:
    """IFADDR_SHOW: dpip wants at least the promised length."""
    count = ARRAY_HEAD.unpack(body)[2]
    return [
        AddressStatus(_address(fields[:10]), fields[10], fields[11], fields[12], fields[9])
        for fields in IFADDR_STATUS.unpack_array(body, ARRAY_HEAD.size, count)
    ]


def encode_ifaddr(address: Address) -> bytes:
    """The agent's IFADDR_ADD, IFADDR_DEL."""
    return IFADDR.pack(*_fields(address))


def decode_ifaddr(body: bytes) -> Address:
    """The agent's IFADDR_ADD, IFADDR_DEL."""
    return _address(IFADDR.unpack(body))


def encode_agent_filter(request: AddressFilter) -> bytes:
    """The agent's IFADDR_GET_BASE, IFADDR_GET_STATS."""
    return encode_ifaddr(Address(request.family, any_address(request.family), 0, request.device))


def decode_agent_filter(body: bytes) -> AddressFilter:
    """The agent's IFADDR_GET_BASE, IFADDR_GET_STATS."""
    fields = IFADDR.unpack(body)
    return AddressFilter(fields[4], _shown_family(fields[0]), stats=True)


def encode_agent_base(_request: AddressFilter, statuses: list[AddressStatus]) -> bytes:
    """The agent's IFADDR_GET_BASE."""
    records = [IFADDR.pack(*_fields(status.address, status.lcore)) for status in statuses]
    return AGENT_HEAD.pack(len(records)) + b"".join(records)


def decode_agent_base(body: bytes) -> list[AddressStatus]:
    """The agent's IFADDR_GET_BASE."""
    count = AGENT_HEAD.unpack(body)[0]
    require_exact(body, AGENT_HEAD.size + count * IFADDR.size)
    return [
        AddressStatus(_address(fields), lcore=fields[9]) for fields in IFADDR.unpack_array(body, AGENT_HEAD.size, count)
    ]


def encode_agent_stats(_request: AddressFilter, statuses: list[AddressStatus]) -> bytes:
    """The agent's IFADDR_GET_STATS."""
    records = [
        AGENT_STATS.pack(status.address.address.packed, status.sa_used, status.sa_free, status.sa_miss)
        for status in statuses
    ]
    return AGENT_HEAD.pack(len(records)) + b"".join(records)


def decode_agent_stats(body: bytes) -> list[AddressStatus]:
    """The agent's IFADDR_GET_STATS: addresses and counters; the family is guessed, for the wire has none."""
    count = AGENT_HEAD.unpack(body)[0]
    require_exact(body, AGENT_HEAD.size + count * AGENT_STATS.size)
    return [
        AddressStatus(_bare_address(addr), used, free, miss)
        for addr, used, free, miss in AGENT_STATS.unpack_array(body, AGENT_HEAD.size, count)
    ]


def _bare_address(raw: bytes) -> Address:
    family = Family.INET6 if any(raw[4:]) else Family.INET
    return Address(family, decode_address(family, raw), 0, "")


def encode_device(device: str) -> bytes:
    """A device's name in 16 bytes."""
    return DEVICE16.pack(device)


def decode_device(body: bytes) -> str:
    """A device's name in 16 bytes; an empty one names none."""
    device = str(DEVICE16.unpack(body)[0])
    if not device:
        raise DecodeError("no device named")
    return device


def encode_maddrs(_request: str, maddrs: list[MulticastAddress]) -> bytes:
    """IFMADDR_SHOW."""
    records = [MADDR.pack(m.device, m.address.packed, m.family, m.flags, m.references) for m in maddrs]
    return MADDR_HEAD.pack(len(records)) + b"".join(records)


def decode_maddrs(body: bytes) -> list[MulticastAddress]:
    """IFMADDR_SHOW."""
    count = MADDR_HEAD.unpack(body)[0]
    return [
        MulticastAddress(device, decode_family(af), decode_address(af, addr), flags, references)
        for device, addr, af, flags, references in MADDR.unpack_array(body, MADDR_HEAD.size, count)
    ]
