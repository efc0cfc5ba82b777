"""Starts that cannot succeed say why in one line and leave nothing; generic mode is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.balancer import Balancer, installed
from lab.builder import Lab
from lab.topology import ONE_ARM
from tests.support.daemon import PLACES, add_service, configure, small_conf
from tests.support.netns import missing_for_balancer, need, wait_until

PLAN = PLACES[ONE_ARM.name]
pytestmark = pytest.mark.topology(ONE_ARM)


@pytest.fixture
def refused(lab: Lab, tmp_path: Path) -> Refusal:
    """Starts a dpvs that must not come up."""
    need(missing_for_balancer())
    return Refusal(lab, tmp_path)


class Refusal:
    """Runs dpvs until it has given up; returns what it said, which is one line and its heading."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self._lab = lab
        self._directory = directory

    def __call__(self, port: str, *, config: str = "", bpffs: Path | None = None, before: tuple[str, ...] = ()) -> str:
        conf = self._directory / "dpvs.conf"
        conf.write_text(config or small_conf(["dpdk0"]))
        paths = ["-c", str(conf), "-p", str(self._directory / "pid"), "-x", str(self._directory / "ipc")]
        where = ["--bpffs", str(bpffs or self._lab.bpffs())]
        argv = [*before, str(installed("dpvs")), *paths, *where, "--", "-a", port, "--file-prefix", "refused"]
        done = self._lab.lb.run(*argv, check=False, timeout_s=30)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        assert sorted(path.name for path in self._directory.iterdir()) == ["dpvs.conf"]
        shown = self._lab.lb.ip("-d", "link", "show")
        assert "prog/xdp" not in shown
        assert "altname" not in shown
        assert not (self._lab.bpffs() / "refused").exists()
        return done.stderr


def test_a_driver_without_xdp_is_named_with_the_way_out(lab: Lab, refused: Refusal) -> None:
    lab.lb.ip("link", "add", "plain0", "type", "bridge")
    said = refused("plain0").splitlines()
    assert [line for line in said if "plain0" in line and "--xdp-mode generic" in line] == said[-1:]


@pytest.mark.parametrize("capability", ["bpf", "net_admin"])
def test_a_missing_capability_is_named(refused: Refusal, capability: str) -> None:
    drop = f"-{capability}" + (",-sys_admin" if capability == "bpf" else "")
    said = refused("dpdk0", before=("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", "--"))
    assert f"CAP_{capability.upper()}" in said.splitlines()[-1]


def test_a_mistake_in_the_configuration_has_its_line(refused: Refusal) -> None:
    said = refused("dpdk0", config="global_defs {\n    log_level INFO\n}\nipvs_defs {\n    nonsense {\n")
    assert any("dpvs.conf:" in line for line in said.splitlines())


def test_a_directory_that_cannot_be_written_is_named(refused: Refusal) -> None:
    assert "/proc/nowhere" in refused("dpdk0", bpffs=Path("/proc/nowhere")).splitlines()[-1]


def test_generic_mode_works_and_is_reported(lab: Lab) -> None:
    need(missing_for_balancer())
    with Balancer(lab, config=small_conf(["dpdk0"]), arguments=["--xdp-mode", "generic"]) as balancer:
        configure(balancer, PLAN)
        add_service(balancer, PLAN, PLAN.vip4, PLAN.servers4, PLAN.laddrs4)
        wait_until(lambda: balancer.dpip("neigh", "show").count("REACHABLE") >= 2, 5, "the servers are resolved")
        assert lab.client.curl(f"http://{PLAN.vip4}/").startswith("rs")
        assert "xdp-generic" in balancer.dpip("link", "show", "dpdk0")
        assert "dpdk0: XDP in generic mode: every packet is slow" in balancer.process.output()
        balancer.kill9()
        balancer.start()
        assert "xdp-generic" in balancer.dpip("link", "show")
