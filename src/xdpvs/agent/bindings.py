"""Which handler answers which operation of the table."""

from __future__ import annotations

from collections.abc import Mapping

from xdpvs.agent import access_lists
from xdpvs.agent.access_lists import AccessList
from xdpvs.agent.call import Handler
from xdpvs.agent.connections import Connections
from xdpvs.agent.devices import Devices
from xdpvs.agent.endpoints import ENDPOINTS
from xdpvs.agent.health_counts import HealthCounts
from xdpvs.agent.host_links import HostLinks
from xdpvs.agent.ipsets import Ipsets
from xdpvs.agent.local_addresses import LocalAddresses
from xdpvs.agent.node import Node
from xdpvs.agent.real_servers import RealServers
from xdpvs.agent.table import Table
from xdpvs.agent.virtual_servers import VirtualServers


class HandlerMismatch(Exception):
    """The handlers are not exactly those of the table of endpoints."""


def handlers(table: Table, node: Node, health: HealthCounts) -> dict[str, Handler]:
    """Operation by operation."""
    control = table.control
    services, servers = VirtualServers(table), RealServers(table, health)
    laddrs, connections = LocalAddresses(table), Connections(control)
    devices, links, sets = Devices(control, node), HostLinks(node), Ipsets(control)
    found: dict[str, Handler] = {
        "virtualserver.GetVs": services.list_all,
        "virtualserver.GetVsVipPort": services.get,
        "virtualserver.PutVsVipPort": services.put,
        "virtualserver.DeleteVsVipPort": services.delete,
        "virtualserver.GetVsVipPortRs": servers.list_all,
        "virtualserver.PutVsVipPortRs": servers.put,
        "virtualserver.PostVsVipPortRs": servers.post,
        "virtualserver.DeleteVsVipPortRs": servers.delete,
        "virtualserver.PutVsVipPortRsHealth": servers.health,
        "virtualserver.GetVsVipPortLaddr": laddrs.list_all,
        "virtualserver.PutVsVipPortLaddr": laddrs.put,
        "virtualserver.DeleteVsVipPortLaddr": laddrs.delete,
        "device.GetDevice": devices.list_all,
        "device.GetDeviceNameAddr": devices.list_addresses,
        "device.PutDeviceNameAddr": devices.put_address,
        "device.DeleteDeviceNameAddr": devices.delete_address,
        "device.GetDeviceNameRoute": devices.list_routes,
        "device.PutDeviceNameRoute": devices.put_route,
        "device.DeleteDeviceNameRoute": devices.delete_route,
        "device.GetDeviceNameVlan": devices.list_vlans,
        "device.PutDeviceNameVlan": devices.put_vlan,
        "device.DeleteDeviceNameVlan": devices.delete_vlan,
        "device.GetDeviceNameNic": devices.list_nics,
        "device.PutDeviceNameNic": devices.put_nic,
        "device.GetDeviceNameNetlink": links.get,
        "device.PutDeviceNameNetlink": links.set_up,
        "device.DeleteDeviceNameNetlink": links.set_down,
        "device.GetDeviceNameNetlinkAddr": links.list_addresses,
        "device.PutDeviceNameNetlinkAddr": links.put_address,
        "device.DeleteDeviceNameNetlinkAddr": links.delete_address,
        "ipset.GetAll": sets.list_all,
        "ipset.Get": sets.get,
        "ipset.Create": sets.create,
        "ipset.Destroy": sets.destroy,
        "ipset.AddMember": sets.add_members,
        "ipset.ReplaceMember": sets.replace_members,
        "ipset.DelMember": sets.delete_members,
        "ipset.IsIn": sets.test,
        "conns.GetConns": connections.list_all,
        "conns.GetConnsCount": connections.counts,
    }
    for name, messages in (("Deny", access_lists.DENY), ("Allow", access_lists.ALLOW)):
        clients = AccessList(control, messages)
        for verb, handler in (
            ("Get", clients.list_all),
            ("Put", clients.put),
            ("Post", clients.post),
            ("Delete", clients.delete),
        ):
            found[f"virtualserver.{verb}VsVipPort{name}"] = handler
    return found


def check_handlers(found: Mapping[str, Handler]) -> None:
    """HandlerMismatch unless each operation has a handler, and no other has."""
    wanted = {endpoint.operation for endpoint in ENDPOINTS}
    if wanted != found.keys():
        raise HandlerMismatch(f"without handler: {wanted - found.keys()}; without endpoint: {found.keys() - wanted}")
