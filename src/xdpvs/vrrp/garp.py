"""When gratuitous ARP and unsolicited neighbour advertisements are due (keepalived's garp_* settings)."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import GarpTiming

LOWER_EVERY_S = 1.0
"""A worse master that speaks more often than this, or a forger, is not answered by ARP each time."""


@dataclass(order=True, slots=True)
class Burst:
    """Announce each of the addresses `repeat` times, at `at`."""

    at: float
    order: int
    addresses: tuple[IPAddress, ...] = field(compare=False)
    repeat: int = field(compare=False)


class GarpSchedule:
    """Bursts of a master: one when it begins, one after master_delay, one every master_refresh, and so on.

    With garp_interval or gna_interval the packets of a burst are spread, each family's in a row of its own.
    """

    def __init__(self, timing: GarpTiming) -> None:
        self.timing = timing
        self._bursts: list[Burst] = []
        self._order = itertools.count()
        self._refresh_at: float | None = None
        self._addresses: tuple[IPAddress, ...] = ()
        self._free_at = {4: 0.0, 6: 0.0}
        self._lower_at = -LOWER_EVERY_S

    def begin(self, addresses: tuple[IPAddress, ...], now: float) -> None:
        """The addresses are ours from now on."""
        self.end()
        self._addresses = addresses
        self._add(now, addresses, self.timing.master_repeat)
        if self.timing.master_delay_s:
            self._add(now + self.timing.master_delay_s, addresses, self.timing.master_repeat)
        self._arm_refresh(now)

    def end(self) -> None:
        """They are no longer ours: nothing more is sent."""
        self._bursts.clear()
        self._refresh_at = None
        self._addresses = ()

    def hear_lower(self, now: float) -> None:
        """Another router thought it was master and may have led traffic to itself."""
        if self.timing.lower_prio_repeat and now - self._lower_at >= LOWER_EVERY_S:
            self._lower_at = now
            self._add(now, self._addresses, self.timing.lower_prio_repeat)
            if self.timing.lower_prio_delay_s:
                self._add(now + self.timing.lower_prio_delay_s, self._addresses, self.timing.lower_prio_repeat)

    def change(self, timing: GarpTiming, addresses: tuple[IPAddress, ...], now: float) -> None:
        """Other settings or addresses while master: new addresses are announced as at the beginning."""
        added = tuple(address for address in addresses if address not in self._addresses)
        kept = set(addresses)
        self.timing, self._addresses = timing, addresses
        for burst in self._bursts:
            burst.addresses = tuple(address for address in burst.addresses if address in kept)
        self._add(now, added, timing.master_repeat)
        if timing.master_delay_s:
            self._add(now + timing.master_delay_s, added, timing.master_repeat)
        self._arm_refresh(now)

    def next_at(self) -> float | None:
        """When `due` has something again."""
        times = [self._bursts[0].at] if self._bursts else []
        if self._refresh_at is not None:
            times.append(self._refresh_at)
        return min(times, default=None)

    def due(self, now: float) -> list[Burst]:
        """The bursts whose time has come; each is returned once."""
        if self._refresh_at is not None and self._refresh_at <= now:
            self._add(now, self._addresses, self.timing.master_refresh_repeat)
            self._arm_refresh(now)
        due = []
        while self._bursts and self._bursts[0].at <= now:
            burst = heapq.heappop(self._bursts)
            if burst.addresses:
                due.append(burst)
        return due

    def _arm_refresh(self, now: float) -> None:
        self._refresh_at = now + self.timing.master_refresh_s if self.timing.master_refresh_s else None

    def _add(self, at: float, addresses: tuple[IPAddress, ...], repeat: int) -> None:
        for version, interval_s in ((4, self.timing.interval_s), (6, self.timing.gna_interval_s)):
            of_family = tuple(address for address in addresses if address.version == version)
            if not interval_s:
                self._push(at, of_family, repeat)
                continue
            for address in of_family * repeat:
                free_at = max(at, self._free_at[version])
                self._push(free_at, (address,), 1)
                self._free_at[version] = free_at + interval_s

    def _push(self, at: float, addresses: tuple[IPAddress, ...], repeat: int) -> None:
        if addresses and repeat:
            heapq.heappush(self._bursts, Burst(at, next(self._order), addresses, repeat))
