"""Every keyword of DPVS's keepalived and of stock keepalived 2.0 and 2.2 is used, or named as not supported."""

from __future__ import annotations

import pytest

from tests.support.keepalived_conf import INSTANCE, notes, service_text
from xdpvs.config.keepalived_conf.checker_keywords import CHECKERS
from xdpvs.config.keepalived_conf.global_defs import GLOBAL_DEFS
from xdpvs.config.keepalived_conf.reading import Table
from xdpvs.config.keepalived_conf.root import ROOT_WORDS
from xdpvs.config.keepalived_conf.servers import REAL_SERVER
from xdpvs.config.keepalived_conf.service_keywords import VIRTUAL_SERVER
from xdpvs.config.keepalived_conf.vrrp import SYNC_GROUP
from xdpvs.config.keepalived_conf.vrrp_keywords import INSTANCE as INSTANCE_TABLE

ROOT = """
global_defs vrrp_instance vrrp_sync_group vrrp_script vrrp_track_file vrrp_track_process virtual_server
virtual_server_group local_address_group deny_address_group allow_address_group tunnel_group SSL static_ipaddress
static_routes static_rules track_group garp_group linkbeat_interfaces linkbeat_use_polling bfd_instance instance
net_namespace namespace_with_ipsets use_pid_dir child_wait_time
net_namespace_ipvs track_file interface_up_down_delays
"""

GLOBAL = """
router_id script_user enable_script_security notification_email notification_email_from smtp_server
smtp_connect_timeout smtp_helo_name smtp_alert smtp_alert_vrrp smtp_alert_checker no_email_faults no_checker_emails
checker_log_all_failures vrrp_version vrrp_mcast_group4 vrrp_mcast_group6 vrrp_garp_master_delay
vrrp_garp_master_repeat vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_garp_lower_prio_repeat
vrrp_garp_lower_prio_delay vrrp_garp_interval vrrp_gna_interval vrrp_min_garp vrrp_lower_prio_no_advert
vrrp_higher_prio_send_advert vrrp_check_unicast_src vrrp_skip_check_adv_addr vrrp_strict vrrp_startup_delay
vrrp_notify_priority_changes log_unknown_vrids default_interface dynamic_interfaces lvs_flush lvs_flush_onstop
lvs_timeouts lvs_sync_daemon notify_fifo vrrp_notify_fifo lvs_notify_fifo notify_fifo_script vrrp_notify_fifo_script
lvs_notify_fifo_script rs_init_notifies process_names process_name vrrp_process_name lvs_process_name
bfd_process_name vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rtime checker_priority
checker_no_swap checker_rt_priority checker_cpu_affinity checker_rlimit_rtime bfd_priority bfd_no_swap
bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rtime vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force
vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs
lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force
process_monitor_rcv_bufs process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier umask random_seed
vrrp_iptables vrrp_ipsets nftables nftables_priority nftables_counters nftables_ifindex snmp_socket enable_traps
enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_checker
enable_dbus dbus_service_name
tmp_config_directory config_save_dir checker_process_name startup_script startup_script_timeout shutdown_script
shutdown_script_timeout lvs_flush_on_stop vrrp_down_timer_adverts vrrp_garp_extra_if nftables_ipvs
nftables_ipvs_priority nftables_ipvs_start_fwmark disable_local_igmp max_auto_priority min_auto_priority_delay
vrrp_rlimit_rttime checker_rlimit_rttime bfd_rlimit_rttime fifo_write_vrrp_states_on_reload vmac_prefix
vmac_addr_prefix reload_check_config include_check reload_time_file reload_repeat reload_file data_use_instance
"""

VRRP_INSTANCE = """
state interface dpdk_interface virtual_router_id priority advert_int authentication virtual_ipaddress
virtual_ipaddress_excluded version nopreempt preempt preempt_delay garp_master_delay garp_master_repeat
garp_master_refresh garp_master_refresh_repeat garp_lower_prio_delay garp_lower_prio_repeat lower_prio_no_advert
higher_prio_send_advert unicast_src_ip mcast_src_ip track_src_ip unicast_peer old_unicast_checksum track_interface
track_script track_file track_process track_bfd dont_track_primary notify_master notify_backup notify_fault
notify_stop notify notify_master_rx_lower_pri notify_priority_changes smtp_alert skip_check_adv_addr strict_mode debug
native_ipv6 virtual_routes virtual_rules promote_secondaries accept no_accept use_vmac vmac_xmit_base use_ipvlan
linkbeat_use_polling kernel_rx_buf_size lvs_sync_daemon_interface
vrf use_vmac_addr mcast_dst_ip check_unicast_src unicast_fault_no_peer unicast_ttl garp_extra_if down_timer_adverts
notify_deleted
"""

