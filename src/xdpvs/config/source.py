"""Where the text of configuration files comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class NotPlainFileError(OSError):
    """Not a regular file, or an executable one: keepalived passes over such includes with a message."""


class Source(Protocol):
    """Where text comes from: `read` raises OSError, `glob` gives sorted paths (none when nothing matches).

    glob knows the shell's `*`, `?` and `[…]`, not `{a,b}`.
    """

    def read(self, path: str) -> str: ...

    def glob(self, pattern: str) -> Sequence[str]: ...
