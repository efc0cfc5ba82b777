"""`/device` and what belongs to DPVS's devices: addresses, routes, VLANs, the port itself."""

from __future__ import annotations

from typing import cast

from xdpvs.agent.answer import CREATED, OK, Answer, Malformed, Refused
from xdpvs.agent.bodies import InetAddrSpec, RouteSpec, VlanSpec
from xdpvs.agent.call import Call
from xdpvs.agent.control import Control
from xdpvs.agent.device_rendering import address_item, link_item, route_item, vlan_item
from xdpvs.agent.identifiers import parse_address, parse_device, parse_prefix
from xdpvs.agent.node import Node
from xdpvs.agent.rendering import Json
from xdpvs.api.errors import ApiError, DpvsError
from xdpvs.api.messages import AGENT_IFADDR_ADD, AGENT_IFADDR_DEL
from xdpvs.api.requests import AddressFilter
from xdpvs.model.address import Family, any_address, family_of
from xdpvs.model.device import LinkSettings
from xdpvs.model.network import Address, AddressFlags, AddressScope, Route, RouteFlags, Vlan

_SCOPES = {"host": int(AddressScope.HOST), "link": int(AddressScope.LINK)}
_ROUTE_SCOPES = {"host": RouteFlags.LOCALIN, "kni_host": RouteFlags.KNI_HOST}
_MAX_VLAN = 4094


class Devices:
    """Handlers of devices; node is told of the addresses' device, for the cache file."""

    def __init__(self, control: Control, node: Node) -> None:
        self._control = control
        self._node = node

    def list_all(self, call: Call) -> Answer:
        """GET /device: all of them (not in upstream)."""
        return Answer(200, {"Items": self._links(None, stats=call.flag("stats"))})

    # Addresses

    def list_addresses(self, call: Call) -> Answer:
        """GET /device/{name}/addr (not in upstream)."""
        name = self._known(call)
        wanted = AddressFilter(name, stats=call.flag("stats") or call.flag("verbose"))
        found = self._control.read(f"addresses of {name!r}", lambda: self._control.client.get_addresses(wanted))
        return Answer(200, {"Items": [address_item(status) for status in found]})

    def put_address(self, call: Call) -> Answer:
        """PUT /device/{name}/addr: one that is there already stays as it is."""
        address = _address(call)
        self._control.attempt(
            f"address {address.address}/{address.prefix_length} of device {address.device!r}",
            lambda: self._control.client.call(AGENT_IFADDR_ADD, address),
            otherwise=500,
            fine=[DpvsError.EXIST],
        )
        if call.flag("snapshot"):
            self._node.announces_on(dpvs=address.device)
        return OK

    def delete_address(self, call: Call) -> Answer:
        """DELETE /device/{name}/addr: a missing one is fine."""
        address = _address(call)
        self._control.attempt(
            f"address {address.address}/{address.prefix_length} of device {address.device!r}",
            lambda: self._control.client.call(AGENT_IFADDR_DEL, address),
            otherwise=500,
            fine=[DpvsError.NOTEXIST],
        )
        return OK

    # Routes

    def list_routes(self, call: Call) -> Answer:
        """GET /device/{name}/route: both families (not in upstream)."""
        name = self._known(call)
        client = self._control.client
        routes = self._control.read(f"routes of {name!r}", lambda: client.get_routes(name) + client.get_routes6(name))
        return Answer(200, {"Items": [route_item(route) for route in routes]})

    def put_route(self, call: Call) -> Answer:
        """PUT /device/{name}/route: a repeated one is created once more, as far as one can tell."""
        route = _route(call)
        client = self._control.client
        add = client.add_route if route.family == Family.INET else client.add_route6
        self._control.attempt(_what(route), lambda: add(route), otherwise=500, fine=[DpvsError.EXIST])
        return CREATED

    def delete_route(self, call: Call) -> Answer:
        """DELETE /device/{name}/route: a missing one is fine."""
        route = _route(call)
        client = self._control.client
        delete = client.del_route if route.family == Family.INET else client.del_route6
        self._control.attempt(_what(route), lambda: delete(route), otherwise=500, fine=[DpvsError.NOTEXIST])
        return OK

    # VLANs

    def list_vlans(self, call: Call) -> Answer:
        """GET /device/{name}/vlan: those on a port, or the VLAN device itself (not in upstream)."""
        name = self._known(call)
        return Answer(200, {"Items": [vlan_item(vlan) for vlan in self._vlans(name)]})

    def _vlans(self, name: str) -> list[Vlan]:
        client = self._control.client

        def ask() -> list[Vlan]:
            try:
                return client.get_vlans(Vlan(name, "", 0))
            except ApiError:
                return client.get_vlans(Vlan("", name, 0))

        return self._control.read(f"VLANs of {name!r}", ask)

    def put_vlan(self, call: Call) -> Answer:
        """PUT /device/{name}/vlan: the same one again is fine, another one of that name is not."""
        vlan = _vlan(call)
        what = f"VLAN {vlan.vlan_id} on {vlan.real_device!r} as {vlan.name!r}"
        added = self._control.attempt(
            what, lambda: self._control.client.add_vlan(vlan), otherwise=500, fine=[DpvsError.EXIST]
        )
        if not added and vlan not in self._vlans_named(vlan.name):
            raise Refused(500, f"{what}: the name or the VLAN is taken")
        return OK

    def _vlans_named(self, name: str) -> list[Vlan]:
        try:
            return self._control.client.get_vlans(Vlan(name, "", 0))
        except ApiError:
            return []

    def delete_vlan(self, call: Call) -> Answer:
        """DELETE /device/{name}/vlan: a missing one is fine."""
        name = parse_device(call.path["name"]).lower()
        self._control.attempt(
            f"VLAN device {name!r}",
            lambda: self._control.client.del_vlan(Vlan(name, "", 0)),
            otherwise=500,
            fine=[DpvsError.NOTEXIST],
        )
        return OK

    # The port

    def list_nics(self, call: Call) -> Answer:
        """GET /device/{name}/nic: that device, 404 if there is none (upstream shows all, whatever the name)."""
        return Answer(200, {"Items": self._links(parse_device(call.path["name"]), stats=True)})

    def put_nic(self, call: Call) -> Answer:
        """PUT /device/{name}/nic: the first of forward2Kni, link and promisc that is set."""
        name = self._known(call, missing=500)
        for parameter in ("forward2Kni", "link", "promisc"):
            word = call.text(parameter)
            if word != "unset":
                self._set(_settings(name, parameter, word), f"device {name!r}: {parameter}={word}")
                return OK
        raise Refused(500, "one of forward2Kni, link and promisc in query is required")

    def _set(self, settings: LinkSettings, what: str) -> None:
        self._control.attempt(what, lambda: self._control.client.set_link(settings), otherwise=500)

    def _known(self, call: Call, missing: int = 404) -> str:
        """The device of the path, which must be there."""
        name = parse_device(call.path["name"])
        ports = self._control.read(
            "devices", self._control.client.get_ports, unreachable=503 if missing == 404 else missing
        )
        if name not in (port.name for port in ports.ports):
            raise Refused(missing, f"device {name!r}: no such device")
        return name

    def _links(self, name: str | None, *, stats: bool) -> list[Json]:
        client = self._control.client
        ports = self._control.read("devices", client.get_ports, unreachable=500)
        names = [port.name for port in ports.ports if name is None or port.name == name]
        if name is not None and not names:
            raise Refused(404, f"device {name!r}: no such device")
        return [self._link(each, stats=stats) for each in names]

    def _link(self, name: str, *, stats: bool) -> Json:
        client = self._control.client

        def ask() -> Json:
            return link_item(client.get_link(name), client.get_link_stats(name) if stats else None)

        return self._control.read(f"device {name!r}", ask, unreachable=500)


