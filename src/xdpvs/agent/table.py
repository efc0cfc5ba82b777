"""The balancing table with what the agent knows of it: every look at the daemon also brings the snapshot up to date."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from xdpvs.agent.answer import Refused
from xdpvs.agent.control import Control
from xdpvs.agent.identifiers import service_id
from xdpvs.agent.locks import Busy, Locks
from xdpvs.agent.snapshot import Reporter, ServerReport, ServiceState, Snapshot, plain_key
from xdpvs.model.service import Dest, ServiceKey
from xdpvs.model.table import TableEntry

LOCK_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Row:
    """A service as the daemon has it, and the snapshot's state made of that very look."""

    entry: TableEntry
    state: ServiceState


class Table:
    """Services by key. now_ms is the clock of versions, changed is called after anything worth saving."""

    def __init__(
        self,
        control: Control,
        snapshot: Snapshot,
        now_ms: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
        *,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        self.control = control
        self._snapshot = snapshot
        self._now_ms = now_ms
        self._changed = changed
        self._mutex = threading.Lock()
        self._locks: Locks[ServiceKey] = Locks(lock_timeout_s)

    # Looking

    def rows(self) -> list[Row]:
        """All services in the daemon's order. What others change meanwhile is looked at again, service by service."""
        with self._locks.looking() as moment:
            entries = self.control.read("services", self.control.table)
            rows: dict[ServiceKey, Row | None] = {}
            with self._mutex:
                for entry in entries:
                    key = plain_key(entry.status.service.key)
                    rows[key] = self._observe(entry) if self._locks.fresh(key, moment) else None
                missing = [state.service.key for state in self._snapshot.services()]
                late = [key for key in map(plain_key, missing) if key not in rows]
                for key in late:
                    if self._locks.fresh(key, moment):
                        self._forget(key)
            for key, row in rows.items():
                if row is None:
                    rows[key] = self.row(key)
        return [row for row in rows.values() if row is not None]

    def row(self, key: ServiceKey, *, unreachable: int = 503) -> Row | None:
        """One service, None if it is not there."""
        with self.holding(key, unreachable=unreachable) as row:
            return row

    @contextmanager
    def holding(self, key: ServiceKey, *, unreachable: int = 503) -> Iterator[Row | None]:
        """Look at a service and let nobody else change it through this agent until the block ends."""
        what = f"service {service_id(key)}"
        try:
            with self._locks.holding(plain_key(key)):
                entry = self.control.read(what, lambda: self.control.entry(key), unreachable=unreachable)
                with self._mutex:
                    row = None if entry is None else self._observe(entry)
                    if row is None:
                        self._forget(plain_key(key))
                yield row
        except Busy:
            raise Refused(503, f"{what}: others are changing it") from None

    def states(self) -> tuple[list[ServiceState], int]:
        """The snapshot and the newest version, to be saved."""
        with self._mutex:
            return self._snapshot.services(), self._snapshot.last_version

    def _observe(self, entry: TableEntry) -> Row:
        key = plain_key(entry.status.service.key)
        if self._snapshot.observe(entry, self._now_ms()):
            self._locks.touch(key)
            self._changed()
        state = self._snapshot.get(key)
        assert state is not None
        return Row(entry, state)

    def _forget(self, key: ServiceKey) -> None:
        if self._snapshot.forget(key):
            self._locks.touch(key)
            self._changed()

    # Changes, by whoever holds the service

    def look_again(self, key: ServiceKey) -> None:
        """After a change to the service itself, which has succeeded: no answer now is no matter."""
        try:
            entry = self.control.read(f"service {service_id(key)}", lambda: self.control.entry(key))
        except Refused:
            return
        with self._mutex:
            if entry is None:
                self._forget(plain_key(key))
            else:
                self._observe(entry)

    def forget(self, key: ServiceKey) -> None:
        """The service has been deleted."""
        with self._mutex:
            self._forget(plain_key(key))

    def change(self, key: ServiceKey, put: Sequence[Dest], delete: Sequence[Dest] = ()) -> None:
        """The operator's change of servers; ApiError and TransportError mean that nothing changed."""
        self.control.change_dests(key, put, delete)
        with self._mutex:
            if delete:
                self._snapshot.removed(key, [(dest.address, dest.port) for dest in delete], self._now_ms())
            if put:
                self._snapshot.ordered(key, put, self._now_ms())
        self._changed()

    def judge(self, key: ServiceKey, reports: Iterable[ServerReport], *, versioned: bool) -> list[Dest]:
        """What a health report would change."""
        with self._mutex:
            return self._snapshot.judge(key, reports, versioned=versioned)

    def report(self, key: ServiceKey, wanted: Sequence[Dest], reports: Sequence[ServerReport], by: Reporter) -> None:
        """Carry a health report out."""
        if wanted:
            self.control.weigh_dests(key, wanted)
        with self._mutex:
            self._snapshot.reported(key, wanted, reports, by)
        self._changed()
