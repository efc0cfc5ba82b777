"""Frozen dataclasses as short JSON: fields that have their default are left out, which also lets fields be added.

What a field's type asks for is worked out once for each class, because a journal may hold fifty thousand records.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import ipaddress
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Convert = Callable[[Any], Any]

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def pack(value: Any) -> bytes:
    """A dataclass as JSON."""
    return _ENCODER.encode(_plain(value)).encode()


def unpack(cls: type[T], data: bytes) -> T:
    """The dataclass again; fields it no longer has are ignored."""
    return typing.cast(T, _rich(cls, json.loads(data)))


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field is written and read; None where JSON has its type already."""

    name: str
    default: Any
    to_plain: Convert | None
    to_rich: Convert | None


@functools.cache
def _fields(cls: Any) -> dict[str, _Field]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: _Field(field.name, field.default, *_converters(hints[field.name]))
        for field in dataclasses.fields(cls)
    }


def _plain(value: Any) -> dict[str, Any]:
    found = {}
    cls: Any = type(value)
    for field in _fields(cls).values():
        item = getattr(value, field.name)
        if item is field.default or item == field.default:
            continue
        found[field.name] = item if field.to_plain is None or item is None else field.to_plain(item)
    return found


def _rich(cls: Any, plain: dict[str, Any]) -> Any:
    fields = _fields(cls)
    arguments = {}
    for name, item in plain.items():
        field = fields.get(name)
        if field is not None:
            arguments[name] = item if field.to_rich is None or item is None else field.to_rich(item)
    return cls(**arguments)


def _converters(kind: Any) -> tuple[Convert | None, Convert | None]:
    """(to JSON, from JSON) of a type the model uses."""
    origin = typing.get_origin(kind)
    if origin in (tuple, frozenset):
        return _sequence(origin, typing.get_args(kind)[0])
    if isinstance(kind, types.UnionType) or origin is typing.Union:
        kinds = [member for member in typing.get_args(kind) if member is not types.NoneType]
        if ipaddress.IPv4Address in kinds:
            return str, ipaddress.ip_address
        return _converters(kinds[0])
    if not isinstance(kind, type):
        return None, None
    if dataclasses.is_dataclass(kind):
        return _plain, functools.partial(_rich, kind)
    if issubclass(kind, enum.Enum):
        return _enum_value, kind
    if kind in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        return str, kind
    return (bytes.hex, bytes.fromhex) if kind is bytes else (None, None)


def _enum_value(member: enum.Enum) -> Any:
    return member.value


def _sequence(origin: type[Any], member: Any) -> tuple[Convert, Convert]:
    to_plain, to_rich = _converters(member)

    def write(items: Any) -> list[Any]:
        return [item if to_plain is None else to_plain(item) for item in items]

    def read(items: list[Any]) -> Any:
        return origin(item if to_rich is None else to_rich(item) for item in items)

    return write, read
