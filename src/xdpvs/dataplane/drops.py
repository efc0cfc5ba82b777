"""Why packets were not forwarded, in words an operator can act on."""

from __future__ import annotations

from typing import Final

from xdpvs.bpf.layout import DropReason

SENTENCES: Final[dict[DropReason, str]] = {
    DropReason.NONE: "no reason was given",
    DropReason.TRUNCATED: "a header is cut short",
    DropReason.BAD_HEADER: "version, length or data offset of a header make no sense",
    DropReason.BAD_CHECKSUM: "the checksum of an IPv4 or ICMP header is wrong",
    DropReason.BAD_ADDRESS: "the source or destination is an address no packet may have",
    DropReason.IP_OPTIONS: "IPv4 options or IPv6 extension headers in a packet for a service",
    DropReason.FRAGMENT: "a fragment for an address of ours: fragments are not forwarded",
    DropReason.TTL: "the TTL or hop limit ran out here",
    DropReason.MTU: "the packet is larger than the next hop's MTU and must not be fragmented",
    DropReason.NO_DEST: "the service has no server with weight, so nobody can take the connection",
    DropReason.DEST_OVERLOAD: "the servers tried have reached their max_conn",
    DropReason.NO_LADDR: "the service has no local address of the server's family (ipvsadm -P adds one)",
    DropReason.NO_PORT: "the ports of the local addresses tried are taken: add local addresses",
    DropReason.CONN_FULL: "the connection table is full around this connection: raise conn_pool_size",
    DropReason.TCP_NO_CONN: "TCP to a service, neither SYN nor of a known connection",
    DropReason.DEFENCE_TCP: "tcp/defence_tcp_drop: TCP to an address with services, but not to one of them",
    DropReason.DEFENCE_UDP: "udp/defence_udp_drop: UDP to an address that has TCP services only",
    DropReason.NO_ROUTE: "no route to the server or back to the client",
    DropReason.NO_NEIGHBOUR: "the MAC of the next hop is not known (yet)",
    DropReason.NEIGHBOUR_FULL: "the neighbour table is full",
    DropReason.FORWARDING_MODE: "the server's forwarding mode is one this data plane does not have",
    DropReason.NAT64_CHECKSUM: "UDP over IPv6 without checksum cannot be translated to IPv4",
    DropReason.ADJUST: "no room in front of the packet: the driver gives too little headroom",
    DropReason.EXPIRE_QUIESCENT: "its server is gone or has weight 0, and the service asks to end its connections",
    DropReason.ICMP_UNRELATED: "an ICMP error that names a connection of ours but does not fit it",
    DropReason.ND_INVALID: "neighbour discovery from beyond the link, or malformed",
    DropReason.IPV6_OFF: "IPv6 is disabled (ipv6_defs/disable)",
    DropReason.KNI_OFF: "not for us, and the host is not to have it (global_defs/kni)",
    DropReason.INTERNAL: "a table entry that must exist does not: please report this",
    DropReason.CONN_RACE: "two CPUs were making the same connection and the other was held up: it will be resent",
}


def sentence(reason: DropReason) -> str:
    """What a person reads; a reason without sentence shows its name."""
    return SENTENCES.get(reason, reason.name.lower().replace("_", " "))
