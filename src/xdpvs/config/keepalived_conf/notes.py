"""Notes of keepalived.conf: lines to log, and what a configuration test makes of them."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.config.notes import Place, Severity


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the log, `file:line: message`. fails_test: `keepalived -t` calls it an error."""

    place: Place
    message: str
    severity: Severity = Severity.WARNING
    fails_test: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"
