"""The one table of messages: id, direction, and how request and reply are encoded. Client and server are made of it.

A message with a `fixed` answer has no handler: DPVS's placeholders, and what this data plane cannot do. What is in the
table at all is answered; everything else is closed without a reply, except where `wrong_kind` says that DPVS registers
its ids as a range for both directions.

Every message is an attribute of this module, named as its id (`messages.ADD`). The table's three parts are loaded when
first needed, because a CLI needs one or two of them and should start fast; `MESSAGES` is all of it.
"""

from __future__ import annotations

from importlib import import_module

from xdpvs.api.errors import DecodeError, DpvsError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.api.message import LOADED, Fixed, Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from xdpvs.api.messages_device import *  # noqa: F403
    from xdpvs.api.messages_network import *  # noqa: F403
    from xdpvs.api.messages_service import *  # noqa: F403

    MESSAGES: dict[tuple[Kind, int], Message[Any, Any]]

__all__ = ["Fixed", "Message", "decode_error", "find", "wrong_kind"]

_SERVICE, _NETWORK, _DEVICE = "service", "network", "device"


def _part(number: int) -> str:
    if MessageId.SET_LCORE <= number <= MessageId.LLDP_SHOW or MessageId.IP6_SET <= number <= MessageId.IP6_STATS:
        return _DEVICE
    if MessageId.EAL_MEM_NONE <= number <= MessageId.EAL_MEM_POOL or number in (
        MessageId.XDPVS_GET_DROPS,
        MessageId.XDPVS_GET_STATUS,
    ):
        return _DEVICE
    services = (
        (MessageId.LADDR_ADD, MessageId.AGENT_DEL_DESTS),
        (MessageId.BLKLST_ADD, MessageId.WHTLST_GETALL),
        (MessageId.SET_CONN, MessageId.GET_CONN_SPECIFIED),
        (MessageId.XDPVS_GET_TABLE, MessageId.XDPVS_ANNOUNCE),
    )
    return _SERVICE if any(first <= number <= last for first, last in services) else _NETWORK


def _load(part: str) -> dict[str, Any]:
    return vars(import_module(f"xdpvs.api.messages_{part}"))


def __getattr__(name: str) -> object:
    if name == "MESSAGES":
        for part in (_SERVICE, _NETWORK, _DEVICE):
            _load(part)
        return LOADED
    if name not in MessageId.__members__:
        raise AttributeError(name)
    try:
        message = _load(_part(MessageId[name]))[name]
    except KeyError:
        raise AttributeError(name) from None
    globals()[name] = message
    return message


_SERVICE_IDS = range(MessageId.FLUSH, MessageId.SVC_MAX + 1)


def wrong_kind(kind: int, number: int) -> DpvsError | None:
    """What DPVS answers to a message it has in the other direction only: services are one range for both."""
    if kind in (Kind.GET, Kind.SET) and number in _SERVICE_IDS:
        return DpvsError.INVAL
    return None


def find(kind: int, number: int) -> Message[Any, Any] | None:
    """The message, or None: closed without a reply unless `wrong_kind` knows an answer."""
    if kind not in (Kind.GET, Kind.SET):
        return None
    _load(_part(number))
    return LOADED.get((Kind(kind), number))


def decode_error(error: Exception) -> int:
    """The code for a request that could not be decoded."""
    return error.code if isinstance(error, DecodeError) else DpvsError.INVAL
