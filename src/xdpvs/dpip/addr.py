"""`dpip addr`: addresses of the balancer's devices (DPVS tools/dpip/addr.c)."""

from __future__ import annotations

from xdpvs.api.requests import AddressFilter
from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Verb
from xdpvs.dpip.words import Words, atoi, family_name, format_address, parse_address, parse_prefix
from xdpvs.model.address import Family, any_address
from xdpvs.model.network import Address, AddressFlags, AddressScope, AddressStatus

HELP = """\
Usage:
    dpip addr show [ dev IF ]
    dpip addr { add | set } ADDR[/PLEN] [ broadcast ADDR ] dev IF
         [ valid_lft LIFETIME ] [ prefered_lft LIFETIME ] [ scope SCOPE ] [ sapool ]
    dpip addr del ADDR[/PLEN] dev IF
    dpip addr flush dev IF
    dpip addr help
Parameters:
    PLEN      32 or 128 if absent
    LIFETIME  forever | SECONDS
    SCOPE     host | link | global | NUMBER
    sapool    the address hands out source ports (SNAT); `ipvsadm -P' asks for it by itself
"""

SCOPES = {"host": AddressScope.HOST, "link": AddressScope.LINK, "global": AddressScope.GLOBAL}
SCOPE_NAMES: dict[int, str] = {
    AddressScope.HOST: "host",
    AddressScope.LINK: "link",
    AddressScope.SITE: "site",
    AddressScope.GLOBAL: "global",
}


def run(command: Command, env: Environment) -> None:
    """Carry out one addr command."""
    address = parse(command)
    match command.verb:
        case Verb.SHOW:
            options = command.options
            request = AddressFilter(address.device, address.family, options.verbose, options.stats)
            shown = env.connect().get_addresses(request)
            for status in shown:
                env.out(render(status, verbose=options.verbose, stats=options.stats))
        case Verb.ADD:
            env.connect().add_address(address)
        case Verb.DEL:
            env.connect().del_address(address)
        case Verb.SET:
            env.connect().set_address(address)
        case Verb.FLUSH:
            env.connect().flush_addresses(address.device)
        case _:
            raise Failure(NOT_SUPPORTED)


def parse(command: Command) -> Address:
    """The address of a command line; of several words that are no keyword, the last is the address."""
    family = command.options.family
    prefix = device = ""
    broadcast = None
    scope: int = AddressScope.GLOBAL
    valid_s = preferred_s = 0
    flags = AddressFlags(0)
    words = Words(command.words)
    for word in words:
        match word:
            case "dev":
                device = words.device(word)
            case "scope":
                value = words.value(word)
                scope = SCOPES.get(value, atoi(value) & 0xFF)
            case "broadcast":
                broadcast = parse_address(words.value(word), family)
                family = Family.INET if broadcast.version == 4 else Family.INET6
            case "valid_lft":
                valid_s = _lifetime(words.value(word))
            case "prefered_lft":
                preferred_s = _lifetime(words.value(word))
            case "sapool":
                flags |= AddressFlags.SAPOOL
            case _:
                prefix = word
    if not prefix and command.verb in (Verb.ADD, Verb.DEL, Verb.SET):
        raise Failure(detail="missing IFADDR")
    address, length = parse_prefix(prefix, family) if prefix else (any_address(family), 0)
    if prefix:
        family = Family.INET if address.version == 4 else Family.INET6
    if not device and command.verb is not Verb.SHOW:
        raise Failure(detail="no device specified.")
    return Address(
        family=family,
        address=address,
        prefix_length=length & 0xFF or address.max_prefixlen,
        device=device,
        broadcast=broadcast if broadcast is not None else any_address(family),
        scope=scope,
        flags=flags,
        valid_lifetime_s=valid_s,
        preferred_lifetime_s=preferred_s,
    )


def render(status: AddressStatus, *, verbose: bool, stats: bool) -> str:
    """Two lines per address; the empty broadcast field leaves five blanks before valid_lft."""
    address = status.address
    core = f"[{status.lcore:02d}] " if verbose else ""
    broadcast = f"broadcast {format_address(address.broadcast)}" if int(address.broadcast) else ""
    pool = ""
    if (verbose or stats) and address.flags & AddressFlags.SAPOOL:
        pool = f" sa_used {status.sa_used} sa_free {status.sa_free} sa_miss {status.sa_miss}"
    return (
        f"{core}{family_name(address.family)} {format_address(address.address)}/{address.prefix_length}"
        f" scope {_scope_name(address.scope)} {address.device}\n"
        f"    {broadcast} valid_lft {_lifetime_text(address.valid_lifetime_s)}"
        f" preferred_lft {_lifetime_text(address.preferred_lifetime_s)}{pool}\n"
    )


def _lifetime(text: str) -> int:
    return 0 if text == "forever" else atoi(text) & 0xFFFFFFFF


def _lifetime_text(seconds: int) -> str:
    return str(seconds) if seconds else "forever"


def _scope_name(scope: int) -> str:
    return SCOPE_NAMES.get(scope, str(scope))


OBJECTS = {"addr": DpipObject("addr", HELP, run)}
