"""`dpip link set|add|del`: what can be changed on a device.

Apart from an unknown item nothing here fails: bad values and refusals are printed and the exit status is 0.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable

from xdpvs.api.errors import ApiError, TransportError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.dpip.command import Environment, Failure
from xdpvs.dpip.words import strtol
from xdpvs.model.device import LinkSettings

MAC_MAX, BOND_TEXT_MAX = 17, 31
BOND_CHANGE = struct.Struct("<32s32sII")
"""Bond, value (a number or a text), action, option."""


class BondAction(enum.IntEnum):
    """What to do with a bond's option."""

    ADD = 1
    DEL = 2
    SET = 3


class BondOption(enum.IntEnum):
    """Options of a bond (DPVS include/conf/netif.h)."""

    MODE = 1
    SLAVE = 2
    PRIMARY = 3
    XMIT_POLICY = 4
    MONITOR = 5
    DOWN_DELAY = 6
    UP_DELAY = 7


XMIT_POLICIES = ("LAYER2", "layer2", "LAYER23", "layer23", "LAYER34", "layer34")

SWITCHES: dict[str, Callable[[str, bool], LinkSettings]] = {
    "promisc": lambda name, on: LinkSettings(name, promisc=on),
    "allmulticast": lambda name, on: LinkSettings(name, allmulticast=on),
    "forward2kni": lambda name, on: LinkSettings(name, forward2kni=on),
    "tc-egress": lambda name, on: LinkSettings(name, tc_egress=on),
    "tc-ingress": lambda name, on: LinkSettings(name, tc_ingress=on),
    "lldp": lambda name, on: LinkSettings(name, lldp=on),
    "link": lambda name, on: LinkSettings(name, up=on),
}
# Item: option, least and greatest value, and what a bad value is called (on stdout, as upstream does).
BOND_NUMBERS = {
    "bond-mode": (BondOption.MODE, 0, 6, "bonding mode"),
    "bond-monitor-interval": (BondOption.MONITOR, 1, None, "link_monitor_interval"),
    "bond-link-down-prop": (BondOption.DOWN_DELAY, 0, None, "link_down_prop"),
    "bond-link-up-prop": (BondOption.UP_DELAY, 0, None, "link_up_prop"),
}


def set_item(name: str, item: str, value: str, env: Environment) -> None:
    """Set one item of the device."""
    if item in SWITCHES:
        _set_switch(name, item, value, env)
    elif item == "addr":
        _set_link(LinkSettings(name, mac=value[:MAC_MAX]), env)
    elif item in BOND_NUMBERS:
        _set_bond_number(name, item, value, env)
    elif item == "bond-primary":
        _change_bond(name, BondAction.SET, BondOption.PRIMARY, value[:BOND_TEXT_MAX].encode(), env)
    elif item == "bond-xmit-policy":
        if value in XMIT_POLICIES:
            _change_bond(name, BondAction.SET, BondOption.XMIT_POLICY, value.encode(), env)
        else:
            env.out(f"invalid xmit-poliy: {value}\n")
    else:
        raise Failure(detail=f"invalid parameter name '{item}'")


def change_slave(name: str, slave: str, env: Environment, *, add: bool) -> None:
    """Add a slave to the bond, or take it out."""
    action = BondAction.ADD if add else BondAction.DEL
    _change_bond(name, action, BondOption.SLAVE, slave[:BOND_TEXT_MAX].encode(), env)


def _set_switch(name: str, item: str, value: str, env: Environment) -> None:
    words = ("up", "down") if item == "link" else ("on", "off")
    if value not in words:
        argument = "argument" if item == "link" else "arguement"  # upstream's spellings
        env.err(f"invalid {argument} value for '{item}'")
        return
    _set_link(SWITCHES[item](name, value == words[0]), env)


def _set_bond_number(name: str, item: str, value: str, env: Environment) -> None:
    option, least, greatest, title = BOND_NUMBERS[item]
    number, rest = strtol(value)
    if rest or number < least or (greatest is not None and number > greatest):
        env.out(f"invalid {title}: {value}\n")
        return
    _change_bond(name, BondAction.SET, option, (number & 0xFFFFFFFF).to_bytes(4, "little"), env)


def _set_link(settings: LinkSettings, env: Environment) -> None:
    try:
        env.connect().set_link(settings)
    except (ApiError, TransportError) as error:
        env.complain(error.line)


def _change_bond(name: str, action: BondAction, option: BondOption, value: bytes, env: Environment) -> None:
    body = BOND_CHANGE.pack(name.encode(), value, action, option)
    try:
        env.connect().call_raw(MessageId.SET_BOND, Kind.SET, body)
    except (ApiError, TransportError) as error:
        env.complain(error.line)
