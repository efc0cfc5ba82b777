"""Matches, which name services by ranges (DPVS include/conf/match.h)."""

from __future__ import annotations

from xdpvs.api.layout import Layout
from xdpvs.api.structs_address import decode_address, decode_family
from xdpvs.model.service import NO_MATCH, AddressRange, Match

MATCH = Layout(
    108,
    "0 af i32 | 4 smin addr | 20 smax addr | 36 smin_port be16 | 38 smax_port be16"
    " | 40 dmin addr | 56 dmax addr | 72 dmin_port be16 | 74 dmax_port be16 | 76 iifname c16 | 92 oifname c16",
)
_EMPTY_MATCH = bytes(108)


def encode_match(match: Match) -> bytes:
    """108 bytes, all zero without a match."""
    if match == NO_MATCH:
        return _EMPTY_MATCH
    source, destination = match.source, match.destination
    return MATCH.pack(
        match.family,
        source.min_address.packed,
        source.max_address.packed,
        source.min_port,
        source.max_port,
        destination.min_address.packed,
        destination.max_address.packed,
        destination.min_port,
        destination.max_port,
        match.input_device,
        match.output_device,
    )


def decode_match(raw: bytes) -> Match:
    """The match of a service or NO_MATCH."""
    if raw == _EMPTY_MATCH:
        return NO_MATCH
    af, smin, smax, smin_port, smax_port, dmin, dmax, dmin_port, dmax_port, iif, oif = MATCH.unpack(raw)
    family = decode_family(af)
    return Match(
        family,
        AddressRange(decode_address(af, smin), decode_address(af, smax), smin_port, smax_port),
        AddressRange(decode_address(af, dmin), decode_address(af, dmax), dmin_port, dmax_port),
        iif,
        oif,
    )
