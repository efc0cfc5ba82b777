"""`dpip link set|add|del`: what can be changed on a device.

Apart from an unknown item nothing here fails: bad values and refusals are printed and the exit status is 0.
"""

from __future__ import annotations

from collections.abc import Callable

from xdpvs.api.errors import ApiError, TransportError
from xdpvs.dpip.command import Environment, Failure
from xdpvs.dpip.words import strtol
from xdpvs.model.device import BondChange, BondOption, LinkSettings

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
        _send(env, lambda: env.connect().set_link(LinkSettings(name, mac=value[:17])))
    elif item in BOND_NUMBERS:
        _set_bond_number(name, item, value, env)
    elif item == "bond-primary":
        _change_bond(env, BondChange(name, BondOption.PRIMARY, value))
    elif item == "bond-xmit-policy":
        if value in XMIT_POLICIES:
            _change_bond(env, BondChange(name, BondOption.XMIT_POLICY, value))
        else:
            env.out(f"invalid xmit-poliy: {value}\n")
    else:
        raise Failure(detail=f"invalid parameter name '{item}'")
