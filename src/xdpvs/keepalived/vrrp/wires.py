"""Links as the machines see them: which are up, what can be sent from, and the sockets on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from xdpvs.keepalived.vrrp.sockets import AdvertSocket, Place
from xdpvs.model.address import Family, IPAddress
from xdpvs.model.vrrp import VrrpInstance
from xdpvs.netlink.watch import LinkWatch, WatchedLink
from xdpvs.packet.vrrp import encode, group_of
from xdpvs.vrrp.commands import SendAdvertisement
from xdpvs.vrrp.inspection import Datagram

_log = logging.getLogger("xdpvs.keepalived.vrrp")

Opener = Callable[[WatchedLink, Family, Iterable[IPAddress]], AdvertSocket]


class Wires:
    """A socket for each interface and family in use, opened anew when the link is made anew."""

    def __init__(
        self,
        watch: LinkWatch,
        add_reader: Callable[[AdvertSocket, Place], None],
        remove_reader: Callable[[AdvertSocket], None],
        opener: Opener = AdvertSocket,
    ) -> None:
        self.watch = watch
        self.send_failures = 0
        self._add_reader = add_reader
        self._remove_reader = remove_reader
        self._open = opener
        self._sockets: dict[Place, AdvertSocket] = {}
        self._problems: dict[Place, str] = {}
        self._send_problems: dict[str, str] = {}

    def sync(self, instances: Iterable[VrrpInstance]) -> dict[Place, str]:
        """Have exactly the sockets these instances need; what could not be opened, and why.

        PermissionError without CAP_NET_RAW: then none can be.
        """
        wanted: dict[Place, set[IPAddress]] = {}
        for instance in instances:
            groups = wanted.setdefault(Place(instance.interface, instance.family), set())
            if not instance.unicast_peers:
                groups.add(instance.multicast_group or group_of(instance.family))
        for place in list(self._sockets):
            link = self.watch.link(place.interface)
            kept = self._sockets[place]
            if place not in wanted or link is None or link.index != kept.link.index or kept.groups != wanted[place]:
                self._close(place)
        problems = {}
        for place, groups in wanted.items():
            if place not in self._sockets and (problem := self._try(place, groups)):
                problems[place] = problem
        for place, problem in problems.items():
            if self._problems.get(place) != problem:
                _log.error("%s: cannot listen for adverts: %s", place.interface, problem)
        self._problems = problems
        return problems

    def _try(self, place: Place, groups: set[IPAddress]) -> str:
        link = self.watch.link(place.interface)
        if link is None:
            return "no such interface"
        try:
            opened = self._open(link, place.family, groups)
        except PermissionError:
            raise
        except OSError as error:
            return error.strerror or str(error)
        self._sockets[place] = opened
        self._add_reader(opened, place)
        return ""

    def _close(self, place: Place) -> None:
        closing = self._sockets.pop(place)
        self._remove_reader(closing)
        closing.close()

    def close(self) -> None:
        """Close all."""
        for place in list(self._sockets):
            self._close(place)

    def drain(self) -> list[tuple[Place, Datagram]]:
        """What has arrived on any socket."""
        return [(place, each) for place, advert_socket in self._sockets.items() for each in advert_socket.receive()]

    def send(self, command: SendAdvertisement) -> None:
        """Send an advert to all it is for; failures are counted, and logged when they change."""
        family = Family.INET if command.source.version == 4 else Family.INET6
        advert_socket = self._sockets.get(Place(command.interface, family))
        if advert_socket is None:
            self.send_failures += 1
            return
        problem = ""
        for destination in command.destinations:
            payload = encode(command.advertisement, command.source, command.checksum_destination or destination)
            try:
                advert_socket.send(payload, command.source, destination)
            except OSError as error:
                self.send_failures += 1
                problem = f"advert to {destination} not sent: {error.strerror}"
        if problem != self._send_problems.get(command.instance, ""):
            self._send_problems[command.instance] = problem
            if problem:
                _log.warning("(%s) %s", command.instance, problem)
