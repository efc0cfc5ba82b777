"""global_defs and the root keywords of the process: defaults for everything else, mail, scripts, FIFOs."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from xdpvs.config.keepalived_conf.kinds import (
    UINT_MAX,
    AtLeastOne,
    Choice,
    Integer,
    Seconds,
    address_of,
    command,
    flag,
    integer,
    optional_text,
    same,
    switch,
    text,
    user,
    value_word,
)
from xdpvs.config.keepalived_conf.reading import Block, Dropped, Kind, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.keepalived import Fifo, FlushOnStop, GlobalDefs, MailSettings
from xdpvs.model.script import Command

GARP_DELAY_MAX = UINT_MAX // 1_000_000

_NOT_SUPPORTED = """
no_email_faults no_checker_emails default_interface lvs_timeouts lvs_sync_daemon
process_names process_name vrrp_process_name lvs_process_name checker_process_name bfd_process_name
vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rtime vrrp_rlimit_rttime
checker_priority checker_no_swap checker_rt_priority checker_cpu_affinity checker_rlimit_rtime checker_rlimit_rttime
bfd_priority bfd_no_swap bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rtime bfd_rlimit_rttime
max_auto_priority min_auto_priority_delay
vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force
vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force
lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force
lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force
process_monitor_rcv_bufs process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier
umask vrrp_iptables vrrp_ipsets nftables nftables_priority nftables_counters nftables_ifindex
nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark disable_local_igmp
snmp_socket enable_traps enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3
enable_snmp_checker snmp_vs_stats_update_interval snmp_rs_stats_update_interval
enable_dbus dbus_service_name dbus_no_interface_name
startup_script startup_script_timeout shutdown_script shutdown_script_timeout
vrrp_down_timer_adverts vrrp_garp_extra_if vrrp_vmac_garp_intvl vmac_prefix vmac_addr_prefix
fifo_write_vrrp_states_on_reload vrrp_delay_after_boot vrrp_owner_ignore_adverts v3_checksum_as_v2
reload_check_config reload_time_file reload_repeat reload_file include_check config_save_dir tmp_config_directory
data_use_instance json_version iproute_usr_dir iproute_etc_dir state_dump_file stats_dump_file json_dump_file
use_symlink_paths set_supplementary_groups
"""


def _smtp_server(statement: Statement) -> tuple[str, int]:
    """HOST [PORT]; resolving the name is the sender's business."""
    host = value_word(statement)
    return host, integer(statement.words[2], 1, 65535) if len(statement.words) > 2 else 25


def _flush_on_stop(statement: Statement) -> FlushOnStop:
    if len(statement.words) < 2:
        return FlushOnStop.ALL
    if statement.words[1] == "VS":
        return FlushOnStop.OWN
    raise Refused(f"{shown(statement.words[1])} is not VS")


def _dynamic_interfaces(statement: Statement) -> bool:
    word = optional_text(statement)
    if word not in ("", "allow_if_changes"):
        raise Dropped(f"{shown(word)} is not allow_if_changes, ignored")
    return True


def _fifo(statement: Statement) -> Fifo:
    """PATH [USER [GROUP]]."""
    owner, group = (*statement.words[2:4], "", "")[:2]
    return Fifo(value_word(statement), owner, group)


def _multicast(version: int) -> Kind:
    kind = address_of(version)

    def multicast(statement: Statement) -> Any:
        found: IPv4Address | IPv6Address = kind(statement)
        if not found.is_multicast:
            raise Refused(f"{found} is not a multicast address")
        return found

    return multicast


def _recipients(reader: Reader, block: Block, values: Values) -> None:
    found = [word for statement, _ in reader.lines(block) for word in statement.words]
    values["recipients"] = (*values.get("recipients", ()), *found)


_FIFOS = ("notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo")
_FIFO_SCRIPTS = tuple(f"{name}_script" for name in _FIFOS)

