"""The data plane for the tests here: loaded once, emptied for each of them, which stay on one CPU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.bpf import Plane, open_plane, pinned_cpu


@pytest.fixture(scope="session")
def loaded_plane() -> Iterator[Plane]:
    with open_plane() as plane:
        yield plane


@pytest.fixture
def plane(loaded_plane: Plane) -> Iterator[Plane]:
    with pinned_cpu():
        loaded_plane.reset()
        yield loaded_plane
