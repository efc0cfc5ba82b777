"""The tables of the command line: options as popt knows them, commands, and which goes with which."""

from __future__ import annotations

import enum

from xdpvs.ipvsadm.errors import UsageError
from xdpvs.ipvsadm.popt import Argument, Option


class Command(enum.StrEnum):
    """Commands by the name that messages use."""

    ADD_SERVICE = "add-service"
    EDIT_SERVICE = "edit-service"
    DELETE_SERVICE = "delete-service"
    FLUSH = "flush"
    LIST = "list"
    ADD_SERVER = "add-server"
    EDIT_SERVER = "edit-server"
    DELETE_SERVER = "delete-server"
    SET = "set"
    START_DAEMON = "start-daemon"
    STOP_DAEMON = "stop-daemon"
    RESTORE = "restore"
    SAVE = "save"
    ZERO = "zero"
    ADD_LADDR = "add-laddr"
    DELETE_LADDR = "del-laddr"
    GET_LADDR = "get-laddr"
    ADD_DENY = "add-blklst"
    DELETE_DENY = "del-blklst"
    GET_DENY = "get-blklst"
    ADD_ALLOW = "add-whtlst"
    DELETE_ALLOW = "del-whtlst"
    GET_ALLOW = "get-whtlst"
    HELP = "help"
    VERSION = "version"


class Tracked(enum.StrEnum):
    """Options that may stand once and that legality looks at, in the order it reports them."""

    NUMERIC = "numeric"
    CONNECTION = "connection"
    SERVICE = "service-address"
    SCHEDULER = "scheduler"
    PERSISTENT = "persistent"
    NETMASK = "netmask"
    SERVER = "real-server"
    FORWARD = "forwarding-method"
    WEIGHT = "weight"
    UPPER = "u-threshold"
    LOWER = "l-threshold"
    MCAST = "mcast-interface"
    TIMEOUT = "timeout"
    DAEMON = "daemon"
    STATS = "stats"
    RATE = "rate"
    THRESHOLDS = "thresholds"
    PERSISTENT_CONN = "persistent-conn"
    NOSORT = "nosort"
    SYNCID = "syncid"
    EXACT = "exact"
    OPS = "ops"
    PE = "pe"
    LADDR = "local-address"
    DENY = "blklst-address"
    SYNPROXY = "synproxy"
    IFNAME = "ifname"
    SOCKPAIR = "sockpair"
    HASH_TARGET = "hash-target"
    CPU = "cpu"
    EXPIRE_QUIESCENT = "expire-quiescent"
    ALLOW = "whtlst-address"


COMMAND_OPTIONS = {
    "add-service": Command.ADD_SERVICE,
    "edit-service": Command.EDIT_SERVICE,
    "delete-service": Command.DELETE_SERVICE,
    "clear": Command.FLUSH,
    "list": Command.LIST,
    "zero": Command.ZERO,
    "add-server": Command.ADD_SERVER,
    "edit-server": Command.EDIT_SERVER,
    "delete-server": Command.DELETE_SERVER,
    "set": Command.SET,
    "help": Command.HELP,
    "version": Command.VERSION,
    "restore": Command.RESTORE,
    "save": Command.SAVE,
    "start-daemon": Command.START_DAEMON,
    "stop-daemon": Command.STOP_DAEMON,
    "add-laddr": Command.ADD_LADDR,
    "del-laddr": Command.DELETE_LADDR,
    "get-laddr": Command.GET_LADDR,
    "add-blklst": Command.ADD_DENY,
    "del-blklst": Command.DELETE_DENY,
    "get-blklst": Command.GET_DENY,
    "add-whtlst": Command.ADD_ALLOW,
    "del-whtlst": Command.DELETE_ALLOW,
    "get-whtlst": Command.GET_ALLOW,
}

OPTIONS = [
    Option("add-service", "A"),
    Option("edit-service", "E"),
    Option("delete-service", "D"),
    Option("clear", "C"),
    Option("list", "L"),
    Option("list", "l"),
    Option("zero", "Z"),
    Option("add-server", "a"),
    Option("edit-server", "e"),
    Option("delete-server", "d"),
    Option("set"),
    Option("help", "h"),
    Option("version", "v"),
    Option("restore", "R"),
    Option("save", "S"),
    Option("start-daemon", "", Argument.TEXT),
    Option("stop-daemon", "", Argument.TEXT),
    Option("add-laddr", "P"),
    Option("del-laddr", "Q"),
    Option("get-laddr", "G"),
    Option("add-blklst", "U"),
    Option("del-blklst", "V"),
    Option("get-blklst", "B"),
    Option("add-whtlst", "O"),
    Option("del-whtlst", "Y"),
    Option("get-whtlst", "W"),
    Option("tcp-service", "t", Argument.TEXT),
    Option("udp-service", "u", Argument.TEXT),
    Option("sctp-service", "", Argument.TEXT),
    Option("icmp-service", "q", Argument.TEXT),
    Option("icmpv6-service", "1", Argument.TEXT),
    Option("fwmark-service", "f", Argument.TEXT),
    Option("match", "H", Argument.TEXT),
    Option("ipv6", "6"),
    Option("scheduler", "s", Argument.TEXT),
    Option("persistent", "p", Argument.OPTIONAL),
    Option("netmask", "M", Argument.TEXT),
    Option("real-server", "r", Argument.TEXT),
    Option("masquerading", "m"),
    Option("ipip", "i"),
    Option("gatewaying", "g"),
    Option("fullnat", "b"),
    Option("snat", "J"),
    Option("weight", "w", Argument.TEXT),
    Option("u-threshold", "x", Argument.TEXT),
    Option("l-threshold", "y", Argument.TEXT),
    Option("numeric", "n"),
    Option("connection", "c"),
    Option("mcast-interface", "", Argument.TEXT),
    Option("syncid", "", Argument.TEXT),
    Option("timeout"),
    Option("daemon"),
    Option("stats"),
    Option("rate"),
    Option("thresholds"),
    Option("persistent-conn"),
    Option("sockpair", "", Argument.TEXT),
    Option("nosort"),
    Option("sort"),
    Option("exact", "X"),
    Option("ops", "o"),
    Option("pe", "", Argument.TEXT),
    Option("laddr", "z", Argument.TEXT),
    Option("blklst", "k", Argument.TEXT),
    Option("whtlst", "2", Argument.TEXT),
    Option("synproxy", "j", Argument.TEXT),
    Option("ifname", "F", Argument.TEXT),
    Option("hash-target", "", Argument.TEXT),
    Option("cpu", "", Argument.TEXT),
    Option("expire-quiescent"),
    Option("dest-check", "", Argument.TEXT),
    Option("conn-timeout", "", Argument.INTEGER),
    Option("proxy-protocol", "", Argument.TEXT),
    Option("quic"),
]
LONG_OPTIONS = {option.long: option for option in OPTIONS}
SHORT_OPTIONS = {option.short: option for option in OPTIONS if option.short}

