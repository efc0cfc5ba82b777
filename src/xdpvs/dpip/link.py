"""`dpip link`: devices and cores (DPVS tools/dpip/link.c). What is set lives in link_set, the text in link_render."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from xdpvs.api.errors import ApiError, TransportError
from xdpvs.dpip import link_render as render
from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Options, Verb
from xdpvs.dpip.link_set import change_slave, set_item
from xdpvs.dpip.words import Words, strtol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from xdpvs.api.client import Client

HELP = """\
Usage:
    dpip [ -s ] [ -v ] link show [ DEV ]
    dpip -s link show [ -i SECONDS [ -c COUNT ] ] [ DEV ]
    dpip link show BOND status
    dpip [ -s ] link show { cpu | cpuN } [ -i SECONDS [ -c COUNT ] ]
    dpip link set DEV ITEM VALUE
    dpip link { add | del } BOND bond-slave DEV
Items:
    promisc, allmulticast, forward2kni, tc-egress, tc-ingress, lldp { on | off }
    link { up | down }
    addr MAC
    bond-mode { 0 .. 6 }, bond-primary DEV, bond-xmit-policy { layer2 | layer23 | layer34 },
    bond-monitor-interval MS, bond-link-down-prop MS, bond-link-up-prop MS
Examples:
    dpip link show
    dpip -s link show dpdk0 -i 3 -c 5
    dpip link set dpdk0 promisc on
"""

DEVICE_MAX, ITEM_MAX = 31, 255
BLUE, GREEN, RESET = "\033[34m", "\033[32m", "\033[0m"
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Target:
    """What follows the verb. name is empty for all; item and value are those of set, add and del."""

    name: str = ""
    is_cpu: bool = False
    status: bool = False
    item: str = ""
    value: str = ""


def run(command: Command, env: Environment) -> None:
    """Carry out one link command. Only show fails; the others exit 0 even when refused, as upstream's do."""
    try:
        target = parse(command)
    except Failure as failure:
        # A line without an end, upstream's, runs into the help.
        env.stderr.write(failure.detail + HELP)
        raise Failure(failure.text) from failure
    match command.verb:
        case Verb.SHOW if target.is_cpu:
            _show_cpus(target, command.options, env)
        case Verb.SHOW:
            _show_devices(target, command.options, env)
        case Verb.SET | Verb.ADD | Verb.DEL if target.is_cpu:
            pass  # accepted without effect
        case Verb.SET:
            set_item(target.name, target.item, target.value, env)
        case Verb.ADD | Verb.DEL:
            if target.item == "bond-slave":
                change_slave(target.name, target.value, env, add=command.verb is Verb.ADD)
        case _:
            raise Failure(NOT_SUPPORTED)


def parse(command: Command) -> Target:
    """The target of a command line. Raises a Failure whose detail is complete, line ends included."""
    words = Words(command.words)
    name = next(iter(words), "")
    is_cpu = name.startswith("cpu")
    status = False
    item = value = ""
    for word in words:
        if command.verb is Verb.SHOW:
            status = status or word.startswith("status")
        elif command.verb in (Verb.SET, Verb.ADD, Verb.DEL) and not item:
            item = word[:ITEM_MAX]
            try:
                value = words.value(item)[:ITEM_MAX]
            except Failure as failure:
                raise Failure(detail=failure.detail + "\n") from failure
    options = command.options
    if options.interval_s < 0 or (options.count and not options.interval_s):
        raise Failure(detail="miss statistics display interval")
    return Target("" if name == "cpu" else name[:DEVICE_MAX], is_cpu, status, item, value)


def _show_devices(target: Target, options: Options, env: Environment) -> None:
    client = env.connect()
    if target.name:
        _show_device(client, target.name, target, options, env)
        return
    try:
        ports = client.get_ports().ports
    except (ApiError, TransportError) as error:
        env.complain(error.line)
        raise Failure(detail=f"Fail to get configured NIC list: {error.text}.") from error
    last: ApiError | TransportError | None = None
    for port in ports:
        try:
            _show_device(client, port.name, target, options, env)
        except (ApiError, TransportError) as error:
            env.complain(error.line)
            env.err(f"Fail to get information for {port.name}")
            last = error
    if last is not None:
        raise Failure(last.text)


def _show_device(client: Client, name: str, target: Target, options: Options, env: Environment) -> None:
    env.out(render.render_link(client.get_link(name)))
    if options.stats:
        if options.interval_s:
            _sample(lambda: client.get_link_stats(name), render.render_link_rates, options, env)
        else:
            env.out(render.render_link_stats(client.get_link_stats(name)))
        if options.verbose:
            env.out("    xstats list:\n")
            try:
                counters = client.get_link_counters(name)
            except (ApiError, TransportError) as error:
                env.complain(error.line)
                counters = None
            env.out(render.render_link_counters(counters))
    if options.verbose:
        env.out(render.render_link_details(client.get_link_details(name)))
    if target.status:
        env.out(render.render_bond(client.get_bond(name)))


def _show_cpus(target: Target, options: Options, env: Environment) -> None:
    client = env.connect()
    if target.name:
        lcore, rest = strtol(target.name[len("cpu") :])
        if rest:
            env.stderr.write(HELP)
            raise Failure()
        _show_cpu(client, lcore & 0xFF, options, env)
        return
    try:
        mask = client.get_lcore_mask()
    except (ApiError, TransportError) as error:
        env.complain(error.line)
        raise Failure(error.text, detail=f"Fail to get configured CPU information: {error.text}.") from error
    # Lcore, and what an error calls it.
    sections = [("<< Controll Plane >>", [(mask.master, f"Master cpu{mask.master}")])]
    if mask.kni:
        sections[0][1].append((mask.kni, f"KNI cpu{mask.kni}"))
    sections.append(("<< Data Plane >>", _lcores(mask.worker_mask)))
    if mask.isolated_rx:
        sections.append(("<< Isolate RX Lcores >>", _lcores(mask.isolated_rx_mask)))
    last: ApiError | TransportError | None = None
    for title, lcores in sections:
        env.out(f"{title}\n")
        for lcore, label in lcores:
            try:
                _show_cpu(client, lcore, options, env)
            except (ApiError, TransportError) as error:
                env.complain(error.line)
                env.err(f"Fail to get information for {label}")
                last = error
    if last is not None:
        raise Failure(last.text)


def _lcores(mask: int) -> list[tuple[int, str]]:
    return [(lcore, f"cpu{lcore}") for lcore in range(64) if mask >> lcore & 1]


def _show_cpu(client: Client, lcore: int, options: Options, env: Environment) -> None:
    env.out(render.render_lcore(lcore, client.get_lcore(lcore)))
    if not options.stats:
        return
    if options.interval_s:
        _sample(lambda: client.get_lcore_stats(lcore), render.render_lcore_rates, options, env)
    else:
        env.out(render.render_lcore_stats(client.get_lcore_stats(lcore)))


def _sample(look: Callable[[], S], rates: Callable[[S, S, int], str], options: Options, env: Environment) -> None:
    """Print averages over each interval: count of them, or without end."""
    done = 0
    while done < options.count or options.count <= 0:
        before = look()
        env.stdout.flush()
        env.sleep(options.interval_s)
        after = look()
        colour = (GREEN if done % 2 else BLUE) if options.color else ""
        env.out(colour + rates(before, after, options.interval_s))
        done += 1
    if options.color:
        env.out(RESET)


OBJECTS = {"link": DpipObject("link", HELP, run)}
