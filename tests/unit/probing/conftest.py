"""Nothing that probing opened may outlive a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.probing import has_children, open_descriptors


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No descriptor and no child process more than before."""
    before = open_descriptors()
    yield
    assert open_descriptors() == before
    assert not has_children()
