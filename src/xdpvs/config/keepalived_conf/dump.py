"""A configuration as text, for `keepalived -d` and the state dump of SIGUSR1."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any

from xdpvs.config.keepalived_conf.words import shown
from xdpvs.model.check import BodyRegex
from xdpvs.model.keepalived import KeepalivedConfig
from xdpvs.model.script import Command
from xdpvs.model.service import NO_MATCH, CheckConfig

_INDENT = "  "
_MASK = "***"
_NOTHING = (NO_MATCH, CheckConfig())
_TITLES = {
    "globals": "global_defs",
    "virtual_servers": "virtual_server",
    "services": "service",
    "servers": "real_server",
    "checkers": "checker",
    "checks": "check",
    "instances": "vrrp_instance",
    "sync_groups": "vrrp_sync_group",
    "scripts": "vrrp_script",
    "track_files": "track_file",
    "track_processes": "vrrp_track_process",
    "tunnels": "tunnel_entry",
}


def dump(config: KeepalivedConfig) -> str:
    """Every value that is set, one a line; a field that hides itself from `repr` is masked."""
    return "".join(f"{line}\n" for line in _fields(config, 0))


def _fields(value: Any, depth: int) -> Iterator[str]:
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if content is None or content in ((), {}, "") or content in _NOTHING:
            continue
        if not field.repr:
            content = _MASK
        yield from _entry(_TITLES.get(field.name, field.name), content, depth)


def _entry(title: str, content: Any, depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    if isinstance(content, Mapping):
        for each in content.values():
            yield from _entry(title, each, depth)
    elif isinstance(content, tuple) and content and dataclasses.is_dataclass(content[0]):
        for each in content:
            yield from _entry(title, each, depth)
    elif dataclasses.is_dataclass(content) and not isinstance(content, Command | BodyRegex):
        yield f"{indent}{title} {type(content).__name__}" if title == "check" else f"{indent}{title}"
        yield from _fields(content, depth + 1)
    else:
        yield f"{indent}{title} = {_scalar(content)}"


def _scalar(content: Any) -> str:
    if isinstance(content, enum.Flag):
        return content.name or str(content.value)
    if isinstance(content, enum.Enum):
        return str(content.name)
    if isinstance(content, bool):
        return "yes" if content else "no"
    if isinstance(content, float):
        return f"{content:g}"
    if isinstance(content, Command):
        user = " ".join(word for word in (content.user, content.group) if word)
        return " ".join(map(repr, content.argv)) + (f" as {user}" if user else "")
    if isinstance(content, tuple):
        return " ".join(_scalar(each) for each in content)
    return shown(str(content)) if isinstance(content, str) else str(content)
