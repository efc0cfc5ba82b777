"""Which packets an instance believes: every check of RFC 5798 7.1 and of keepalived."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import AuthType, VrrpInstance
from xdpvs.packet import vrrp as packet
from xdpvs.packet.ethernet import Malformed
from xdpvs.vrrp.counters import Refusal
from xdpvs.vrrp.timing import own_interval_cs

_MALFORMED = {
    packet.WrongLength: Refusal.LENGTH,
    packet.UnknownVersion: Refusal.VERSION,
    packet.UnknownType: Refusal.TYPE,
    packet.WrongChecksum: Refusal.CHECKSUM,
}


@dataclass(frozen=True, slots=True)
class Datagram:
    """A received packet: what follows the IP header, and the parts of that header that matter."""

    payload: bytes
    source: IPAddress
    destination: IPAddress
    ttl: int


class Refused(Exception):
    """The packet is not believed; reason is counted, the text logged."""

    def __init__(self, reason: Refusal, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def inspect(config: VrrpInstance, datagram: Datagram, *, known_master: bool = False) -> packet.Decoded:
    """What the packet says, or Refused.

    known_master: it comes from the current master, whose address list skip_check_adv_addr spares.
    """
    group = config.multicast_group or packet.group_of(config.family)
    old = group if _accepts_old_checksum(config) else None
    try:
        decoded = packet.decode(datagram.payload, datagram.source, datagram.destination, old)
    except Malformed as error:
        raise Refused(_MALFORMED[type(error)], str(error)) from error
    advertisement = decoded.advertisement
    if not config.unicast_peers and datagram.ttl != packet.TTL:
        raise Refused(Refusal.TTL, f"TTL/hop limit {datagram.ttl}, not {packet.TTL}")
    if advertisement.version != config.version:
        raise Refused(Refusal.VERSION, f"version {advertisement.version}, ours {config.version}")
    if config.version == 2:
        _check_authentication(config, advertisement)
    _check_interval(config, advertisement)
    if not (config.skip_check_adv_addr and known_master):
        _check_addresses(config, advertisement)
    _check_addressing(config, datagram)
    return decoded


def _accepts_old_checksum(config: VrrpInstance) -> bool:
    return config.version == 3 and bool(config.unicast_peers) and config.old_unicast_checksum is not False


def _check_authentication(config: VrrpInstance, advertisement: packet.Advertisement) -> None:
    if advertisement.auth_type not in tuple(AuthType):
        raise Refused(Refusal.AUTH_TYPE_UNKNOWN, f"authentication type {advertisement.auth_type}")
    if advertisement.auth_type != config.auth_type:
        raise Refused(Refusal.AUTH_TYPE, f"authentication type {advertisement.auth_type}, ours {int(config.auth_type)}")
    if config.auth_type is AuthType.PASS:
        expected = packet.password_data(config.auth_password)
        if not hmac.compare_digest(advertisement.auth_data, expected):
            raise Refused(Refusal.AUTH, "wrong password")


def _check_interval(config: VrrpInstance, advertisement: packet.Advertisement) -> None:
    """Version 3 may differ, but an interval of zero would make every backup take over at once."""
    ours = own_interval_cs(config)
    if config.version == 2 and advertisement.interval_cs != ours:
        raise Refused(
            Refusal.INTERVAL, f"advertisement interval {advertisement.interval_cs // 100} s, ours {ours // 100} s"
        )
    if advertisement.interval_cs == 0:
        raise Refused(Refusal.INTERVAL, "advertisement interval 0")


def _check_addresses(config: VrrpInstance, advertisement: packet.Advertisement) -> None:
    ours = [vip.address for vip in config.addresses]
    if len(advertisement.addresses) != len(ours):
        raise Refused(Refusal.ADDRESSES, f"{len(advertisement.addresses)} addresses, ours {len(ours)}")
    missing = [str(address) for address in ours if address not in advertisement.addresses]
    if missing:
        raise Refused(Refusal.ADDRESSES, f"our {', '.join(missing)} not among its addresses")


def _check_addressing(config: VrrpInstance, datagram: Datagram) -> None:
    if datagram.destination.is_multicast and config.unicast_peers:
        raise Refused(Refusal.CAST, "multicast, though unicast peers are configured")
    if not datagram.destination.is_multicast and not config.unicast_peers:
        raise Refused(Refusal.CAST, "unicast, though no unicast peers are configured")
    if config.check_unicast_source and config.unicast_peers and datagram.source not in config.unicast_peers:
        raise Refused(Refusal.SOURCE, "the source is no unicast peer")
