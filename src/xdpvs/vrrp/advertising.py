"""The adverts an instance sends."""

from __future__ import annotations

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import AuthType, VrrpInstance
from xdpvs.packet.vrrp import AUTH_DATA_LENGTH, Advertisement, group_of, password_data
from xdpvs.vrrp.commands import SendAdvertisement
from xdpvs.vrrp.timing import own_interval_cs


def advertisement(config: VrrpInstance, priority: int) -> Advertisement:
    """What an instance says with that priority; 0: it leaves."""
    is_password = config.auth_type is AuthType.PASS
    return Advertisement(
        version=config.version,
        vrid=config.virtual_router_id,
        priority=priority,
        interval_cs=own_interval_cs(config),
        addresses=tuple(vip.address for vip in config.addresses),
        auth_type=int(config.auth_type),
        auth_data=password_data(config.auth_password) if is_password else bytes(AUTH_DATA_LENGTH),
    )


def sending(config: VrrpInstance, priority: int, source: IPAddress, *, old_checksum: bool) -> SendAdvertisement:
    """Such an advert on its way to the group or the peers."""
    group = config.multicast_group or group_of(config.family)
    return SendAdvertisement(
        config.name,
        config.interface,
        source,
        config.unicast_peers or (group,),
        advertisement(config, priority),
        group if old_checksum and config.unicast_peers else None,
    )
