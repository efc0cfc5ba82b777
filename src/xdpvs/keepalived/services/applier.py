"""A thread that makes dpvs have what is wanted, whenever dpvs is there.

Theory of operation. `want` notes what a service should be; the last word counts, in the order services were first
named. A pass computes the difference of each service that is not settled to what dpvs is known to have, and sends it in
chunks. What dpvs accepted is noted; what it refused stays unsettled: tried again a little later and later (a device may
be missing yet), but what it does not support only when another dpvs process is there. Once a second dpvs is asked who
it is. If its state is another one, or an answer was lost, what it has is listed and compared with everything wanted.
So a restart, a lost answer and a first start are one case.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from xdpvs.api.errors import ApiError, ConnectionFailed, TransportError
from xdpvs.keepalived.services.applied import LaddrPlace, Table
from xdpvs.keepalived.services.changes import Change, ChangeAddress, ChangeDests, PutService, differences
from xdpvs.keepalived.services.explain import lasting, refusal, service_name, subject, surprising
from xdpvs.keepalived.services.link import DpvsLink, Identity
from xdpvs.keepalived.services.reporter import Reporter
from xdpvs.keepalived.services.wanted import Wanted
from xdpvs.model.address import IPAddress, family_of
from xdpvs.model.service import Laddr, ServiceKey

_log = logging.getLogger(__name__)

POLL_S = 1.0
RETRY_MAX_S = 30.0
CHUNK = 500
"""Services per request: about a tenth of a second of dpvs's time."""


