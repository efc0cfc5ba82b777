"""`dpip vlan`: VLAN devices (DPVS tools/dpip/vlan.c). The listing goes to stderr, as upstream's does."""

from __future__ import annotations

from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Phase, Verb
from xdpvs.dpip.words import DEVICE_NAME_MAX, Words
from xdpvs.model.network import VLAN_8021Q, Vlan

HELP = """\
Usage:
    dpip vlan add [ NAME ] link DEV [ proto PROTO ] id ID
    dpip vlan del { NAME | link DEV [ proto PROTO ] id ID }
    dpip vlan show { NAME | link DEV [ proto PROTO ] [ id ID ] }
    dpip vlan help
Parameters:
    NAME      DEV.ID if absent
    PROTO     802.1q = vlan (default) | 802.1ad = QinQ (refused by the daemon)
    ID        1 .. 4094
Examples:
    dpip vlan add dpdk0.102 link dpdk0 id 102
    dpip vlan add link dpdk0 id 102
    dpip vlan show link dpdk0
    dpip vlan del dpdk0.102
"""

VLAN_8021AD = 0x88A8
PROTOCOL_NAMES = {VLAN_8021Q: "802.1q", VLAN_8021AD: "802.1ad"}


def run(command: Command, env: Environment) -> None:
    """Carry out one vlan command."""
    vlan = parse(command)
    check(command.verb, vlan)
    match command.verb:
        case Verb.ADD:
            env.connect().add_vlan(vlan)
        case Verb.DEL:
            env.connect().del_vlan(vlan)
        case _:
            for shown in env.connect().get_vlans(vlan):
                env.err(render(shown))


def parse(command: Command) -> Vlan:
    """The VLAN a command line names; absent parts stay empty or 0."""
    name = real_device = ""
    vlan_id, protocol = 0, VLAN_8021Q
    words = Words(command.words, Phase.PARSE)
    for word in words:
        match word:
            case "link":
                real_device = words.device(word)
            case "proto":
                protocol = _protocol(words.value(word))
            case "id":
                vlan_id = words.number(word) & 0xFFFF
            case _ if name:
                raise Failure(detail="too many arguments", phase=Phase.PARSE)
            case _:
                name = word[:DEVICE_NAME_MAX]
    return Vlan(name, real_device, vlan_id, protocol)


def check(verb: Verb, vlan: Vlan) -> None:
    """What must be given; del is left to the daemon."""
    if verb is Verb.ADD:
        if not vlan.real_device:
            raise Failure(detail="missing real device", phase=Phase.CHECK)
        if not vlan.vlan_id:
            raise Failure(detail="missing or invalid VLAN ID", phase=Phase.CHECK)
    elif verb is Verb.SHOW:
        if not vlan.name and not vlan.real_device:
            raise Failure(detail="missing both vlan and real device", phase=Phase.CHECK)
    elif verb is not Verb.DEL:
        raise Failure(NOT_SUPPORTED, phase=Phase.CHECK)


def render(vlan: Vlan) -> str:
    """One line, without its newline."""
    protocol = PROTOCOL_NAMES.get(vlan.protocol, "<unknow>")
    return f"{vlan.name} link {vlan.real_device} proto {protocol} id {vlan.vlan_id}"


def _protocol(text: str) -> int:
    if text in ("802.1q", "vlan"):
        return VLAN_8021Q
    if text == "802.1ad" or text.lower() == "qinq":
        return VLAN_8021AD
    raise Failure(phase=Phase.PARSE)


OBJECTS = {"vlan": DpipObject("vlan", HELP, run)}
