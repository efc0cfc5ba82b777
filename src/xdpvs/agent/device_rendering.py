"""Devices, addresses, routes and VLANs as JSON. Only the device's form (`nic`) is upstream's; it has no others."""

from __future__ import annotations

from xdpvs.agent.rendering import Json, address_text, without_zeros
from xdpvs.model.network import AddressFlags, AddressScope, AddressStatus, Link, LinkStats, Route, RouteFlags, Vlan

_QUEUES = 16
_SCOPES = {
    AddressScope.HOST: "host",
    AddressScope.LINK: "link",
    AddressScope.SITE: "site",
    AddressScope.GLOBAL: "global",
}
_FLAG_BITS = 0x1FF


def link_item(link: Link, stats: LinkStats | None) -> Json:
    """An item of NicDeviceSpecList."""
    detail = without_zeros(
        {
            "Flags": int(link.flags) & _FLAG_BITS,
            "ID": link.link_id,
            "MTU": link.mtu,
            "addr": link.mac.hex(":"),
            "autoneg": "auto-nego" if link.autoneg else "fixed-nego",
            "duplex": "full-duplex" if link.full_duplex else "half-duplex",
            "nRxQ": link.rx_queues,
            "nTxQ": link.tx_queues,
            "name": link.name,
            "socketID": link.socket,
            "speed": link.speed_mbps,
            "status": "UP" if link.up else "DOWN",
        }
    )
    return {"detail": detail} if stats is None else {"detail": detail, "stats": _stats(stats)}


def _stats(stats: LinkStats) -> Json:
    queues = dict.fromkeys(("errorBytesQ", "inBytesQ", "inPktsQ", "outBytesQ", "outPktsQ"), [0] * _QUEUES)
    counted = without_zeros(
        {
            "bufAvail": stats.mbuf_available,
            "bufInuse": stats.mbuf_in_use,
            "id": stats.link_id,
            "inBytes": stats.in_bytes,
            "inErrors": stats.in_errors,
            "inMissed": stats.in_missed,
            "inPkts": stats.in_packets,
            "outBytes": stats.out_bytes,
            "outErrors": stats.out_errors,
            "outPkts": stats.out_packets,
            "rxNoMbuf": stats.rx_no_buffer,
        }
    )
    return dict(sorted({**queues, **counted}.items()))


def address_item(status: AddressStatus) -> Json:
    """An address; `sapool` and its counters only where it has a pool."""
    address = status.address
    pool = bool(address.flags & AddressFlags.SAPOOL)
    return without_zeros(
        {
            "addr": f"{address_text(address.address)}/{address.prefix_length}",
            "af": int(address.family),
            "broadcast": address_text(address.broadcast) if int(address.broadcast) else "",
            "device": address.device,
            "portsFree": status.sa_free,
            "portsMissed": status.sa_miss,
            "portsUsed": status.sa_used,
            **({"sapool": "true"} if pool else {}),
            "scope": _scope(address.scope),
            "validLifetime": address.valid_lifetime_s,
        }
    )


def _scope(scope: int) -> str:
    try:
        return _SCOPES[AddressScope(scope)]
    except (KeyError, ValueError):
        return str(scope)


def route_item(route: Route) -> Json:
    """A route in RouteSpec's words."""
    if route.flags & RouteFlags.LOCALIN:
        scope = "host"
    elif route.flags & RouteFlags.KNI_HOST:
        scope = "kni_host"
    else:
        scope = "global" if int(route.gateway) else "link"
    return without_zeros(
        {
            "device": route.device,
            "dst": f"{address_text(route.destination)}/{route.prefix_length}",
            "gateway": address_text(route.gateway) if int(route.gateway) else "",
            "metric": route.metric,
            "mtu": route.mtu,
            "scope": scope,
            "src": address_text(route.source) if int(route.source) else "",
        }
    )


def vlan_item(vlan: Vlan) -> Json:
    """A VLAN in VlanSpec's words."""
    return {"device": vlan.real_device, "id": str(vlan.vlan_id), "name": vlan.name}
