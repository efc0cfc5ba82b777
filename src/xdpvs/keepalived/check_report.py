"""The checker's state as text, for /tmp/keepalived_check.data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xdpvs.keepalived.health.names import check_name, server_name
from xdpvs.keepalived.health.virtual_server import VirtualServerMachine


def check_report(machines: Iterable[VirtualServerMachine], dpvs: Iterable[str]) -> str:
    """Every virtual server with its servers and their checks, then how things stand with dpvs."""
    lines = ["------< Virtual servers >------"]
    for machine in machines:
        lines += _virtual_server(machine)
    lines += ["------< dpvs >------", *(f" {line}" for line in dpvs)]
    return "".join(f"{line}\n" for line in lines)


def _virtual_server(machine: VirtualServerMachine) -> Iterator[str]:
    config = machine.config
    yield f" VS {config.name}"
    for service in config.services:
        key = service.key
        where = f"fwmark {key.fwmark}" if key.fwmark else f"{key.address} {key.port}"
        yield f"   service = {where}, scheduler {service.scheduler}"
    yield f"   quorum = {config.quorum}, hysteresis = {config.hysteresis}, live weight = {machine.live_weight}"
    yield f"   quorum state = {'UP' if machine.quorum_up else 'DOWN'}"
    if config.sorry_server is not None:
        state = "in use" if machine.sorry else "not in use"
        yield f"   sorry server = {server_name(config, config.sorry_server)}, {state}"
    for server in machine.servers.values():
        state = "alive" if server.alive else "dead"
        yield f"   RS {server_name(config, server.config.dest)} {state}, weight {server.weight}"
        for check in server.checks:
            opinion = ("up" if check.up else "down") if check.decided else "not run yet"
            yield f"     {check.checker.kind} {check_name(check.checker)} {opinion}"
