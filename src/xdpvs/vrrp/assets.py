"""The addresses and routes of an instance, as commands: all of them, or the difference of two configurations."""

from __future__ import annotations

from dataclasses import replace

from xdpvs.model.vrrp import VirtualAddress, VirtualRoute, VrrpInstance
from xdpvs.vrrp.commands import AddRoutes, AddVips, Command, RemoveRoutes, RemoveVips


def vips_of(config: VrrpInstance) -> tuple[VirtualAddress, ...]:
    """All addresses, those outside the advert included."""
    return config.addresses + config.excluded_addresses


def routes_of(config: VrrpInstance) -> tuple[VirtualRoute, ...]:
    """The routes, each with its device."""
    return tuple(replace(route, device=route.device or config.dpdk_interface) for route in config.routes)


def add(config: VrrpInstance) -> list[Command]:
    """Put everything into DPVS."""
    return _add(config, vips_of(config), routes_of(config))


def remove(config: VrrpInstance) -> list[Command]:
    """Take everything out of DPVS."""
    return _remove(config, vips_of(config), routes_of(config))


def difference(old: VrrpInstance, new: VrrpInstance) -> list[Command]:
    """What a master has to add and remove; under another name all of it changes hands, added first."""
    is_same = old.name == new.name
    same_device = is_same and old.dpdk_interface == new.dpdk_interface
    old_vips, new_vips = vips_of(old), vips_of(new)
    old_routes, new_routes = routes_of(old), routes_of(new)
    removed = _remove(
        old,
        tuple(vip for vip in old_vips if not (same_device and vip in new_vips)),
        tuple(route for route in old_routes if not (is_same and route in new_routes)),
    )
    added = _add(
        new,
        tuple(vip for vip in new_vips if not (same_device and vip in old_vips)),
        tuple(route for route in new_routes if not (is_same and route in old_routes)),
    )
    return removed + added if is_same else added + removed


def _add(config: VrrpInstance, vips: tuple[VirtualAddress, ...], routes: tuple[VirtualRoute, ...]) -> list[Command]:
    commands: list[Command] = [AddVips(config.name, config.dpdk_interface, vips)] if vips else []
    return commands + ([AddRoutes(config.name, routes)] if routes else [])


def _remove(config: VrrpInstance, vips: tuple[VirtualAddress, ...], routes: tuple[VirtualRoute, ...]) -> list[Command]:
    commands: list[Command] = [RemoveRoutes(config.name, routes)] if routes else []
    return commands + ([RemoveVips(config.name, config.dpdk_interface, vips)] if vips else [])
