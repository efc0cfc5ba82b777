"""One server with its checkers: alive while none of them fails."""

from __future__ import annotations

from dataclasses import replace

from xdpvs.keepalived.health.checker import CheckerMachine
from xdpvs.model.address import IPAddress
from xdpvs.model.keepalived import RealServer
from xdpvs.model.service import Dest

MAX_WEIGHT = 65535

DestKey = tuple[IPAddress, int]


def dest_key(dest: Dest) -> DestKey:
    """What names a server within its service."""
    return dest.address, dest.port


class ServerState:
    """A server as the last outcomes left it."""

    __slots__ = ("alive", "checks", "config")

    def __init__(self, config: RealServer) -> None:
        self.config = config
        self.checks = [CheckerMachine(checker) for checker in config.checkers]
        self.alive = self.healthy
        """Follows `healthy` when the virtual server is told; in between is what has to be announced."""

    @property
    def healthy(self) -> bool:
        """Whether no checker fails."""
        return all(check.up for check in self.checks)

    @property
    def weight(self) -> int:
        """The configured weight, or the last dynamic script's, plus what files add."""
        weight, added, dynamic = self.config.dest.weight, 0, False
        for check in self.checks:
            if check.weight is None:
                continue
            dynamic = True
            if check.sets_weight:
                weight = check.weight
            else:
                added += check.weight
        return min(max(weight + added, 0), MAX_WEIGHT) if dynamic else weight

    def dest(self, *, serving: bool) -> Dest | None:
        """The server as its service should have it: with its weight, at weight 0, or not at all."""
        if serving:
            return _changed(self.config.dest, self.weight, inhibited=False)
        return _changed(self.config.dest, 0, inhibited=True) if self.config.inhibit_on_failure else None

    def reload(self, config: RealServer) -> list[CheckerMachine]:
        """Go over to another configuration of the same server and return the checkers that are new.

        A checker with the same settings keeps its state. Dynamic weights end when the configured weight changes.
        """
        kept = list(self.checks)
        checks, added = [], []
        for checker in config.checkers:
            found = next((check for check in kept if check.checker == checker), None)
            if found is None:
                found = CheckerMachine(checker)
                # A server that is down comes back by a success, not by a new check that has not run yet.
                found.up = found.up and self.alive
                added.append(found)
            else:
                kept.remove(found)
                found.checker = checker
            checks.append(found)
        if config.dest.weight != self.config.dest.weight:
            for check in checks:
                check.weight = None
        self.config, self.checks = config, checks
        return added


def _changed(dest: Dest, weight: int, *, inhibited: bool) -> Dest:
    if (dest.weight, dest.inhibited) == (weight, inhibited):
        return dest
    return replace(dest, weight=weight, inhibited=inhibited)
