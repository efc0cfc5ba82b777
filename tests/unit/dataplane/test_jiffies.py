"""The length of a jiffy, from two readings."""

from __future__ import annotations

import pytest

from xdpvs.bpf.layout import ClockReading
from xdpvs.dataplane.jiffies import RATES_HZ, relation


@pytest.mark.parametrize("rate", RATES_HZ)
@pytest.mark.parametrize("late_ns", [0, 5_000, 400_000])
def test_rate_and_offset_are_found_though_readings_are_late(rate: int, late_ns: int) -> None:
    start = (1 << 32) - 300 * rate  # where Linux starts counting
    first = ClockReading(jiffies=start, monotonic_ns=7_000_000_000)
    passed = rate // 10
    second = ClockReading(jiffies=start + passed, monotonic_ns=7_000_000_000 + passed * 1_000_000_000 // rate + late_ns)
    found = relation(first, second)
    assert found.jiffy_ns == round(1_000_000_000 / rate)
    again = (second.jiffies * found.jiffy_ns + found.offset_ns) % (1 << 64)
    assert again == second.monotonic_ns
