"""What a body has to be, found out piece by piece without keeping it."""

from __future__ import annotations

import functools
import hashlib
import re

from xdpvs.checkers.machine import excerpt
from xdpvs.model.check import BodyRegex, HttpCheck

MAX_KEPT = 1 << 20
"""Bytes of a body that are kept for a regular expression; what comes later is not searched."""


class BodyJudge:
    """Takes a body's pieces. failure is empty as long as nothing speaks against it.

    Raises ValueError for a pattern that is none.
    """

    __slots__ = ("_check", "_digest", "_keep", "_kept", "_pattern", "failure")

    def __init__(self, check: HttpCheck) -> None:
        self._check = check
        self._digest = hashlib.md5(usedforsecurity=False) if check.md5 else None
        self._pattern = compile_pattern(check.regex.pattern, check.regex.flags) if check.regex else None
        self._keep = MAX_KEPT if check.regex else len(check.body_prefix)
        self._kept = bytearray()
        self.failure = ""

    @property
    def decided(self) -> bool:
        """Whether no later piece can change the judgement."""
        if self.failure:
            return True
        return self._digest is None and self._pattern is None and len(self._kept) >= len(self._check.body_prefix)

    def add(self, piece: bytes) -> None:
        """The next piece."""
        if self._digest is not None:
            self._digest.update(piece)
        room = self._keep - len(self._kept)
        if room > 0:
            self._kept += piece[:room]
            prefix = self._check.body_prefix
            start = bytes(self._kept[: len(prefix)])
            if not prefix.startswith(start):
                self.failure = f"the body begins {excerpt(start)}"

    def end(self) -> None:
        """The body is whole."""
        check = self._check
        if self.failure:
            return
        if len(self._kept) < len(check.body_prefix):
            self.failure = f"the body is only {excerpt(bytes(self._kept))}"
        elif self._digest is not None and self._digest.hexdigest() != check.md5.lower():
            self.failure = f"the body's digest is {self._digest.hexdigest()}"
        elif self._pattern is not None and check.regex is not None:
            found = self._found(self._pattern, check.regex)
            if found == check.regex.negate:
                self.failure = f"the body {'matches' if found else 'does not match'} {check.regex.pattern!r}"

    def _found(self, pattern: re.Pattern[bytes], regex: BodyRegex) -> bool:
        """max_offset bounds where a match begins, not where it ends (keepalived's regex_max_offset)."""
        match = pattern.search(self._kept, regex.min_offset)
        return match is not None and (regex.max_offset is None or match.start() <= regex.max_offset)


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str, flags: int) -> re.Pattern[bytes]:
    """The pattern over bytes, non-ASCII characters as UTF-8. Raises ValueError with what is wrong."""
    try:
        return re.compile(pattern.encode("utf-8", "surrogateescape"), flags & ~re.UNICODE)
    except (re.error, ValueError, OverflowError) as error:
        raise ValueError(f"no regular expression {pattern!r}: {error}") from error
