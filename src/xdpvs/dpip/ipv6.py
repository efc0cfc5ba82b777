"""`dpip ipv6`: IPv6 counters (DPVS tools/dpip/ipv6.c)."""

from __future__ import annotations

from xdpvs.api.errors import ApiError, TransportError
from xdpvs.dpip.command import NOT_SUPPORTED, Command, DpipObject, Environment, Failure, Phase, Verb
from xdpvs.dpip.words import Words, atoi
from xdpvs.model.counters import IPV6_COUNTERS, MAX_LCORES

HELP = """\
Usage:
    dpip ipv6 show [ total | all | cpu N ]
    dpip ipv6 help
"""

TOTAL, ALL = -1, -2


def run(command: Command, env: Environment) -> None:
    """Print the counters asked for."""
    wanted = parse(command)
    if command.verb is not Verb.SHOW:
        raise Failure(NOT_SUPPORTED)
    try:
        stats = env.connect().get_ipv6_stats()
    except (ApiError, TransportError) as error:
        # Upstream forgets which error it was.
        raise Failure(detail=error.line or "corrupted response.") from error
    if wanted == TOTAL:
        env.out(render("", stats.total))
        return
    if wanted == ALL:
        env.out(render("All", stats.total))
    for lcore in range(MAX_LCORES) if wanted == ALL else (wanted,):
        counters = stats.lcores[lcore] if lcore < len(stats.lcores) else (0,) * len(IPV6_COUNTERS)
        env.out(render(f"cpu {lcore}", counters))


def parse(command: Command) -> int:
    """The lcore asked for, or TOTAL or ALL; the last word wins."""
    wanted = TOTAL
    words = Words(command.words, Phase.PARSE)
    for word in words:
        match word:
            case "cpu":
                value = words.value(word)
                wanted = atoi(value)
                if not 0 <= wanted < MAX_LCORES:
                    raise Failure(detail=f"bad cpu id `{value}'", phase=Phase.PARSE)
            case "all":
                wanted = ALL
            case "total":
                wanted = TOTAL
            case _:
                raise Failure(detail=f"unknow argument `{word}'", phase=Phase.PARSE)
    return wanted


def render(title: str, counters: tuple[int, ...]) -> str:
    """One counter a line, indented below a title if there is one."""
    indent = "    " if title else ""
    lines = [f"{indent}{f'{name}:':<18} {value}" for name, value in zip(IPV6_COUNTERS, counters, strict=True)]
    return "\n".join([title, *lines] if title else lines) + "\n"


OBJECTS = {"ipv6": DpipObject("ipv6", HELP, run)}
