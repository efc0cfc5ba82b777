"""`/metrics`: everything that is counted, asked of the daemon at the moment of the scrape."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from xdpvs.agent.control import Control, Trouble
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.http_counts import HttpCounts
from xdpvs.agent.service_metrics import device_metrics, service_metrics
from xdpvs.api.errors import ApiError, TransportError
from xdpvs.model.counters import DaemonStatus, DropCounter
from xdpvs.model.network import Link, LinkStats
from xdpvs.model.table import TableEntry


class ControlErrors:
    """Requests to the daemon that failed, by how."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._counts: Counter[Trouble] = Counter()

    def count(self, trouble: Trouble) -> None:
        """One more."""
        with self._mutex:
            self._counts[trouble] += 1

    def read(self) -> dict[str, int]:
        """All kinds, those that never happened too."""
        with self._mutex:
            return {trouble.value: self._counts[trouble] for trouble in Trouble}


@dataclass(frozen=True, slots=True)
class Reading:
    """What one scrape asks of the daemon. status and drops are None with DPVS's own."""

    entries: list[TableEntry]
    links: list[tuple[Link, LinkStats]]
    status: DaemonStatus | None
    drops: list[DropCounter] | None


class Metrics(Collector):
    """A registry with one collector, which is this."""

    def __init__(
        self, control: Control, health: HealthCounts, http: HttpCounts, errors: ControlErrors, version: str
    ) -> None:
        self._control = control
        self._health = health
        self._http = http
        self._errors = errors
        self._version = version
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self) -> bytes:
        """The text of a scrape."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing: the daemon is not to be asked at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """A scrape; without a daemon `xdpvs_up` is 0 and what only it knows is left out."""
        reading = self._read()
        yield GaugeMetricFamily("xdpvs_up", "Whether the daemon answered this scrape.", float(reading is not None))
        if reading is not None:
            yield from service_metrics(reading.entries)
            yield from device_metrics(reading.links)
            yield from _drops(reading.drops)
            yield from _daemon(reading.status)
        yield from self._own()

    def _read(self) -> Reading | None:
        client = self._control.client
        try:
            entries = self._control.table()
            links = [
                (client.get_link(port.name), client.get_link_stats(port.name)) for port in client.get_ports().ports
            ]
        except (ApiError, TransportError):
            return None
        try:
            return Reading(entries, links, client.get_status(), client.get_drops())
        except (ApiError, TransportError):
            return Reading(entries, links, None, None)

    def _own(self) -> Iterator[Metric]:
        info = InfoMetricFamily("xdpvs_agent", "The agent.")
        info.add_metric([], {"version": self._version})
        yield info
        reports, stale = self._health.read()
        family = CounterMetricFamily(
            "xdpvs_health_reports",
            "Servers in health reports that were carried out, by verdict and by kind of report.",
            labels=["verdict", "kind"],
        )
        for labels, count in sorted(reports.items()):
            family.add_metric(labels, count)
        yield family
        yield CounterMetricFamily(
            "xdpvs_health_stale_reports", "Health reports refused because their version was out of date.", stale
        )
        failures = CounterMetricFamily(
            "xdpvs_agent_control_errors", "Requests to the daemon that failed, by how.", labels=["kind"]
        )
        for kind, count in self._errors.read().items():
            failures.add_metric([kind], count)
        yield failures
        yield from self._http.collect()


def _drops(drops: list[DropCounter] | None) -> Iterator[Metric]:
    if drops is None:
        return
    family = CounterMetricFamily("xdpvs_dropped_packets", "Packets not forwarded, by reason.", labels=["reason"])
    for drop in drops:
        family.add_metric([drop.name], drop.packets)
    yield family


def _daemon(status: DaemonStatus | None) -> Iterator[Metric]:
    if status is None:
        return
    info = InfoMetricFamily("xdpvs_daemon", "The daemon.")
    info.add_metric([], {"version": status.version, "generation": f"{status.generation:016x}"})
    yield info
    gauges = (
        ("xdpvs_daemon_start_time_seconds", "Unix time at which the daemon started.", status.started_at_s),
        ("xdpvs_daemon_resident_memory_bytes", "Resident memory of the daemon.", status.resident_bytes),
        ("xdpvs_connections", "Live connections at the last sweep.", status.conns),
        ("xdpvs_connection_slots", "Slots of the connection table; a connection takes two.", status.conn_slots),
        ("xdpvs_last_sweep_duration_seconds", "Time the last sweep of the connection table took.", status.sweep_s),
        ("xdpvs_devices", "Devices.", status.devices),
        ("xdpvs_addresses", "Addresses of devices.", status.addresses),
        ("xdpvs_routes", "Routes.", status.routes),
        ("xdpvs_neighbours", "Neighbours.", status.neighbours),
    )
    for name, text, value in gauges:
        yield GaugeMetricFamily(name, text, value)
    counters = (
        ("xdpvs_daemon_cpu_seconds", "CPU time of the daemon.", status.cpu_s),
        ("xdpvs_connections_expired", "Connections that timed out.", status.conns_expired),
        ("xdpvs_sweeps", "Sweeps of the connection table.", status.sweeps),
        ("xdpvs_control_requests", "Requests answered on the control socket.", status.requests),
        ("xdpvs_control_request_errors", "Of those, answered with an error.", status.request_errors),
        ("xdpvs_control_garbage", "Clients of the control socket closed without a reply.", status.request_garbage),
        ("xdpvs_control_timeouts", "Clients of the control socket that were too slow.", status.request_timeouts),
    )
    for name, text, value in counters:
        yield CounterMetricFamily(name, text, value)
