"""/metrics: parses, names by Prometheus's conventions, tells what is counted, and hides no daemon that is away."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.agent import Agent, Daemon, agent_over, conn, items
from xdpvs.agent import service_metrics
from xdpvs.dataplane.stats import ConnCounts, Traffic

VS = "/v2/vs/192.0.2.1-80-tcp"
SERVICE = {"service": "192.0.2.1:80", "protocol": "tcp"}
SERVER = {**SERVICE, "server": "198.51.100.1:80"}


def scrape(agent: Agent) -> dict[str, Metric]:
    """Families by name."""
    reply = agent.call("GET", "/metrics")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = list(text_string_to_metric_families(reply.body.decode()))
    assert len({family.name for family in families}) == len(families)
    samples = [(sample.name, tuple(sorted(sample.labels.items()))) for family in families for sample in family.samples]
    assert len(set(samples)) == len(samples), "no series twice"
    return {family.name: family for family in families}


def value(families: dict[str, Metric], name: str, labels: dict[str, str] | None = None) -> float:
    """A sample, by its full name."""
    found = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == (labels or {})
    ]
    assert len(found) == 1, (name, labels)
    return found[0]


@pytest.fixture
def busy(agent: Agent) -> Agent:
    """An agent whose daemon has something of everything."""
    agent.call("PUT", VS, {})
    agent.call("PUT", f"{VS}/rs", items(("198.51.100.1", 80, 9), ("198.51.100.2", 80, 0), ("198.51.100.3", 80, 1)))
    agent.call("PUT", f"{VS}/laddr", {"addr": "192.0.2.200", "device": "dpdk0"})
    agent.call("PUT", "/v2/vs/2001:db8::1-53-udp", {})
    entry = next(iter(agent.daemon.services))
    first = next(iter(entry.dests.values())).id
    agent.daemon.carry(first, Traffic(1, 2, 3, 4, 5))
    agent.daemon.conn_counts[first] = ConnCounts(7, 8)
    agent.daemon.conns.conns = [conn(1), conn(2)]
    body = {"Items": [{"ip": "198.51.100.3", "port": 80, "weight": 0, "inhibited": True}]}
    agent.call("PUT", f"{VS}/rs?healthcheck=true", body)
    return agent


def test_what_is_told(busy: Agent) -> None:
    found = scrape(busy)
    for name, labels, expected in (
        ("xdpvs_up", None, 1),
        ("xdpvs_services", None, 2),
        ("xdpvs_servers", None, 3),
        ("xdpvs_local_addresses", None, 1),
        ("xdpvs_servers_omitted", None, 0),
        ("xdpvs_service_connections_total", SERVICE, 1),
        ("xdpvs_service_received_packets_total", SERVICE, 2),
        ("xdpvs_service_received_bytes_total", SERVICE, 3),
        ("xdpvs_service_sent_packets_total", SERVICE, 4),
        ("xdpvs_service_sent_bytes_total", SERVICE, 5),
        ("xdpvs_service_servers", SERVICE, 3),
        ("xdpvs_service_inhibited_servers", SERVICE, 1),
        ("xdpvs_service_available_servers", SERVICE, 1),
        ("xdpvs_service_active_connections", SERVICE, 7),
        ("xdpvs_service_port_conflicts_total", SERVICE, 5),
        ("xdpvs_service_servers", {"service": "[2001:db8::1]:53", "protocol": "udp"}, 0),
        ("xdpvs_server_connections_total", SERVER, 1),
        ("xdpvs_server_weight", SERVER, 9),
        ("xdpvs_server_inhibited", SERVER, 0),
        ("xdpvs_server_inhibited", {**SERVICE, "server": "198.51.100.3:80"}, 1),
        ("xdpvs_server_inactive_connections", SERVER, 8),
        ("xdpvs_device_received_packets_total", {"device": "dpdk1"}, 1001),
        ("xdpvs_device_up", {"device": "dpdk0"}, 1),
        ("xdpvs_device_speed_bytes_per_second", {"device": "dpdk0"}, 1.25e9),
        ("xdpvs_dropped_packets_total", {"reason": "no_dest"}, 3),
        ("xdpvs_connections", None, 2),
        ("xdpvs_connection_slots", None, 65536),
        ("xdpvs_daemon_start_time_seconds", None, 1000),
        ("xdpvs_daemon_info", {"version": "test", "generation": "0000000000000007"}, 1),
        ("xdpvs_health_reports_total", {"verdict": "down", "kind": "unversioned"}, 1),
        ("xdpvs_health_stale_reports_total", None, 0),
        ("xdpvs_agent_control_errors_total", {"kind": "refused"}, 0),
        ("xdpvs_agent_http_requests_total", {"route": "/v2/vs/{VipPort}", "method": "PUT", "code": "201"}, 2),
    ):
        assert value(found, name, labels) == expected, name


def test_names_and_help(busy: Agent) -> None:
    for family in scrape(busy).values():
        assert family.name.startswith("xdpvs_")
        assert family.documentation.endswith(".")
        assert family.type != "unknown"
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples)
        for unit in ("_ms", "_mbps", "_kb", "_percent"):
            assert not family.name.endswith(unit)


def test_counters_of_removed_servers_stay_in_the_service_s(busy: Agent) -> None:
    busy.call("DELETE", f"{VS}/rs", items(("198.51.100.1", 80, 0)))
    found = scrape(busy)
    assert value(found, "xdpvs_service_connections_total", SERVICE) == 1
    assert SERVER not in [sample.labels for sample in found["xdpvs_server_connections"].samples]


def test_too_many_servers_are_shown_by_service_only(busy: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_metrics, "MAX_SERVERS", 2)
    found = scrape(busy)
    assert value(found, "xdpvs_servers_omitted") == 3
    assert value(found, "xdpvs_service_connections_total", SERVICE) == 1
    assert "xdpvs_server_weight" not in found


def test_without_a_daemon(tmp_path: Path) -> None:
    with agent_over(tmp_path / "nobody", Daemon()) as alone:
        alone.call("GET", "/v2/vs")
        found = scrape(alone)
        assert value(found, "xdpvs_up") == 0
        assert value(found, "xdpvs_agent_control_errors_total", {"kind": "unreachable"}) == 1
        assert "xdpvs_services" not in found


def test_series_do_not_grow_with_what_clients_ask(agent: Agent) -> None:
    for number in range(20):
        agent.call("GET", f"/nosuch{number}")
        agent.call(f"METHOD{number}", "/v2/vs")
        agent.call("GET", f"/v2/vs/192.0.2.{number}-80-tcp")
    requests = scrape(agent)["xdpvs_agent_http_requests"].samples
    assert {sample.labels["route"] for sample in requests} <= {"other", "/v2/vs/{VipPort}", "/v2/vs"}
    assert len(requests) <= 8


def test_a_slow_scrape_blocks_nobody(busy: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    render = type(busy.parts.table.control.client).get_ports
    monkeypatch.setattr(
        busy.parts.table.control.client,
        "get_ports",
        lambda: (release.wait(20), render(busy.parts.table.control.client))[1],
    )
    scraping = threading.Thread(target=lambda: busy.call("GET", "/metrics"))
    scraping.start()
    try:
        assert busy.call("GET", "/v2/vs").status == 200
        assert busy.call("PUT", VS, {}).status == 200
        assert scraping.is_alive()
    finally:
        release.set()
        scraping.join(20)
