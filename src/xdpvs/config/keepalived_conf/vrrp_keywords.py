"""The vocabulary of vrrp_instance."""

from __future__ import annotations

from xdpvs.config.keepalived_conf.global_defs import GARP_DELAY_MAX
from xdpvs.config.keepalived_conf.kinds import (
    AtLeastOne,
    Choice,
    Integer,
    Seconds,
    an_address,
    command,
    device,
    flag,
    same,
    switch,
    value_word,
)
from xdpvs.config.keepalived_conf.reading import Block, Corrected, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.vrrp_addresses import addresses, peers, routes
from xdpvs.config.keepalived_conf.vrrp_tracking import tracking_blocks
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.vrrp import AuthType, VrrpState

OWNER = 255
DEFAULT_PRIORITY = 100
_PASSWORD_BYTES = 8

_NOT_SUPPORTED = """
use_vmac use_vmac_addr vmac_xmit_base use_ipvlan promote_secondaries accept no_accept linkbeat_use_polling
kernel_rx_buf_size lvs_sync_daemon_interface debug virtual_rules vrf unicast_fault_no_peer unicast_ttl garp_extra_if
vmac_garp_intvl down_timer_adverts notify_deleted owner_ignore_adverts v3_checksum_as_v2 timer_expired_backup
thread_timer_expired no_virtual_ipaddress auth_hmac
"""

NOTIFY = {
    "notify_master": "master",
    "notify_backup": "backup",
    "notify_fault": "fault",
    "notify_stop": "stop",
    "notify_master_rx_lower_pri": "master_rx_lower_pri",
    "notify": "any_state",
}


def _state(statement: Statement) -> VrrpState:
    match value_word(statement):
        case "MASTER":
            return VrrpState.MASTER
        case "BACKUP":
            return VrrpState.BACKUP
        case other:
            raise Corrected(VrrpState.BACKUP, f"{shown(other)} is neither MASTER nor BACKUP, BACKUP is used")


def _password(statement: Statement) -> str:
    word = value_word(statement)
    encoded = word.encode("utf-8", "surrogateescape")
    if len(encoded) > _PASSWORD_BYTES:
        cut = encoded[:_PASSWORD_BYTES].decode("utf-8", "surrogateescape")
        raise Corrected(cut, f"is cut at {_PASSWORD_BYTES} bytes")
    return word


def _old_checksum(statement: Statement) -> bool:
    if len(statement.words) < 2:
        return True
    if statement.words[1] == "never":
        return False
    raise Refused(f"{shown(statement.words[1])} is not never")


_AUTHENTICATION = Table(
    "authentication",
    {
        "auth_type": ("auth_type", Choice({"PASS": AuthType.PASS, "AH": AuthType.AH})),
        "auth_pass": ("auth_pass", _password),
    },
)


def _authentication(reader: Reader, block: Block, values: Values) -> None:
    reader.read(_AUTHENTICATION, block, values)


INSTANCE = Table(
    "vrrp_instance",
    {
        "state": ("state", _state),
        "interface": ("interface", device),
        "dpdk_interface": ("dpdk_interface", device),
        "virtual_router_id": ("virtual_router_id", Integer(1, 255)),
        "priority": ("priority", Integer(1, OWNER, substitute=DEFAULT_PRIORITY)),
        "advert_int": ("advert_int", Seconds(0.01, 255.0)),
        "version": ("version", Choice({"2": 2, "3": 3})),
        **same(flag, ("nopreempt", "preempt", "track_src_ip", "dont_track_primary", "native_ipv6")),
        "preempt_delay": ("preempt_delay", Seconds(0.0, 1000.0, substitute=0.0)),
        **same(Integer(0, GARP_DELAY_MAX), ("garp_master_delay", "garp_lower_prio_delay")),
        **same(AtLeastOne(), ("garp_master_repeat", "garp_master_refresh_repeat")),
        **same(Integer(), ("garp_master_refresh", "garp_lower_prio_repeat")),
        **same(switch, ("lower_prio_no_advert", "higher_prio_send_advert", "skip_check_adv_addr", "strict_mode")),
        **same(switch, ("smtp_alert", "notify_priority_changes", "check_unicast_src")),
        "unicast_src_ip": ("source", an_address),
        "mcast_src_ip": ("source", an_address),
        "mcast_dst_ip": ("multicast_group", an_address),
        "old_unicast_checksum": ("old_unicast_checksum", _old_checksum),
        **{keyword: (name, command) for keyword, name in NOTIFY.items()},
    },
    {
        **tracking_blocks(),
        "authentication": _authentication,
        "virtual_ipaddress": addresses("addresses"),
        "virtual_ipaddress_excluded": addresses("excluded"),
        "unicast_peer": peers,
        "virtual_routes": routes,
    },
    unsupported=_NOT_SUPPORTED.split(),
    first_wins=NOTIFY,
)
