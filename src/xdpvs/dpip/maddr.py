"""`dpip maddr`: multicast addresses of the devices (DPVS tools/dpip/maddr.c)."""

from __future__ import annotations

from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Verb
from xdpvs.dpip.words import Words, family_name, format_address, format_mac
from xdpvs.model.device import HardwareMulticast, MulticastAddress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.api.client import Client

HELP = """\
Usage:
    dpip maddr show [ dev IF ]
    dpip maddr help
"""

FROM_KNI = 1


def run(command: Command, env: Environment) -> None:
    """List one device's multicast addresses, or every device's."""
    device = parse(command)
    if command.verb is not Verb.SHOW:
        raise Failure(NOT_SUPPORTED)
    client = env.connect()
    verbose = command.options.verbose
    if device:
        env.out(f"{device}:\n")
        _show_device(client, device, env, verbose=verbose)
        return
    for port in client.get_ports().ports:
        env.out(f"{port.link_id + 1}:\t{port.name}\n")
        _show_device(client, port.name, env, verbose=verbose)


def parse(command: Command) -> str:
    """The device; other words are ignored, as upstream does."""
    device = ""
    words = Words(command.words)
    for word in words:
        if word == "dev":
            device = words.device(word)
    return device


def _show_device(client: Client, device: str, env: Environment, *, verbose: bool) -> None:
    for mac in client.get_hardware_multicasts(device):
        env.out(render_mac(mac, verbose=verbose))
    for group in client.get_multicast_addresses(device):
        env.out(render_group(group, verbose=verbose))


def render_mac(entry: HardwareMulticast, *, verbose: bool) -> str:
    """One MAC; -v doubles a blank and adds counts."""
    if not verbose:
        return f"\tlink {format_mac(entry.mac)}\n"
    kni = " (+kni)" if entry.flags & FROM_KNI else ""
    return f"\tlink  {format_mac(entry.mac)}{kni}\t\trefcnt {entry.references}\t\tsync {entry.sync}\n"


def render_group(entry: MulticastAddress, *, verbose: bool) -> str:
    """One group address."""
    text = f"\t{family_name(entry.family):>5} {format_address(entry.address)}"
    return f"{text}\t\tflags 0x{entry.flags:x}\t\trefcnt {entry.references}\n" if verbose else f"{text}\n"


OBJECTS = {"maddr": DpipObject("maddr", HELP, run)}
