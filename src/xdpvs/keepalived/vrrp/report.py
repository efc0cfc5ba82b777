"""The state and the counters as text: what SIGUSR1 and SIGUSR2 write to /tmp/keepalived.data and .stats."""

from __future__ import annotations

from collections.abc import Iterable

from xdpvs.model.vrrp import VrrpInstance
from xdpvs.vrrp.counters import Refusal
from xdpvs.vrrp.sync_group import SyncGroup
from xdpvs.vrrp.timing import own_interval_s
from xdpvs.vrrp.virtual_router import VirtualRouter
from xdpvs.vrrp.virtual_routers import VirtualRouters


def stats(routers: VirtualRouters) -> str:
    """Counters of every instance, in keepalived's form; checks keepalived does not count come last."""
    return "".join(f"{line}\n" for router in routers.routers for line in _stats(router))


def _stats(router: VirtualRouter) -> Iterable[str]:
    counters, refused = router.counters, router.counters.refused
    yield f"VRRP Instance: {router.name}"
    yield "  Advertisements:"
    yield f"    Received: {counters.received}"
    yield f"    Sent: {counters.sent}"
    yield f"  Became master: {counters.became_master}"
    yield f"  Released master: {counters.released_master}"
    yield "  Packet Errors:"
    yield f"    Length: {refused[Refusal.LENGTH]}"
    yield f"    TTL: {refused[Refusal.TTL]}"
    yield f"    Invalid Type: {refused[Refusal.TYPE]}"
    yield f"    Advertisement Interval: {refused[Refusal.INTERVAL]}"
    yield f"    Address List: {refused[Refusal.ADDRESSES]}"
    yield "  Authentication Errors:"
    yield f"    Invalid Type: {refused[Refusal.AUTH_TYPE_UNKNOWN]}"
    yield f"    Type Mismatch: {refused[Refusal.AUTH_TYPE]}"
    yield f"    Failure: {refused[Refusal.AUTH]}"
    yield "  Priority Zero:"
    yield f"    Received: {counters.zero_received}"
    yield f"    Sent: {counters.zero_sent}"
    yield "  Other Errors:"
    yield f"    Version: {refused[Refusal.VERSION]}"
    yield f"    Checksum: {refused[Refusal.CHECKSUM]}"
    yield f"    Multicast or unicast: {refused[Refusal.CAST]}"
    yield f"    Source: {refused[Refusal.SOURCE]}"


def data(routers: VirtualRouters, holdings: Iterable[str], now: float) -> str:
    """What runs and in which state. Passwords are left out."""
    lines = ["------< VRRP Topology >------"]
    for router in routers.routers:
        lines += _data(router, now)
    if routers.groups:
        lines.append("------< VRRP Sync groups >------")
        for group in routers.groups:
            lines += _group(group)
    lines += ["------< Addresses and routes in dpvs >------", *(f" {line}" for line in holdings)]
    lines.append(f" Packets of unknown VRIDs = {routers.unknown_vrids}, too short = {routers.too_short}")
    return "".join(f"{line}\n" for line in lines)


def _data(router: VirtualRouter, now: float) -> Iterable[str]:
    config = router.config
    yield f" VRRP Instance = {router.name}"
    yield f"   VRRP Version = {config.version}"
    yield f"   State = {router.state.value}"
    if router.since is not None:
        yield f"   In this state for = {now - router.since:.3f} s"
    for reason in router.tracker.hindrances():
        yield f"   Fault = {reason}"
    yield f"   Interface = {config.interface}"
    yield f"   DPVS interface = {config.dpdk_interface}"
    yield f"   Virtual Router ID = {config.virtual_router_id}"
    yield f"   Priority = {config.priority}"
    yield f"   Effective priority = {router.priority}"
    yield f"   Advert interval = {own_interval_s(config):g} sec"
    yield f"   Source address = {router.source or 'none'}"
    if router.master is not None:
        yield f"   Master router = {router.master}, priority {router.master_priority}"
    if config.version == 3:
        yield f"   Master advert interval = {router.master_interval_s:g} sec"
    yield f"   Preempt = {'disabled' if config.nopreempt else 'enabled'}"
    if config.preempt_delay_s:
        yield f"   Preempt delay = {config.preempt_delay_s:g} secs"
    yield f"   Authentication = {config.auth_type.name}"
    yield from _addresses(config)


def _addresses(config: VrrpInstance) -> Iterable[str]:
    for peer in config.unicast_peers:
        yield f"   Unicast Peer = {peer}"
    for title, vips in (("Virtual IP", config.addresses), ("Virtual IP Excluded", config.excluded_addresses)):
        yield f"   {title} ({len(vips)}):"
        for vip in vips:
            yield f"     {vip.address}/{vip.prefix_length} dev {config.dpdk_interface}"
    for route in config.routes:
        yield f"   Virtual Route = {route.destination}/{route.prefix_length} via {route.gateway} dev {route.device}"


def _group(group: SyncGroup) -> Iterable[str]:
    yield f" VRRP Sync Group = {group.config.name}, {group.state.value}"
    for member in group.members:
        yield f"   monitor = {member.name}"
