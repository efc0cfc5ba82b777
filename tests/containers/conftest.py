"""Images built once, and a machine of the lab with Docker on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import docker as lab_docker
from lab.builder import Lab
from lab.docker import Docker
from lab.topology import TUTORIAL
from tests.support.containers import BUILDER, IMAGE, Machine
from tests.support.daemon import small_conf
from tests.support.netns import missing_for_balancer, need

EXACT_RUNTIME = Path(__file__).with_name("exact_runtime.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test that needs the images waits for them to be built."""
    for item in items:
        if "images" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def images() -> None:
    """Both images, in build/docker."""
    need([*lab_docker.missing(), *missing_for_balancer()])
    with Docker() as docker:
        docker.build(BUILDER, "builder")
        docker.build(IMAGE)
        # What an earlier run built from other sources.
        docker.run("image", "prune", "-f")


@pytest.fixture(scope="module")
def machine(images: None) -> Iterator[Machine]:
    """The balancer's machine in the tutorial's network, with a work directory and no containers."""
    with Lab(TUTORIAL) as lab, Docker(lab.lb, runtimes={"exact": EXACT_RUNTIME}) as docker:
        machine = Machine(lab, docker)
        machine.prepare(small_conf(["dpdk0"]))
        yield machine
