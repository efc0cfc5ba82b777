"""DPVS's routes of both families, and the one of each prefix that the data plane gets (DPVS src/route.c, route6.c).

A prefix may have routes on several devices, of which the first one added counts; host routes to ourselves and to the
kernel come before others of the same prefix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from xdpvs.model.address import Family, IPAddress
from xdpvs.model.network import Route, RouteFlags

LOCAL = RouteFlags.LOCALIN | RouteFlags.KNI_HOST
Prefix = tuple[IPAddress, int]

Install = Callable[[IPAddress, int, Route | None], None]
"""Told what route a prefix has now, None for no more."""


def masked(address: IPAddress, prefix_length: int) -> IPAddress:
    """An address without its host bits."""
    bits = address.max_prefixlen - prefix_length
    return type(address)(int(address) >> bits << bits)


def is_local(route: Route) -> bool:
    """Whether a route leads to ourselves or to the kernel."""
    return bool(route.flags & LOCAL)


@dataclass(slots=True)
class _Entry:
    id: int
    route: Route


class Routes:
    """The table; ids are the caller's names for routes and grow, which keeps the order of adding."""

    def __init__(self, install: Install = lambda destination, prefix_length, route: None) -> None:
        self._install = install
        self._entries: dict[Prefix, list[_Entry]] = {}
        self._lengths: dict[Family, Counter[int]] = {Family.INET: Counter(), Family.INET6: Counter()}

    def find(self, route: Route) -> tuple[int, Route] | None:
        """The route of the same prefix, device and kind (local or not, in IPv4's two tables)."""
        for entry in self._entries.get((route.destination, route.prefix_length), ()):
            if entry.route.device == route.device and (
                route.family == Family.INET6 or is_local(entry.route) == is_local(route)
            ):
                return entry.id, entry.route
        return None

    def add(self, route_id: int, route: Route) -> None:
        """Add a route whose destination has no host bits."""
        prefix = (route.destination, route.prefix_length)
        before = self._chosen(prefix)
        self._entries.setdefault(prefix, []).append(_Entry(route_id, route))
        self._lengths[route.family][route.prefix_length] += 1
        try:
            self._update(prefix, before)
        except Exception:
            self._take(prefix, route_id)
            raise

    def remove(self, route_id: int, route: Route) -> None:
        """Remove a route that is there."""
        prefix = (route.destination, route.prefix_length)
        before = self._chosen(prefix)
        self._take(prefix, route_id)
        self._update(prefix, before)

    def _take(self, prefix: Prefix, route_id: int) -> None:
        entries = self._entries[prefix]
        (taken,) = (entry for entry in entries if entry.id == route_id)
        entries.remove(taken)
        if not entries:
            del self._entries[prefix]
        lengths = self._lengths[taken.route.family]
        lengths[prefix[1]] -= 1
        if not lengths[prefix[1]]:
            del lengths[prefix[1]]

    def _chosen(self, prefix: Prefix) -> Route | None:
        entries = self._entries.get(prefix, [])
        return min(entries, key=lambda entry: (not is_local(entry.route), entry.id)).route if entries else None

    def _update(self, prefix: Prefix, before: Route | None) -> None:
        chosen = self._chosen(prefix)
        if chosen != before:
            self._install(*prefix, chosen)

    def reinstall(self) -> None:
        """Tell of every prefix again, as after a change of a device."""
        for prefix in list(self._entries):
            self._install(*prefix, self._chosen(prefix))

    def prefixes(self) -> set[Prefix]:
        """Every prefix that has a route."""
        return set(self._entries)

    def all(self, family: Family, device: str = "") -> Iterator[tuple[int, Route]]:
        """(id, route) in the order of adding, of one device or all."""
        found = [
            entry
            for entries in self._entries.values()
            for entry in entries
            if entry.route.family == family and device in ("", entry.route.device)
        ]
        for entry in sorted(found, key=lambda entry: entry.id):
            yield entry.id, entry.route

    def lookup(self, address: IPAddress) -> Route | None:
        """The route packets to an address take: longest prefix."""
        family = Family.INET if address.version == 4 else Family.INET6
        for length in sorted(self._lengths[family], reverse=True):
            chosen = self._chosen((masked(address, length), length))
            if chosen is not None:
                return chosen
        return None

    def next_hop(self, address: IPAddress) -> tuple[str, IPAddress] | None:
        """(device, neighbour) packets to an address are handed to; None for ourselves and without a route."""
        route = self.lookup(address)
        if route is None or is_local(route):
            return None
        return route.device, route.gateway if int(route.gateway) else address
