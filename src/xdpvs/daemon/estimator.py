"""Rates as LVS estimates them: every two seconds a quarter of the way to what was seen (reference dataplane 7.2).

DPVS's rate fields are always 0; ours are what its users expect of them. Only servers whose counters move, or whose
rate has not run down yet, cost anything.
"""

from __future__ import annotations

from xdpvs.dataplane.stats import Traffic

PERIOD_S = 2.0
_NOTHING = (0, 0, 0, 0, 0)
_RUN_OUT = 0.5

Counts = tuple[int, int, int, int, int]


def _counts(traffic: Traffic) -> Counts:
    return traffic.conns, traffic.in_packets, traffic.in_bytes, traffic.out_packets, traffic.out_bytes


class Estimator:
    """Rates per second by server: connections, packets in, bytes in, packets out, bytes out."""

    def __init__(self) -> None:
        self._last: dict[int, Counts] = {}
        self._rates: dict[int, list[float]] = {}
        self._sampled_at: float | None = None

    def of(self, dest_id: int) -> Counts:
        """A server's rates, rounded."""
        rates = self._rates.get(dest_id)
        if rates is None:
            return _NOTHING
        return round(rates[0]), round(rates[1]), round(rates[2]), round(rates[3]), round(rates[4])

    @property
    def moving(self) -> bool:
        """Whether any rate is above zero, so that samples are still needed when traffic has ended."""
        return bool(self._rates)

    def sample(self, traffic: dict[int, Traffic], now: float) -> None:
        """Take in the counters of all servers."""
        if self._sampled_at is None:
            self._last = {dest_id: _counts(each) for dest_id, each in traffic.items()}
            self._sampled_at = now
            return
        elapsed = now - self._sampled_at
        if elapsed <= 0:
            return
        before, self._last = self._last, {}
        for dest_id, each in traffic.items():
            counts = self._last[dest_id] = _counts(each)
            old = before.get(dest_id, _NOTHING)
            if counts != old or dest_id in self._rates:
                self._move(dest_id, old, counts, elapsed)
        for dest_id in self._rates.keys() - traffic.keys():
            del self._rates[dest_id]
        self._sampled_at = now

    def _move(self, dest_id: int, old: Counts, new: Counts, elapsed: float) -> None:
        rates = self._rates.setdefault(dest_id, [0.0] * 5)
        # After a gap (nothing was sampled while nothing moved) several steps are due at once.
        part = 1 - 0.75 ** max(1, round(elapsed / PERIOD_S))
        for index, (was, is_now) in enumerate(zip(old, new, strict=True)):
            # An id that was given to another server starts from zero again.
            rates[index] += (max(0, is_now - was) / elapsed - rates[index]) * part
        if max(rates) < _RUN_OUT and new == old:
            del self._rates[dest_id]
