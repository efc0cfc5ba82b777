"""Fixtures that build the lab.

`lab` is a fresh topology per test, chosen by `@pytest.mark.topology(PLAN)` (the tutorial's without it);
`module_lab` is one for a module, chosen by its global TOPOLOGY. `balancer` is the daemon, started in `lab`.
When a test fails, the logs of everything that ran in its lab are part of the report.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.balancer import Balancer
from lab.builder import Lab
from lab.topology import TUTORIAL, Topology
from tests.support.netns import missing_for_balancer, missing_for_lab, need

_FAILED = pytest.StashKey[bool]()


def note_failure(item: pytest.Item, report: pytest.TestReport) -> None:
    """Remember on the item that a phase of it failed; the conftest's report hook calls this."""
    if report.failed:
        item.stash[_FAILED] = True


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A topology of this test's own."""
    need(missing_for_lab())
    marker = request.node.get_closest_marker("topology")
    with Lab(marker.args[0] if marker else TUTORIAL) as built:
        yield built
        if request.node.stash.get(_FAILED, False):
            print(built.logs())


@pytest.fixture(scope="module")
def module_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A topology that the tests of a module share."""
    need(missing_for_lab())
    plan: Topology = getattr(request.module, "TOPOLOGY", TUTORIAL)
    with Lab(plan) as built:
        yield built
        if request.session.testsfailed:
            print(built.logs())


@pytest.fixture
def balancer(lab: Lab) -> Iterator[Balancer]:
    """The daemon in `lab`, with nothing configured but its ports."""
    need(missing_for_balancer())
    with Balancer(lab) as running:
        yield running
