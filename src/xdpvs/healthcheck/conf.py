"""The configuration file of v1.10 (YAML): what it says, and what follows from it for an address or a service.

Values that are absent in a block come from `global`, then from the defaults; `method-params` come along only with the
method, `action-params` where a block gives none, as far as its action knows them (upstream's rules).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from xdpvs.healthcheck.actions import check_action, known_params
from xdpvs.healthcheck.conf_values import (
    ADDRESS_KEYS,
    NO_RETRY,
    SERVICE_KEYS,
    Block,
    DownPolicy,
    Reader,
    ValueKind,
    address_name,
    service_name,
)
from xdpvs.healthcheck.durations import format_duration
from xdpvs.healthcheck.methods import METHODS, build_check


class ConfError(Exception):
    """Everything that is wrong with a file, one `file:line: …` a line."""


class BadYaml(ConfError):
    """The file is no YAML."""


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
        merged = {**self.address, **(block or {})}
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
        merged = {**self.service, **block}
        if "method" in block and "method-params" not in block:
            merged.pop("method-params", None)
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
        raise BadYaml(f"{path}:{line}: {error.problem or error}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadYaml(f"{path}:1: {error}") from None
    reader = Reader(path)
    conf = Conf() if root is None else _read(reader, root)
    if reader.problems:
        raise ConfError("\n".join(reader.problems))
    return conf


def _read(reader: Reader, root: yaml.Node) -> Conf:
    top = reader.items(root, "the file")
    for name in sorted(top.keys() - {"global", "virtual-addresses", "virtual-servers"}):
        reader.complain(top[name][0], f"unknown key {name}")
    globals_ = reader.items(top["global"][1], "global") if "global" in top else {}
    for name in sorted(globals_.keys() - {"virtual-address", "virtual-server"}):
        reader.complain(globals_[name][0], f"unknown key {name} in global")
    address: Block = {}
    service: Block = {}
    if "virtual-address" in globals_:
        address = reader.block(globals_["virtual-address"][1], "global virtual-address", ADDRESS_KEYS)
    if "virtual-server" in globals_:
        service = reader.block(globals_["virtual-server"][1], "global virtual-server", SERVICE_KEYS)
    addresses = _blocks(reader, top, "virtual-addresses", ADDRESS_KEYS, address_name)
    services = _blocks(reader, top, "virtual-servers", SERVICE_KEYS, service_name)
    conf = Conf(address, service, {n: b for n, (_, b) in addresses.items()}, {n: b for n, (_, b) in services.items()})
    _validate(reader, root, Conf(address, service), "", "")
    for name, (node, _block) in addresses.items():
        _validate(reader, node, conf, name, "")
    for name, (node, _block) in services.items():
        _validate(reader, node, conf, "", name)
    return conf


def _blocks(
    reader: Reader,
    top: Mapping[str, tuple[yaml.Node, yaml.Node]],
    title: str,
    kinds: Mapping[str, ValueKind],
    spelled: Callable[[str], str],
) -> dict[str, tuple[yaml.Node, Block]]:
    """The blocks of addresses or services by their names, spelled as they are looked up."""
    if title not in top:
        return {}
    found: dict[str, tuple[yaml.Node, Block]] = {}
    for written, (key, value) in reader.items(top[title][1], title).items():
        block = reader.block(value, written, kinds)
        try:
            name = spelled(written)
        except ValueError as error:
            reader.complain(key, f"{title}: {error}")
            continue
        if name in found:
            reader.complain(key, f"{name} stands twice in {title}")
        found[name] = key, block
    return found


def _validate(reader: Reader, node: yaml.Node, conf: Conf, address: str, service: str) -> None:
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
