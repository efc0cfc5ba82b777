"""Local addresses and access lists (DPVS include/conf/laddr.h, blklst.h, whtlst.h)."""

from __future__ import annotations

from xdpvs.api.errors import DecodeError
from xdpvs.api.layout import Layout, require_exact, swap16
from xdpvs.api.requests import LaddrRequest, LaddrsChange, LaddrsRequest
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.api.structs_match import encode_match
from xdpvs.api.structs_service import decode_key
from xdpvs.model.address import Family, any_address
from xdpvs.model.service import AclEntry, Laddr, LaddrStatus, ServiceKey

LADDR_CONF = Layout(
    184,
    "0 af_s i32 | 4 proto u8 | 8 vaddr addr | 24 vport be16 | 28 fwmark u32 | 32 match b108 | 140 cid u8 | 141 index u8"
    " | 144 af_l i32 | 148 laddr addr | 164 ifname c16 | 180 nladdrs i32",
)
LADDR_ENTRY = Layout(40, "0 af i32 | 4 addr addr | 24 nport_conflict u64 | 32 nconns u32")
AGENT_FRONT = Layout(
    152,
    "0 af u32 | 4 port u32 | 8 proto u32 | 12 fwmark u32 | 16 cid u32 | 20 count u32 | 24 addr addr | 40 match b108",
)
AGENT_DETAIL = Layout(48, "0 af u32 | 4 conns u32 | 8 conflict u64 | 16 addr addr | 32 ifname c16")
ACL = Layout(68, "0 vaddr addr | 16 vport be16 | 18 proto u8 | 19 af u8 | 20 subject addr | 36 ipset c32")
ACL_COUNT = Layout(4, "0 naddr i32")

_NO_LADDR = Laddr(Family.UNSPEC, any_address(Family.UNSPEC))


def _encode_conf(key: ServiceKey, laddr: Laddr, index: int = 0, count: int = 0) -> bytes:
    return LADDR_CONF.pack(
        key.family,
        key.protocol,
        key.address.packed,
        key.port,
        key.fwmark,
        encode_match(key.match),
        index,
        index,
        laddr.family,
        laddr.address.packed,
        laddr.device,
        count,
    )


def encode_laddr_request(request: LaddrRequest) -> bytes:
    """LADDR_ADD, LADDR_DEL."""
    return _encode_conf(request.key, request.laddr)


def decode_laddr_request(body: bytes) -> LaddrRequest:
    """LADDR_ADD, LADDR_DEL."""
    af, proto, vaddr, vport, fwmark, match, _cid, _index, af_l, laddr, ifname, _count = LADDR_CONF.unpack(body)
    key = decode_key(af, proto, vaddr, vport, fwmark, match)
    return LaddrRequest(key, Laddr(decode_family(af_l), decode_address(af_l, laddr), ifname))


def encode_laddr_flush(key: ServiceKey) -> bytes:
    """LADDR_FLUSH."""
    return _encode_conf(key, _NO_LADDR)


def decode_laddr_flush(body: bytes) -> ServiceKey:
    """LADDR_FLUSH."""
    return decode_laddrs_request(body).key


def encode_laddrs_request(request: LaddrsRequest) -> bytes:
    """LADDR_GETALL."""
    return _encode_conf(request.key, _NO_LADDR, request.worker)


def decode_laddrs_request(body: bytes) -> LaddrsRequest:
    """LADDR_GETALL; the local address' fields are garbage here."""
    af, proto, vaddr, vport, fwmark, match, _cid, index, *_unused = LADDR_CONF.unpack(body)
    return LaddrsRequest(decode_key(af, proto, vaddr, vport, fwmark, match), index)


def encode_laddr_status(status: LaddrStatus) -> bytes:
    """One entry of LADDR_GETALL, which has no device."""
    laddr = status.laddr
    return LADDR_ENTRY.pack(laddr.family, laddr.address.packed, status.conflicts, status.conns)


def decode_laddr_statuses(body: bytes, offset: int, count: int) -> list[LaddrStatus]:
    """`count` entries of LADDR_GETALL."""
    return [
        LaddrStatus(Laddr(decode_family(af), decode_address(af, addr)), conflicts, conns)
        for af, addr, conflicts, conns in LADDR_ENTRY.unpack_array(body, offset, count)
    ]


def encode_laddrs_reply(request: LaddrsRequest, statuses: list[LaddrStatus]) -> bytes:
    """LADDR_GETALL."""
    head = _encode_conf(request.key, _NO_LADDR, request.worker, len(statuses))
    return head + b"".join([encode_laddr_status(status) for status in statuses])


