"""The addresses behind local addresses: on their device before a service gets them, off it when no service has them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from xdpvs.api.errors import ApiError
from xdpvs.keepalived.services.applied import LaddrPlace, Table
from xdpvs.keepalived.services.changes import ChangeAddress
from xdpvs.keepalived.services.explain import refusal, subject
from xdpvs.keepalived.services.link import DpvsLink
from xdpvs.keepalived.services.reporter import Reporter
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.address import IPAddress, family_of
from xdpvs.model.service import Laddr, ServiceKey

_log = logging.getLogger(__name__)


class PoolAddresses:
    """Knows which services use which address."""

    def __init__(self, link: DpvsLink, report: Reporter) -> None:
        self._link = link
        self._report = report
        self._users: dict[LaddrPlace, set[ServiceKey]] = {}

    def take(self, key: ServiceKey, before: Wanted | None, wanted: Wanted | None) -> None:
        """A service wants others than before."""
        for laddr in before.laddrs if before else ():
            self._users.get((laddr.device, laddr.address), set()).discard(key)
        for laddr in wanted.laddrs if wanted else ():
            self._users.setdefault((laddr.device, laddr.address), set()).add(key)

    def add(self, services: Iterable[Wanted], table: Table) -> None:
        """Put what these services need and is missing on its device."""
        missing: dict[LaddrPlace, tuple[ChangeAddress, str]] = {}
        for wanted in services:
            for laddr in wanted.laddrs:
                place = (laddr.device, laddr.address)
                if place not in table.pool_addresses:
                    missing.setdefault(place, (ChangeAddress(laddr), wanted.name))
        if not missing:
            return
        codes = self._link.run([change for change, _ in missing.values()])
        for (place, (change, name)), code in zip(missing.items(), codes, strict=True):
            if code in change.accepts:
                table.pool_addresses.add(place)
                self._report.settled(place, name)
            else:
                self._report.failed(place, name, subject(change), refusal(change, code))

    def drop_unused(self, table: Table) -> None:
        """Take off what the last service of ours is rid of, unless somebody else's service uses it."""
        unused = [place for place, users in self._users.items() if not users]
        if not unused:
            return
        held = self._held()
        gone = []
        for device, address in unused:
            del self._users[device, address]
            if (device, address) in table.pool_addresses and address not in held:
                gone.append(ChangeAddress(Laddr(family_of(address), address, device), drop=True))
        for change, code in zip(gone, self._link.run(gone), strict=True):
            table.pool_addresses.discard((change.laddr.device, change.laddr.address))
            if code not in change.accepts:
                _log.error("dpvs does not remove %s: %s", subject(change), refusal(change, code))

    def _held(self) -> set[IPAddress]:
        """Local addresses of services in dpvs, whosever they are."""
        try:
            seen = self._link.look()
        except ApiError:
            return set()
        return {address for applied in seen.services.values() for address in applied.laddrs}
