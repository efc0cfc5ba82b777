"""PROXY protocol headers of a connection that speaks for nobody, as health checks send them."""

from __future__ import annotations

from xdpvs.model.service import ProxyProtocol

V2_SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")

UNKNOWN_V1 = b"PROXY UNKNOWN\r\n"
LOCAL_V2 = V2_SIGNATURE + bytes.fromhex("20000000")
"""Version 2, command LOCAL, unspecified family, no addresses."""

_PREAMBLES = {ProxyProtocol.V1: UNKNOWN_V1, ProxyProtocol.V2: LOCAL_V2}


def preamble(protocol: ProxyProtocol) -> bytes:
    """What a check says first; nothing for the insecure variants, whose servers do not demand it."""
    return _PREAMBLES.get(protocol, b"")
