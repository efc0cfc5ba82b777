"""Frozen dataclasses as short JSON: fields that have their default are left out, which also lets fields be added."""

from __future__ import annotations

import dataclasses
import enum
import functools
import ipaddress
import json
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def pack(value: Any) -> bytes:
    """A dataclass as JSON."""
    return json.dumps(_plain(value), separators=(",", ":")).encode()


def unpack(cls: type[T], data: bytes) -> T:
    """The dataclass again; fields it no longer has are ignored."""
    return typing.cast(T, _rich(cls, json.loads(data)))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        pairs = [(field, getattr(value, field.name)) for field in fields]
        return {field.name: _plain(item) for field, item in pairs if item != field.default}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, ipaddress.IPv4Address | ipaddress.IPv6Address):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | frozenset):
        return [_plain(item) for item in value]
    return value


@functools.cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _rich(kind: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{name: _rich(hints[name], item) for name, item in value.items() if name in hints})
    origin = typing.get_origin(kind)
    if origin in (tuple, frozenset):
        return origin(_rich(typing.get_args(kind)[0], item) for item in value)
    if isinstance(kind, types.UnionType) or origin is typing.Union:
        return _rich_union(typing.get_args(kind), value)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return kind(value)
    if kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        return kind(value)
    return bytes.fromhex(value) if kind is bytes else value


def _rich_union(kinds: tuple[Any, ...], value: Any) -> Any:
    """Unions in the model are addresses of either family, or something optional."""
    if value is None:
        return None
    if ipaddress.IPv4Address in kinds:
        return ipaddress.ip_address(value)
    return _rich(next(kind for kind in kinds if kind is not types.NoneType), value)
