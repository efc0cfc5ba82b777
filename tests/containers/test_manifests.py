"""run.sh, the Compose file and the Pod start the tutorial's containers with the tutorial's arguments."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.objects import TOP
from tests.support.containers import CAPABILITIES, DOCUMENT, fenced_blocks

CONTAINERS = TOP / "containers"
NIC = "eth1"

# The tutorial's, program first; of dpvs the port differs.
PROGRAMS = {
    "dpvs": f"/usr/bin/dpvs -c /dpvs/dpvs.conf -p /dpvs/dpvs.pid -x /dpvs/dpvs.ipc -- -a {NIC}",
    "dpvs-agent": "/usr/bin/dpvs-agent --log-dir=/dpvs/logs/dpvs-agent --ipc-sockopt-path=/dpvs/dpvs.ipc"
    " --host=0.0.0.0 --port=6601",
    "keepalived": "/usr/bin/keepalived -D -n -f /dpvs/keepalived.conf --log-console --log-facility=6"
    " --pid=/dpvs/keepalived.pid --vrrp_pid=/dpvs/vrrp.pid --checkers_pid=/dpvs/checkers.pid",
    "healthcheck": "/usr/bin/healthcheck -log_dir=/dpvs/logs/healthcheck -lb_iface_addr=localhost:6601",
}
ALLOWED = {
    "dpvs": set(CAPABILITIES),
    "dpvs-agent": {"NET_ADMIN"},
    "keepalived": {"NET_ADMIN", "NET_RAW"},
    "healthcheck": set[str](),
}
ORCHESTRATED = {**PROGRAMS, "dpvs": PROGRAMS["dpvs"].replace(" -- ", " --keep -- ")}


def docker_runs(script: str) -> dict[str, list[str]]:
    """Every `docker run --name NAME ...` of a script, by name."""
    joined = script.replace("\\\n", " ")
    runs = {}
    for line in joined.splitlines():
        if line.strip().startswith("docker run --name "):
            words = shlex.split(line)
            runs[words[3]] = words
    return runs


def program_of(words: list[str], image: str) -> str:
    """What a docker run starts: the entrypoint and what follows the image."""
    entrypoint = next((w.partition("=")[2] for w in words if w.startswith("--entrypoint=")), "/usr/bin/dpvs")
    return shlex.join([entrypoint, *words[words.index(image) + 1 :]])


def capabilities_of(words: list[str]) -> set[str]:
    """The capabilities added."""
    return {after for word, after in itertools.pairwise(words) if word == "--cap-add"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The Compose project with its variables filled in."""
    text = (CONTAINERS / "compose.yaml").read_text()
    filled = re.sub(r"\$\{NIC:\?[^}]*\}", NIC, re.sub(r"\$\{XDPVS_IMAGE:-(\w+)\}", r"\1", text))
    assert "${" not in filled
    project: dict[str, Any] = yaml.safe_load(filled.replace("$$", "$"))
    return project


@pytest.fixture(scope="module")
def manifest() -> list[dict[str, Any]]:
    """The Kubernetes objects."""
    return list(yaml.safe_load_all((CONTAINERS / "kubernetes.yaml").read_text()))


def test_run_sh_starts_the_tutorials_programs() -> None:
    script = (CONTAINERS / "run.sh").read_text()
    script = script.replace("$confined $bpf", "--cap-drop ALL --cap-add BPF --cap-add PERFMON").replace("$nic", NIC)
    runs = docker_runs(script)
    assert {name: program_of(runs[name], "$image") for name in PROGRAMS} == PROGRAMS
    assert {name: capabilities_of(runs[name]) for name in PROGRAMS} == ALLOWED


def test_compose_starts_the_tutorials_programs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, program in ORCHESTRATED.items():
        service = services[name]
        assert shlex.join([*service.get("entrypoint", ["/usr/bin/dpvs"]), *service["command"]]) == program
        assert set(service.get("cap_add", [])) == ALLOWED[name]
        assert (service["image"], service["network_mode"], service["container_name"]) == ("xdpvs", "host", name)
        assert "/var/run/dpvs:/dpvs" in service["volumes"]
    assert services["healthcheck"]["user"] == "6601:6601"


def test_compose_confines_every_service(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_compose_waits_for_what_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_the_pod_starts_the_tutorials_programs(manifest: list[dict[str, Any]]) -> None:
    spec = manifest[1]["spec"]
    containers = {each["name"]: each for each in (*spec["initContainers"], *spec["containers"])}
    assert spec["hostNetwork"] is True
    for name, program in ORCHESTRATED.items():
        each = containers[name]
        assert shlex.join([*each["command"], *each["args"]]) == program
        assert set(each["securityContext"]["capabilities"].get("add", [])) == ALLOWED[name]
        assert {"name": "work", "mountPath": "/dpvs"} in each["volumeMounts"]
    assert containers["dpvs"]["restartPolicy"] == "Always", "a sidecar: the next ones wait for its start-up probe"


def test_the_pod_confines_every_container(manifest: list[dict[str, Any]]) -> None:
    spec = manifest[1]["spec"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    for each in (*spec["initContainers"], *spec["containers"]):
        context = each["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert {mount["name"] for mount in each["volumeMounts"]} <= volumes


@pytest.mark.parametrize("name", ["dpvs.conf", "keepalived.conf"])
def test_the_pods_configuration_is_the_tutorials(manifest: list[dict[str, Any]], name: str) -> None:
    assert manifest[0]["data"][name] == (CONTAINERS / name).read_text()


def test_both_set_up_the_same_network(compose: dict[str, Any], manifest: list[dict[str, Any]]) -> None:
    (pod,) = (each for each in manifest[1]["spec"]["initContainers"] if each["name"] == "network")
    assert pod["args"] == compose["services"]["network"]["command"]


def test_the_document_starts_the_tutorials_programs() -> None:
    runs = docker_runs("\n".join(fenced_blocks(DOCUMENT)))
    assert {name: program_of(runs[name], "xdpvs") for name in PROGRAMS} == PROGRAMS
    assert {name: capabilities_of(runs[name]) for name in PROGRAMS} == ALLOWED


def test_no_file_names_a_registry() -> None:
    """The images come from here, their base from wherever docker gets debian:bookworm-slim."""
    for path in (TOP / "Dockerfile", *Path(CONTAINERS).glob("*.*")):
        assert not re.search(
            r"(https?://(?!127\.0\.0\.1|192\.168\.88|\[2001)|docker\.io/|ghcr\.io)", path.read_text()
        ), path
