"""Notes of dpvs.conf: lines to log."""

from __future__ import annotations

from dataclasses import dataclass

from xdpvs.config.notes import ConfigError as ConfigError
from xdpvs.config.notes import Place as Place
from xdpvs.config.notes import Problem as Problem
from xdpvs.config.notes import Severity as Severity


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the log. As text it has DPVS's form, `TYPE: message`.

    init_only notes are about values that only a restart applies; a reload leaves them out, as DPVS does.
    """

    topic: str
    message: str
    severity: Severity = Severity.INFO
    init_only: bool = False

    def __str__(self) -> str:
        return f"{self.topic}: {self.message}"
