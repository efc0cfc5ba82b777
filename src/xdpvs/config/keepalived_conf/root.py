"""The outermost level: which blocks there are, and the configuration they make together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from xdpvs.config.keepalived_conf.groups import Groups, acl_group, laddr_group, service_group, tunnel_group
from xdpvs.config.keepalived_conf.reading import Block, BlockReader, Reader, Table, Values
from xdpvs.config.keepalived_conf.servers import Servers
from xdpvs.config.keepalived_conf.services import AlertDefaults, Services
from xdpvs.model.keepalived import KeepalivedConfig

_GROUPS: dict[str, Callable[[Reader, Block, Groups], None]] = {
    "local_address_group": laddr_group,
    "deny_address_group": acl_group,
    "allow_address_group": acl_group,
    "virtual_server_group": service_group,
    "tunnel_group": tunnel_group,
}


@dataclass(slots=True)
class _Blocks:
    """Blocks that are made sense of when all groups are known."""

    virtual_servers: list[Block] = field(default_factory=list)


def configuration(reader: Reader, root: Block, host_name: str) -> KeepalivedConfig:
    """The configuration of a whole file; what is wrong with it is told to the reader."""
    groups, blocks = Groups(), _Blocks()

    def group(reader: Reader, block: Block, values: Values) -> None:
        _GROUPS[block.head.word](reader, block, groups)

    def virtual_server(reader: Reader, block: Block, values: Values) -> None:
        blocks.virtual_servers.append(block)

    readers: dict[str, BlockReader] = {**dict.fromkeys(_GROUPS, group), "virtual_server": virtual_server}
    reader.read(Table("", {}, readers), root, {})
    services = Services(reader, groups, Servers(reader, {}), AlertDefaults())
    made = [services.virtual_server(block) for block in blocks.virtual_servers]
    return KeepalivedConfig(
        virtual_servers=tuple(server for server in made if server is not None),
        tunnels=tuple(groups.tunnels.values()),
    )
