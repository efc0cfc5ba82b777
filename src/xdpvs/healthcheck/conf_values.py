"""Reading the configuration file's YAML: nodes with their lines, values of each kind, and all complaints at once."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

import yaml

from xdpvs.healthcheck.durations import format_duration, parse_duration
from xdpvs.healthcheck.listing import ServiceId
from xdpvs.healthcheck.methods import METHODS
from xdpvs.healthcheck.options import MIN_INTERVAL_S
from xdpvs.model.address import Protocol

NO_RETRY = 999999
"""How the file says 0 retries; 0 itself means the default."""

Block = Mapping[str, Any]


class DownPolicy(enum.IntEnum):
    """When an address is down: with one of its services, or with all of them."""

    ONE_OF = 1
    ALL_OF = 2


class Reader:
    """Collects complaints, so that all can be told at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[str] = []

    def complain(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"{self.path}:{node.start_mark.line + 1}: {what}")

    def items(self, node: yaml.Node, where: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key and value nodes of a mapping; null is an empty one."""
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.complain(node, f"{where} is no mapping")
            return {}
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.complain(key, f"a key of {where} is no text")
                continue
            name = str(key.value)
            if name in found:
                self.complain(key, f"{name} stands twice in {where}")
            found[name] = key, value
        return found

    def block(self, node: yaml.Node, where: str, keys: Mapping[str, ValueKind]) -> Block:
        values: dict[str, Any] = {}
        for name, (key, value) in self.items(node, where).items():
            if name not in keys:
                self.complain(key, f"unknown key {name} in {where}")
                continue
            try:
                read = keys[name](self, value)
            except ValueError as error:
                self.complain(value, f"{name} of {where}: {error}")
                continue
            if read is not None:
                values[name] = read
        return values


ValueKind = Callable[[Reader, yaml.Node], Any]


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a single value is wanted")
    return str(node.value)


def _bool(_reader: Reader, node: yaml.Node) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise ValueError(f"true or false, not {_scalar(node)!r}")
    return _scalar(node).lower() in ("true", "yes", "on")


def _duration(_reader: Reader, node: yaml.Node) -> float | None:
    seconds = parse_duration(_scalar(node))
    if 0 < seconds < MIN_INTERVAL_S:
        raise ValueError(f"{_scalar(node)} is less than {format_duration(MIN_INTERVAL_S)}")
    return seconds or None


def _number(node: yaml.Node) -> int:
    text = _scalar(node)
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _retry(_reader: Reader, node: yaml.Node) -> int | None:
    number = _number(node)
    return 0 if number == NO_RETRY else number or None


def _policy(_reader: Reader, node: yaml.Node) -> DownPolicy:
    number = _number(node)
    if number not in (1, 2):
        raise ValueError("1 (oneOf) or 2 (allOf)")
    return DownPolicy(number)


def _method(_reader: Reader, node: yaml.Node) -> str | None:
    text = _scalar(node)
    if text in METHODS.values():
        return text
    if not text.isdigit() or (int(text) and int(text) not in METHODS):
        raise ValueError(f"one of {', '.join(f'{number} ({name})' for number, name in METHODS.items())}")
    return METHODS[int(text)] if int(text) else None


def _text(_reader: Reader, node: yaml.Node) -> str | None:
    return _scalar(node) or None


def _backend_update(_reader: Reader, node: yaml.Node) -> None:
    if _scalar(node) not in ("", "BackendUpdate"):
        raise ValueError("a service's only action is BackendUpdate")


def _no_params(reader: Reader, node: yaml.Node) -> None:
    if reader.items(node, "action-params"):
        raise ValueError("BackendUpdate has no parameters")


def _params(reader: Reader, node: yaml.Node) -> dict[str, str] | None:
    return {name: _scalar(value) for name, (_key, value) in reader.items(node, "parameters").items()} or None


ADDRESS_KEYS: dict[str, ValueKind] = {
    "disable": _bool,
    "down-policy": _policy,
    "actioner": _text,
    "action-params": _params,
    "action-timeout": _duration,
    "action-sync-time": _duration,
}
SERVICE_KEYS: dict[str, ValueKind] = {
    "method": _method,
    "method-params": _params,
    "interval": _duration,
    "timeout": _duration,
    "down-retry": _retry,
    "up-retry": _retry,
    "actioner": _backend_update,
    "action-params": _no_params,
    "action-timeout": _duration,
    "action-sync-time": _duration,
}


def address_name(text: str) -> str:
    """A virtual address as it is looked up; ValueError if it is none. Any spelling will do, unlike upstream."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None


def service_name(text: str) -> str:
    """A service likewise, e.g. `2001::1-TCP-80`."""
    address, _, rest = text.partition("-")
    protocol, _, port = rest.partition("-")
    known = {"TCP": Protocol.TCP, "UDP": Protocol.UDP}.get(protocol.upper())
    if known is None or not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise ValueError(f"{text!r} is not ADDRESS-TCP-PORT or ADDRESS-UDP-PORT")
    return ServiceId(ip_address(address_name(address)), int(port), known).name
