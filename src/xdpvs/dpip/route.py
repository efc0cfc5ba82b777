"""`dpip route`: the balancer's routes (DPVS tools/dpip/route.c).

IPv4 and `-6` are two grammars, two output formats and two sets of messages, as upstream has them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Verb
from xdpvs.dpip.words import Words, family_name, format_address, parse_address, parse_prefix
from xdpvs.model.address import Family, IPAddress, any_address, family_of
from xdpvs.model.network import Route, RouteFlags

Renderer = Callable[[Route], str]

HELP = """\
Usage:
    dpip [ -6 ] route show [ dev IF ]
    dpip [ -6 ] route { add | del } PREFIX [ via ADDR ] dev IF [ scope SCOPE ]
         [ src ADDR ] [ mtu MTU ] [ metric NUM ]
    dpip [ -6 ] route flush dev IF
    dpip route help
Parameters:
    PREFIX    ADDR/PLEN | ADDR | default
    SCOPE     host (answered by the balancer) | kni_host (handed to the kernel) | link | global
Examples:
    dpip route add default via 192.0.2.254 dev dpdk0
    dpip route add 198.51.100.0/24 dev dpdk1
    dpip route add 203.0.113.7/32 dev dpdk0 scope kni_host
    dpip -6 route add 2001:db8:1::/64 via 2001:db8::fe dev dpdk0
    dpip route flush dev dpdk0
"""

SCOPES = {
    Family.INET: {"host": RouteFlags.LOCALIN, "kni_host": RouteFlags.KNI_HOST},
    Family.INET6: {
        "host": RouteFlags.LOCALIN,
        "kni_host": RouteFlags.KNI_HOST,
        "link": RouteFlags.FORWARD,
        "global": RouteFlags.FORWARD,
    },
}


def run(command: Command, env: Environment) -> None:
    """Carry out one route command, on the IPv6 table with -6, else on IPv4's."""
    if command.options.family == Family.INET6:
        _run6(command, env)
    else:
        _run4(command, env)


def _run4(command: Command, env: Environment) -> None:
    route = parse4(command)
    _announce(command, env, render4, route)
    match command.verb:
        case Verb.SHOW:
            for shown in env.connect().get_routes(route.device):
                env.out(render4(shown))
        case Verb.ADD:
            env.connect().add_route(route)
        case Verb.DEL:
            env.connect().del_route(route)
        case Verb.SET:
            env.connect().set_route(route)
        case Verb.FLUSH:
            env.connect().flush_routes(route.device)
        case _:
            raise Failure(NOT_SUPPORTED)


def _run6(command: Command, env: Environment) -> None:
    route = parse6(command)
    _announce(command, env, render6, route)
    match command.verb:
        case Verb.SHOW:
            for shown in env.connect().get_routes6(route.device):
                env.out(render6(shown))
        case Verb.ADD:
            env.connect().add_route6(route)
        case Verb.DEL:
            env.connect().del_route6(route)
        case Verb.FLUSH:
            env.connect().flush_routes6(route.device)
        case _:
            raise Failure(NOT_SUPPORTED)


@dataclass(slots=True)
class _Draft:
    """A route while its words are read; the first literal of an IPv4-grammar route decides the family."""

    family: Family
    prefix: str = ""
    device: str = ""
    gateway: IPAddress | None = None
    source: IPAddress | None = None
    flags: RouteFlags = RouteFlags(0)
    mtu: int = 0
    metric: int = 0

    def literal(self, text: str) -> IPAddress:
        address = parse_address(text, self.family)
        self.family = family_of(address)
        return address

    def finish(self, verb: Verb) -> Route:
        """Read PREFIX, where the verb has one."""
        destination, length = any_address(self.family), 0
        if verb is Verb.FLUSH:
            if not self.device:
                raise Failure(detail="no device specified")
        elif verb is not Verb.SHOW:
            if not self.prefix:
                raise Failure(detail="missing prefix")
            if self.prefix != "default":
                destination, length = parse_prefix(self.prefix, self.family)
                self.family = family_of(destination)
        family = self.family if self.family != Family.UNSPEC else Family.INET
        return Route(
            family=family,
            destination=destination,
            prefix_length=length,
            device=self.device,
            gateway=self.gateway if self.gateway is not None else any_address(family),
            source=self.source if self.source is not None else any_address(family),
            flags=self.flags,
            mtu=self.mtu,
            metric=self.metric,
        )


