"""Several routers against each other on a wire that loses and delays."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vrrp import Wire, instance
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.vrrp import VrrpInstance

SOURCES = [ip_address(f"192.0.2.{n}") for n in range(11, 15)]


def alone(config: VrrpInstance) -> KeepalivedConfig:
    """A file of one instance."""
    return KeepalivedConfig(instances=(config,))


def transitions(wire: Wire, since: float) -> list[tuple[float, str, str]]:
    """Changes of state after a time."""
    states = ("MASTER", "BACKUP", "FAULT")
    return [event for event in wire.history if event[0] > since and event[2].split()[1] in states]


@st.composite
def routers(draw: st.DrawFn) -> list[VrrpInstance]:
    """Two to four routers of one VRID that may meet in reality."""
    version = draw(st.sampled_from([2, 3]))
    interval = draw(st.sampled_from([1.0, 2.0] if version == 2 else [0.1, 0.5, 1.0]))
    owners = draw(st.integers(0, 3))
    return [
        instance(
            version=version,
            # Version 3 allows each its own.
            advert_interval_s=interval if version == 2 else draw(st.sampled_from([0.1, 0.3, 1.0])),
            priority=255 if n == owners and draw(st.booleans()) else draw(st.sampled_from([1, 50, 100, 100, 254])),
            nopreempt=draw(st.booleans()),
            preempt_delay_s=draw(st.sampled_from([0.0, 2.0])),
            higher_prio_send_advert=draw(st.booleans()),
            lower_prio_no_advert=draw(st.booleans()),
        )
        for n in range(draw(st.integers(2, 4)))
    ]


@settings(max_examples=50, deadline=None)
@given(routers(), st.integers(0, 2**16), st.lists(st.floats(0, 10), min_size=4, max_size=4))
def test_there_is_exactly_one_master_and_it_stays(configs: list[VrrpInstance], seed: int, starts: list[float]) -> None:
    wire = Wire(seed, delay_s=0.01)
    for start, n in sorted(zip(starts, range(len(configs)), strict=False)):
        wire.run(max(start - wire.now, 0.0))
        wire.add(f"r{n}", alone(configs[n]), SOURCES[n])
    wire.run(30)
    assert len(wire.masters()) == 1
    settled_at = wire.now
    wire.run(60)
    assert transitions(wire, settled_at) == []


@settings(max_examples=40, deadline=None)
@given(routers(), st.integers(0, 2**16), st.floats(0.0, 0.6))
def test_after_losses_and_a_split_one_master_is_left(configs: list[VrrpInstance], seed: int, loss: float) -> None:
    wire = Wire(seed, loss=loss, delay_s=0.05)
    for n, config in enumerate(configs):
        wire.add(f"r{n}", alone(config), SOURCES[n])
    wire.run(20)
    wire.down = {f"r{seed % len(configs)}"}
    wire.run(20)
    wire.down, wire.loss = set(), 0.0
    wire.run(30)
    assert len(wire.masters()) == 1
    settled_at = wire.now
    wire.run(30)
    assert transitions(wire, settled_at) == []


@settings(max_examples=20, deadline=None)
@given(routers(), st.integers(0, 2**16))
def test_the_best_is_master_where_all_preempt(configs: list[VrrpInstance], seed: int) -> None:
    wire = Wire(seed)
    eager = [replace(config, nopreempt=False, preempt_delay_s=0.0) for config in configs]
    for n, config in enumerate(eager):
        wire.add(f"r{n}", alone(config), SOURCES[n])
    wire.run(30)
    (master,) = wire.masters()
    best = max(config.priority for config in eager)
    assert eager[int(master[1:])].priority == best


@pytest.mark.parametrize("interval", [0.1, 1.0])
def test_a_dead_master_is_replaced_within_four_intervals(interval: float) -> None:
    wire = Wire()
    for name, priority, source in (("good", 150, SOURCES[0]), ("poor", 100, SOURCES[1])):
        wire.add(name, alone(instance(version=3, advert_interval_s=interval, priority=priority)), source)
    wire.run(20)
    wire.kill("good")
    wire.run(4 * interval)
    assert wire.masters() == ["poor"]


def test_a_leaving_master_is_replaced_after_the_skew_only() -> None:
    wire = Wire()
    for name, priority, source in (("good", 150, SOURCES[0]), ("poor", 100, SOURCES[1])):
        wire.add(name, alone(instance(priority=priority)), source)
    wire.run(20)
    wire.do("good", wire.nodes["good"].stop(wire.now))
    wire.run(156 / 256 + 0.01)
    assert wire.masters() == ["poor"]


def test_a_backup_does_not_flap_when_its_own_interval_is_shorter() -> None:
    wire = Wire()
    wire.add("quick", alone(instance(version=3, advert_interval_s=0.1, priority=100)), SOURCES[0])
    wire.run(5)
    wire.add("slow", alone(instance(version=3, advert_interval_s=2.0, priority=150)), SOURCES[1])
    wire.run(60)
    assert wire.masters() == ["slow"]
    assert [event[2] for event in transitions(wire, 5.0) if event[1] == "quick"] == ["VI_1 BACKUP"]
