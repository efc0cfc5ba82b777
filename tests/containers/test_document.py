"""docs/containers.md, typed in from its first command to its last; and DPVS's own lines, which work as they stand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import listing
from tests.support.containers import BUILDER, DOCUMENT, IMAGE, Machine, fenced_blocks

SHOWN = (
    "docker ps",
    "ipvsadm -ln",
    "ipvsadm -G",
    "dpip addr show",
    "dpip route show",
    "dpip -6 route show",
    "ip addr show dpdk0.102.kni",
)
ANSWERS = {
    "http://192.168.88.1/": {"rs1:80\n", "rs2:80\n"},
    "http://[2001::1]/": {"rs1:80\n", "rs1:8080\n", "rs2:8080\n"},
    "http://[2001::2]/": {"rs1:80\n", "rs2:8080\n"},
}

# The tutorial of DPVS as it is, but for the image and the port.
COMPONENTS = r"""
docker run --name dpvs \
      -d --privileged --network host \
      -v /dev:/dev \
      -v /sys:/sys \
      -v /lib/modules:/lib/modules \
      -v /var/run/dpvs:/dpvs \
      xdpvs \
      -c /dpvs/dpvs.conf -p /dpvs/dpvs.pid -x /dpvs/dpvs.ipc \
      -- -a dpdk0
until [ -s /var/run/dpvs/dpvs.pid ]; do sleep 0.1; done
docker run --name dpvs-agent \
      --cap-add=NET_ADMIN \
      -d --network host \
      -v /var/run/dpvs:/dpvs \
      --entrypoint=/usr/bin/dpvs-agent \
      xdpvs \
      --log-dir=/dpvs/logs/dpvs-agent \
      --ipc-sockopt-path=/dpvs/dpvs.ipc\
      --host=0.0.0.0 --port=6601
until curl -sf -o /dev/null http://127.0.0.1:6601/v2/vs; do sleep 0.1; done
"""
LATER_COMPONENTS = (
    r"""
docker run --name keepalived \
      -d --privileged --network host  \
      --cap-add=NET_ADMIN --cap-add=NET_BROADCAST --cap-add=NET_RAW \
      -v /var/run/dpvs:/dpvs \
      -e DPVS_IPC_FILE=/dpvs/dpvs.ipc \
      --entrypoint=/usr/bin/keepalived xdpvs \
      -D -n -f /dpvs/keepalived.conf \
      --log-console --log-facility=6 \
      --pid=/dpvs/keepalived.pid \
      --vrrp_pid=/dpvs/vrrp.pid \
      --checkers_pid=/dpvs/checkers.pid
""",
    r"""
docker run --name healthcheck \
      -d --network host \
      -v /var/run/dpvs:/dpvs \
      --entrypoint=/usr/bin/healthcheck \
      xdpvs \
      -log_dir=/dpvs/logs/healthcheck \
      -lb_iface_addr=localhost:6601
""",
)
ALIASES = "".join(
    f"alias {tool}='docker run --name {tool} --rm --network none -v /var/run/dpvs:/dpvs"
    f" -e DPVS_IPC_FILE=/dpvs/dpvs.ipc --entrypoint=/usr/bin/{tool} xdpvs'\n"
    for tool in ("dpip", "ipvsadm")
)


@pytest.fixture(autouse=True)
def new_machine(machine: Machine) -> Iterator[None]:
    """Before and after: no containers, nothing in the kernel, an empty work directory."""
    machine.sh("rm -rf /var/run/dpvs/*")
    yield
    machine.docker.remove_containers()
    machine.unload()


def for_this_docker(machine: Machine, script: str) -> str:
    """What docs/containers.md says to write where Docker is older than version 23."""
    version = machine.docker.run("version", "-f", "{{.Server.Version}}").stdout
    if int(version.split(".")[0]) < 23:
        script = script.replace("--cap-add BPF --cap-add PERFMON", "--cap-add SYS_ADMIN")
    return script


def shown(machine: Machine, script: str) -> dict[str, str]:
    """Run a script, then the listing's commands in the same shell, for the aliases; what these print."""
    commands = "".join(f"echo '[dpvs]# {command}'\n{command}\n" for command in SHOWN)
    done = machine.docker.on_machine("sh", "-ec", f"{script}\n{commands}", timeout_s=120)
    return listing.sections(done.stdout)


