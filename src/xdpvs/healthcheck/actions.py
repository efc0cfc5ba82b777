"""What can be done when a virtual address goes up or down (upstream tools/healthcheck/pkg/actioner), as values.

`check_action` judges a name and its parameters; `plan` says which steps an action takes. `doing` takes them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from xdpvs.model.address import IPAddress

_YES = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class KernelAddress:
    """Put the address on a kernel interface, or take it off; with_route also the host route to it."""

    interface: str
    address: IPAddress
    up: bool
    with_route: bool = False


@dataclass(frozen=True, slots=True)
class DpvsAddress:
    """The same on a device of DPVS, through dpvs-agent."""

    device: str
    address: IPAddress
    up: bool


@dataclass(frozen=True, slots=True)
class RunScript:
    """Run a program; exit status 0 is success."""

    argv: tuple[str, ...]


Step = KernelAddress | DpvsAddress | RunScript

_REQUIRED: dict[str, tuple[str, ...]] = {
    "Blank": (),
    "KernelRouteAddDel": ("ifname",),
    "KernelRouteAddDelVerdict": ("ifname",),
    "DpvsAddrAddDel": ("dpvs-ifname",),
    "DpvsAddrKernelRouteAddDel": ("ifname", "dpvs-ifname"),
    "Script": ("script",),
}
_OPTIONAL: dict[str, tuple[str, ...]] = {
    "KernelRouteAddDel": ("with-route",),
    "KernelRouteAddDelVerdict": ("with-route",),
    "DpvsAddrKernelRouteAddDel": ("with-route",),
    "Script": ("args",),
}


def known_params(name: str) -> tuple[str, ...] | None:
    """The parameters of an action; None if there is no such action."""
    return _REQUIRED[name] + _OPTIONAL.get(name, ()) if name in _REQUIRED else None


def check_action(name: str, params: Mapping[str, str]) -> None:
    """ValueError for an unknown action or parameter, or one that is missing."""
    if name not in _REQUIRED:
        raise ValueError(f"actioner {name!r} is none of {' '.join(_REQUIRED)}")
    known = _REQUIRED[name] + _OPTIONAL.get(name, ())
    if name == "Blank":
        return
    for required in _REQUIRED[name]:
        if not params.get(required):
            raise ValueError(f"actioner {name} needs the parameter {required}")
    for given, value in params.items():
        if given not in known:
            raise ValueError(f"actioner {name} has no parameter {given}")
        if given == "args":
            _words(value)
        if given == "with-route" and value.lower() not in _YES:
            raise ValueError(f"with-route is yes or no, not {value!r}")


def plan(name: str, params: Mapping[str, str], address: IPAddress, *, up: bool) -> tuple[Step, ...]:
    """The steps of an action that check_action accepts, in order."""
    kernel = KernelAddress(
        params.get("ifname", ""), address, up, _YES.get(params.get("with-route", "no").lower(), False)
    )
    dpvs = DpvsAddress(params.get("dpvs-ifname", ""), address, up)
    match name:
        case "KernelRouteAddDel" | "KernelRouteAddDelVerdict":
            return (kernel,)
        case "DpvsAddrAddDel":
            return (dpvs,)
        case "DpvsAddrKernelRouteAddDel":
            return (kernel, dpvs)
        case "Script":
            words = (params["script"], *_words(params.get("args", "")))
            return (RunScript((*words, "UP" if up else "DOWN", str(address))),)
        case _:
            return ()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"args {text!r}: {str(error).lower()}") from None


def verifies(name: str) -> bool:
    """Whether the action's state is compared with the real interface now and then."""
    return name == "KernelRouteAddDelVerdict"