class Applier:
    """start() begins; want() may be called from any thread; stop() waits for the end."""

    def __init__(
        self,
        link: DpvsLink,
        *,
        flush_first: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._clock = clock
        self._flush_first = flush_first
        self._wakeup = threading.Condition()
        self._incoming: dict[ServiceKey, Wanted | None] = {}
        self._stopping: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._main, name="applier", daemon=True)
        self._wanted: dict[ServiceKey, Wanted | None] = {}
        self._table = Table()
        self._unsettled: dict[ServiceKey, None] = {}
        self._refused: set[ServiceKey] = set()
        self._users: dict[LaddrPlace, set[ServiceKey]] = {}
        self._identity: Identity | None = None
        self._must_look = True
        self._away = ""
        self._retry_at, self._retry_s, self._poll_at = 0.0, POLL_S, 0.0
        self.report = Reporter()

    # For the other threads

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def want(self, services: Mapping[ServiceKey, Wanted | None]) -> None:
        """Services as they should be from now on, None for those that should be gone."""
        with self._wakeup:
            self._incoming.update(services)
            self._wakeup.notify()

    def stop(self, *, release: bool, flush: bool = False, timeout_s: float = 30.0) -> bool:
        """End, with release after taking back everything, with flush all of dpvs's services; False if not in time."""

        def last() -> None:
            if flush:
                self._link.flush()
                self._must_look = True
            if flush or release:
                self._take_back()

        with self._wakeup:
            self._stopping = last
            self._wakeup.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def settled(self) -> bool:
        """Whether dpvs has everything, as far as is known."""
        with self._wakeup:
            return not (self._incoming or self._unsettled or self._must_look or self._away)

    def summary(self) -> list[str]:
        """For a dump: how things stand with dpvs."""
        state = f"away: {self._away}" if self._away else "there"
        return [f"dpvs is {state}", f"services not settled: {len(self._unsettled)}", *self.report.lines()]

    # The thread

    def _main(self) -> None:
        while True:
            with self._wakeup:
                if not self._incoming and self._stopping is None:
                    self._wakeup.wait(POLL_S)
                incoming, self._incoming = self._incoming, {}
                for key, wanted in incoming.items():
                    self._take(key, wanted)
                stopping = self._stopping
            try:
                if stopping is None:
                    self._turn(fresh=bool(incoming))
                else:
                    stopping()
            except TransportError as error:
                self._went_away(error)
            except Exception:
                # A fault of ours must not leave dpvs alone for good: look again, and go on.
                self._must_look = True
                _log.exception("applying services failed")
            if stopping is not None:
                return

    def _take(self, key: ServiceKey, wanted: Wanted | None) -> None:
        before = self._wanted.get(key)
        self._wanted[key] = wanted
        self._unsettled[key] = None
        self._refused.discard(key)
        for laddr in before.laddrs if before else ():
            self._users.get((laddr.device, laddr.address), set()).discard(key)
        for laddr in wanted.laddrs if wanted else ():
            self._users.setdefault((laddr.device, laddr.address), set()).add(key)

    def _went_away(self, error: TransportError) -> None:
        if not self._away:
            reason = error.strerror if isinstance(error, ConnectionFailed) else "no usable answer"
            _log.error("dpvs is not there (%s): waiting for it", reason)
            self._away = reason
        self._must_look = True
        self._retry_at, self._retry_s, self._poll_at = 0.0, POLL_S, 0.0

    def _turn(self, *, fresh: bool) -> None:
        now = self._clock()
        if now >= self._poll_at:
            self._meet(self._link.identity())
            self._poll_at = now + POLL_S
        if fresh:
            self._retry_at, self._retry_s = now, POLL_S
        if now < self._retry_at:
            return
        if self._flush_first:
            self._link.flush()
            self._flush_first = False
            self._must_look = True
        if self._must_look:
            self._look()
        if any(key not in self._refused for key in self._unsettled):
            self._pass([key for key in self._unsettled if key not in self._refused])
            if self._must_look or any(key not in self._refused for key in self._unsettled):
                self._retry_at, self._retry_s = now + self._retry_s, min(2 * self._retry_s, RETRY_MAX_S)

    def _meet(self, identity: Identity) -> None:
        before, self._identity = self._identity, identity
        if self._away:
            _log.info("dpvs is there")
            self._away = ""
        if before is None or before == identity:
            return
        # Another process may support what the last one refused.
        self._refused.clear()
        self._retry_at, self._retry_s = 0.0, POLL_S
        if before.generation != identity.generation:
            _log.info("dpvs has started anew: applying everything again")
            self._must_look = True

    def _look(self) -> None:
        try:
            seen = self._link.look()
        except ApiError as error:
            _log.error("dpvs does not list what it has: %s", error.text)
            raise TransportError(error.line, error.code) from error
        known = self._wanted
        mine = {key: applied for key, applied in seen.services.items() if key in known}
        self._table = Table(mine, seen.pool_addresses)
        self._unsettled = dict.fromkeys(known)
        self._must_look = False

    # A pass

    def _pass(self, keys: list[ServiceKey]) -> None:
        for first in range(0, len(keys), CHUNK):
            self._chunk(keys[first : first + CHUNK])
        self._drop_addresses()
        self.report.end_of_pass()

    def _chunk(self, keys: Iterable[ServiceKey]) -> None:
        plans = {key: differences(self._wanted[key], self._table.of(key), key) for key in keys}
        self._add_addresses(key for key in plans if self._wanted[key])
        unhappy: set[ServiceKey] = set()
        self._run([(key, change) for key, plan in plans.items() for change in plan], unhappy)
        for key in plans:
            if key not in unhappy:
                self._settle(key)

    def _run(self, plan: list[tuple[ServiceKey, Change]], unhappy: set[ServiceKey]) -> None:
        """Send a plan. Servers that are refused together are tried one by one: the good ones shall serve."""
        if not plan:
            return
        together = [item for item in plan if self._link.native or not isinstance(item[1], ChangeDests)]
        singly = [item for item in plan if not self._link.native and isinstance(item[1], ChangeDests)]
        missing: set[ServiceKey] = set()
        for (key, change), code in zip(together, self._link.run([change for _, change in together]), strict=True):
            applied = self._table.of(key)
            if code in change.accepts:
                change.confirm(applied)
            elif key in missing:
                continue
            elif isinstance(change, ChangeDests) and len(change.put) + len(change.drop) > 1:
                singly.append((key, change))
            else:
                self._complain(key, change, code, unhappy)
                if isinstance(change, PutService) and applied.service is None:
                    # What belongs to it was refused as well: of course.
                    missing.add(key)
        parts = [
            (key, part)
            for key, change in singly
            if key not in missing and isinstance(change, ChangeDests)
            for part in change.singly(self._table.of(key))
        ]
        if parts:
            for (key, part), code in zip(parts, self._link.run([part for _, part in parts]), strict=True):
                if code in part.accepts:
                    part.confirm(self._table.of(key))
                else:
                    self._complain(key, part, code, unhappy)

    def _complain(self, key: ServiceKey, change: Change, code: int, unhappy: set[ServiceKey]) -> None:
        wanted = self._wanted[key]
        name = wanted.name if wanted else service_name(key)
        self.report.failed(key, name, subject(change), refusal(change, code))
        if key not in unhappy:
            self._refused.add(key)
            unhappy.add(key)
        if not lasting(change, code):
            self._refused.discard(key)
        if surprising(change, code):
            self._must_look = True

    def _settle(self, key: ServiceKey) -> None:
        self._unsettled.pop(key, None)
        wanted = self._wanted[key]
        self.report.settled(key, wanted.name if wanted else service_name(key))
        if wanted is None:
            # Gone: from now on it is somebody else's, if there is one again.
            del self._wanted[key]
            self._table.services.pop(key, None)

    # Addresses behind local addresses

    def _add_addresses(self, keys: Iterable[ServiceKey]) -> None:
        missing: dict[LaddrPlace, tuple[Laddr, ServiceKey]] = {}
        for key in keys:
            wanted = self._wanted[key]
            for laddr in wanted.laddrs if wanted else ():
                place = (laddr.device, laddr.address)
                if place not in self._table.pool_addresses:
                    missing.setdefault(place, (laddr, key))
        changes = [ChangeAddress(laddr) for laddr, _ in missing.values()]
        if not changes:
            return
        for (place, (_, key)), change, code in zip(missing.items(), changes, self._link.run(changes), strict=True):
            wanted = self._wanted[key]
            if code in change.accepts:
                self._table.pool_addresses.add(place)
            elif wanted is not None:
                self.report.failed(place, wanted.name, subject(change), refusal(change, code))

    def _drop_addresses(self) -> None:
        """Addresses whose last service of ours is rid of them, unless somebody else's service uses them."""
        unused = [place for place, users in self._users.items() if not users]
        if not unused:
            return
        held = self._held_by_others()
        gone = []
        for device, address in unused:
            del self._users[device, address]
            known = (device, address) in self._table.pool_addresses
            if known and address not in held:
                gone.append(ChangeAddress(Laddr(family_of(address), address, device), drop=True))
        for change, code in zip(gone, self._link.run(gone), strict=True):
            self._table.pool_addresses.discard((change.laddr.device, change.laddr.address))
            if code not in change.accepts:
                _log.error("dpvs does not remove %s: %s", subject(change), refusal(change, code))

    def _held_by_others(self) -> set[IPAddress]:
        """Local addresses of services in dpvs, as it has them now."""
        try:
            seen = self._link.look()
        except ApiError:
            return set()
        return {address for applied in seen.services.values() for address in applied.laddrs}

    def _take_back(self) -> None:
        if self._must_look:
            self._look()
        for key in list(self._wanted):
            self._take(key, None)
        self._pass(list(self._wanted))
