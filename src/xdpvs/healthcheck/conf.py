"""The configuration file of v1.10 (YAML): what it says, and what follows from it for an address or a service.

Values that are absent in a block come from `global`, then from the defaults; `method-params` come along only with the
method, `action-params` where a block gives none, as far as its action knows them (upstream's rules).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from xdpvs.healthcheck.actions import check_action, known_params
from xdpvs.healthcheck.durations import format_duration, parse_duration
from xdpvs.healthcheck.methods import METHODS, build_check

NO_RETRY = 999999
"""How the file says 0 retries; 0 itself means the default."""


class ConfError(Exception):
    """Everything that is wrong with a file, one `file:line: …` a line."""


class DownPolicy(enum.IntEnum):
    """When an address is down: with one of its services, or with all of them."""

    ONE_OF = 1
    ALL_OF = 2


@dataclass(frozen=True, slots=True)
class AddressRule:
    """What is done about a virtual address."""

    disable: bool = False
    down_policy: DownPolicy = DownPolicy.ALL_OF
    actioner: str = "KernelRouteAddDel"
    action_params: Mapping[str, str] = field(default_factory=lambda: {"ifname": "lo"})
    action_timeout_s: float = 2.0
    action_sync_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """How a service's servers are checked."""

    method: str = "auto"
    method_params: Mapping[str, str] = field(default_factory=dict)
    interval_s: float = 3.0
    timeout_s: float = 2.0
    down_retry: int = 1
    up_retry: int = 1
    action_timeout_s: float = 2.0
    action_sync_s: float = 15.0


Block = Mapping[str, Any]
_SHORTEST_S = 0.01


@dataclass(frozen=True, slots=True)
class Conf:
    """A file: blocks hold only what was written."""

    address: Block = field(default_factory=dict)
    service: Block = field(default_factory=dict)
    addresses: Mapping[str, Block] = field(default_factory=dict)
    services: Mapping[str, Block] = field(default_factory=dict)

    def address_rule(self, name: str) -> AddressRule:
        """For a virtual address, e.g. `2001::1`."""
        block = self.addresses.get(name)
        default = AddressRule()
        merged = dict(self.address) | dict(block or {})
        if block is not None and "disable" not in block:
            merged.pop("disable", None)
        if "action-params" not in (block or {}):
            known = known_params(merged.get("actioner", default.actioner))
            above: Mapping[str, str] = self.address.get("action-params", default.action_params)
            if known is not None:
                merged["action-params"] = {key: value for key, value in above.items() if key in known}
        return AddressRule(**{_ADDRESS_FIELDS[key]: value for key, value in merged.items()})

    def service_rule(self, name: str) -> ServiceRule:
        """For a service, e.g. `2001::1-TCP-80`."""
        block = self.services.get(name, {})
        inherited = dict(self.service)
        if "method" in block:
            inherited.pop("method-params", None)
        merged = inherited | dict(block)
        return ServiceRule(**{_SERVICE_FIELDS[key]: merged[key] for key in merged if key in _SERVICE_FIELDS})

    def text(self) -> str:
        """The file as it is in force, in YAML."""
        shown = {
            "global": {
                "virtual-address": _shown_address(Conf(address=self.address).address_rule("")),
                "virtual-server": _shown_service(Conf(service=self.service).service_rule("")),
            },
            "virtual-addresses": {name: _shown_address(self.address_rule(name)) for name in self.addresses},
            "virtual-servers": {name: _shown_service(self.service_rule(name)) for name in self.services},
        }
        return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def _shown_address(rule: AddressRule) -> dict[str, Any]:
    return {
        "disable": rule.disable,
        "down-policy": int(rule.down_policy),
        "actioner": rule.actioner,
        "action-params": dict(rule.action_params),
        "action-timeout": format_duration(rule.action_timeout_s),
        "action-sync-time": format_duration(rule.action_sync_s),
    }


def _shown_service(rule: ServiceRule) -> dict[str, Any]:
    return {
        "method": next(number for number, name in METHODS.items() if name == rule.method),
        "method-params": dict(rule.method_params),
        "interval": format_duration(rule.interval_s),
        "timeout": format_duration(rule.timeout_s),
        "down-retry": rule.down_retry or NO_RETRY,
        "up-retry": rule.up_retry or NO_RETRY,
        "actioner": "BackendUpdate",
        "action-timeout": format_duration(rule.action_timeout_s),
        "action-sync-time": format_duration(rule.action_sync_s),
    }


# Reading


class _Reader:
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
            name = str(key.value)
            if name in found:
                self.complain(key, f"{name} stands twice in {where}")
            found[name] = key, value
        return found

    def block(self, node: yaml.Node, where: str, keys: Mapping[str, _Key]) -> Block:
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


_Key = Callable[[_Reader, yaml.Node], Any]


