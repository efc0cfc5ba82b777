"""What the HTTP server shows: upstream's text pages, the same as a page for a browser, and metrics for Prometheus."""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from xdpvs.healthcheck.conf import ConfError, load_conf
from xdpvs.healthcheck.listing import ServerKey
from xdpvs.healthcheck.methods import METHODS
from xdpvs.healthcheck.runner import Runner
from xdpvs.healthcheck.watched import LATE_BUCKETS_S

MAX_SERVERS = 2_000
"""With more, servers have no series of their own: making them would delay checks."""
_NOTES = (
    "# Check Method Annotations: "
    + ", ".join(f"{number}-{name}" for number, name in METHODS.items())
    + ", 65535-passive\n# VA DownPolicy Annotations: 1-oneOf, 2-allOf\n"
)
_STATES = {True: "Healthy", False: "Unhealthy", None: "Unknown"}


def _columns(*cells: str, indent: str = "") -> str:
    return indent + "    ".join(f"{cell:<32}" for cell in cells) + "\n"


def _state(up: bool | None, since: float, now: float) -> str:
    return f"{_STATES[up]} {int(max(0.0, now - since))}s"


def _go_time(now_ns: int, running_s: float) -> str:
    """As Go prints a time: 2025-05-09 14:31:02.802071741 +0800 CST m=+1026.188881757."""
    seconds, fraction = divmod(now_ns, 1_000_000_000)
    moment = time.localtime(seconds)
    date, zone = time.strftime("%Y-%m-%d %H:%M:%S", moment), time.strftime("%z %Z", moment)
    return f"{date}.{fraction:09d} {zone} m=+{running_s:.9f}"


def server_text(key: ServerKey) -> str:
    """An address and port as upstream's page and the metrics have them."""
    address, port = key
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def statistics_text(runner: Runner) -> str:
    """Upstream's /metrics (v1.10)."""
    now = runner.now()
    checkers = sum(len(watched.health.servers) for watched in runner.services.values())
    addresses = sorted({service.address for service in runner.services}, key=str)
    lines = [_go_time(time.time_ns(), now - runner.began_at), "", "Thread Statistics:"]
    lines.append(f"{'':20}{'running':<16}{'stopping':<16}{'finished':<16}")
    finished = runner.numbers.good + runner.numbers.bad + runner.numbers.undecided
    for name, running, ended in (
        ("VirtualAddress", len(addresses), 0),
        ("VirtualService", len(runner.services), 0),
        ("Checker", checkers, 0),
        ("HealthCheck", 0, finished),
    ):
        lines.append(f"{name:<20}{running:<16}{0:<16}{ended:<16}")
    text = "\n".join(lines) + "\n\n"
    text += _columns("object", "state", "statistics", "extra(optional)") + "-" * 123 + "\n"
    for address in addresses:
        health = runner.addresses.health.get(address)
        if health is None:
            # Nothing is done about addresses, but what they are can be told.
            states = [w.health for s, w in runner.services.items() if s.address == address]
            known = [each.up for each in states if each.up is not None]
            since = max((each.since for each in states), default=now)
            text += _columns(str(address), _state(any(known) if known else None, since, now), "0,0,0,0,0,0")
        else:
            text += _columns(str(address), _state(health.up, health.since, now), health.statistics.text())
        for service in sorted((s for s in runner.services if s.address == address), key=lambda s: s.name):
            own = runner.services[service].health
            title = f"{service.protocol.name} {server_text((service.address, service.port))}"
            text += _columns(title, _state(own.up, own.since, now), own.statistics.text(), indent="    ")
            for key in sorted(own.servers, key=server_text):
                server = own.servers[key]
                state = _state(server.checker.up, server.since, now)
                text += _columns(server_text(key), state, server.checker_numbers.text(), indent="    -> ")
    return text + "Notes:\n  statistics denotation: up,down,up_notices,down_notices,fail(up,timeout),fail(down,error)\n"


def conf_text(runner: Runner) -> str:
    """Upstream's /conf."""
    return f"{_NOTES}\n{runner.conf.text()}"


def conf_check_text(path: str) -> str:
    """Upstream's /conf/check: the file is read anew."""
    try:
        raw = Path(path).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        return f"Config File {path}: INVALID (File Read Error: {error})\n"
    try:
        load_conf(raw, path)
        verdict = "VALID"
    except ConfError as error:
        verdict = f"INVALID (Validation Error: {error})"
    return f"Config File {path}: {verdict}\n\n\nRaw Configs from {path}:\n{_NOTES}{raw}"


def page(runner: Runner) -> str:
    """A page for a browser, without anything from elsewhere."""
    rows = []
    now = runner.now()
    for service, watched in sorted(runner.services.items(), key=lambda item: item[0].wire):
        for key, server in watched.health.servers.items():
            told = _STATES[server.known_up].lower()
            weight = "unknown" if server.weight is None else str(server.weight)
            state = _state(server.checker.up, server.since, now)
            cells = (service.wire, server_text(key), watched.rule.method or "none", state, told, weight)
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f"<th>{title}</th>" for title in ("service", "server", "check", "state", "agent has it", "weight"))
    style = "body{font:14px sans-serif;margin:2em}td,th{text-align:left;padding:.2em 1em .2em 0}"
    links = '<p><a href="/metrics/prometheus">metrics</a></p>'
    return (
        f"<!doctype html><meta charset=utf-8><title>healthcheck</title><style>{style}</style>"
        f"<h1>healthcheck</h1>{links}<table><tr>{head}</tr>{''.join(rows)}</table>\n"
    )


class HealthCollector:
    """Metrics, by Prometheus's conventions: seconds, _total."""

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
        for up, name in _STATES.items():
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