VIRTUAL = """
protocol lb_algo lvs_sched lb_kind lvs_method delay_loop laddr_group_name daddr_group_name waddr_group_name
establish_timeout syn_proxy persistence_timeout persistence_granularity persistence_engine hash_target quic
expire_quiescent_conn proxy_protocol ops alpha omega quorum hysteresis quorum_up quorum_down sorry_server
sorry_server_inhibit sorry_server_lvs_method inhibit_on_failure weight retry delay_before_retry warmup connect_timeout
virtualhost smtp_alert ha_suspend ip_family bps limit_proportion src-range dst-range oif iif vip_bind_dev hashed flag-1
flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback real_server snmp_name
"""

REAL = """
weight inhibit_on_failure notify_up notify_down lvs_method uthreshold lthreshold alpha retry delay_before_retry warmup
connect_timeout delay_loop virtualhost smtp_alert snmp_name TCP_CHECK HTTP_GET SSL_GET UDP_CHECK MISC_CHECK SMTP_CHECK
DNS_CHECK BFD_CHECK PING_CHECK FILE_CHECK
"""

COMMON = """
connect_ip connect_port connect_timeout bindto bind_port bind_if fwmark retry delay_before_retry delay_loop warmup alpha
log_all_failures
"""
TIMING = "connect_timeout retry delay_before_retry delay_loop warmup alpha log_all_failures"
HTTP = "virtualhost http_protocol fast_recovery nb_get_retry url enable_sni"

CHECKER = {
    "TCP_CHECK": COMMON + "nb_sock_retry",
    "PING_CHECK": COMMON,
    "HTTP_GET": COMMON + HTTP,
    "SSL_GET": COMMON + HTTP,
    "UDP_CHECK": COMMON + "payload require_reply min_reply_length max_reply_length",
    "DNS_CHECK": COMMON + "type name",
    "SMTP_CHECK": COMMON + "helo_name host",
    "MISC_CHECK": TIMING + " misc_path misc_timeout misc_dynamic user",
    "FILE_CHECK": "track_file weight dynamic",
}

SYNC = """
group track_interface track_script track_file track_process track_bfd notify_master notify_backup notify_fault
notify_stop notify smtp_alert sync_group_tracking_weight global_tracking notify_priority_changes
"""


@pytest.mark.parametrize(
    ("words", "table"),
    [
        (GLOBAL, GLOBAL_DEFS),
        (VRRP_INSTANCE, INSTANCE_TABLE),
        (VIRTUAL, VIRTUAL_SERVER),
        (REAL, REAL_SERVER),
        (SYNC, SYNC_GROUP),
        *[(words, CHECKERS[kind]) for kind, words in CHECKER.items()],
    ],
    ids=lambda value: value.name if isinstance(value, Table) else "",
)
def test_tables_know_every_keyword(words: str, table: Table) -> None:
    assert set(words.split()) - table.words() == set()


def test_the_root_knows_every_keyword() -> None:
    assert set(ROOT.split()) - ROOT_WORDS == set()


@pytest.mark.parametrize("table", [GLOBAL_DEFS, INSTANCE_TABLE, VIRTUAL_SERVER, REAL_SERVER, SYNC_GROUP])
def test_keywords_have_one_meaning(table: Table) -> None:
    groups = [set(table.leaves), set(table.blocks), set(table.unsupported), set(table.quiet)]
    assert sum(map(len, groups)) == len(set().union(*groups))


def one_warning(text: str, line: int, word: str) -> None:
    assert f"keepalived.conf:{line}: {word} is not supported and ignored" in notes(text)


@pytest.mark.parametrize("word", sorted(GLOBAL_DEFS.unsupported))
def test_global_keywords_without_support_are_named(word: str) -> None:
    one_warning(f"global_defs {{\n{word} some words\n}}\n", 2, word)
    one_warning(f"global_defs {{\n{word}\n}}\n", 2, word)


@pytest.mark.parametrize("word", sorted(INSTANCE_TABLE.unsupported))
def test_instance_keywords_without_support_are_named(word: str) -> None:
    one_warning(f"vrrp_instance V {{\n{INSTANCE}{word} some words\n}}\n", 5, word)
    one_warning(f"vrrp_instance V {{\n{INSTANCE}{word} {{\nlines\n}}\n}}\n", 5, word)


@pytest.mark.parametrize("word", sorted(VIRTUAL_SERVER.unsupported))
def test_service_keywords_without_support_are_named(word: str) -> None:
    one_warning(service_text(f"{word} x"), 5, word)


ROOT_UNSUPPORTED = """
SSL static_ipaddress static_routes static_rules track_group linkbeat_interfaces linkbeat_use_polling bfd_instance
namespace_with_ipsets net_namespace_ipvs interface_up_down_delays
"""


@pytest.mark.parametrize("word", ROOT_UNSUPPORTED.split())
def test_root_keywords_without_support_are_named(word: str) -> None:
    one_warning(f"{word} name {{\nlines of\nits own {{\n}}\n}}\n", 1, word)


def test_keywords_without_support_do_not_fail_a_configuration_test() -> None:
    assert not [note for note in notes("SSL {\npassword x\n}\nglobal_defs {\nprocess_names\n}\n") if note[0] == "!"]