def parse4(command: Command) -> Route:
    """A route of the IPv4 grammar. An IPv6 prefix passes here; the daemon refuses it."""
    draft = _Draft(command.options.family)
    words = Words(command.words)
    for word in words:
        match word:
            case "via":
                draft.gateway = draft.literal(words.value(word))
            case "src":
                draft.source = draft.literal(words.value(word))
            case "dev":
                draft.device = words.device(word)
            case "mtu":
                draft.mtu = words.number(word) & 0xFFFFFFFF
            case "metric":
                draft.metric = words.number(word) & 0xFFFFFFFF
            case "scope":
                draft.flags |= SCOPES[Family.INET].get(words.value(word), RouteFlags(0))
            case "local":
                pass  # upstream sets a flag that nothing reads
            case _:
                draft.prefix = word
    draft.flags |= RouteFlags.FORWARD
    return draft.finish(command.verb)


def parse6(command: Command) -> Route:
    """A route of the IPv6 grammar.

    Upstream takes an IPv4 literal here and stores its bytes as the head of an IPv6 address; we refuse it.
    """
    draft = _Draft(Family.INET6)
    words = Words(command.words)
    for word in words:
        match word:
            case "via":
                draft.gateway = draft.literal(words.value(word))
            case "src":
                draft.source = draft.literal(words.value(word))
            case "dev":
                draft.device = words.device(word)
            case "mtu":
                draft.mtu = words.number(word) & 0xFFFFFFFF
            case "scope":
                draft.flags |= SCOPES[Family.INET6].get(words.value(word), RouteFlags(0))
            case "local":
                draft.flags |= RouteFlags.LOCALIN
            case "tos" | "metric" | "proto":
                words.value(word)  # accepted and ignored, as upstream does
            case "onlink":
                pass
            case _:
                draft.prefix = word
    draft.flags = draft.flags or RouteFlags.FORWARD
    return draft.finish(command.verb)


def render4(route: Route) -> str:
    """One IPv4 line: every field always there, a blank before the newline."""
    return (
        f"{family_name(route.family)} {format_address(route.destination)}/{route.prefix_length}"
        f" via {format_address(route.gateway)} src {format_address(route.source)} dev {route.device}"
        f" mtu {route.mtu} tos 0 scope {_scope4(route)} metric {route.metric} proto auto \n"
    )


def render6(route: Route) -> str:
    """One IPv6 line: only what is set."""
    is_default = not int(route.destination) and not route.prefix_length
    prefix = "default" if is_default else f"{format_address(route.destination)}/{route.prefix_length}"
    gateway = f" via {format_address(route.gateway)}" if int(route.gateway) else ""
    source = f" src {format_address(route.source)}" if int(route.source) else ""
    mtu = f" mtu {route.mtu}" if route.mtu else ""
    return f"inet6 {prefix}{gateway}{source} dev {route.device}{mtu} scope {_scope6(route)}\n"


def _announce(command: Command, env: Environment, render: Renderer, route: Route) -> None:
    """With -v, a route to be changed is printed as it was understood."""
    if command.options.verbose and command.verb not in (Verb.SHOW, Verb.FLUSH):
        env.out(render(route))


def _scope4(route: Route) -> str:
    if route.flags & RouteFlags.LOCALIN:
        return "host"
    if route.flags & RouteFlags.KNI_HOST:
        return "kni_host"
    return "global" if int(route.gateway) else "link"


def _scope6(route: Route) -> str:
    if route.flags & RouteFlags.KNI_HOST:
        return "kni_host"
    if route.flags & RouteFlags.LOCALIN:
        return "host"
    if route.flags & RouteFlags.FORWARD:
        return "global" if int(route.gateway) else "link"
    return "::"


OBJECTS = {"route": DpipObject("route", HELP, run)}
