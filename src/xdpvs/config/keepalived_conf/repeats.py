"""Bodies met before, by their raw text: where the same text comes again, it need not be read again.

Servers of a large file mostly differ in their address only: what follows the opening line was seen a moment ago.
Only bodies may be remembered whose meaning does not depend on what stands before them (no definition, no include, …).
"""

from __future__ import annotations

from xdpvs.config.keepalived_conf.tree import Body, Placed

_KEPT_EACH = 4


class Repeat:
    """The text from after the opening line to the end of the closing one, how many lines it has, and what they are."""

    __slots__ = ("body", "lines", "placed", "text")

    def __init__(self, text: str, lines: int, body: Body, placed: list[Placed]) -> None:
        self.text = text
        self.lines = lines
        self.body = body
        self.placed = placed


class Repeats:
    """The last few bodies of each keyword."""

    def __init__(self) -> None:
        self._recent: dict[str, list[Repeat]] = {}

    def find(self, keyword: str, text: str, position: int) -> Repeat | None:
        """The body whose text stands at a position, if it is one of the last."""
        for repeat in self._recent.get(keyword, ()):
            if text.startswith(repeat.text, position):
                return repeat
        return None

    def remember(self, keyword: str, repeat: Repeat) -> None:
        """Keep a body; the oldest of its keyword goes."""
        recent = self._recent.setdefault(keyword, [])
        recent.insert(0, repeat)
        del recent[_KEPT_EACH:]
