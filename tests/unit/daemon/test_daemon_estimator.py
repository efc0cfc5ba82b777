"""Rates as LVS estimates them."""

from __future__ import annotations

from xdpvs.daemon.estimator import Estimator
from xdpvs.dataplane.stats import Traffic


def traffic(packets: int) -> dict[int, Traffic]:
    """Counters of one server."""
    return {7: Traffic(packets // 10, packets, packets * 100, packets, packets * 1000)}


def test_a_steady_rate_is_reached_by_quarters() -> None:
    estimator = Estimator()
    estimator.sample(traffic(0), 0.0)
    seen = []
    for step in range(1, 80):
        estimator.sample(traffic(200 * step), 2.0 * step)
        seen.append(estimator.of(7)[1])
    assert seen[:3] == [25, 44, 58]
    assert estimator.of(7) == (10, 100, 10000, 100, 100000)


def test_rates_run_down_to_nothing() -> None:
    estimator = Estimator()
    estimator.sample(traffic(0), 0.0)
    estimator.sample(traffic(2000), 2.0)
    assert estimator.moving
    for step in range(2, 80):
        estimator.sample(traffic(2000), 2.0 * step)
    assert estimator.of(7) == (0, 0, 0, 0, 0)
    assert not estimator.moving


def test_a_gap_counts_as_the_steps_it_spans() -> None:
    often, seldom = Estimator(), Estimator()
    for estimator in (often, seldom):
        estimator.sample(traffic(0), 0.0)
    for step in range(1, 4):
        often.sample(traffic(200 * step), 2.0 * step)
    seldom.sample(traffic(600), 6.0)
    assert often.of(7) == seldom.of(7)


def test_an_id_given_to_another_server_does_not_go_below_zero() -> None:
    estimator = Estimator()
    estimator.sample(traffic(1000), 0.0)
    estimator.sample(traffic(0), 2.0)
    assert estimator.of(7) == (0, 0, 0, 0, 0)


def test_servers_that_are_gone_are_forgotten() -> None:
    estimator = Estimator()
    estimator.sample(traffic(0), 0.0)
    estimator.sample(traffic(100), 2.0)
    estimator.sample({}, 4.0)
    assert not estimator.moving
