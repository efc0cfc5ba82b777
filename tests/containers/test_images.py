"""What is in the images, and what is not."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from lab.docker import Docker
from lab.objects import TOP
from tests.support.containers import BUILDER, IMAGE

PROGRAMS = ("dpvs", "dpip", "ipvsadm", "ipvsadm-save", "ipvsadm-restore", "keepalived", "dpvs-agent", "healthcheck")
DEBUGGING = ("ip", "ss", "tcpdump", "socat", "ncat", "nmap", "wget")
RUNNER_LIMIT = 250_000_000
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]

INSIDE = """
import json, shutil
from importlib import metadata, util
from pathlib import Path
import xdpvs
root = Path(xdpvs.__file__).parent
installed = [path for path in Path("/opt").rglob("*") if not path.is_symlink()]
print(json.dumps({
    "programs": {name: shutil.which(name) for name in %r},
    "object": (root / "bpf/xdpvs.bpf.o").stat().st_size,
    "compiled": all(Path(util.cache_from_source(path)).exists() for path in root.rglob("*.py")),
    "versions": {dist.metadata["Name"]: dist.version for dist in metadata.distributions()},
    "certificates": [str(path) for path in Path("/usr/local/share/ca-certificates").glob("*")],
    "pip": [str(path) for path in (*Path("/etc").rglob("pip.conf"), *Path("/root").rglob("pip.conf"))],
    "loose": [str(path) for path in installed if path.stat().st_mode & 0o6002 or path.stat().st_uid],
}))
"""


@pytest.fixture(scope="module")
def docker(images: None) -> Iterator[Docker]:
    """A daemon; these containers need no network."""
    with Docker() as docker:
        yield docker


@pytest.fixture(scope="module")
def inside(docker: Docker) -> dict[str, Any]:
    """Facts a program in the runner finds."""
    script = INSIDE % (PROGRAMS + DEBUGGING,)
    argv = ["run", "--rm", "--network", "none", "--entrypoint", "/opt/xdpvs/bin/python3", IMAGE, "-c", script]
    facts: dict[str, Any] = json.loads(docker.run(*argv).stdout)
    return facts


def inspect(docker: Docker, image: str) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(docker.run("image", "inspect", image).stdout)[0]
    return described


def test_the_runner_is_small(docker: Docker) -> None:
    assert inspect(docker, IMAGE)["Size"] <= RUNNER_LIMIT


def test_the_runner_starts_dpvs_and_knows_whether_it_is_well(docker: Docker) -> None:
    config = inspect(docker, IMAGE)["Config"]
    assert config["Entrypoint"] == ["/usr/bin/dpvs"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/opt/xdpvs/bin/container-probe"]
    assert config["Cmd"] is None


def test_labels_say_what_it_is(docker: Docker) -> None:
    for image, title in ((IMAGE, "xdpvs"), (BUILDER, "xdpvs-builder")):
        labels = inspect(docker, image)["Config"]["Labels"]
        prefix = "org.opencontainers.image"
        assert labels[f"{prefix}.title"] == title
        assert labels[f"{prefix}.version"] == PROJECT["version"]
        assert labels[f"{prefix}.licenses"] == "MIT"
        assert labels[f"{prefix}.description"]


def test_every_program_is_where_the_tutorial_has_it(inside: dict[str, Any]) -> None:
    found = inside["programs"]
    assert {name: found[name] for name in PROGRAMS} == {name: f"/usr/bin/{name}" for name in PROGRAMS}
    assert [name for name in DEBUGGING if not found[name]] == []


def test_the_data_plane_and_the_bytecode_are_inside(inside: dict[str, Any]) -> None:
    assert inside["object"] > 0
    assert inside["compiled"], "a read-only root keeps no bytecode that a start makes"


def test_versions_are_the_locked_ones(inside: dict[str, Any]) -> None:
    locked = {}
    for line in (TOP / "requirements.lock").read_text().splitlines():
        name, _, version = line.partition("==")
        locked[canonical(name)] = version
    installed = {canonical(name): version for name, version in inside["versions"].items()}
    assert installed.pop("xdpvs") == PROJECT["version"]
    assert {name: version for name, version in installed.items() if locked.get(name) != version} == {}
    assert "pip" not in installed


def test_nothing_of_the_building_machine_is_inside(docker: Docker, inside: dict[str, Any]) -> None:
    assert inside["certificates"] == inside["pip"] == []
    assert inside["loose"] == [], "set-id, writable for all or not root's"
    argv = ["run", "--rm", "--network", "none", "--entrypoint", "ls", BUILDER]
    assert docker.run(*argv, "-A", "/xdpvs/containers/local").stdout.split() == [".gitignore"]


@pytest.mark.parametrize(
    ("program", "argument", "words"),
    [
        ("dpvs", "--version", f"dpvs version: xdpvs {PROJECT['version']}"),
        ("dpip", "help", "Usage:"),
        ("ipvsadm", "-ln", "Are you sure that dpvs is running?"),
    ],
)
def test_programs_start(docker: Docker, program: str, argument: str, words: str) -> None:
    argv = ["run", "--rm", "--network", "none", "--read-only", f"--entrypoint=/usr/bin/{program}", IMAGE, argument]
    done = docker.run(*argv, check=False)
    assert words in done.stdout + done.stderr


def test_tests_run_in_the_builder(docker: Docker) -> None:
    command = "make headers && .venv/bin/python -m pytest tests/unit/sched tests/unit/packet"
    argv = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/bash", BUILDER, "-ec", command]
    assert " passed" in docker.run(*argv, timeout_s=300).stdout


def canonical(name: str) -> str:
    """A package's name as the index compares it."""
    return name.lower().replace("_", "-").replace(".", "-")
