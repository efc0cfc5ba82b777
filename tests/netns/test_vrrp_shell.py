"""One of our nodes in a namespace: interfaces, addresses, forgeries, reload, scripts."""

from __future__ import annotations

import random
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from lab.builder import Lab
from lab.objects import TOP
from lab.process import run
from tests.support.netns import wait_until
from tests.support.vrrp_lab import WIRE, Case, Node, Ours, instance
from xdpvs.model.keepalived import GlobalDefs, KeepalivedConfig
from xdpvs.model.script import Command
from xdpvs.model.vrrp import (
    Notifications,
    Track,
    TrackFile,
    Tracking,
    TrackProcess,
    TrackScript,
    VirtualAddress,
    VrrpInstance,
)
from xdpvs.packet.vrrp import encode
from xdpvs.vrrp.advertising import advertisement

pytestmark = pytest.mark.topology(WIRE)

QUICK = Case("vip", 7, ("192.0.2.100", "192.0.2.101"), Node(150), Node(100), version=3, interval=0.1)
CONFIG = instance(QUICK, "a")
SOURCE, GROUP = ip_address("192.0.2.12"), ip_address("224.0.0.18")


@pytest.fixture
def node(lab: Lab) -> Iterator[Ours]:
    """Our node on host a, not started."""
    made = Ours(lab, "a")
    yield made
    if made.runs:
        assert "Traceback" not in made.process.output()


def file(*instances: VrrpInstance, **parts: object) -> KeepalivedConfig:
    """A configuration."""
    return KeepalivedConfig(instances=instances, **parts)  # type: ignore[arg-type]


def wait_for(node: Ours, state: str, name: str = "vip") -> None:
    """Wait for a state."""
    wait_until(lambda: node.states().get(name) == state, 8, f"{name} is {state}")


def reload(node: Ours, config: KeepalivedConfig) -> None:
    """Have it read another configuration."""
    before = node.process.output().count("reloaded")
    node.write(config)
    node.process.signal(signal.SIGHUP)
    wait_until(lambda: node.process.output().count("reloaded") > before, 5, "reloaded")


def stats(node: Ours) -> dict[str, int]:
    """The counters by their titles; of two with the same title the first."""
    marker = node.process.output().count("VRRP Topology")
    node.process.signal(signal.SIGUSR1)
    wait_until(lambda: node.process.output().count("VRRP Topology") > marker, 5, "counters are written")
    wait_until(lambda: "    Source:" in node.process.output().rpartition("VRRP Topology")[2], 5, "all of them")
    text = node.process.output().rpartition("VRRP Topology")[2]
    found = re.findall(r"^ +([\w ]+): (\d+)$", text, re.M)
    return {title.strip(): int(number) for title, number in reversed(found)}


def forge(lab: Lab, payloads: Sequence[bytes], *, ttl: int = 255, destination: str = "224.0.0.18") -> None:
    """Send these from host b."""
    argv = [sys.executable, "-m", "tests.support.vrrp_forger", destination, str(ttl)]
    text = "".join(payload.hex() + "\n" for payload in payloads)
    run(lab.hosts["b"].argv(argv), stdin=text, environment={"PYTHONPATH": f"{TOP}:{TOP / 'src'}"})


def test_a_missing_interface_is_an_error_that_names_it(node: Ours) -> None:
    tracking = Tracking(interfaces=(Track("eth7"),))
    node.start_with(file(replace(CONFIG, interface="eth9", tracking=tracking)))
    assert node.process.wait(5.0) == 1
    assert "vrrp_instance vip: interface eth9 does not exist" in node.process.output()
    assert "vrrp_instance vip: interface eth7 does not exist" in node.process.output()


def test_with_dynamic_interfaces_it_may_come_and_go(lab: Lab, node: Ours) -> None:
    host = lab.hosts["a"]
    node.start_with(file(replace(CONFIG, interface="kni0"), globals=GlobalDefs(dynamic_interfaces=True)))
    wait_for(node, "FAULT")
    for _ in range(2):
        host.ip_batch([
            "link add kni0 type veth peer name kni0p", "address add 198.51.100.1/24 dev kni0",
            "link set kni0 up", "link set kni0p up",
        ])  # fmt: skip
        wait_for(node, "MASTER")
        host.ip("link", "del", "kni0")
        wait_for(node, "FAULT")


def test_it_needs_a_source_address(lab: Lab, node: Ours) -> None:
    node.start_with(file(CONFIG))
    wait_for(node, "MASTER")
    lab.hosts["a"].ip("address", "del", "192.0.2.11/24", "dev", "eth0")
    wait_for(node, "FAULT")
    assert "no source address" in node.process.output()
    lab.hosts["a"].ip("address", "add", "192.0.2.13/24", "dev", "eth0")
    wait_for(node, "MASTER")
    wait_until(lambda: node.deeds().count("announce 192.0.2.100") >= 10, 5, "announced each time")
    assert node.deeds()[0] == "add 192.0.2.100/32 dpdk0"
    assert "del 192.0.2.101/32 dpdk0" in node.deeds()


