"""The one table of the API: routes, handlers' bindings and the OpenAPI document are made of it.

Operation names are upstream's (`tag.Operation` in the texts of its 501s); those it answers with 501 are marked as ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from xdpvs.agent import bodies, ipsets
from xdpvs.agent import schemas as out
from xdpvs.agent.answer import INVALID_BACKEND, INVALID_FRONTEND, UNEXPECTED
from xdpvs.agent.body import Body
from xdpvs.agent.call import Choice, Flag, Parameter, Required
from xdpvs.agent.connections import CURSOR, PAGE, PROTOCOL

TEXT = str
"""A JSON string: empty for success, a reason for a refusal."""
EMPTY = None
"""No body at all."""

Answers = Mapping[int, type[BaseModel] | type[str] | None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. body_name is what upstream calls the body in its messages."""

    method: str
    path: str
    operation: str
    summary: str
    answers: Answers
    query: tuple[Parameter, ...] = ()
    body: type[Body] | None = None
    body_name: str = "spec"
    ours: bool = False


_STATS = Flag("stats", False, "ignored: counters are always there")
_SNAPSHOT = Flag("snapshot", True)
_HEALTHCHECK = Flag("healthcheck", False, "weights as the data plane has them")
_OPERATOR = Flag("operatorWeight", False, "both weights, the operator's as `operatorWeight`")
_VERBOSE = Flag("verbose", False)
_VERSION = Required("version", "the `Version` the report was made for")
_LISTING = (_STATS, _SNAPSHOT, _HEALTHCHECK, _OPERATOR)
_NIC = (
    Choice("forward2Kni", ("unset", "on", "off"), "unset"),
    Choice("link", ("unset", "up", "down"), "unset"),
    Choice("promisc", ("unset", "on", "off"), "unset"),
)

VS, DEVICE, IPSET = "/v2/vs/{VipPort}", "/v2/device/{name}", "/v2/ipset/{name}"


def _texts(*codes: int) -> dict[int, type[str]]:
    return dict.fromkeys(codes, TEXT)


def _services() -> Iterator[Endpoint]:
    front, back = INVALID_FRONTEND, INVALID_BACKEND
    listed: Answers = {200: out.VirtualServerList, **_texts(404, 503)}
    yield Endpoint("GET", "/v2/vs", "virtualserver.GetVs", "All services", listed, _LISTING)
    yield Endpoint("GET", VS, "virtualserver.GetVsVipPort", "One service", listed, _LISTING)
    yield Endpoint(
        "PUT",
        VS,
        "virtualserver.PutVsVipPort",
        "Add a service, or replace all its options",
        _texts(200, 201, front, back),
        (_SNAPSHOT,),
        bodies.VirtualServerSpecTiny,
    )
    yield Endpoint("DELETE", VS, "virtualserver.DeleteVsVipPort", "Delete a service", _texts(200, 404, 500))

    servers, rs = bodies.RealServerTinyList, f"{VS}/rs"
    yield Endpoint(
        "GET",
        rs,
        "virtualserver.GetVsVipPortRs",
        "The servers of a service",
        {200: out.RealServerExpandList, **_texts(front, 404, 503)},
        (_STATS, _OPERATOR),
        ours=True,
    )
    yield Endpoint(
        "PUT",
        rs,
        "virtualserver.PutVsVipPortRs",
        "Add or update servers",
        _texts(200, front, back, 500),
        (_SNAPSHOT, Flag("healthcheck", False, "a health report without a version")),
        servers,
        "rss",
    )
    yield Endpoint(
        "POST",
        rs,
        "virtualserver.PostVsVipPortRs",
        "Make the servers be exactly these",
        _texts(200, front, 500),
        (_SNAPSHOT,),
        servers,
        "rss",
    )
    removed: Answers = {200: EMPTY, **_texts(front, 500)}
    yield Endpoint(
        "DELETE", rs, "virtualserver.DeleteVsVipPortRs", "Remove servers", removed, body=servers, body_name="rss"
    )
    yield Endpoint(
        "PUT",
        f"{rs}/health",
        "virtualserver.PutVsVipPortRsHealth",
        "A health report with the version it was made for",
        {200: EMPTY, UNEXPECTED: out.VirtualServerSpecExpand, **_texts(front, back, 500)},
        (_VERSION, _OPERATOR),
        servers,
        "rss",
    )
    yield from _service_lists()


