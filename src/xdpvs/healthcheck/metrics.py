"""Metrics for Prometheus, by its conventions: seconds, `_total`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.statistics import LATE_BUCKETS_S
from xdpvs.healthcheck.status import STATES, server_text

MAX_SERVERS = 2_000
"""With more, servers have no series of their own: making them would delay checks."""


class HealthCollector:
    """Makes them when they are asked for."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        runner = self._runner
        servers = [
            (watched, server) for watched in runner.services.values() for server in watched.health.servers.values()
        ]
        yield GaugeMetricFamily("xdpvs_healthcheck_services", "Services of the agent's list.", len(runner.services))
        states = GaugeMetricFamily("xdpvs_healthcheck_servers", "Servers by what their checks say.", labels=["state"])
        for up, name in STATES.items():
            states.add_metric([name.lower()], sum(server.checker.up is up for _, server in servers))
        yield states
        yield GaugeMetricFamily(
            "xdpvs_healthcheck_unreported_servers",
            "Servers whose verdict the agent does not have yet.",
            sum(server.differs for _, server in servers),
        )
        numbers, traffic = runner.numbers, runner.traffic
        yield _by(
            "checks", "Finished checks.", "result", good=numbers.good, bad=numbers.bad, undecided=numbers.undecided
        )
        yield _by("fetches", "Fetches of the list.", "result", good=traffic.fetches, failed=traffic.failed_fetches)
        yield _by(
            "reports",
            "Reports to the agent.",
            "result",
            taken=traffic.reports_taken,
            stale=traffic.reports_stale,
            failed=traffic.reports_failed,
        )
        yield CounterMetricFamily(
            "xdpvs_healthcheck_skipped_entries", "Entries of lists that could not be used.", traffic.skipped
        )
        yield self._lateness()
        if len(servers) <= MAX_SERVERS:
            yield from self._by_server()

    def _lateness(self) -> Metric:
        numbers = self._runner.numbers
        buckets, total = [], 0
        for bound, count in zip((*map(str, LATE_BUCKETS_S), "+Inf"), numbers.late, strict=True):
            total += count
            buckets.append((bound, total))
        return HistogramMetricFamily(
            "xdpvs_healthcheck_lateness_seconds",
            "How long after their time checks were started.",
            buckets,
            numbers.late_sum_s,
        )

    def _by_server(self) -> Iterable[Metric]:
        labels = ["service", "server"]
        up = GaugeMetricFamily("xdpvs_healthcheck_server_up", "1 up, 0 down; absent while unknown.", labels=labels)
        for service, watched in self._runner.services.items():
            for key, server in watched.health.servers.items():
                if server.checker.up is not None:
                    up.add_metric([service.wire, server_text(key)], float(server.checker.up))
        return [up]


def _by(name: str, text: str, label: str, **values: int) -> Metric:
    family = CounterMetricFamily(f"xdpvs_healthcheck_{name}", text, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def registry(runner: Runner) -> CollectorRegistry:
    """A registry of our own: only these metrics."""
    found = CollectorRegistry(auto_describe=False)
    found.register(HealthCollector(runner))
    return found