def test_forged_and_foreign_adverts_leave_it_master_and_are_counted(lab: Lab, node: Ours) -> None:
    node.start_with(file(CONFIG))
    wait_for(node, "MASTER")
    advert = advertisement(CONFIG, 250)
    good = encode(advert, SOURCE, GROUP)
    forge(lab, [good], ttl=254)
    forge(lab, [
        good[:6] + b"\x12\x34" + good[8:],
        good + bytes(4),
        good[:3],
        bytes([0x51]) + good[1:],
        bytes([0x32]) + good[1:],
        encode(replace(advert, version=2, interval_cs=100), SOURCE, GROUP),
        encode(replace(advert, addresses=advert.addresses[:1]), SOURCE, GROUP),
        encode(replace(advert, interval_cs=0), SOURCE, GROUP),
        encode(replace(advert, vrid=8), SOURCE, GROUP),
    ])  # fmt: skip
    forge(lab, [encode(advert, SOURCE, ip_address("192.0.2.11"))], destination="192.0.2.11")
    wait_until(lambda: stats(node)["Multicast or unicast"] == 1, 5, "all have arrived")
    found = stats(node)
    counted = ("Length", "TTL", "Invalid Type", "Advertisement Interval", "Address List", "Version", "Checksum")
    assert {title: found[title] for title in counted} == {
        "Length": 1, "TTL": 1, "Invalid Type": 1, "Advertisement Interval": 1, "Address List": 1, "Version": 2,
        "Checksum": 1,
    }  # fmt: skip
    assert found["Received"] == 0
    assert "Packets of unknown VRIDs = 1, too short = 1" in node.process.output()
    assert node.transitions("vip") == ["BACKUP", "MASTER"]
    forge(lab, [good])
    wait_until(lambda: node.transitions("vip")[2:3] == ["BACKUP"], 5, "the same without a flaw is believed")


