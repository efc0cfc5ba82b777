"""What is measured, and how a measurement is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. at_least: the budget is a floor, not a ceiling; None where none was set."""

    name: str
    title: str
    unit: str
    meaning: str
    budget: float | None = None
    at_least: bool = False
    dpvs: float | None = None
    """DPVS 1.10.2 on such a machine, one worker, no NIC."""

    def keeps(self, value: float) -> bool:
        """Whether a value, as precise as it is printed, is within the budget."""
        if self.budget is None:
            return True
        value = float(f"{value:.3g}")
        return value >= self.budget if self.at_least else value <= self.budget


@dataclass(frozen=True, slots=True)
class Result:
    """A row's value, or why there is none; details are what else the run saw, for the JSON."""

    row: str
    value: float | None = None
    why_not: str = ""
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is made."""

    quick: bool
    object_path: Path


@dataclass(frozen=True, slots=True)
class Group:
    """Rows measured together, because they share what is slow to set up. Results come as they are known."""

    name: str
    rows: tuple[Row, ...]
    measure: Callable[[Options], Iterator[Result]]
