"""`/device/{name}/netlink`: the kernel's links, most of all KNIs."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_interface
from typing import TypeVar, cast

from xdpvs.agent.answer import OK, Answer, Malformed, Refused
from xdpvs.agent.bodies import InetAddrSpec
from xdpvs.agent.call import Call
from xdpvs.agent.identifiers import parse_prefix
from xdpvs.agent.node import Node
from xdpvs.agent.rendering import Json, without_zeros
from xdpvs.netlink import address, link
from xdpvs.netlink.address import IPInterface
from xdpvs.netlink.errors import LinkNotFound, NetlinkError
from xdpvs.netlink.link import HostLink

T = TypeVar("T")

_NAME_BYTES = 127
"""Of alternative names; a KNI of a long device name has one."""


class HostLinks:
    """Handlers of the kernel's links. Upstream has bringing up, adding and removing addresses; the rest is ours."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def get(self, call: Call) -> Answer:
        """GET /device/{name}/netlink."""
        return Answer(200, _item(_find(call, 404)))

    def set_up(self, call: Call) -> Answer:
        """PUT /device/{name}/netlink."""
        found = _find(call)
        _attempt(lambda: link.set_up(found, True))
        return OK

    def set_down(self, call: Call) -> Answer:
        """DELETE /device/{name}/netlink: brings the link down; a missing one is fine."""
        try:
            found = _find(call, 404)
        except Refused as error:
            if error.status == 404:
                return OK
            raise
        _attempt(lambda: link.set_up(found, False))
        return OK

    def list_addresses(self, call: Call) -> Answer:
        """GET /device/{name}/netlink/addr."""
        found = _find(call, 404)
        return Answer(200, {"Items": [{"addr": str(each)} for each in _attempt(lambda: address.addresses(found))]})

    def put_address(self, call: Call) -> Answer:
        """PUT /device/{name}/netlink/addr: one that is there already is fine."""
        wanted, found = _address(call), _find(call)
        _attempt(lambda: address.add(found, wanted))
        if call.flag("snapshot"):
            self._node.announces_on(switch=_name(call))
        return OK

    def delete_address(self, call: Call) -> Answer:
        """DELETE /device/{name}/netlink/addr: a missing one is fine."""
        wanted, found = _address(call), _find(call)
        _attempt(lambda: address.remove(found, wanted))
        return OK


def _name(call: Call) -> str:
    name = call.path["name"]
    if not name.isprintable() or "/" in name or not 0 < len(name.encode()) <= _NAME_BYTES:
        raise Malformed(f"name in path must be a network interface of 1 to {_NAME_BYTES} bytes, not {name!r}")
    return name


def _find(call: Call, missing: int = 500) -> HostLink:
    name = _name(call)
    try:
        return link.find(name)
    except LinkNotFound:
        raise Refused(missing, f"network interface {name!r}: no such interface") from None
    except NetlinkError as error:
        raise Refused(500, str(error)) from error


def _attempt(do: Callable[[], T]) -> T:
    try:
        return do()
    except NetlinkError as error:
        raise Refused(500, str(error)) from error


def _address(call: Call) -> IPInterface:
    body = cast(InetAddrSpec | None, call.body)
    if body is None:
        raise Malformed("addr in body is required")
    found, length = parse_prefix(body.address, "addr")
    return ip_interface(f"{found}/{length}")


def _item(found: HostLink) -> Json:
    return without_zeros(
        {
            "addr": found.mac.hex(":"),
            "index": found.index,
            "kind": found.kind,
            "mtu": found.mtu,
            "name": found.name,
            "operstate": found.operstate,
            "status": "UP" if found.up else "DOWN",
        }
    )
