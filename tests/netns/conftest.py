"""Makes the lab's fixtures available to the tests below."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.topology import balancer, lab, module_lab, note_failure

__all__ = ["balancer", "lab", "module_lab"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker that chooses a topology."""
    config.addinivalue_line("markers", "topology(plan): the topology that the `lab` fixture builds")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    note_failure(item, report)
    return report
