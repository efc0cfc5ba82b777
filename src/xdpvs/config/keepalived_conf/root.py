"""The outermost level: which blocks there are, and the configuration they make together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xdpvs.config.keepalived_conf.global_defs import GLOBAL_DEFS, global_defs
from xdpvs.config.keepalived_conf.groups import Groups, acl_group, laddr_group, service_group, tunnel_group
from xdpvs.config.keepalived_conf.kinds import Integer, flag, text
from xdpvs.config.keepalived_conf.reading import Block, BlockReader, Kind, Reader, Table, Values
from xdpvs.config.keepalived_conf.servers import Servers
from xdpvs.config.keepalived_conf.services import AlertDefaults, Services
from xdpvs.config.keepalived_conf.vrrp import VrrpBlocks
from xdpvs.config.keepalived_conf.vrrp_tracking import TRACKER_READERS
from xdpvs.model.keepalived import KeepalivedConfig

_GROUPS: dict[str, Callable[[Reader, Block, Groups], None]] = {
    "local_address_group": laddr_group,
    "deny_address_group": acl_group,
    "allow_address_group": acl_group,
    "virtual_server_group": service_group,
    "tunnel_group": tunnel_group,
}
_NOT_SUPPORTED = """
SSL static_ipaddress static_routes static_rules track_group linkbeat_interfaces linkbeat_use_polling bfd_instance
namespace_with_ipsets net_namespace_ipvs interface_up_down_delays
"""


@dataclass(slots=True)
class _File:
    """What the blocks of a file leave: values, groups, and blocks to be made sense of when all of it is read."""

    groups: Groups = field(default_factory=Groups)
    vrrp: VrrpBlocks = field(default_factory=VrrpBlocks)
    globals: Values = field(default_factory=dict)
    virtual_servers: list[Block] = field(default_factory=list)

    def table(self) -> Table:
        readers: dict[str, BlockReader] = {
            "global_defs": self._global_defs,
            **dict.fromkeys(_GROUPS, self._group),
            "virtual_server": self._virtual_server,
            "vrrp_instance": self.vrrp.take,
            "vrrp_sync_group": self.vrrp.take,
            "garp_group": self.vrrp.take_garp_group,
            **dict.fromkeys(TRACKER_READERS, self._tracker),
        }
        process: dict[str, tuple[str, Kind]] = {
            "instance": ("instance", text),
            "net_namespace": ("net_namespace", text),
            "use_pid_dir": ("use_pid_dir", flag),
            "child_wait_time": ("child_wait_time", Integer()),
        }
        return Table("", process, readers, unsupported=_NOT_SUPPORTED.split())

    def _global_defs(self, reader: Reader, block: Block, values: Values) -> None:
        reader.read(GLOBAL_DEFS, block, self.globals)

    def _group(self, reader: Reader, block: Block, values: Values) -> None:
        _GROUPS[block.head.word](reader, block, self.groups)

    def _virtual_server(self, reader: Reader, block: Block, values: Values) -> None:
        self.virtual_servers.append(block)

    def _tracker(self, reader: Reader, block: Block, values: Values) -> None:
        TRACKER_READERS[block.head.word](reader, block, self.vrrp.trackers)


ROOT_WORDS = _File().table().words()


def configuration(reader: Reader, root: Block, host_name: str) -> KeepalivedConfig:
    """The configuration of a whole file; what is wrong with it is told to the reader."""
    file = _File()
    process = reader.read(file.table(), root, {})
    process["child_wait_time"] = float(process.get("child_wait_time", 5))
    stated = file.globals
    alert = stated.get("smtp_alert_checker", stated.get("smtp_alert"))
    alerts = AlertDefaults(bool(alert), alert is None or alert, stated.get("checker_log_all_failures", False))
    trackers = file.vrrp.trackers
    services = Services(reader, file.groups, Servers(reader, trackers.files), alerts)
    virtual_servers = [services.virtual_server(block) for block in file.virtual_servers]
    instances, sync_groups = file.vrrp.made(reader, stated)
    return KeepalivedConfig(
        globals=global_defs(stated, process, host_name),
        virtual_servers=tuple([server for server in virtual_servers if server is not None]),
        tunnels=tuple(file.groups.tunnels.values()),
        instances=instances,
        sync_groups=sync_groups,
        scripts=trackers.in_use(reader),
        track_files=dict(trackers.files),
        track_processes=dict(trackers.processes),
    )
