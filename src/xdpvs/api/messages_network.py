"""The table of messages: addresses, routes, neighbours, VLANs, and the layer 3 this data plane has not."""

from __future__ import annotations

from xdpvs.api import structs_ifaddr as ifaddr
from xdpvs.api import structs_link as link
from xdpvs.api import structs_route as route
from xdpvs.api.errors import DpvsError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.message import fixed_message, get_message, set_message

# Routes
_ROUTE_DEVICE = (route.encode_route_device, route.decode_route_device)
_ROUTES = (route.encode_routes, route.decode_routes)
_ROUTES6 = (route.encode_routes6, route.decode_routes6)
ROUTE_ADD = set_message(MessageId.ROUTE_ADD, route.encode_route, route.decode_route)
ROUTE_DEL = set_message(MessageId.ROUTE_DEL, route.encode_route, route.decode_route)
ROUTE_SET = fixed_message(MessageId.ROUTE_SET, Kind.SET, DpvsError.NOTSUPP)
ROUTE_FLUSH = set_message(MessageId.ROUTE_FLUSH, *_ROUTE_DEVICE)
ROUTE_SHOW = get_message(MessageId.ROUTE_SHOW, _ROUTE_DEVICE, _ROUTES)
ROUTE6_ADD_DEL = set_message(MessageId.ROUTE6_ADD_DEL, route.encode_route6_change, route.decode_route6_change)
ROUTE6_FLUSH = set_message(MessageId.ROUTE6_FLUSH, route.encode_route6_flush, route.decode_route6_device)
ROUTE6_SHOW = get_message(MessageId.ROUTE6_SHOW, (route.encode_route6_show, route.decode_route6_device), _ROUTES6)
AGENT_ROUTE_GET = get_message(MessageId.AGENT_ROUTE_GET, _ROUTE_DEVICE, _ROUTES)
AGENT_ROUTE_ADD = set_message(MessageId.AGENT_ROUTE_ADD, route.encode_route, route.decode_route)
AGENT_ROUTE_DEL = set_message(MessageId.AGENT_ROUTE_DEL, route.encode_route, route.decode_route)
AGENT_ROUTE6_GET = get_message(
    MessageId.AGENT_ROUTE6_GET, (route.encode_route6_show, route.decode_route6_device), _ROUTES6
)
AGENT_ROUTE6_ADD = set_message(MessageId.AGENT_ROUTE6_ADD, route.encode_route, route.decode_agent_route)
AGENT_ROUTE6_DEL = set_message(MessageId.AGENT_ROUTE6_DEL, route.encode_route, route.decode_agent_route)

# Addresses
_AGENT_FILTER = (ifaddr.encode_agent_filter, ifaddr.decode_agent_filter)
AGENT_IFADDR_GET_BASE = get_message(
    MessageId.AGENT_IFADDR_GET_BASE, _AGENT_FILTER, (ifaddr.encode_agent_base, ifaddr.decode_agent_base)
)
AGENT_IFADDR_GET_STATS = get_message(
    MessageId.AGENT_IFADDR_GET_STATS, _AGENT_FILTER, (ifaddr.encode_agent_stats, ifaddr.decode_agent_stats)
)
fixed_message(MessageId.AGENT_IFADDR_GET_VERBOSE, Kind.GET, DpvsError.NOTSUPP)
AGENT_IFADDR_ADD = set_message(MessageId.AGENT_IFADDR_ADD, ifaddr.encode_ifaddr, ifaddr.decode_ifaddr)
AGENT_IFADDR_DEL = set_message(MessageId.AGENT_IFADDR_DEL, ifaddr.encode_ifaddr, ifaddr.decode_ifaddr)
IFADDR_ADD = set_message(MessageId.IFADDR_ADD, ifaddr.encode_address_add, ifaddr.decode_address_change)
IFADDR_DEL = set_message(MessageId.IFADDR_DEL, ifaddr.encode_address_del, ifaddr.decode_address_change)
IFADDR_SET = set_message(MessageId.IFADDR_SET, ifaddr.encode_address_set, ifaddr.decode_address_change)
IFADDR_FLUSH = set_message(MessageId.IFADDR_FLUSH, ifaddr.encode_address_flush, ifaddr.decode_address_flush)
IFADDR_SHOW = get_message(
    MessageId.IFADDR_SHOW,
    (ifaddr.encode_addresses_request, ifaddr.decode_addresses_request),
    (ifaddr.encode_addresses_reply, ifaddr.decode_addresses_reply),
)
IFMADDR_SHOW = get_message(
    MessageId.IFMADDR_SHOW, (ifaddr.encode_device, ifaddr.decode_device), (ifaddr.encode_maddrs, ifaddr.decode_maddrs)
)

# Neighbours, VLANs
NEIGH_ADD = set_message(MessageId.NEIGH_ADD, link.encode_neighbour, link.decode_neighbour)
NEIGH_DEL = set_message(MessageId.NEIGH_DEL, link.encode_neighbour, link.decode_neighbour)
NEIGH_SHOW = get_message(
    MessageId.NEIGH_SHOW,
    (link.encode_neighbours_request, link.decode_neighbours_request),
    (link.encode_neighbours, link.decode_neighbours),
)
VLAN_ADD = set_message(MessageId.VLAN_ADD, link.encode_vlan, link.decode_vlan)
VLAN_DEL = set_message(MessageId.VLAN_DEL, link.encode_vlan, link.decode_vlan)
VLAN_SHOW = get_message(
    MessageId.VLAN_SHOW, (link.encode_vlan, link.decode_vlan), (link.encode_vlans, link.decode_vlans)
)

# What this data plane cannot do (yet): changes are refused, listings are empty.
for _number in (MessageId.TC_ADD, MessageId.TC_DEL, MessageId.TC_CHANGE, MessageId.TC_REPLACE):
    fixed_message(_number, Kind.SET, DpvsError.NOTSUPP)
for _number in (MessageId.TUNNEL_ADD, MessageId.TUNNEL_DEL, MessageId.TUNNEL_CHANGE, MessageId.TUNNEL_REPLACE):
    fixed_message(_number, Kind.SET, DpvsError.NOTSUPP)
for _number in (MessageId.IPSET_SET, MessageId.IFTRAF_ADD, MessageId.IFTRAF_DEL):
    fixed_message(_number, Kind.SET, DpvsError.NOTSUPP)
fixed_message(MessageId.TC_SHOW, Kind.GET, DpvsError.OK)
fixed_message(MessageId.TUNNEL_SHOW, Kind.GET, DpvsError.OK)
fixed_message(MessageId.IPSET_TEST, Kind.GET, DpvsError.NOTEXIST)
fixed_message(MessageId.IPSET_LIST, Kind.GET, DpvsError.OK, bytes(4))
fixed_message(MessageId.IFTRAF_SHOW, Kind.GET, DpvsError.OK)
