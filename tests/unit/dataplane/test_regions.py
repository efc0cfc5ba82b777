"""Allocation of regions and ids, with time as a number."""

from __future__ import annotations

import random

import pytest

from xdpvs.dataplane.ids import QUARANTINE_S, Ids, IdsExhausted
from xdpvs.dataplane.regions import EMPTY, GRACE_S, Region, Regions, RegionsFull


def test_freed_regions_wait_for_the_grace() -> None:
    regions = Regions(10)
    first = regions.allocate(10, 0.0)
    regions.free(first, 0.0)
    with pytest.raises(RegionsFull):
        regions.allocate(1, GRACE_S / 2)
    assert regions.allocate(10, GRACE_S) == first


def test_holes_join_in_any_order() -> None:
    for seed in range(20):
        chooser = random.Random(seed)
        regions = Regions(100)
        held = [regions.allocate(size, 0.0) for size in (10, 20, 5, 40, 25)]
        chooser.shuffle(held)
        for region in held:
            regions.free(region, 0.0)
        assert regions.allocate(100, 1.0) == Region(0, 100)


def test_adopted_regions_are_not_given_away() -> None:
    regions = Regions(100)
    regions.reserve(Region(10, 5))
    regions.reserve(Region(0, 10))
    assert regions.allocate(20, 0.0) == Region(15, 20)
    with pytest.raises(ValueError, match="overlaps"):
        regions.reserve(Region(12, 10))


def test_nothing_takes_no_room() -> None:
    assert Regions(0).allocate(0, 0.0) == EMPTY


def test_ids_are_fresh_before_they_are_reused() -> None:
    ids = Ids(3, lambda index: True)
    assert ids.allocate(0.0) == 0
    ids.release(0, 0.0)
    assert [ids.allocate(9.0), ids.allocate(9.0)] == [1, 2]
    assert ids.allocate(9.0) == 0


def test_ids_with_connections_are_passed_over() -> None:
    busy = {0}
    ids = Ids(2, lambda index: index not in busy)
    ids.allocate(0.0)
    ids.allocate(0.0)
    ids.release(0, 0.0)
    ids.release(1, 0.0)
    assert ids.allocate(QUARANTINE_S) == 1
    with pytest.raises(IdsExhausted):
        ids.allocate(QUARANTINE_S)
    busy.clear()
    assert ids.allocate(QUARANTINE_S) == 0


def test_released_ids_rest_first() -> None:
    ids = Ids(1, lambda index: True)
    ids.release(ids.allocate(0.0), 5.0)
    with pytest.raises(IdsExhausted):
        ids.allocate(5.0 + QUARANTINE_S / 2)


def test_adopted_ids() -> None:
    ids = Ids(4, lambda index: True)
    ids.take(0)
    ids.park([1], 0.0)
    assert [ids.allocate(0.0), ids.allocate(0.0)] == [2, 3]
    assert ids.allocate(QUARANTINE_S) == 1