def _service_lists() -> Iterator[Endpoint]:
    front, back = INVALID_FRONTEND, INVALID_BACKEND
    laddr, spec = f"{VS}/laddr", bodies.LocalAddressSpecTiny
    listed: Answers = {200: out.LocalAddressExpandList, **_texts(404, front, 503)}
    done = _texts(200, front, 500)
    yield Endpoint("GET", laddr, "virtualserver.GetVsVipPortLaddr", "Local addresses", listed, (_STATS, _SNAPSHOT))
    yield Endpoint("PUT", laddr, "virtualserver.PutVsVipPortLaddr", "Add a local address", done, (_SNAPSHOT,), spec)
    yield Endpoint("DELETE", laddr, "virtualserver.DeleteVsVipPortLaddr", "Remove a local address", done, body=spec)
    for name in ("deny", "allow"):
        path, tag = f"{VS}/{name}", f"virtualserver.{{}}VsVipPort{name.title()}"
        items: Answers = {200: out.AclItemList, **_texts(front, 503)}
        refused = _texts(front, back)
        acl, key = bodies.AclAddrList, "acl"
        yield Endpoint("GET", path, tag.format("Get"), f"Clients on the {name} list", items, (_STATS,), ours=True)
        yield Endpoint("PUT", path, tag.format("Put"), "Add clients", {200: TEXT, **refused}, (), acl, key)
        yield Endpoint(
            "POST",
            path,
            tag.format("Post"),
            f"Make the {name} list be exactly this",
            {200: TEXT, 503: TEXT, **refused},
            (),
            acl,
            key,
            ours=True,
        )
        yield Endpoint("DELETE", path, tag.format("Delete"), "Remove clients", {200: EMPTY, **refused}, (), acl, key)


def _devices() -> Iterator[Endpoint]:
    done = _texts(200, 500)
    missing = _texts(404, 500, 503)

    def listing(what: str, schema: type[BaseModel], *query: Parameter) -> Endpoint:
        tag = f"device.GetDeviceName{what.title().replace('/A', 'A')}"
        answers: Answers = {200: schema, **missing}
        return Endpoint("GET", f"{DEVICE}/{what}", tag, f"The device's {what}", answers, (_STATS, *query), ours=True)

    all_devices: Answers = {200: out.NicDeviceSpecList, **_texts(500)}
    yield Endpoint("GET", "/v2/device", "device.GetDevice", "All devices", all_devices, (Flag("stats"),), ours=True)
    address, pool = bodies.InetAddrSpec, Flag("sapool", False, "a local address with a pool of ports")
    yield listing("addr", out.DeviceAddressList, _VERBOSE)
    yield Endpoint(
        "PUT",
        f"{DEVICE}/addr",
        "device.PutDeviceNameAddr",
        "Put an address on a device",
        done,
        (pool, _SNAPSHOT),
        address,
    )
    yield Endpoint(
        "DELETE", f"{DEVICE}/addr", "device.DeleteDeviceNameAddr", "Take an address off", done, (pool,), address
    )
    route, added = bodies.RouteSpec, _texts(201, 500)
    yield listing("route", out.DeviceRouteList)
    yield Endpoint("PUT", f"{DEVICE}/route", "device.PutDeviceNameRoute", "Add a route", added, (), route)
    yield Endpoint("DELETE", f"{DEVICE}/route", "device.DeleteDeviceNameRoute", "Remove a route", done, (), route)
    yield listing("vlan", out.DeviceVlanList)
    vlan = bodies.VlanSpec
    yield Endpoint("PUT", f"{DEVICE}/vlan", "device.PutDeviceNameVlan", "Make a VLAN device", done, (), vlan)
    yield Endpoint("DELETE", f"{DEVICE}/vlan", "device.DeleteDeviceNameVlan", "Delete a VLAN device", done)
    nic: Answers = {200: out.NicDeviceSpecList, **_texts(404, 500)}
    yield Endpoint(
        "GET", f"{DEVICE}/nic", "device.GetDeviceNameNic", "The device and its counters", nic, (_STATS, _VERBOSE)
    )
    yield Endpoint("PUT", f"{DEVICE}/nic", "device.PutDeviceNameNic", "Change a device", done, _NIC)
    yield from _host_links()


