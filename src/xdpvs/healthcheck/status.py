"""What the HTTP server shows: upstream's text pages, and the same as a page for a browser."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from pathlib import Path

from xdpvs.healthcheck.conf import BadYaml, ConfError, load_conf
from xdpvs.healthcheck.listing import ServerKey, ServiceId
from xdpvs.healthcheck.methods import METHODS
from xdpvs.healthcheck.runner import Runner
from xdpvs.model.address import IPAddress

_NOTES = (
    "# Check Method Annotations: "
    + ", ".join(f"{number}-{name}" for number, name in METHODS.items())
    + ", 65535-passive\n# VA DownPolicy Annotations: 1-oneOf, 2-allOf\n"
)
STATES = {True: "Healthy", False: "Unhealthy", None: "Unknown"}


def _columns(*cells: str, indent: str = "") -> str:
    return indent + "    ".join(f"{cell:<32}" for cell in cells) + "\n"


def _state(up: bool | None, since: float, now: float) -> str:
    return f"{STATES[up]} {int(max(0.0, now - since))}s"


def server_text(key: ServerKey) -> str:
    """An address and port as upstream's page and the metrics have them."""
    address, port = key
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def statistics_text(runner: Runner) -> str:
    """Upstream's /metrics (v1.10)."""
    now = runner.now()
    by_address: dict[IPAddress, list[ServiceId]] = {}
    for service in runner.services:
        by_address.setdefault(service.address, []).append(service)
    return "".join(
        (
            f"{go_time(time.time_ns(), now - runner.started_at)}\n\n",
            _threads(runner, len(by_address)),
            "\n",
            f"{'object':<32}    {'state':<32}    {'statistics':<32}    extra(optional)\n",
            "-" * 123 + "\n",
            *(
                line
                for address in sorted(by_address, key=str)
                for line in _address_lines(runner, address, sorted(by_address[address], key=lambda s: s.name), now)
            ),
            "Notes:\n  statistics denotation: up,down,up_notices,down_notices,fail(up,timeout),fail(down,error)\n",
        )
    )


def _threads(runner: Runner, addresses: int) -> str:
    servers = sum(len(watched.health.servers) for watched in runner.services.values())
    running = sum(watched.running for watched in runner.services.values())
    rows = (
        ("", "running", "stopping", "finished"),
        ("VirtualAddress", addresses, 0, runner.ended.addresses),
        ("VirtualService", len(runner.services), 0, runner.ended.services),
        ("Checker", servers, 0, runner.ended.servers),
        ("HealthCheck", running, 0, runner.numbers.finished),
    )
    lines = ["Thread Statistics:", *(f"{row[0]:<20}" + "".join(f"{cell:<16}" for cell in row[1:]) for row in rows)]
    return "\n".join(lines) + "\n"


def _address_lines(runner: Runner, address: IPAddress, services: list[ServiceId], now: float) -> Iterator[str]:
    health = runner.addresses.health.get(address)
    if health is None:
        # Nothing is done about addresses, but what they are can be told.
        states = [runner.services[service].health for service in services]
        known = [each.up for each in states if each.up is not None]
        since = max(each.since for each in states)
        yield _columns(str(address), _state(any(known) if known else None, since, now), "0,0,0,0,0,0")
    else:
        yield _columns(str(address), _state(health.up, health.since, now), health.statistics.text())
    for service in services:
        own = runner.services[service].health
        title = f"{service.protocol.name} {server_text((service.address, service.port))}"
        yield _columns(title, _state(own.up, own.since, now), own.statistics.text(), indent="    ")
        for key in sorted(own.servers, key=server_text):
            server = own.servers[key]
            state = _state(server.checker.up, server.since, now)
            yield _columns(server_text(key), state, server.checker_numbers.text(), indent="    -> ")


def go_time(unix_ns: int, running_s: float) -> str:
    """A moment as Go prints it, with the time since the start."""
    seconds, nanoseconds = divmod(unix_ns, 1_000_000_000)
    local = time.localtime(seconds)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    moment = time.strftime("%Y-%m-%d %H:%M:%S", local) + fraction + time.strftime(" %z %Z", local)
    return f"{moment} m=+{running_s:.9f}"


def conf_text(runner: Runner) -> str:
    """Upstream's /conf."""
    return f"{_NOTES}\n{runner.conf.text()}"


def conf_check_text(path: str) -> str:
    """Upstream's /conf/check: the file is read anew."""
    try:
        raw = Path(path).read_text("utf-8")
    except (OSError, UnicodeError) as error:
        return f"Config File {path}: INVALID (File Read Error: {error})\n"
    verdict = "VALID"
    try:
        load_conf(raw, path)
    except BadYaml as error:
        verdict = f"INVALID (Yaml Format Error: {error})"
    except ConfError as error:
        verdict = f"INVALID (Validation Error: {error})"
    return f"Config File {path}: {verdict}\n\n\nRaw Configs from {path}:\n{_NOTES}{raw}"


def page(runner: Runner) -> str:
    """A page for a browser, without anything from elsewhere."""
    rows = []
    now = runner.now()
    for service, watched in sorted(runner.services.items(), key=lambda item: item[0].wire):
        for key, server in watched.health.servers.items():
            told = STATES[server.known_up].lower()
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
