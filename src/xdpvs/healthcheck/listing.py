"""What dpvs-agent lists, whichever generation it is. Keys are read in any case, as Go reads them."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from xdpvs.model.address import IPAddress, Protocol
from xdpvs.model.service import ProxyProtocol

ServerKey = tuple[IPAddress, int]

_PROTOCOLS = {6: Protocol.TCP, 17: Protocol.UDP}
_PROXY = {
    1: ProxyProtocol.V1,
    17: ProxyProtocol.V1,
    "v1": ProxyProtocol.V1,
    "v1-insecure": ProxyProtocol.V1,
    2: ProxyProtocol.V2,
    18: ProxyProtocol.V2,
    "v2": ProxyProtocol.V2,
    "v2-insecure": ProxyProtocol.V2,
}
_SHOWN = 80
_VERSION_DIGITS = 20


class BadListing(Exception):
    """An answer that is no list of services; what is known stays."""


@dataclass(frozen=True, slots=True)
class ServiceId:
    """A service."""

    address: IPAddress
    port: int
    protocol: Protocol

    @property
    def wire(self) -> str:
        """In the agent's paths: 2001::2-80-tcp."""
        return f"{self.address}-{self.port}-{self.protocol.name.lower()}"

    @property
    def name(self) -> str:
        """In the configuration file: 2001::2-TCP-80."""
        return f"{self.address}-{self.protocol.name}-{self.port}"


@dataclass(frozen=True, slots=True)
class ListedServer:
    """A server as the agent shows it. operator_weight is our agent's alone."""

    address: IPAddress
    port: int
    weight: int
    inhibited: bool
    operator_weight: int | None = None

    @property
    def key(self) -> ServerKey:
        return self.address, self.port


@dataclass(frozen=True, slots=True)
class ListedService:
    """A service as the agent shows it. version is None from agents that keep none (1.9.6)."""

    id: ServiceId
    servers: tuple[ListedServer, ...]
    version: str | None = None
    check_words: tuple[str, ...] = ()
    """DestCheck, in lower case."""
    proxy: ProxyProtocol = ProxyProtocol.OFF

    def serves(self, server: ListedServer) -> bool | None:
        """Whether a server is up for the data plane; None where the agent's state is neither.

        An operator's weight of 0 is no verdict. Without a version, "down" is weight 0 and inhibited, as A sets it.
        """
        if not server.inhibited:
            return True
        return None if self.version is None and server.weight > 0 else False

    def operator_weight(self, server: ListedServer) -> int | None:
        """The operator's weight, None where a report has replaced it and the agent keeps no other."""
        if server.operator_weight is not None:
            return server.operator_weight
        return None if self.version is None and server.inhibited and server.weight == 0 else server.weight


def parse_listing(body: bytes) -> Iterator[tuple[ListedService | None, list[str]]]:
    """One after the other each service, None where it cannot be used, and what was wrong with it and its servers.

    BadListing, at once, for anything but a list.
    """
    if not body.strip():
        raise BadListing("the answer is empty")
    value = _keys(_json(body))
    if not isinstance(value, dict) or not isinstance(value.get("items"), list):
        raise BadListing("the answer is no list of services")
    return map(_entry, itertools.count(1), value["items"])


def _entry(number: int, item: object) -> tuple[ListedService | None, list[str]]:
    warnings: list[str] = []
    try:
        return _service(item, warnings), warnings
    except ValueError as error:
        return None, [f"service {number} of the list: {error}"]


def parse_service(body: bytes) -> tuple[ListedService, list[str]]:
    """The bare service of a 270. BadListing if it is none, or has no version."""
    warnings: list[str] = []
    try:
        service = _service(_json(body), warnings)
    except ValueError as error:
        raise BadListing(str(error)) from None
    if service.version is None:
        raise BadListing("a service without a version")
    return service, warnings


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadListing(f"the answer is no JSON: {error}") from None


def _service(value: object, warnings: list[str]) -> ListedService:
    fields = _object(value)
    protocol = _PROTOCOLS.get(_number(fields, "Proto", 255))
    if protocol is None:
        raise ValueError(f"Proto is neither 6 nor 17 but {_shown(fields.get('proto'))}")
    name = ServiceId(_address(fields, "Addr"), _number(fields, "Port", 65535), protocol)
    version = fields.get("version")
    if version is not None and not _is_decimal(version):
        raise ValueError(f"Version of {name.wire} is no decimal number but {_shown(version)}")
    # An absent list is none; one that is something else is not.
    items = _object(fields.get("rss") or {}).get("items") or []
    if not isinstance(items, list):
        raise ValueError(f"RSs of {name.wire}: Items is no list")
    servers: dict[ServerKey, ListedServer] = {}
    for item in items:
        try:
            server = _server(_object(_object(item).get("spec")))
        except ValueError as error:
            warnings.append(f"a server of {name.wire}: {error}")
            continue
        servers[server.key] = server
    words = fields.get("destcheck") or []
    words = [words] if isinstance(words, str) else words
    if not isinstance(words, list):
        raise ValueError(f"DestCheck of {name.wire} is no list")
    proxy = fields.get("proxyproto")
    return ListedService(
        name,
        tuple(servers.values()),
        version or None,
        tuple(word.lower() for word in words if isinstance(word, str)),
        _PROXY.get(proxy, ProxyProtocol.OFF) if isinstance(proxy, str | int) else ProxyProtocol.OFF,
    )


def _is_decimal(version: object) -> bool:
    return isinstance(version, str) and version.isascii() and version.isdigit() and len(version) <= _VERSION_DIGITS


def _server(fields: dict[str, Any]) -> ListedServer:
    operator = fields.get("operatorweight")
    inhibited = fields.get("inhibited")
    if inhibited not in (None, True, False):
        raise ValueError(f"inhibited is {_shown(inhibited)}")
    return ListedServer(
        _address(fields, "ip"),
        _number(fields, "port", 65535),
        _number(fields, "weight", 1 << 32),
        bool(inhibited),
        None if operator is None else _number(fields, "operatorWeight", 1 << 32),
    )


def _address(fields: dict[str, Any], key: str) -> IPAddress:
    text = fields.get(key.lower())
    if not isinstance(text, str) or not text:
        raise ValueError(f"{key} is missing or no text")
    return _parsed(text)


@functools.lru_cache(65536)
def _parsed(text: str) -> IPAddress:
    if "%" in text:
        raise ValueError(f"{text[:_SHOWN]!r} is no address")
    return ip_address(text)


def _number(fields: dict[str, Any], key: str, maximum: int) -> int:
    value = fields.get(key.lower())
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= maximum:
        raise ValueError(f"{key} is {_shown(value)}")
    return value


def _object(value: object) -> dict[str, Any]:
    fields = _keys(value)
    if not isinstance(fields, dict):
        raise ValueError(f"{_shown(value)} in place of an object")
    return fields


def _keys(value: object) -> object:
    return {key.lower(): each for key, each in value.items()} if isinstance(value, dict) else value


def _shown(value: object) -> str:
    return json.dumps(value)[:_SHOWN]
