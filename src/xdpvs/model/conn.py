"""Connections as listings show them."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.model.address import Family, IPAddress


@dataclass(frozen=True, slots=True)
class Conn:
    """One connection: client → vip on one side, laddr → server on the other. Ports in host order.

    in_family is that of client and vip, out_family that of laddr and server (NAT64 mixes them).
    timeout_s is what is left of the current state's timeout in our replies (its full length in DPVS's).
    """

    in_family: Family
    out_family: Family
    protocol: int
    client: IPAddress
    client_port: int
    vip: IPAddress
    vip_port: int
    laddr: IPAddress
    laddr_port: int
    server: IPAddress
    server_port: int
    timeout_s: int
    state: str
    lcore: int = 0


@dataclass(frozen=True, slots=True)
class SocketPair:
    """What `ipvsadm -lc --sockpair` asks for: the client's source and the service as target."""

    family: Family
    protocol: int
    source: IPAddress
    source_port: int
    target: IPAddress
    target_port: int
