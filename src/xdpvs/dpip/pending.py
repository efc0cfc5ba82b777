"""Objects of DPVS that the data plane does not have yet: ipset, qsch, cls, tunnel, flow, iftraf, lldp.

Scripts look at their listings, so these work: the daemon says that there is nothing. Everything else says that it is
not there yet, and fails as upstream's dpip does where something is not supported; so does a listing of a daemon
(DPVS's own) that has something.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from xdpvs.api.errors import ApiError, TransportError
from xdpvs.api.ids import Kind, MessageId
from xdpvs.dpip.command import NOT_EXIST, NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Phase, Verb
from xdpvs.dpip.words import DEVICE_NAME_MAX, Words

KNI_LIST = 102  # answered by no build of ours, and by DPVS's only with KNI on
COUNT = struct.Struct("<I")
SET_NAME_MAX = 31
IPSET_OP_LIST = 7
QSCH, CLS = 0, 1
HELP_OF_PENDING = "Other verbs of DPVS are not supported by xdpvs yet.\n"

Show = Callable[[Command, Environment], None]


def _object(name: str, grammar: str, show: Show) -> DpipObject:
    def run(command: Command, env: Environment) -> None:
        if command.verb is not Verb.SHOW:
            raise not_yet(name, command.verb.name.lower())
        show(command, env)

    text = f"Usage:\n    dpip {name} show {grammar}".rstrip() + f"\n    dpip {name} help\n{HELP_OF_PENDING}"
    return DpipObject(name, text, run)


def not_yet(name: str, what: str) -> Failure:
    """The failure of all that is missing here."""
    return Failure(NOT_SUPPORTED, detail=f"dpip {name} {what}: not supported by xdpvs yet")


def show_ipset(command: Command, env: Environment) -> None:
    """All sets or one."""
    if len(command.words) > 1:
        raise Failure(phase=Phase.PARSE)
    name = "".join(command.words)[:SET_NAME_MAX].encode()
    request = struct.pack("<32x32s32xH110x", name, IPSET_OP_LIST)
    client = env.connect()
    try:
        if name:
            # Upstream asks for the set once to learn its type and once more to show it, and complains each time.
            try:
                client.call_raw(MessageId.IPSET_LIST, Kind.GET, request)
            except (ApiError, TransportError) as error:
                env.complain(error.line)
        reply = client.call_raw(MessageId.IPSET_LIST, Kind.GET, request)
    except (ApiError, TransportError) as error:
        raise Failure(detail=error.line) from error
    if reply and COUNT.unpack_from(reply.ljust(COUNT.size, b"\0"))[0]:
        raise not_yet("ipset", "show")


def show_tc(kind: int, name: str) -> Show:
    """qsch or cls of a device."""

    def show(command: Command, env: Environment) -> None:
        device = _device(command, Phase.PARSE)
        if not device:
            raise Failure(detail="missing device.", phase=Phase.CHECK)
        _show_unless_empty(name, MessageId.TC_SHOW, struct.pack("<II16s148x", kind, 0, device), env)

    return show


def show_tunnel(command: Command, env: Environment) -> None:
    """Tunnels by name, mode or device."""
    name = kind = device = b""
    words = Words(command.words, Phase.PARSE)
    for word in words:
        if word in ("mode", "type", "kind"):
            kind = words.device(word).encode()
        elif word == "dev":
            device = words.device(word).encode()
        else:
            name = word[:DEVICE_NAME_MAX].encode()
    _show_unless_empty("tunnel", MessageId.TUNNEL_SHOW, struct.pack("<16s16s16s32x", name, kind, device), env)


def show_flow(command: Command, env: Environment) -> None:
    """Addresses steered to the kernel interface."""
    if command.words[:2] != ("type", "kni"):
        raise Failure(detail="missing flow type")
    device = _device(command, Phase.RUN)
    reply = env.connect().call_raw(KNI_LIST, Kind.GET, struct.pack("<I16s20x", 1, device))
    if len(reply) < COUNT.size:
        raise Failure(detail="corrupted response")
    if COUNT.unpack_from(reply)[0]:
        raise not_yet("flow", "show")


def show_iftraf(command: Command, env: Environment) -> None:
    """The busiest flows."""
    device = _device(command, Phase.RUN)
    reply = env.connect().call_raw(MessageId.IFTRAF_SHOW, Kind.GET, struct.pack("<16s", device))
    if not reply:
        env.err("warnning: disabled.")  # upstream's spelling
        return
    if len(reply) <= COUNT.size:
        raise Failure(NOT_EXIST, detail="response nstats : 0.")
    raise not_yet("iftraf", "show")


def show_lldp(command: Command, env: Environment) -> None:
    """What the device announces, or what its neighbour does."""
    device, node = "", 0
    words = Words(command.words, Phase.PARSE)
    for word in words:
        match word:
            case "dev":
                device = words.device(word)
            case "local" | "neigh":
                node = ("local", "neigh").index(word)
            case _:
                raise Failure(detail="too many arguments", phase=Phase.PARSE)
    if not device:
        raise Failure(detail="missing device name", phase=Phase.CHECK)
    text = env.connect().get_lldp(device, node)
    env.out(f"-*-*-*- {('Local', 'Neighbour')[node]} LLDP Message on Port {device} -*-*-*-\n{text}")


def _device(command: Command, phase: Phase) -> bytes:
    device = ""
    words = Words(command.words, phase)
    for word in words:
        if word == "dev":
            device = words.device(word)
    return device.encode()


def _show_unless_empty(name: str, message: MessageId, request: bytes, env: Environment) -> None:
    try:
        reply = env.connect().call_raw(message, Kind.GET, request)
    except (ApiError, TransportError) as error:
        # Upstream forgets which error it was.
        raise Failure(detail=error.line) from error
    if reply:
        raise not_yet(name, "show")


OBJECTS = {
    found.name: found
    for found in (
        _object("ipset", "[ SET ]", show_ipset),
        _object("qsch", "dev IF", show_tc(QSCH, "qsch")),
        _object("cls", "dev IF", show_tc(CLS, "cls")),
        _object("tunnel", "[ NAME | mode MODE ] [ dev IF ]", show_tunnel),
        _object("flow", "type kni dev IF", show_flow),
        _object("iftraf", "[ dev { IF | all } ]", show_iftraf),
        _object("lldp", "[ local | neigh ] dev IF", show_lldp),
    )
}
