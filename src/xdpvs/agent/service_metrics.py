"""Services, servers and devices as metrics.

A service is labelled `service` (ADDRESS:PORT) and `protocol`, a server also `server`: what operators know them by. A
table with more than MAX_SERVERS servers is shown by service only, for every server has a dozen series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from xdpvs.agent.rendering import address_text
from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.network import Link, LinkStats
from xdpvs.model.service import NO_MATCH, NO_STATS, DestStatus, Match, ServiceKey, Stats
from xdpvs.model.table import TableEntry

MAX_SERVERS = 10_000

_TRAFFIC: tuple[tuple[str, str, Callable[[Stats], int]], ...] = (
    ("connections", "Connections made", lambda stats: stats.conns),
    ("received_packets", "Packets from clients", lambda stats: stats.in_packets),
    ("received_bytes", "IP bytes from clients", lambda stats: stats.in_bytes),
    ("sent_packets", "Packets to clients", lambda stats: stats.out_packets),
    ("sent_bytes", "IP bytes to clients", lambda stats: stats.out_bytes),
)
_SERVICE = ("service", "protocol")
_SERVER = (*_SERVICE, "server")

_DEVICE: tuple[tuple[str, str, Callable[[LinkStats], int]], ...] = (
    ("received_packets", "Frames received", lambda stats: stats.in_packets),
    ("received_bytes", "Bytes received", lambda stats: stats.in_bytes),
    ("sent_packets", "Frames sent", lambda stats: stats.out_packets),
    ("sent_bytes", "Bytes sent", lambda stats: stats.out_bytes),
    ("missed_packets", "Frames dropped on their way in", lambda stats: stats.in_missed),
    ("receive_errors", "Errors of receiving", lambda stats: stats.in_errors),
    ("transmit_errors", "Errors of sending", lambda stats: stats.out_errors),
)


def service_metrics(entries: Sequence[TableEntry]) -> Iterator[Metric]:
    """All services and, unless there are too many, their servers."""
    servers = sum(len(entry.dests) for entry in entries)
    yield GaugeMetricFamily("xdpvs_services", "Services.", len(entries))
    yield GaugeMetricFamily("xdpvs_servers", "Servers of all services.", servers)
    yield GaugeMetricFamily(
        "xdpvs_local_addresses", "Local addresses of all services.", sum(len(e.laddrs) for e in entries)
    )
    omitted = servers if servers > MAX_SERVERS else 0
    yield GaugeMetricFamily(
        "xdpvs_servers_omitted",
        f"Servers without metrics of their own, for there are more than {MAX_SERVERS}.",
        omitted,
    )
    rows = [(_labels(entry.status.service.key), entry) for entry in entries]
    yield from _by_service(rows)
    if not omitted:
        yield from _by_server([((*labels, _server(dest)), dest) for labels, entry in rows for dest in entry.dests])


def _by_service(rows: Sequence[tuple[tuple[str, ...], TableEntry]]) -> Iterator[Metric]:
    for name, text, value in _TRAFFIC:
        counter = CounterMetricFamily(f"xdpvs_service_{name}", f"{text}, by service.", labels=_SERVICE)
        for labels, entry in rows:
            # The service's own counters hold what servers removed since had carried.
            own = 0 if entry.status.stats is NO_STATS else value(entry.status.stats)
            counter.add_metric(
                labels, own + sum(value(dest.stats) for dest in entry.dests if dest.stats is not NO_STATS)
            )
        yield counter
    gauges: tuple[tuple[str, str, Callable[[TableEntry], int]], ...] = (
        ("servers", "Servers of the service.", lambda entry: len(entry.dests)),
        ("inhibited_servers", "Servers held down by health checks.", lambda e: sum(d.dest.inhibited for d in e.dests)),
        ("available_servers", "Servers that get connections.", lambda e: sum(_available(d) for d in e.dests)),
        ("active_connections", "Established connections.", lambda e: sum(d.active_conns for d in e.dests)),
        ("inactive_connections", "Other connections.", lambda e: sum(d.inactive_conns for d in e.dests)),
        ("local_addresses", "Local addresses of the service.", lambda entry: len(entry.laddrs)),
    )
    for name, text, count in gauges:
        gauge = GaugeMetricFamily(f"xdpvs_service_{name}", text, labels=_SERVICE)
        for labels, entry in rows:
            gauge.add_metric(labels, count(entry))
        yield gauge
    conflicts = CounterMetricFamily(
        "xdpvs_service_port_conflicts", "Local ports tried that were taken, by service.", labels=_SERVICE
    )
    for labels, entry in rows:
        conflicts.add_metric(labels, sum(status.conflicts for status in entry.laddrs))
    yield conflicts


def _by_server(rows: Sequence[tuple[tuple[str, ...], DestStatus]]) -> Iterator[Metric]:
    for name, text, value in _TRAFFIC:
        counter = CounterMetricFamily(f"xdpvs_server_{name}", f"{text}, by server.", labels=_SERVER)
        for labels, dest in rows:
            counter.add_metric(labels, value(dest.stats))
        yield counter
    gauges: tuple[tuple[str, str, Callable[[DestStatus], int]], ...] = (
        ("weight", "Weight in the data plane; 0 while held down.", lambda dest: dest.dest.weight),
        ("inhibited", "Whether health checks hold the server down.", lambda dest: dest.dest.inhibited),
        ("active_connections", "Established connections, by server.", lambda dest: dest.active_conns),
        ("inactive_connections", "Other connections, by server.", lambda dest: dest.inactive_conns),
    )
    for name, text, count in gauges:
        gauge = GaugeMetricFamily(f"xdpvs_server_{name}", text, labels=_SERVER)
        for labels, dest in rows:
            gauge.add_metric(labels, count(dest))
        yield gauge


def device_metrics(links: Iterable[tuple[Link, LinkStats]]) -> Iterator[Metric]:
    """Devices."""
    rows = list(links)
    for name, text, value in _DEVICE:
        counter = CounterMetricFamily(f"xdpvs_device_{name}", f"{text}, by device.", labels=["device"])
        for link, stats in rows:
            counter.add_metric([link.name], value(stats))
        yield counter
    up = GaugeMetricFamily("xdpvs_device_up", "Whether the device is up and has a carrier.", labels=["device"])
    mtu = GaugeMetricFamily("xdpvs_device_mtu_bytes", "MTU of the device.", labels=["device"])
    speed = GaugeMetricFamily(
        "xdpvs_device_speed_bytes_per_second", "Speed of the device, 0 where it has none.", labels=["device"]
    )
    for link, _stats in rows:
        up.add_metric([link.name], link.up)
        mtu.add_metric([link.name], link.mtu)
        speed.add_metric([link.name], link.speed_mbps * 125_000)
    yield from (up, mtu, speed)


def _labels(key: ServiceKey) -> tuple[str, ...]:
    try:
        protocol = Protocol(key.protocol).name.lower()
    except ValueError:
        protocol = str(key.protocol)
    if key.fwmark and not int(key.address):
        return f"fwmark:{key.fwmark}", protocol
    if key.match != NO_MATCH:
        return f"match:{_match(key.match)}", protocol
    return _endpoint(key.address, key.port), protocol


def _match(match: Match) -> str:
    spans = [
        f"{span.min_address}-{span.max_address}:{span.min_port}-{span.max_port}"
        for span in (match.source, match.destination)
    ]
    return ",".join([*spans, match.input_device, match.output_device])


def _server(status: DestStatus) -> str:
    return _endpoint(status.dest.address, status.dest.port)


def _endpoint(address: IPAddress, port: int) -> str:
    text = address_text(address)
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


def _available(status: DestStatus) -> bool:
    return status.dest.weight > 0 and not status.dest.inhibited
