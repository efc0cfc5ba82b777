"""All of VRRP: instances and sync groups, once everything they name is known."""

from __future__ import annotations

from dataclasses import dataclass, field

from xdpvs.config.keepalived_conf.kinds import Seconds, command, device, device_name, flag, same, switch
from xdpvs.config.keepalived_conf.reading import Block, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.vrrp_instance import VrrpDefaults, instance, notifications
from xdpvs.config.keepalived_conf.vrrp_keywords import NOTIFY
from xdpvs.config.keepalived_conf.vrrp_tracking import Trackers, tracking_blocks
from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.vrrp import VrrpInstance, VrrpSyncGroup


def _members(reader: Reader, block: Block, values: Values) -> None:
    for statement, number in reader.lines(block):
        values.setdefault("members", []).extend((word, number) for word in statement.words)


SYNC_GROUP = Table(
    "vrrp_sync_group",
    {
        **{keyword: (name, command) for keyword, name in NOTIFY.items() if name != "master_rx_lower_pri"},
        **same(switch, ("smtp_alert", "notify_priority_changes")),
        "sync_group_tracking_weight": ("tracking_weight", flag),
    },
    {**tracking_blocks(), "group": _members},
    unsupported=("global_tracking",),
    first_wins=NOTIFY,
)


def _interfaces(reader: Reader, block: Block, values: Values) -> None:
    for statement, number in reader.lines(block):
        for word in statement.words:
            try:
                values.setdefault("interfaces", []).append(device_name(word))
            except Refused as error:
                reader.problem(number, f"garp_group {error}")


_GARP_GROUP = Table(
    "garp_group",
    {**same(Seconds(0.0, 4294.0), ("garp_interval", "gna_interval")), "interface": ("interface", device)},
    {"interfaces": _interfaces},
)


@dataclass(slots=True)
class VrrpBlocks:
    """Blocks of VRRP as they come; made sense of at the end of the file."""

    trackers: Trackers = field(default_factory=Trackers)
    instances: dict[str, Block] = field(default_factory=dict)
    sync_groups: dict[str, Block] = field(default_factory=dict)
    garp_intervals: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, reader: Reader, block: Block, values: Values) -> None:
        """Keep an instance or a sync group by its name."""
        named = self.instances if block.head.word == "vrrp_instance" else self.sync_groups
        if not block.name:
            reader.problem(block.number, f"{block.head.word} needs a name")
        elif block.name in named:
            reader.problem(block.number, f"{block.head.word} {shown(block.name)} stands twice")
        else:
            named[block.name] = block

    def take_garp_group(self, reader: Reader, block: Block, values: Values) -> None:
        """Intervals between gratuitous ARPs, by interface."""
        stated = reader.read(_GARP_GROUP, block, {})
        names = [*stated.get("interfaces", ()), *([stated["interface"]] if "interface" in stated else [])]
        if not names:
            reader.warn(block.number, "garp_group without an interface, ignored")
        for name in names:
            self.garp_intervals[name] = (stated.get("garp_interval", 0.0), stated.get("gna_interval", 0.0))

    def made(self, reader: Reader, global_stated: Values) -> tuple[tuple[VrrpInstance, ...], tuple[VrrpSyncGroup, ...]]:
        """The instances and sync groups of the file."""
        defaults = VrrpDefaults(global_stated, self.garp_intervals)
        instances: list[VrrpInstance] = []
        routers: dict[tuple[str, int, int], str] = {}
        for block in self.instances.values():
            made = instance(reader, block, defaults, self.trackers)
            if made is None:
                continue
            key = (made.interface, made.family, made.virtual_router_id)
            if key in routers:
                message = f"{shown(made.name)} and {shown(routers[key])} both use virtual_router_id"
                reader.problem(block.number, f"{message} {made.virtual_router_id} on {made.interface}")
            routers.setdefault(key, made.name)
            instances.append(made)
        member_of: dict[str, str] = {}
        groups = [self._sync_group(reader, block, defaults, member_of) for block in self.sync_groups.values()]
        return tuple(instances), tuple(group for group in groups if group is not None)

    def _sync_group(
        self, reader: Reader, block: Block, defaults: VrrpDefaults, member_of: dict[str, str]
    ) -> VrrpSyncGroup | None:
        stated = reader.read(SYNC_GROUP, block, {})
        tracking = self.trackers.tracking(reader, stated)
        members: list[str] = []
        for name, number in stated.get("members", ()):
            if name not in self.instances:
                reader.problem(number, f"vrrp_sync_group {shown(block.name)}: no vrrp_instance {shown(name)}")
            elif name in member_of:
                reader.warn(number, f"{shown(name)} is in vrrp_sync_group {shown(member_of[name])} already, ignored")
            else:
                member_of[name] = block.name
                members.append(name)
        if not members:
            reader.warn(block.number, f"vrrp_sync_group {shown(block.name)} has no members, ignored")
            return None
        return VrrpSyncGroup(
            block.name, tuple(members), tracking, notifications(stated, defaults), stated.get("tracking_weight", False)
        )
