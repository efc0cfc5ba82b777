"""Keeps what anybody on the network can cause from filling the log."""

from __future__ import annotations

from xdpvs.vrrp.commands import Command, Level, Log

EVERY_S = 60.0
MAX_SUBJECTS = 64


class LogLimit:
    """Lets a line of each subject pass at once, then one a minute that tells how many were kept back."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self.every_s = every_s
        self._seen: dict[str, tuple[float, int]] = {}

    def pass_on(self, subject: str, level: Level, text: str, now: float) -> list[Command]:
        """The line, or nothing."""
        if subject not in self._seen and len(self._seen) >= MAX_SUBJECTS:
            self._seen = {each: seen for each, seen in self._seen.items() if now - seen[0] < self.every_s}
        if subject not in self._seen and len(self._seen) >= MAX_SUBJECTS:
            subject = ""  # forged sources are many: one subject for all of them
        last, kept_back = self._seen.get(subject, (None, 0))
        if last is not None and now - last < self.every_s:
            self._seen[subject] = (last, kept_back + 1)
            return []
        self._seen[subject] = (now, 0)
        return [Log(level, f"{text} (and {kept_back} more of this kind)" if kept_back else text)]
