"""What health checks have reported, for the metrics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from xdpvs.agent.snapshot import Reporter, ServerReport


class HealthCounts:
    """Counts since the start."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._reports: Counter[tuple[str, str]] = Counter({(v, r.value): 0 for v in ("up", "down") for r in Reporter})
        self._stale = 0

    def reported(self, reports: Iterable[ServerReport], by: Reporter) -> None:
        """A report was carried out."""
        with self._mutex:
            for report in reports:
                self._reports["down" if report.inhibited else "up", by.value] += 1

    def stale(self) -> None:
        """A report came with a version that was not the service's any more."""
        with self._mutex:
            self._stale += 1

    def read(self) -> tuple[dict[tuple[str, str], int], int]:
        """(servers reported by verdict and kind of report, stale reports)."""
        with self._mutex:
            return dict(self._reports), self._stale
