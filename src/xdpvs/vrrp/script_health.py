"""When the results of a tracking script, run again and again, count: vrrp_script's rise, fall and init_fail."""

from __future__ import annotations


class ScriptHealth:
    """good is None until the first result decides; with init_fail it begins as a failure."""

    def __init__(self, rise: int = 1, fall: int = 1, *, init_fail: bool = False) -> None:
        self.rise, self.fall = rise, fall
        self.good: bool | None = False if init_fail else None
        self._in_a_row = 0

    def result(self, success: bool) -> bool:
        """Take the result of a run; whether `good` changed."""
        if success == self.good:
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        # keepalived: before the first result, one of either kind is enough.
        needed = 1 if self.good is None else self.rise if success else self.fall
        if self._in_a_row < needed:
            return False
        self.good, self._in_a_row = success, 0
        return True
