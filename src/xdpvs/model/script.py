"""A program somebody configured to be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """An argv and who runs it; user and group empty: the configured script_user."""

    argv: tuple[str, ...]
    user: str = ""
    group: str = ""