_SERVICE_ATTRIBUTES = {
    Tracked.SCHEDULER,
    Tracked.PERSISTENT,
    Tracked.NETMASK,
    Tracked.OPS,
    Tracked.SYNPROXY,
    Tracked.HASH_TARGET,
    Tracked.EXPIRE_QUIESCENT,
}
_SERVER_ATTRIBUTES = {Tracked.FORWARD, Tracked.WEIGHT, Tracked.UPPER, Tracked.LOWER}

REQUIRED: dict[Command, set[Tracked]] = {
    Command.ADD_SERVICE: {Tracked.SERVICE},
    Command.EDIT_SERVICE: {Tracked.SERVICE},
    Command.DELETE_SERVICE: {Tracked.SERVICE},
    Command.ADD_SERVER: {Tracked.SERVICE, Tracked.SERVER},
    Command.EDIT_SERVER: {Tracked.SERVICE, Tracked.SERVER},
    Command.DELETE_SERVER: {Tracked.SERVICE, Tracked.SERVER},
    Command.ADD_LADDR: {Tracked.SERVICE, Tracked.LADDR, Tracked.IFNAME},
    Command.DELETE_LADDR: {Tracked.SERVICE, Tracked.LADDR, Tracked.IFNAME},
    Command.ADD_DENY: {Tracked.SERVICE, Tracked.DENY},
    Command.DELETE_DENY: {Tracked.SERVICE, Tracked.DENY},
    Command.ADD_ALLOW: {Tracked.SERVICE, Tracked.ALLOW},
    Command.DELETE_ALLOW: {Tracked.SERVICE, Tracked.ALLOW},
}
OPTIONAL: dict[Command, set[Tracked]] = {
    Command.ADD_SERVICE: _SERVICE_ATTRIBUTES,
    Command.EDIT_SERVICE: _SERVICE_ATTRIBUTES,
    Command.ADD_SERVER: _SERVER_ATTRIBUTES,
    Command.EDIT_SERVER: _SERVER_ATTRIBUTES,
    Command.LIST: {
        Tracked.NUMERIC,
        Tracked.STATS,
        Tracked.RATE,
        Tracked.THRESHOLDS,
        Tracked.PERSISTENT_CONN,
        Tracked.NOSORT,
        Tracked.SYNCID,
        Tracked.EXACT,
        Tracked.SOCKPAIR,
        Tracked.CPU,
    },
    Command.SAVE: {Tracked.NUMERIC},
    Command.ZERO: {Tracked.SERVICE},
    Command.GET_LADDR: {Tracked.SERVICE, Tracked.CPU},
    Command.GET_DENY: {Tracked.SERVICE},
    Command.GET_ALLOW: {Tracked.SERVICE},
    Command.START_DAEMON: {Tracked.MCAST, Tracked.SYNCID},
    Command.STOP_DAEMON: {Tracked.SYNCID},
}
EXCLUSIVE: dict[Command, set[Tracked]] = {
    Command.LIST: {Tracked.SERVICE, Tracked.CONNECTION, Tracked.TIMEOUT, Tracked.DAEMON},
}
_NONE: set[Tracked] = set()


def check_legality(command: Command, given: set[Tracked]) -> None:
    """Refuses the first option, in Tracked's order, that is missing, forbidden or in conflict."""
    required = REQUIRED.get(command, _NONE)
    allowed = OPTIONAL.get(command, _NONE)
    exclusive = EXCLUSIVE.get(command, _NONE)
    if required <= given and given <= required | allowed:
        return
    chosen: Tracked | None = None
    for option in Tracked:
        if option in required and option not in given:
            raise UsageError(f"You need to supply the '{option.value}' option for the '{command.value}' command")
        if option not in given or option in required or option in allowed:
            continue
        if option not in exclusive:
            raise UsageError(f"Illegal '{option.value}' option with the '{command.value}' command")
        if chosen is not None:
            raise UsageError(
                f"The option '{option.value}' conflicts with the '{chosen.value}' option in the "
                f"'{command.value}' command"
            )
        chosen = option