def check_traffic(machine: Machine) -> None:
    """Every service answers the client, from servers of its own."""
    for url, expected in ANSWERS.items():
        answers = {machine.lab.client.curl(url) for _ in range(4)}
        assert answers <= expected, url
        assert len(answers) == (1 if "::1" in url else 2), url


def test_the_document_is_right(machine: Machine) -> None:
    script = "\n".join(fenced_blocks(DOCUMENT)).replace("-a eth1", "-a dpdk0")
    wait = "until [ $(ipvsadm -ln | grep -c 'FullNat 100 ') = 7 ]; do sleep 0.5; done"
    parts = shown(machine, f"{for_this_docker(machine, script)}\n{wait}")
    listing.check(parts)
    names = [line.split()[-1] for line in listing.containers_of(parts["docker ps"])]
    assert names == ["healthcheck", "dpvs-agent", "keepalived", "dpvs"], "as in the tutorial, the youngest first"
    check_traffic(machine)


def test_its_listing_is_the_tutorials() -> None:
    (transcript,) = (block for block in fenced_blocks(DOCUMENT, "console") if "[dpvs]# docker ps" in block)
    parts = listing.sections(transcript)
    version, *services = listing.without_counts(parts["ipvsadm -ln"])
    assert version.startswith("IP Virtual Server version ")
    assert services == listing.lines(listing.SERVICES)
    assert listing.without_counts(parts["ipvsadm -G"]) == listing.lines(listing.LADDRS)
    assert listing.containers_of(parts["docker ps"]) == listing.lines(listing.CONTAINERS)


def test_it_builds_what_the_tests_build() -> None:
    commands = "".join(fenced_blocks(DOCUMENT, "console"))
    assert f"docker build -t {IMAGE} .\n" in commands
    assert f"docker build --target builder -t {BUILDER} .\n" in commands


def may_be_privileged(machine: Machine) -> bool:
    """Whether this machine has every capability to give away."""
    argv = ["run", "--rm", "--privileged", "--network", "none", "--entrypoint", "true", IMAGE]
    return machine.docker.run(*argv, check=False).returncode == 0


def test_dpvs_own_lines_work_as_they_stand(machine: Machine) -> None:
    """With the addresses by the agent, as its run.sh has them."""
    privileged = "--privileged"
    if not may_be_privileged(machine):
        # All that the machine has. Of `--privileged` the devices and the writable /proc are not needed anyway.
        privileged = "--cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined"
    machine.sh("mkdir -p /var/run/dpvs/logs/dpvs-agent /var/run/dpvs/logs/healthcheck")
    machine.sh("cp containers/dpvs.conf containers/keepalived.conf /var/run/dpvs/")
    document = fenced_blocks(DOCUMENT, "console")
    (network,) = (block for block in document if "/v2/device/dpdk0.102/vlan" in block)
    (service,) = (block for block in fenced_blocks(DOCUMENT) if "/v2/vs/2001::2-80-tcp/rs" in block)
    keepalived, healthcheck = LATER_COMPONENTS
    script = "".join((COMPONENTS, ALIASES, network, keepalived, service, healthcheck))
    wait = (
        "until [ $(ipvsadm -ln | grep -c 'FullNat 100 ') = 7 ]; do sleep 0.5; done\n"
        "until ipvsadm -ln | grep -q '10.1.1.1:80.*inhibited'; do sleep 0.5; done\n"
    )
    listing.check(shown(machine, script.replace("--privileged", privileged) + wait))
    check_traffic(machine)
