"""Neighbours as `dpip neigh` sets and shows them (DPVS src/neigh.c)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from xdpvs.api.errors import DpvsError
from xdpvs.bpf.layout import NeighbourFlags, NeighbourState
from xdpvs.daemon.asking import NeighbourTable
from xdpvs.daemon.devices import Devices
from xdpvs.daemon.records import Kind, NeighbourRecord
from xdpvs.daemon.refusal import refuse
from xdpvs.daemon.services import Records
from xdpvs.model.address import IPAddress, family_of
from xdpvs.model.network import Neighbour
from xdpvs.model.network import NeighbourState as ShownState

LCORE = 1


class StaticNeighbours:
    """Static entries are never asked for and never overwritten by what the network says. changed: one is gone."""

    def __init__(
        self, table: NeighbourTable, devices: Devices, records: Records, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._table = table
        self._devices = devices
        self._records = records
        self._changed = changed
        self._ids = itertools.count(1)
        self._entries: dict[tuple[str, IPAddress], int] = {}

    def add(self, neighbour: Neighbour) -> None:
        """NEIGH_ADD: replaces what was known."""
        device = self._devices.get(neighbour.device, DpvsError.INVAL)
        if not int(neighbour.address) or not any(neighbour.mac):
            raise refuse(DpvsError.INVAL)
        self._install(device.id, neighbour)
        key = (neighbour.device, neighbour.address)
        record_id = self._entries.get(key) or next(self._ids)
        self._records.put(Kind.NEIGHBOUR, record_id, NeighbourRecord(neighbour))
        self._entries[key] = record_id

    def _install(self, device_id: int, neighbour: Neighbour) -> None:
        self._table.update_neighbour(
            device_id,
            neighbour.address,
            mac=neighbour.mac,
            state=NeighbourState.REACHABLE,
            set_flags=NeighbourFlags.STATIC,
        )

    def delete(self, neighbour: Neighbour) -> None:
        """NEIGH_DEL, also of learned ones; a missing one is fine."""
        device = self._devices.get(neighbour.device, DpvsError.INVAL)
        if not int(neighbour.address):
            raise refuse(DpvsError.INVAL)
        self._forget((neighbour.device, neighbour.address))
        self._table.remove_neighbour(device.id, neighbour.address)
        self._changed()

    def _forget(self, key: tuple[str, IPAddress]) -> None:
        record_id = self._entries.pop(key, None)
        if record_id is not None:
            self._records.delete(Kind.NEIGHBOUR, record_id)

    def forget_device(self, name: str) -> None:
        """A device goes."""
        for key in [key for key in self._entries if key[0] == name]:
            self._forget(key)

    def show(self, device: str) -> list[Neighbour]:
        """NEIGH_SHOW."""
        if device:
            self._devices.get(device)
        shown = []
        for entry in self._table.neighbours():
            owner = self._devices.by_id(entry.device_id)
            if owner is None or entry.address is None or device not in ("", owner.name):
                continue
            static = bool(entry.flags & NeighbourFlags.STATIC)
            shown.append(
                Neighbour(
                    family_of(entry.address),
                    entry.address,
                    owner.name,
                    entry.mac,
                    ShownState(entry.state),
                    static,
                    LCORE,
                )
            )
        return shown

    def adopt(self, records: dict[int, NeighbourRecord]) -> None:
        """Take over what the journal has."""
        for record_id, record in sorted(records.items()):
            neighbour = record.neighbour
            device = self._devices.find(neighbour.device)
            if device is None:
                self._records.delete(Kind.NEIGHBOUR, record_id)
                continue
            self._entries[neighbour.device, neighbour.address] = record_id
            self._install(device.id, neighbour)
        self._ids = itertools.count(max(records, default=0) + 1)
