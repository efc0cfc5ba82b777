"""The head of an HTTP response, read no further than its status (RFC 9112 4)."""

from __future__ import annotations

import re

from xdpvs.checkers.machine import excerpt

MAX_HEAD = 1 << 16
"""Bytes of a head, those of informational responses before it included."""

_END = re.compile(rb"\n\r?\n")
_HEAD = re.compile(
    rb"HTTP/\d\.\d ([1-9]\d\d)(?:[ \t][^\n]*)?\r?\n"
    rb"(?:[!#$%&'*+.^_`|~\w-]+[ \t]*:[^\n]*\n|[ \t][^\n]*\n)*"
    rb"\r?\n"
)
_BEGINNING = b"HTTP/"
_SWITCHING = 101


class HeadReader:
    """Collects a head. status is 0 until it is complete; failure is empty unless there can be none.

    Most checks want no more than the status of thousands of servers a second. For a body h11 reads the head again.
    """

    __slots__ = ("_searched", "_start", "failure", "seen", "status")

    def __init__(self) -> None:
        self.seen = bytearray()
        """Everything received, what came behind the head included."""
        self.status = 0
        self.failure = ""
        self._start = 0
        self._searched = 0

    def add(self, data: bytes) -> None:
        """The next piece; of no effect after the end."""
        self.seen += data
        while not self.status and not self.failure:
            end = _END.search(self.seen, self._searched)
            if end is None or end.end() > MAX_HEAD:
                self._incomplete()
                return
            self._complete(end.end())

    def _incomplete(self) -> None:
        # An end may begin in what has been searched: its last two bytes are looked at again.
        self._searched = max(self._start, len(self.seen) - 2)
        beginning = self.seen[self._start : self._start + len(_BEGINNING)]
        if not _BEGINNING.startswith(beginning):
            self.failure = f"no HTTP response: {self._excerpt()}"
        elif len(self.seen) >= MAX_HEAD:
            self.failure = f"the response's head has no end within {MAX_HEAD} bytes"

    def _complete(self, end: int) -> None:
        head = _HEAD.fullmatch(self.seen, self._start, end)
        if head is None:
            self.failure = f"no HTTP response: {self._excerpt()}"
            return
        status = int(head[1])
        if status >= 200 or status == _SWITCHING:
            self.status = status
        self._start = self._searched = end

    def _excerpt(self) -> str:
        return excerpt(bytes(self.seen[self._start : self._start + MAX_HEAD]).partition(b"\n")[0])
