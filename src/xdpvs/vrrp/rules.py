"""What configurations VRRP refuses, and what it reads differently than written (keepalived vrrp_complete_instance)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from xdpvs.model.address import Family, family_of
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import AuthType, Track, Tracking, VrrpInstance, VrrpSyncGroup
from xdpvs.packet.vrrp import MAX_ADDRESSES
from xdpvs.vrrp.timing import OWNER_PRIORITY
from xdpvs.vrrp.tracking import Kind, Tracked

_DEFAULT_FILE_WEIGHT = 1

Identity = tuple[int, Family, str]
"""VRID, family and interface: what makes an instance the same one after a reload."""


def identity(config: VrrpInstance) -> Identity:
    """The identity of an instance."""
    return config.virtual_router_id, config.family, config.interface


def problems(config: KeepalivedConfig) -> tuple[str, ...]:
    """What makes the instances unusable, a line for each."""
    found: list[str] = []
    names: set[str] = set()
    seen: dict[Identity, str] = {}
    for instance in config.instances:
        where = f"vrrp_instance {instance.name}"
        if instance.name in names:
            found.append(f"{where}: there is another one of this name")
        names.add(instance.name)
        found += [f"{where}: {text}" for text in _problems_of(instance)]
        first = seen.setdefault(identity(instance), instance.name)
        if first != instance.name:
            found.append(
                f"{where}: virtual_router_id {instance.virtual_router_id} on {instance.interface} is that of {first}"
            )
    return tuple(found)


def _problems_of(instance: VrrpInstance) -> Iterable[str]:
    if not instance.interface:
        yield "no interface"
    if not 1 <= instance.virtual_router_id <= 255:
        yield f"virtual_router_id {instance.virtual_router_id} is not within 1-255"
    if not 1 <= instance.priority <= OWNER_PRIORITY:
        yield f"priority {instance.priority} is not within 1-255"
    if instance.auth_type is AuthType.AH and instance.version == 2 and not instance.strict:
        yield "auth_type AH is not supported"
    if not instance.addresses and (instance.version == 3 or instance.family is Family.INET6 or instance.strict):
        yield "no virtual_ipaddress; at least one is required"
    if len(instance.addresses) > MAX_ADDRESSES:
        yield f"{len(instance.addresses)} addresses in virtual_ipaddress, an advert holds {MAX_ADDRESSES}"
    if any(family_of(vip.address) != instance.family for vip in instance.addresses):
        yield "virtual_ipaddress mixes families"
    if instance.source_address is not None and family_of(instance.source_address) != instance.family:
        yield f"source address {instance.source_address} is of the other family"
    if any(family_of(peer) != instance.family for peer in instance.unicast_peers):
        yield "unicast_peer of the other family"
    if instance.strict and instance.unicast_peers:
        yield "unicast peers are not supported in strict mode"


def settled(instance: VrrpInstance) -> VrrpInstance:
    """The instance with what its other settings rule out reset."""
    if instance.version == 3 or instance.strict:
        instance = replace(instance, auth_type=AuthType.NONE, auth_password="")
    if instance.nopreempt and instance.priority == OWNER_PRIORITY:
        instance = replace(instance, nopreempt=False)
    if instance.nopreempt or instance.strict or instance.priority == OWNER_PRIORITY:
        instance = replace(instance, preempt_delay_s=0.0)
    if instance.strict:
        garp = replace(instance.garp, lower_prio_repeat=0, lower_prio_delay_s=0.0)
        instance = replace(instance, garp=garp, lower_prio_no_advert=True, higher_prio_send_advert=False)
    return instance


def tracked_by(instance: VrrpInstance, group: VrrpSyncGroup | None, config: KeepalivedConfig) -> list[Tracked]:
    """All that an instance tracks, by itself, through its group, and its own interface."""
    items: list[Tracked] = []
    if instance.track_interface_itself:
        items.append(Tracked(Kind.INTERFACE, instance.interface))
    for tracking in (instance.tracking, group.tracking if group is not None else Tracking()):
        items += _resolve(tracking, config)
    is_owner = instance.priority == OWNER_PRIORITY
    if is_owner or (group is not None and not group.tracking_weight):
        items = [item for each in items for item in _without_weight(each, is_owner=is_owner)]
    return items


def _resolve(tracking: Tracking, config: KeepalivedConfig) -> Iterable[Tracked]:
    for track in tracking.interfaces:
        yield Tracked(Kind.INTERFACE, track.name, track.weight or 0, track.reverse)
    for track in tracking.scripts:
        if (script := config.scripts.get(track.name)) is not None:
            yield _tracked(Kind.SCRIPT, track, script.weight, script.reverse)
    for track in tracking.files:
        if (file := config.track_files.get(track.name)) is not None:
            yield _tracked(Kind.FILE, track, file.weight, file.reverse)
    for track in tracking.processes:
        if (process := config.track_processes.get(track.name)) is not None:
            yield _tracked(Kind.PROCESS, track, process.weight, process.reverse)


def _tracked(kind: Kind, track: Track, weight: int, reverse: bool) -> Tracked:
    if track.weight is None:
        return Tracked(kind, track.name, weight, reverse != track.reverse)
    return Tracked(kind, track.name, track.weight, track.reverse)


def _without_weight(item: Tracked, *, is_owner: bool) -> Iterable[Tracked]:
    """An owner's priority is fixed, and members of a group must not drift apart."""
    if item.weight == 0:
        yield item
        return
    is_interface = item.kind is Kind.INTERFACE and not is_owner
    if is_interface or (item.kind is Kind.FILE and item.weight == _DEFAULT_FILE_WEIGHT):
        yield replace(item, weight=0)
