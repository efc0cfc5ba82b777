"""`dpip neigh`: ARP and neighbour-discovery entries (DPVS tools/dpip/neigh.c)."""

from __future__ import annotations

from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Verb
from xdpvs.dpip.words import Words, format_address, format_mac, parse_address
from xdpvs.model.address import any_address, family_of
from xdpvs.model.network import Neighbour, NeighbourState

HELP = """\
Usage:
    dpip neigh show [ dev IF ]
    dpip neigh add ADDR lladdr MAC dev IF
    dpip neigh del ADDR dev IF
    dpip neigh help
"""


def run(command: Command, env: Environment) -> None:
    """Carry out one neigh command; entries added here are static."""
    neighbour = parse(command)
    match command.verb:
        case Verb.SHOW:
            for shown in env.connect().get_neighbours(neighbour.device):
                env.out(render(shown))
        case Verb.ADD:
            if not any(neighbour.mac):
                raise Failure(detail="invalid MAC address")
            env.connect().add_neighbour(neighbour)
        case Verb.DEL:
            env.connect().del_neighbour(neighbour)
        case _:
            raise Failure(NOT_SUPPORTED)


def parse(command: Command) -> Neighbour:
    """The entry a command line names."""
    family = command.options.family
    literal = device = ""
    mac = bytes(6)
    words = Words(command.words)
    for word in words:
        match word:
            case "dev":
                device = words.device(word)
            case "lladdr":
                mac = parse_mac(words.value(word))
            case _:
                literal = word
    address = any_address(family)
    if literal:
        try:
            address = parse_address(literal, family)
        except Failure as failure:
            raise Failure(detail=f"{failure.detail}\ninvalid IP address") from failure
        family = family_of(address)
    elif command.verb in (Verb.ADD, Verb.DEL):
        raise Failure(detail="missing ip address")
    return Neighbour(family, address, device, mac)


def parse_mac(text: str) -> bytes:
    """Six bytes of one or two hex digits with colons between; what follows them is ignored (C's sscanf)."""
    parts = text.split(":", 5)
    try:
        if len(parts) != 6:
            raise ValueError(text)
        return bytes(_hex_byte(part, last=index == 5) for index, part in enumerate(parts))
    except ValueError as error:
        raise Failure(detail="invalid link layer addr") from error


def _hex_byte(part: str, *, last: bool) -> int:
    digits = part[:2] if last and part[1:2] in tuple("0123456789abcdefABCDEF") else part[:1] if last else part
    if not digits or len(digits) > 2 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise ValueError(part)
    return int(digits, 16)


def render(neighbour: Neighbour) -> str:
    """One line; the two formats differ in blanks, and an entry that is not static ends in two of them."""
    static = "static" if neighbour.static else ""
    if neighbour.state >= NeighbourState.REACHABLE:
        resolved = f"mac: {format_mac(neighbour.mac)}   state: {neighbour.state.name:<12}  "
    else:
        resolved = f"mac:incomplate                       state: {neighbour.state.name:<12}   "
    where = f"dev: {neighbour.device}  core: {neighbour.lcore}  {static}"
    return f"ip: {format_address(neighbour.address):<48} {resolved}{where}\n"


OBJECTS = {"neigh": DpipObject("neigh", HELP, run)}
