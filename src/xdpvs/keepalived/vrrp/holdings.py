"""What masters hold in dpvs: which addresses and routes should be there, which are, and what to do next. No I/O."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from xdpvs.model.address import IPAddress
from xdpvs.model.vrrp import VirtualAddress, VirtualRoute

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
ANNOUNCE_AFTER_LOSS = 5


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address on a device."""

    device: str
    vip: VirtualAddress

    def __str__(self) -> str:
        return f"address {self.vip.address}/{self.vip.prefix_length} on {self.device or '(no dpdk_interface)'}"


@dataclass(frozen=True, slots=True)
class HeldRoute:
    """A route."""

    route: VirtualRoute

    def __str__(self) -> str:
        return f"route {self.route.destination}/{self.route.prefix_length} on {self.route.device}"


Held = HeldAddress | HeldRoute


class Deed(enum.Enum):
    """What can be asked of dpvs."""

    ADD = "add"
    REMOVE = "remove"
    ANNOUNCE = "announce"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to ask of dpvs; repeat is for ANNOUNCE."""

    deed: Deed
    held: Held
    repeat: int = 1


@dataclass(slots=True)
class _Entry:
    holders: set[str] = field(default_factory=set)
    present: bool | None = False
    """None: unknown, something failed."""
    failures: int = 0
    retry_at: float = 0.0
    announcements: int = 0
    problem: str = ""

    @property
    def deed(self) -> Deed | None:
        """What this needs next."""
        if not self.holders:
            return None if self.present is False else Deed.REMOVE
        if not self.present:
            return Deed.ADD
        return Deed.ANNOUNCE if self.announcements else None


class Holdings:
    """A thing is wanted while any instance holds it, so a move from one instance to another does not remove it."""

    def __init__(self) -> None:
        self._entries: dict[Held, _Entry] = {}
        # What needs something, by what; removals come first, for they may make room for the same address elsewhere.
        self._needs: dict[Deed, dict[Held, _Entry]] = {Deed.REMOVE: {}, Deed.ADD: {}, Deed.ANNOUNCE: {}}

    def hold(self, instance: str, things: Iterable[Held]) -> None:
        """An instance wants these in dpvs. What is there already is asserted again."""
        for held in things:
            entry = self._entries.setdefault(held, _Entry())
            entry.holders.add(instance)
            entry.retry_at = 0.0
            if entry.present:
                entry.present = None
            self._sort(held, entry)

    def release(self, instance: str, things: Iterable[Held]) -> None:
        """An instance no longer wants these."""
        for held in things:
            entry = self._entries.setdefault(held, _Entry(present=None))
            entry.holders.discard(instance)
            entry.retry_at = 0.0
            if not entry.holders:
                entry.announcements = 0
            self._sort(held, entry)

    def announce(self, addresses: Iterable[IPAddress], repeat: int) -> None:
        """Announce addresses once they are there; not more often than the longest burst waiting."""
        wanted = set(addresses)
        for held, entry in self._entries.items():
            if isinstance(held, HeldAddress) and held.vip.address in wanted and entry.holders:
                entry.announcements = max(entry.announcements, repeat)
                self._sort(held, entry)

    def lose(self) -> int:
        """dpvs began from nothing: everything wanted has to be added and announced again. Returns how much that is."""
        lost = 0
        for held, entry in list(self._entries.items()):
            if entry.holders and entry.present is not False:
                lost += 1
                if isinstance(held, HeldAddress):
                    entry.announcements = max(entry.announcements, ANNOUNCE_AFTER_LOSS)
            entry.present, entry.failures, entry.retry_at = False, 0, 0.0
            self._sort(held, entry)
        return lost

    def retry_all(self) -> None:
        """Do not wait any longer with what failed."""
        for entry in self._entries.values():
            entry.retry_at = 0.0

    def next_job(self, now: float) -> Job | None:
        """What to do now; `begin` it."""
        for deed, entries in self._needs.items():
            for held, entry in entries.items():
                if entry.retry_at <= now:
                    return Job(deed, held, entry.announcements if deed is Deed.ANNOUNCE else 1)
        return None

    def begin(self, job: Job) -> None:
        """The job is on its way: until it is known how it ended, the thing may be there or not."""
        if job.deed is not Deed.ANNOUNCE:
            self._entries[job.held].present = None

    def next_retry(self) -> float | None:
        """When something that failed is due again."""
        return min((entry.retry_at for entries in self._needs.values() for entry in entries.values()), default=None)

    def succeeded(self, job: Job) -> str | None:
        """A job is done; a line for the log if it had failed before."""
        entry = self._entries.get(job.held)
        if entry is None:
            return None
        failures, entry.failures, entry.problem = entry.failures, 0, ""
        if job.deed is Deed.ANNOUNCE:
            entry.announcements = 0
        else:
            entry.present = job.deed is Deed.ADD
        self._sort(job.held, entry)
        return f"{job.deed.value} {job.held}: done, after {failures} failures" if failures else None

    def failed(self, job: Job, problem: str, now: float) -> str | None:
        """A job failed and is tried again later; a line for the log unless it would be the same as the last."""
        entry = self._entries.get(job.held)
        if entry is None:
            return None
        news = problem != entry.problem
        entry.problem = problem
        if job.deed is Deed.ANNOUNCE:
            entry.announcements = 0
        else:
            entry.present = None
            entry.retry_at = now + min(RETRY_FIRST_S * 2**entry.failures, RETRY_MAX_S)
            entry.failures = min(entry.failures + 1, 30)
        self._sort(job.held, entry)
        return f"cannot {job.deed.value} {job.held}: {problem}" if news else None

    def is_settled(self) -> bool:
        """Whether dpvs has all that is wanted and nothing else."""
        return not self._needs[Deed.ADD] and not self._needs[Deed.REMOVE]

    def lines(self) -> list[str]:
        """The state of everything, for the operator."""
        return [f"{held}: {_state(entry)}" for held, entry in self._entries.items()]

    def _sort(self, held: Held, entry: _Entry) -> None:
        """Put it where it belongs, without losing its place in a row it is in already."""
        deed = entry.deed
        for other, entries in self._needs.items():
            if other is not deed:
                entries.pop(held, None)
        if deed is not None:
            self._needs[deed][held] = entry
        elif not entry.holders:
            del self._entries[held]


def _state(entry: _Entry) -> str:
    state = {True: "present", False: "absent", None: "unknown"}[entry.present]
    wanted = f"held by {', '.join(sorted(entry.holders))}" if entry.holders else "to be removed"
    return f"{state}, {wanted}" + (f"; {entry.problem}" if entry.problem else "")