def _scalar(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("a single value is wanted")
    return str(node.value)


def _bool(_reader: _Reader, node: yaml.Node) -> bool:
    if node.tag != "tag:yaml.org,2002:bool":
        raise ValueError(f"true or false, not {_scalar(node)!r}")
    return _scalar(node).lower() in ("true", "yes", "on")


def _duration(_reader: _Reader, node: yaml.Node) -> float | None:
    seconds = parse_duration(_scalar(node))
    if 0 < seconds < _SHORTEST_S:
        raise ValueError(f"{_scalar(node)} is less than {format_duration(_SHORTEST_S)}")
    return seconds or None


def _number(node: yaml.Node) -> int:
    text = _scalar(node)
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _retry(_reader: _Reader, node: yaml.Node) -> int | None:
    number = _number(node)
    return 0 if number == NO_RETRY else number or None


def _policy(_reader: _Reader, node: yaml.Node) -> DownPolicy:
    number = _number(node)
    if number not in (1, 2):
        raise ValueError("1 (oneOf) or 2 (allOf)")
    return DownPolicy(number)


def _method(_reader: _Reader, node: yaml.Node) -> str | None:
    text = _scalar(node)
    if text in METHODS.values():
        return text
    if not text.isdigit() or (int(text) and int(text) not in METHODS):
        raise ValueError(f"one of {', '.join(f'{number} ({name})' for number, name in METHODS.items())}")
    return METHODS[int(text)] if int(text) else None


def _text(_reader: _Reader, node: yaml.Node) -> str | None:
    return _scalar(node) or None


def _backend_update(_reader: _Reader, node: yaml.Node) -> None:
    if _scalar(node) not in ("", "BackendUpdate"):
        raise ValueError("a service's only action is BackendUpdate")


def _no_params(reader: _Reader, node: yaml.Node) -> None:
    if reader.items(node, "action-params"):
        raise ValueError("BackendUpdate has no parameters")


def _params(reader: _Reader, node: yaml.Node) -> dict[str, str] | None:
    return {name: _scalar(value) for name, (_key, value) in reader.items(node, "parameters").items()} or None


_ADDRESS_KEYS: dict[str, _Key] = {
    "disable": _bool,
    "down-policy": _policy,
    "actioner": _text,
    "action-params": _params,
    "action-timeout": _duration,
    "action-sync-time": _duration,
}
_SERVICE_KEYS: dict[str, _Key] = {
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
_ADDRESS_FIELDS = {
    "disable": "disable",
    "down-policy": "down_policy",
    "actioner": "actioner",
    "action-params": "action_params",
    "action-timeout": "action_timeout_s",
    "action-sync-time": "action_sync_s",
}
_SERVICE_FIELDS = {
    "method": "method",
    "method-params": "method_params",
    "interval": "interval_s",
    "timeout": "timeout_s",
    "down-retry": "down_retry",
    "up-retry": "up_retry",
    "action-timeout": "action_timeout_s",
    "action-sync-time": "action_sync_s",
}


def load_conf(text: str, path: str) -> Conf:
    """Read a file's text; an empty one is all defaults. ConfError lists every mistake."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfError(f"{path}:{line}: {error.problem or error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfError(f"{path}:1: {error}") from None
    reader = _Reader(path)
    conf = Conf() if root is None else _read(reader, root)
    if reader.problems:
        raise ConfError("\n".join(reader.problems))
    return conf


def _read(reader: _Reader, root: yaml.Node) -> Conf:
    top = reader.items(root, "the file")
    for name in sorted(top.keys() - {"global", "virtual-addresses", "virtual-servers"}):
        reader.complain(top[name][0], f"unknown key {name}")
    globals_ = reader.items(top["global"][1], "global") if "global" in top else {}
    for name in sorted(globals_.keys() - {"virtual-address", "virtual-server"}):
        reader.complain(globals_[name][0], f"unknown key {name} in global")
    address: Block = {}
    service: Block = {}
    if "virtual-address" in globals_:
        address = reader.block(globals_["virtual-address"][1], "global virtual-address", _ADDRESS_KEYS)
    if "virtual-server" in globals_:
        service = reader.block(globals_["virtual-server"][1], "global virtual-server", _SERVICE_KEYS)
    addresses = _blocks(reader, top, "virtual-addresses", _ADDRESS_KEYS)
    services = _blocks(reader, top, "virtual-servers", _SERVICE_KEYS)
    conf = Conf(address, service, {n: b for n, (_, b) in addresses.items()}, {n: b for n, (_, b) in services.items()})
    _validate(reader, root, Conf(address, service), "", "")
    for name, (node, _block) in addresses.items():
        _validate(reader, node, conf, name, "")
    for name, (node, _block) in services.items():
        _validate(reader, node, conf, "", name)
    return conf


def _blocks(
    reader: _Reader, top: Mapping[str, tuple[yaml.Node, yaml.Node]], name: str, keys: Mapping[str, _Key]
) -> dict[str, tuple[yaml.Node, Block]]:
    if name not in top:
        return {}
    found = reader.items(top[name][1], name)
    return {each: (key, reader.block(value, each, keys)) for each, (key, value) in found.items()}


def _validate(reader: _Reader, node: yaml.Node, conf: Conf, address: str, service: str) -> None:
    """What can only be judged together: methods and actions with their parameters."""
    try:
        if not service:
            rule = conf.address_rule(address)
            check_action(rule.actioner, rule.action_params)
        if not address:
            checked = conf.service_rule(service)
            if checked.method == "auto" and checked.method_params:
                raise ValueError("method-params need a method other than auto")
            if checked.method != "auto":
                build_check(checked.method, checked.method_params)
    except ValueError as error:
        reader.complain(node, f"{address or service or 'global'}: {error}")