def test_a_flood_of_garbage_neither_fills_the_log_nor_ends_it(lab: Lab, node: Ours) -> None:
    node.start_with(file(CONFIG))
    wait_for(node, "MASTER")
    dice = random.Random(7)
    good = encode(advertisement(CONFIG, 250), SOURCE, GROUP)
    flipped = [bytearray(good) for _ in range(3000)]
    for each in flipped:
        at = dice.randrange(len(each) * 8)
        each[at // 8] ^= 1 << at % 8
    forge(lab, [dice.randbytes(dice.randrange(1, 60)) for _ in range(3000)] + [bytes(each) for each in flipped])
    wait_until(lambda: stats(node)["Checksum"] > 100, 5, "they have arrived")
    assert node.states() == {"vip": "MASTER"}
    assert len(node.process.output().splitlines()) < 500


def test_a_reload_keeps_the_master_and_changes_what_differs(node: Ours) -> None:
    node.start_with(file(CONFIG))
    wait_for(node, "MASTER")
    wait_until(lambda: node.deeds().count("announce 192.0.2.100") == 5, 5, "the first burst")
    other = VirtualAddress(ip_address("192.0.2.102"), 32)
    second = replace(
        CONFIG, name="other", virtual_router_id=8, addresses=(VirtualAddress(ip_address("192.0.2.200"), 32),)
    )
    before = len(node.deeds())
    reload(node, file(replace(CONFIG, addresses=(CONFIG.addresses[0], other)), second))
    wait_for(node, "MASTER", "other")
    wait_until(lambda: "announce 192.0.2.200" in node.deeds(), 5, "all is done")
    assert node.transitions("vip") == ["BACKUP", "MASTER"]
    news = [deed for deed in node.deeds()[before:] if not deed.startswith("announce")]
    assert news == ["del 192.0.2.101/32 dpdk0", "add 192.0.2.102/32 dpdk0", "add 192.0.2.200/32 dpdk0"]
    reload(node, file(CONFIG))
    wait_until(lambda: "del 192.0.2.200/32 dpdk0" in node.deeds(), 5, "the removed one has left")
    assert 'FIFO INSTANCE "other" FAULT' in node.process.output()


def test_a_reload_that_cannot_be_used_changes_nothing(node: Ours) -> None:
    node.start_with(file(CONFIG))
    wait_for(node, "MASTER")
    node.write(file(CONFIG, replace(CONFIG, name="twin")))
    node.process.signal(signal.SIGHUP)
    wait_until(lambda: "is that of vip" in node.process.output(), 5, "refused")
    assert node.states() == {"vip": "MASTER"}
    assert stats(node)["Became master"] == 1


def script(path: Path, text: str) -> Command:
    """An executable."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return Command((str(path),))


def test_tracked_scripts_files_and_processes(lab: Lab, node: Ours, tmp_path: Path) -> None:
    flag, number = tmp_path / "flag", tmp_path / "number"
    flag.touch()
    check = TrackScript("check", script(tmp_path / "check", f"test -e {flag}"), interval_s=0.1, rise=2, fall=2)
    tracking = Tracking(scripts=(Track("check"),), files=(Track("number"),), processes=(Track("sleepers"),))
    config = file(
        replace(CONFIG, tracking=tracking),
        scripts={"check": check},
        track_files={"number": TrackFile("number", str(number), initial=-10)},
        track_processes={"sleepers": TrackProcess("sleepers", "sleep", ("7531",), "exact", weight=-20)},
    )
    node.start_with(config)
    wait_for(node, "MASTER")
    assert number.read_text() == "-10\n"
    wait_until(lambda: "from 120 to" not in node.process.output() and stats(node)["Became master"] == 1)
    assert "Effective priority = 120" in node.process.output()
    sleeper = lab.on_exit(lab.hosts["a"].start("sleep", "sleep", "7531"))
    wait_until(lambda: "Changing effective priority from 120 to 140" in node.process.output(), 5, "a process counts")
    sleeper.stop()
    wait_until(lambda: "Changing effective priority from 140 to 120" in node.process.output(), 5, "and no longer")
    number.write_text("7")
    wait_until(lambda: "Changing effective priority from 120 to 137" in node.process.output(), 5, "a file counts")
    flag.unlink()
    wait_for(node, "FAULT")
    assert "Entering FAULT STATE (script check failed)" in node.process.output()
    flag.touch()
    wait_for(node, "MASTER")


def test_a_script_that_hangs_is_a_failure_and_is_ended(node: Ours, tmp_path: Path) -> None:
    command = script(tmp_path / "hang", f"echo $$ > {tmp_path}/pid; sleep 600 & sleep 600")
    check = TrackScript("hang", command, interval_s=0.5, timeout_s=0.3)
    node.start_with(file(replace(CONFIG, tracking=Tracking(scripts=(Track("hang"),))), scripts={"hang": check}))
    wait_for(node, "FAULT")
    assert "VRRP_Script(hang) timed_out" in node.process.output()
    first = int((tmp_path / "pid").read_text())
    wait_until(lambda: not Path(f"/proc/{first}").exists(), 5, "the program is gone")
    node.process.stop()


def test_a_missing_script_is_disabled_with_a_message(node: Ours) -> None:
    check = TrackScript("none", Command(("/no/such/program",)))
    node.start_with(file(replace(CONFIG, tracking=Tracking(scripts=(Track("none"),))), scripts={"none": check}))
    wait_for(node, "MASTER")
    assert "vrrp_script none is disabled: /no/such/program not found" in node.process.output()


def test_notify_programs_run_in_order_and_hold_nothing_up(lab: Lab, node: Ours, tmp_path: Path) -> None:
    told = tmp_path / "told"
    programs = Notifications(
        master=script(tmp_path / "master", f"sleep 1; echo master >> {told}"),
        backup=script(tmp_path / "backup", f"echo backup >> {told}"),
        fault=Command(("/no/such/program",)),
        stop=script(tmp_path / "stop", f"echo stop >> {told}"),
        any_state=script(tmp_path / "any", f'echo "$@" >> {told}'),
    )
    node.start_with(file(replace(CONFIG, notifications=programs)))
    wait_for(node, "MASTER")
    lab.hosts["a"].ip("link", "set", "eth0", "down")
    wait_for(node, "FAULT")
    lab.hosts["a"].ip("link", "set", "eth0", "up")
    wait_until(lambda: told.exists() and len(told.read_text().splitlines()) >= 8, 10, "all are told")
    assert told.read_text().splitlines()[:8] == [
        "backup", "INSTANCE vip BACKUP 150", "master", "INSTANCE vip MASTER 150",
        "INSTANCE vip FAULT 150", "backup", "INSTANCE vip BACKUP 150", "master",
    ]  # fmt: skip
    fifo = re.findall(r'FIFO (INSTANCE "vip" \w+ 150)', node.process.output())
    assert fifo[:4] == [f'INSTANCE "vip" {state} 150' for state in ("BACKUP", "MASTER", "FAULT", "BACKUP")]
    wait_until(lambda: told.read_text().splitlines()[8:] == ["INSTANCE vip MASTER 150"], 5, "the last")
    node.process.stop()
    assert told.read_text().splitlines()[9:] == ["stop", "INSTANCE vip STOP 150"]
