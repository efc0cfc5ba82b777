"""What an instance tracks: hindrances (weight 0) and what is added to its priority."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

LIMIT_LOW, LIMIT_HIGH = -254, 253
"""Of what one file adds; at the low end it is a hindrance."""


class Kind(enum.Enum):
    """What can be tracked."""

    INTERFACE = "interface"
    SCRIPT = "script"
    FILE = "file"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Tracked:
    """One tracked thing with weight and direction resolved."""

    kind: Kind
    name: str
    weight: int = 0
    reverse: bool = False

    @property
    def factor(self) -> int:
        """The weight with the direction as its sign."""
        return -self.weight if self.reverse else self.weight


Value = bool | int | None
"""Whether it is good; the number in a file; None while a script or process has no result yet."""

Key = tuple[Kind, str]


class Tracker:
    """Latest values of what is tracked. Files count as 0 and interfaces as down until set."""

    def __init__(self, tracked: Iterable[Tracked]) -> None:
        self.tracked = tuple(dict.fromkeys(tracked))
        self._values: dict[Key, Value] = {}
        self._hindrances: dict[str, None] = {}

    def set(self, kind: Kind, name: str, value: Value) -> bool:
        """Take a new value; False if nobody here tracks that or it is the old one."""
        if not any((item.kind, item.name) == (kind, name) for item in self.tracked):
            return False
        if (kind, name) in self._values and self._values[kind, name] == value:
            return False
        self._values[kind, name] = value
        return True

    def get(self, kind: Kind, name: str) -> Value:
        """The latest value."""
        return self._values.get((kind, name), _UNSET[kind])

    def set_hindrance(self, reason: str, present: bool) -> bool:
        """Something else that keeps the instance from working; whether that is news."""
        if present == (reason in self._hindrances):
            return False
        if present:
            self._hindrances[reason] = None
        else:
            del self._hindrances[reason]
        return True

    def adopt(self, other: Tracker) -> None:
        """Take over what another one knew of the same things."""
        names = {(item.kind, item.name) for item in self.tracked}
        self._values |= {key: value for key, value in other._values.items() if key in names}
        self._hindrances |= other._hindrances

    def hindrances(self) -> list[str]:
        """Why the instance has to be in FAULT, for the operator."""
        return [*self._hindrances, *(_reason(item) for item in self.tracked if self._hinders(item))]

    def is_pending(self) -> bool:
        """Whether a first result is waited for, in FAULT but silently."""
        return any(item.weight == 0 and self.get(item.kind, item.name) is None for item in self.tracked)

    def weight(self) -> int:
        """What is added to the priority now."""
        return sum(self._added(item) for item in self.tracked)

    def _hinders(self, item: Tracked) -> bool:
        value = self.get(item.kind, item.name)
        if value is None:
            return False
        if item.kind is Kind.FILE:
            # A file without weight is good at 0; with weight it hinders once that takes the whole priority.
            return bool(value) != item.reverse if item.weight == 0 else int(value) * item.factor <= LIMIT_LOW
        return item.weight == 0 and bool(value) == item.reverse

    def _added(self, item: Tracked) -> int:
        value = self.get(item.kind, item.name)
        if value is None:
            return 0
        if item.kind is Kind.FILE:
            return max(min(int(value) * item.factor, LIMIT_HIGH), LIMIT_LOW)
        # Reversed, the same moment changes the priority in the other direction, as in keepalived.
        return item.factor if bool(value) == (item.weight > 0) else 0


_UNSET: dict[Kind, Value] = {Kind.INTERFACE: False, Kind.SCRIPT: None, Kind.FILE: 0, Kind.PROCESS: None}


def _reason(item: Tracked) -> str:
    match item.kind:
        case Kind.INTERFACE:
            return f"interface {item.name} {'up' if item.reverse else 'down'}"
        case Kind.SCRIPT:
            return f"script {item.name} {'succeeds' if item.reverse else 'failed'}"
        case Kind.FILE:
            return f"tracked file {item.name}"
        case Kind.PROCESS:
            return f"process {item.name} {'runs' if item.reverse else 'lacks its quorum'}"
