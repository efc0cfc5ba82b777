"""Whose service is whose: virtual servers may claim the same one, and then the first one has it."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from xdpvs.keepalived.services.explain import service_name
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.service import ServiceKey

_log = logging.getLogger(__name__)

Owner = tuple[str, int]
"""Name and protocol of a virtual server."""
Changes = dict[ServiceKey, Wanted | None]


class ServiceBook:
    """Each change returns what dpvs should have from now on, of the services it concerns; None: not any more."""

    def __init__(self) -> None:
        self._wanted: dict[Owner, Mapping[ServiceKey, Wanted]] = {}
        self._owners: dict[ServiceKey, Owner] = {}
        self._rivals: dict[ServiceKey, list[Owner]] = {}
        self._to_report: set[tuple[Owner, ServiceKey]] = set()

    def put(self, owner: Owner, services: Mapping[ServiceKey, Wanted]) -> Changes:
        """All services of a virtual server."""
        changes: Changes = {}
        before = self._wanted.get(owner, {})
        self._wanted[owner] = services
        for key, wanted in services.items():
            if self._owners.setdefault(key, owner) == owner:
                changes[key] = wanted
            elif owner not in (rivals := self._rivals.setdefault(key, [])):
                rivals.append(owner)
                self._to_report.add((owner, key))
        for key in before:
            if key not in services:
                self._give_up(owner, key, changes)
        return changes

    def remove(self, owner: Owner) -> Changes:
        """A virtual server is gone."""
        changes: Changes = {}
        for key in self._wanted.pop(owner, {}):
            self._give_up(owner, key, changes)
        return changes

    def _give_up(self, owner: Owner, key: ServiceKey, changes: Changes) -> None:
        rivals = self._rivals.get(key, [])
        if self._owners.get(key) != owner:
            if owner in rivals:
                rivals.remove(owner)
        elif rivals:
            heir = self._owners[key] = rivals.pop(0)
            changes[key] = self._wanted[heir][key]
        else:
            del self._owners[key]
            changes[key] = None

    def report(self) -> None:
        """Say which claims went unheard since the last report, and still do."""
        for owner, key in sorted(self._to_report, key=str):
            if owner in self._rivals.get(key, ()):
                _log.error("VS %s: service %s belongs to VS %s", owner[0], service_name(key), self._owners[key][0])
        self._to_report.clear()
