"""When to ask for a neighbour, and when to stop believing in one: decisions only, no I/O (DPVS src/neigh.c).

XDP learns: a reply makes an entry REACHABLE and stamps it. What it cannot do is ask. `poll` looks at the table and
says whom to ask.

An entry without MAC is asked for once a second, later less often; nobody's is given up after a few tries. One with a
MAC is asked by unicast before it is `timeout_s` old. Without answer it turns PROBE, then DELAY (both still used for
packets), and loses its MAC when MISSES questions in a row have gone unanswered: then it is asked for by broadcast as
long as servers or routes need it, and forgotten if none does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xdpvs.bpf.layout import NeighbourFlags, NeighbourState
from xdpvs.dataplane.network import NeighbourEntry
from xdpvs.model.address import IPAddress

Key = tuple[int, IPAddress]
"""Device id and address."""

RETRY_S = 1.0
QUICK_TRIES = 8
SLOW_RETRY_S = 5.0
GIVE_UP_TRIES = 4
MISSES = 4
PROBE_PART = 0.75
PROBE_AHEAD_S = 2.5
"""A neighbour is asked again after PROBE_PART of the timeout, with a short one sooner: two looks before its end."""
REVERSE_IDLE_S = 120.0
REVERSE_FILL = 0.75


@dataclass(frozen=True, slots=True)
class Solicit:
    """Ask; mac None = everybody, else that station only."""

    key: Key
    mac: bytes | None = None


@dataclass(frozen=True, slots=True)
class SetState:
    """Change the state of an entry."""

    key: Key
    state: NeighbourState


@dataclass(frozen=True, slots=True)
class Claim:
    """Make an entry without MAC and mark it as needed."""

    key: Key


@dataclass(frozen=True, slots=True)
class Release:
    """Take the mark away."""

    key: Key


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget an entry; connections that use it look for their next hop again."""

    key: Key


Command = Solicit | SetState | Claim | Release | Remove


@dataclass(slots=True)
class _Asked:
    """Questions since the last answer."""

    tries: int = 0
    last: float = 0.0


class Neighbours:
    """wanted: what servers and routes need. timeout_s: how long a MAC is believed (neigh_defs/timeout)."""

    def __init__(self, timeout_s: float = 60.0) -> None:
        self.timeout_s = timeout_s
        self.wanted: frozenset[Key] = frozenset()
        self._asked: dict[Key, _Asked] = {}

    def set_wanted(self, wanted: frozenset[Key], now: float) -> list[Command]:
        """What is needed from now on; the new ones are asked for at once."""
        added, dropped = wanted - self.wanted, self.wanted - wanted
        self.wanted = wanted
        commands: list[Command] = [Release(key) for key in dropped]
        for key in sorted(added, key=lambda key: (key[0], key[1].version, int(key[1]))):
            commands += [Claim(key), *self._ask(key, None, now)]
        return commands

    def needed(self, key: Key, now: float) -> list[Command]:
        """A packet waits for this neighbour."""
        asked = self._asked.get(key)
        if asked is not None and now - asked.last < RETRY_S:
            return []
        return [*self._ask(key, None, now), SetState(key, NeighbourState.SEND)]

    def learned(self, key: Key) -> None:
        """An answer came."""
        self._asked.pop(key, None)

    def pending(self) -> bool:
        """Whether somebody is being asked."""
        return bool(self._asked)

    def poll(self, table: Iterable[NeighbourEntry], now: float) -> list[Command]:
        """Look at the table, about once a second."""
        commands: list[Command] = []
        seen = set()
        for entry in table:
            if entry.address is None:
                continue
            key = (entry.device_id, entry.address)
            seen.add(key)
            if entry.flags & NeighbourFlags.STATIC:
                self._asked.pop(key, None)
            elif entry.state < NeighbourState.REACHABLE:
                commands += self._unresolved(key, entry, now)
            else:
                commands += self._resolved(key, entry, now)
        for key in self._asked.keys() - seen:
            del self._asked[key]
        return commands + [Claim(key) for key in self.wanted - seen]

    def _unresolved(self, key: Key, entry: NeighbourEntry, now: float) -> list[Command]:
        asked = self._asked.get(key)
        wanted = key in self.wanted
        if asked is not None and not wanted and asked.tries >= GIVE_UP_TRIES and now - asked.last >= RETRY_S:
            del self._asked[key]
            return [Remove(key)]
        if asked is not None and now - asked.last < (RETRY_S if asked.tries < QUICK_TRIES else SLOW_RETRY_S):
            return []
        commands = self._ask(key, None, now)
        if entry.state is NeighbourState.NONE:
            commands.append(SetState(key, NeighbourState.SEND))
        return commands

    def _resolved(self, key: Key, entry: NeighbourEntry, now: float) -> list[Command]:
        if entry.confirmed_s < self._probe_age():
            self._asked.pop(key, None)
            # An answer that met our own change of state.
            return [] if entry.state is NeighbourState.REACHABLE else [SetState(key, NeighbourState.REACHABLE)]
        asked = self._asked.get(key)
        if asked is not None and now - asked.last < RETRY_S:
            return []
        if asked is not None and asked.tries >= MISSES and entry.confirmed_s >= self.timeout_s:
            del self._asked[key]
            if key not in self.wanted:
                return [Remove(key)]
            return [Remove(key), Claim(key), *self._ask(key, None, now), SetState(key, NeighbourState.SEND)]
        commands = self._ask(key, entry.mac, now)
        if entry.confirmed_s >= self.timeout_s:
            stale = NeighbourState.PROBE if entry.state is NeighbourState.REACHABLE else NeighbourState.DELAY
            commands.append(SetState(key, stale))
        return commands

    def _probe_age(self) -> float:
        ahead = max(self.timeout_s - PROBE_AHEAD_S, self.timeout_s * (1 - PROBE_PART))
        return min(self.timeout_s * PROBE_PART, ahead)

    def _ask(self, key: Key, mac: bytes | None, now: float) -> list[Command]:
        asked = self._asked.setdefault(key, _Asked())
        asked.tries += 1
        asked.last = now
        return [Solicit(key, mac)]


def idle_reverse(table: list[NeighbourEntry], capacity: int) -> list[NeighbourEntry]:
    """Clients' MACs that may be forgotten when the table fills up, the longest unseen first."""
    excess = len(table) - int(capacity * REVERSE_FILL)
    if excess <= 0:
        return []
    idle = [entry for entry in table if entry.address is None and entry.confirmed_s >= REVERSE_IDLE_S]
    return sorted(idle, key=lambda entry: -entry.confirmed_s)