def _host_links() -> Iterator[Endpoint]:
    done, path = _texts(200, 500), f"{DEVICE}/netlink"
    address = bodies.InetAddrSpec
    link: Answers = {200: out.HostLinkItem, **_texts(404, 500)}
    addresses: Answers = {200: out.HostAddressList, **_texts(404, 500)}
    yield Endpoint("GET", path, "device.GetDeviceNameNetlink", "An interface of the kernel", link, (_STATS,), ours=True)
    yield Endpoint("PUT", path, "device.PutDeviceNameNetlink", "Bring an interface up", done)
    yield Endpoint("DELETE", path, "device.DeleteDeviceNameNetlink", "Bring an interface down", done, ours=True)
    yield Endpoint(
        "GET",
        f"{path}/addr",
        "device.GetDeviceNameNetlinkAddr",
        "The interface's addresses",
        addresses,
        (_STATS,),
        ours=True,
    )
    yield Endpoint(
        "PUT",
        f"{path}/addr",
        "device.PutDeviceNameNetlinkAddr",
        "Put an address on an interface",
        done,
        (_SNAPSHOT,),
        address,
    )
    yield Endpoint(
        "DELETE", f"{path}/addr", "device.DeleteDeviceNameNetlinkAddr", "Take an address off", done, (), address
    )


def _ipsets() -> Iterator[Endpoint]:
    info, cell = ipsets.IpsetInfo, ipsets.IpsetCell
    no, member = _texts(400, 404, 500, 501), f"{IPSET}/member"
    listed: Answers = {200: out.IpsetInfos, **_texts(500, 501)}
    name = "ipsetParam"
    yield Endpoint("GET", "/v2/ipset", "ipset.GetAll", "All sets", listed)
    yield Endpoint("GET", IPSET, "ipset.Get", "One set", _texts(404, 500, 501))
    yield Endpoint("PUT", IPSET, "ipset.Create", "Make a set", {201: TEXT, **no}, (), info, name)
    yield Endpoint("DELETE", IPSET, "ipset.Destroy", "Delete a set", _texts(200, 404, 500, 501))
    yield Endpoint("POST", member, "ipset.AddMember", "Add members", {201: TEXT, **no}, (), info, name)
    yield Endpoint("PUT", member, "ipset.ReplaceMember", "Replace the members", {200: TEXT, **no}, (), info, name)
    yield Endpoint("DELETE", member, "ipset.DelMember", "Remove members", {200: TEXT, **no}, (), info, name)
    yield Endpoint("POST", f"{IPSET}/cell", "ipset.IsIn", "Look for a member", {200: TEXT, **no}, (), cell, "ipsetCell")


def _connections() -> Iterator[Endpoint]:
    page: Answers = {200: out.ConnPage, **_texts(500, 503)}
    yield Endpoint(
        "GET", "/v2/conns", "conns.GetConns", "Connections, page by page", page, (CURSOR, PAGE, PROTOCOL), ours=True
    )
    counts: Answers = {200: out.ConnCounts, **_texts(500, 503)}
    yield Endpoint("GET", "/v2/conns/count", "conns.GetConnsCount", "How many connections", counts, ours=True)


ENDPOINTS: tuple[Endpoint, ...] = (*_services(), *_devices(), *_ipsets(), *_connections())