def decode_laddrs_reply(body: bytes) -> list[LaddrStatus]:
    """LADDR_GETALL."""
    count = LADDR_CONF.unpack(body)[11]
    require_exact(body, LADDR_CONF.size + count * LADDR_ENTRY.size)
    return decode_laddr_statuses(body, LADDR_CONF.size, count)


def _encode_front(key: ServiceKey, count: int) -> bytes:
    # The port is network order in the first two bytes of 32 bits.
    port, match = swap16(key.port), encode_match(key.match)
    return AGENT_FRONT.pack(key.family, port, key.protocol, key.fwmark, 0, count, key.address.packed, match)


def _decode_front(body: bytes) -> tuple[ServiceKey, int]:
    af, port, proto, fwmark, _cid, count, addr, match = AGENT_FRONT.unpack(body)
    return decode_key(af, proto, addr, swap16(port & 0xFFFF), fwmark, match), count


def _encode_detail(status: LaddrStatus) -> bytes:
    laddr = status.laddr
    return AGENT_DETAIL.pack(laddr.family, status.conns, status.conflicts, laddr.address.packed, laddr.device)


def _decode_details(body: bytes, count: int) -> list[LaddrStatus]:
    require_exact(body, AGENT_FRONT.size + count * AGENT_DETAIL.size)
    return [
        LaddrStatus(Laddr(decode_family(af), decode_address(af, addr), ifname), conflicts, conns)
        for af, conns, conflicts, addr, ifname in AGENT_DETAIL.unpack_array(body, AGENT_FRONT.size, count)
    ]


def encode_agent_laddrs_request(request: LaddrsRequest) -> bytes:
    """The agent's GET_LADDR."""
    return _encode_front(request.key, 0)


def decode_agent_laddrs_request(body: bytes) -> LaddrsRequest:
    """The agent's GET_LADDR."""
    require_exact(body, AGENT_FRONT.size)
    return LaddrsRequest(_decode_front(body)[0])


def encode_agent_laddrs_reply(request: LaddrsRequest, statuses: list[LaddrStatus]) -> bytes:
    """The agent's GET_LADDR."""
    return _encode_front(request.key, len(statuses)) + b"".join([_encode_detail(status) for status in statuses])


def decode_agent_laddrs_reply(body: bytes) -> list[LaddrStatus]:
    """The agent's GET_LADDR."""
    return _decode_details(body, _decode_front(body)[1])


def encode_laddrs_change(change: LaddrsChange) -> bytes:
    """The agent's ADD_LADDR, DEL_LADDR."""
    details = [_encode_detail(LaddrStatus(laddr)) for laddr in change.laddrs]
    return _encode_front(change.key, len(details)) + b"".join(details)


def decode_laddrs_change(body: bytes) -> LaddrsChange:
    """The agent's ADD_LADDR, DEL_LADDR."""
    key, count = _decode_front(body)
    return LaddrsChange(key, tuple([status.laddr for status in _decode_details(body, count)]))


def encode_acl(entry: AclEntry) -> bytes:
    """One entry of a deny or allow list."""
    return ACL.pack(entry.vip.packed, entry.port, entry.protocol, entry.family, entry.subject.packed, entry.ipset)


def _decode_acl(fields: tuple[bytes, int, int, int, bytes, str]) -> AclEntry:
    vaddr, vport, proto, af, subject, ipset = fields
    return AclEntry(decode_family(af), proto, decode_address(af, vaddr), vport, decode_address(af, subject), ipset)


def decode_acl(body: bytes) -> AclEntry:
    """ADD and DEL of both lists."""
    vaddr, vport, proto, af, subject, ipset = ACL.unpack(body)
    return _decode_acl((vaddr, vport, proto, af, subject, ipset))


def encode_acls(_request: None, entries: list[AclEntry]) -> bytes:
    """GETALL of both lists: the entries of all services."""
    return ACL_COUNT.pack(len(entries)) + b"".join([encode_acl(entry) for entry in entries])


def decode_acls(body: bytes) -> list[AclEntry]:
    """GETALL of both lists; ipvsadm insists on the exact length."""
    count = ACL_COUNT.unpack(body)[0]
    if count < 0:
        raise DecodeError(f"{count} entries")
    require_exact(body, ACL_COUNT.size + count * ACL.size)
    return [
        _decode_acl((vaddr, vport, proto, af, subject, ipset))
        for vaddr, vport, proto, af, subject, ipset in ACL.unpack_array(body, ACL_COUNT.size, count)
    ]