GLOBAL_DEFS = Table(
    "global_defs",
    {
        "router_id": ("router_id", text),
        "script_user": ("script_user", user),
        "enable_script_security": ("enable_script_security", switch),
        "notification_email_from": ("sender", text),
        "smtp_server": ("smtp_server", _smtp_server),
        "smtp_helo_name": ("helo_name", text),
        "smtp_connect_timeout": ("smtp_connect_timeout_s", Seconds(0.001)),
        **same(switch, ("smtp_alert", "smtp_alert_vrrp", "smtp_alert_checker", "checker_log_all_failures")),
        "dynamic_interfaces": ("dynamic_interfaces", _dynamic_interfaces),
        "lvs_flush": ("lvs_flush", flag),
        "lvs_flush_onstop": ("lvs_flush_onstop", _flush_on_stop),
        "lvs_flush_on_stop": ("lvs_flush_onstop", _flush_on_stop),
        "vrrp_version": ("vrrp_version", Choice({"2": 2, "3": 3})),
        "vrrp_mcast_group4": ("mcast_group4", _multicast(4)),
        "vrrp_mcast_group6": ("mcast_group6", _multicast(6)),
        "vrrp_garp_master_delay": ("garp_master_delay", Integer(0, GARP_DELAY_MAX)),
        "vrrp_garp_master_repeat": ("garp_master_repeat", AtLeastOne()),
        "vrrp_garp_master_refresh": ("garp_master_refresh", Integer()),
        "vrrp_garp_master_refresh_repeat": ("garp_master_refresh_repeat", AtLeastOne()),
        "vrrp_garp_lower_prio_delay": ("garp_lower_prio_delay", Integer(0, GARP_DELAY_MAX)),
        "vrrp_garp_lower_prio_repeat": ("garp_lower_prio_repeat", Integer()),
        **same(Seconds(0.0, 4294.0), ("vrrp_garp_interval", "vrrp_gna_interval")),
        **same(
            switch,
            (
                "vrrp_min_garp",
                "vrrp_lower_prio_no_advert",
                "vrrp_higher_prio_send_advert",
                "vrrp_check_unicast_src",
                "vrrp_skip_check_adv_addr",
                "vrrp_strict",
                "vrrp_notify_priority_changes",
            ),
        ),
        "vrrp_startup_delay": ("vrrp_startup_delay_s", Seconds()),
        "log_unknown_vrids": ("log_unknown_vrids", switch),
        **same(_fifo, _FIFOS),
        **same(command, _FIFO_SCRIPTS),
        "rs_init_notifies": ("rs_init_notifies", switch),
        "random_seed": ("random_seed", Integer()),
    },
    {"notification_email": _recipients},
    unsupported=_NOT_SUPPORTED.split(),
    first_wins=(*_FIFOS, *_FIFO_SCRIPTS),
)


def global_defs(stated: Values, process: Values, host_name: str) -> GlobalDefs:
    """The model of what global_defs and the root keywords say."""
    server, port = stated.get("smtp_server", ("", 25))
    script_user, script_group = stated.get("script_user", ("", ""))
    return GlobalDefs(
        router_id=stated.get("router_id", host_name),
        script_user=script_user,
        script_group=script_group,
        enable_script_security=stated.get("enable_script_security", False),
        mail=MailSettings(
            stated.get("recipients", ()),
            stated.get("sender", ""),
            server,
            port,
            stated.get("helo_name", host_name),
            stated.get("smtp_connect_timeout_s", 30.0),
        ),
        checker_log_all_failures=stated.get("checker_log_all_failures", False),
        dynamic_interfaces=stated.get("dynamic_interfaces", False),
        lvs_flush=stated.get("lvs_flush", False),
        lvs_flush_onstop=stated.get("lvs_flush_onstop", FlushOnStop.NO),
        notify_fifo=_with_script(stated, "notify_fifo"),
        vrrp_notify_fifo=_with_script(stated, "vrrp_notify_fifo"),
        lvs_notify_fifo=_with_script(stated, "lvs_notify_fifo"),
        rs_init_notifies=stated.get("rs_init_notifies", False),
        vrrp_startup_delay_s=stated.get("vrrp_startup_delay_s", 0.0),
        log_unknown_vrids=stated.get("log_unknown_vrids", False),
        instance=process.get("instance", ""),
        net_namespace=process.get("net_namespace", ""),
        use_pid_dir=process.get("use_pid_dir", False),
        child_wait_time_s=process.get("child_wait_time", 5.0),
    )


def _with_script(stated: Values, name: str) -> Fifo | None:
    """A FIFO with its reader, whose last argument is the FIFO's path."""
    fifo: Fifo | None = stated.get(name)
    script: Command | None = stated.get(f"{name}_script")
    if fifo is None or script is None:
        return fifo
    return Fifo(fifo.path, fifo.user, fifo.group, Command((*script.argv, fifo.path), script.user, script.group))