def _settings(name: str, parameter: str, word: str) -> LinkSettings:
    if parameter == "link":
        return LinkSettings(name, up=word == "up")
    on = word == "on"
    return LinkSettings(name, promisc=on) if parameter == "promisc" else LinkSettings(name, forward2kni=on)


def _what(route: Route) -> str:
    return f"route {route.destination}/{route.prefix_length} of device {route.device!r}"


def _address(call: Call) -> Address:
    body = cast(InetAddrSpec | None, call.body)
    device = parse_device(call.path["name"])
    if body is None:
        raise Malformed("addr in body is required")
    address, length = parse_prefix(body.address, "addr")
    broadcast = parse_address(body.broadcast, "broadcast") if body.broadcast else any_address(family_of(address))
    if broadcast.version != address.version:
        raise Malformed("broadcast in body must be of the family of addr")
    sapool = "sapool" in call.query and call.flag("sapool")
    flags = AddressFlags.SAPOOL if sapool else AddressFlags(0)
    return Address(family_of(address), address, length, device, broadcast, _scope(body.scope), flags)


def _scope(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255:
        return int(text)
    return _SCOPES.get(text, int(AddressScope.GLOBAL))


def _route(call: Call) -> Route:
    body = cast(RouteSpec | None, call.body)
    device = parse_device(call.path["name"])
    if body is None:
        raise Malformed("dst in body is required")
    destination, length = parse_prefix(body.destination, "dst")
    family = family_of(destination)
    optional = {"src": body.source or body.preferred_source, "gateway": body.gateway}
    found = {name: parse_address(text, name) if text else any_address(family) for name, text in optional.items()}
    for name, address in found.items():
        if family_of(address) != family:
            raise Malformed(f"{name} in body must be of the family of dst")
    flags = _ROUTE_SCOPES.get(body.scope, RouteFlags.FORWARD)
    return Route(family, destination, length, device, found["gateway"], found["src"], flags, body.mtu, body.metric)


def _vlan(call: Call) -> Vlan:
    body = cast(VlanSpec | None, call.body)
    name = parse_device(call.path["name"]).lower()
    parts = name.split(".")
    if len(parts) != 2 or not all(parts):
        raise Refused(500, f"name in path must be DEVICE.ID, not {name!r}")
    device, number = (body.device, body.id) if body else ("", "")
    number = number or parts[1]
    if not number.isascii() or not number.isdigit() or len(number) > 5 or not 1 <= int(number) <= _MAX_VLAN:
        raise Malformed(f"id in body must be a number from 1 to {_MAX_VLAN}, not {number!r}")
    return Vlan(name, parse_device(device, "device in body") if device else parts[0], int(number))
