"""The agent over a daemon in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent import Agent, running


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """A fresh daemon and agent."""
    with running(tmp_path) as started:
        yield started
