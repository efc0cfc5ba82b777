"""The table of messages: services and all that belongs to them."""

from __future__ import annotations

from xdpvs.api import structs_address as address
from xdpvs.api import structs_conn as conn
from xdpvs.api import structs_dest as dest
from xdpvs.api import structs_laddr as laddr
from xdpvs.api import structs_service as service
from xdpvs.api import structs_table as table
from xdpvs.api.errors import DpvsError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.message import ANY, Message, decode_nothing, fixed_message, get_message, no_body, register, set_message


def _info_request(_request: None) -> bytes:
    # C tools send twelve bytes; nobody reads them.
    return bytes(12)


# Local addresses
LADDR_ADD = set_message(MessageId.LADDR_ADD, laddr.encode_laddr_request, laddr.decode_laddr_request)
LADDR_DEL = set_message(MessageId.LADDR_DEL, laddr.encode_laddr_request, laddr.decode_laddr_request)
LADDR_FLUSH = set_message(MessageId.LADDR_FLUSH, laddr.encode_laddr_flush, laddr.decode_laddr_flush)
LADDR_GETALL = get_message(
    MessageId.LADDR_GETALL,
    (laddr.encode_laddrs_request, laddr.decode_laddrs_request),
    (laddr.encode_laddrs_reply, laddr.decode_laddrs_reply),
)
fixed_message(MessageId.LADDR_GET_MAX, Kind.GET, DpvsError.NOTSUPP)
AGENT_GET_LADDR = get_message(
    MessageId.AGENT_GET_LADDR,
    (laddr.encode_agent_laddrs_request, laddr.decode_agent_laddrs_request),
    (laddr.encode_agent_laddrs_reply, laddr.decode_agent_laddrs_reply),
)
AGENT_ADD_LADDR = set_message(MessageId.AGENT_ADD_LADDR, laddr.encode_laddrs_change, laddr.decode_laddrs_change)
AGENT_DEL_LADDR = set_message(MessageId.AGENT_DEL_LADDR, laddr.encode_laddrs_change, laddr.decode_laddrs_change)

# Services and servers
FLUSH = set_message(MessageId.FLUSH, *ANY)
ZERO = set_message(MessageId.ZERO, service.encode_key, service.decode_zero)
ADD = set_message(MessageId.ADD, service.encode_service, service.decode_service)
EDIT = set_message(MessageId.EDIT, service.encode_service, service.decode_service)
DEL = set_message(MessageId.DEL, service.encode_key, service.decode_service_key)
ADDDEST = set_message(MessageId.ADDDEST, dest.encode_dest_request, dest.decode_dest_request)
EDITDEST = set_message(MessageId.EDITDEST, dest.encode_dest_request, dest.decode_dest_request)
DELDEST = set_message(MessageId.DELDEST, dest.encode_dest_request, dest.decode_dest_request)
GRATARP = set_message(MessageId.GRATARP, address.encode_gratuitous_arp, address.decode_gratuitous_arp)
GET_VERSION = get_message(MessageId.GET_VERSION, ANY, (service.encode_version, service.decode_version))
GET_INFO = get_message(MessageId.GET_INFO, (_info_request, decode_nothing), (service.encode_info, service.decode_info))
GET_SERVICES = get_message(
    MessageId.GET_SERVICES,
    (service.encode_services_request, service.decode_services_request),
    (service.encode_services_reply, service.decode_services_reply),
)
GET_SERVICE = get_message(
    MessageId.GET_SERVICE,
    (service.encode_service_request, service.decode_service_request),
    (service.encode_service_reply, service.decode_service_reply),
)
GET_DESTS = get_message(
    MessageId.GET_DESTS,
    (dest.encode_dests_request, dest.decode_dests_request),
    (dest.encode_dests_reply, dest.decode_dests_reply),
)
AGENT_GET_SERVICES = get_message(
    MessageId.AGENT_GET_SERVICES,
    (service.encode_services_request, service.decode_agent_services_request),
    (service.encode_services_reply, service.decode_services_reply),
)
fixed_message(MessageId.SVC_MAX, Kind.GET, DpvsError.INVAL)
fixed_message(MessageId.SVC_MAX, Kind.SET, DpvsError.INVAL)
AGENT_GET_DESTS = get_message(
    MessageId.AGENT_GET_DESTS,
    (dest.encode_agent_dests_request, dest.decode_agent_dests_request),
    (dest.encode_agent_dests_reply, dest.decode_agent_dests_reply),
)
AGENT_ADD_DESTS = set_message(MessageId.AGENT_ADD_DESTS, dest.encode_dests_change, dest.decode_dests_change)
AGENT_EDIT_DESTS = set_message(MessageId.AGENT_EDIT_DESTS, dest.encode_dests_change, dest.decode_dests_change)
AGENT_DEL_DESTS = set_message(MessageId.AGENT_DEL_DESTS, dest.encode_dests_change, dest.decode_dests_change)

# Access lists: deny, then allow
_ACLS = (laddr.encode_acls, laddr.decode_acls)
BLKLST_ADD = set_message(MessageId.BLKLST_ADD, laddr.encode_acl, laddr.decode_acl)
BLKLST_DEL = set_message(MessageId.BLKLST_DEL, laddr.encode_acl, laddr.decode_acl)
fixed_message(MessageId.BLKLST_FLUSH, Kind.SET, DpvsError.NOTSUPP)
BLKLST_GETALL = get_message(MessageId.BLKLST_GETALL, ANY, _ACLS)
WHTLST_ADD = set_message(MessageId.WHTLST_ADD, laddr.encode_acl, laddr.decode_acl)
WHTLST_DEL = set_message(MessageId.WHTLST_DEL, laddr.encode_acl, laddr.decode_acl)
fixed_message(MessageId.WHTLST_FLUSH, Kind.SET, DpvsError.NOTSUPP)
WHTLST_GETALL = get_message(MessageId.WHTLST_GETALL, ANY, _ACLS)

# Connections
fixed_message(MessageId.SET_CONN, Kind.SET, DpvsError.NOTSUPP)
GET_CONN_ALL = get_message(
    MessageId.GET_CONN_ALL,
    (conn.encode_conns_request, conn.decode_conns_request),
    (conn.encode_conns_reply, conn.decode_conns_reply),
)
GET_CONN_SPECIFIED = get_message(
    MessageId.GET_CONN_SPECIFIED,
    (conn.encode_conn_request, conn.decode_conn_request),
    (conn.encode_conn_reply, conn.decode_conn_reply),
)

# Our own
XDPVS_GET_TABLE = get_message(MessageId.XDPVS_GET_TABLE, ANY, (table.encode_table, table.decode_table))
XDPVS_BATCH = register(
    Message(
        MessageId.XDPVS_BATCH,
        Kind.SET,
        table.encode_batch,
        table.decode_batch,
        table.encode_codes,
        table.decode_codes,
        max_length=16 << 20,
    )
)
XDPVS_CHANGE_DESTS = register(
    Message(
        MessageId.XDPVS_CHANGE_DESTS,
        Kind.SET,
        dest.encode_dests_swap,
        dest.decode_dests_swap,
        no_body,
        decode_nothing,
        max_length=16 << 20,
    )
)
XDPVS_ANNOUNCE = set_message(MessageId.XDPVS_ANNOUNCE, address.encode_announcement, address.decode_announcement)
XDPVS_GET_CONNS = get_message(
    MessageId.XDPVS_GET_CONNS,
    (conn.encode_slice_request, conn.decode_slice_request),
    (conn.encode_slice_reply, conn.decode_slice_reply),
)
