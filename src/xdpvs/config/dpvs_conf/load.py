"""Load dpvs.conf: text in, effective configuration and notes out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from xdpvs.config.dpvs_conf import model
from xdpvs.config.dpvs_conf.collect import Collector, Scope
from xdpvs.config.dpvs_conf.keywords import KEYWORD_AT, KEYWORDS, Disposition, Keyword, When, is_block, section_keywords
from xdpvs.config.dpvs_conf.model import DpvsConfig
from xdpvs.config.dpvs_conf.notes import ConfigError, Note, Severity
from xdpvs.config.dpvs_conf.syntax import Source, parse
from xdpvs.config.dpvs_conf.workers import worker_warnings


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A loaded file. stated holds the paths of the blocks and keywords it has (`global_defs/log_level`)."""

    config: DpvsConfig
    notes: tuple[Note, ...]
    stated: frozenset[str]


def load(path: str, source: Source) -> LoadResult:
    """Read a file and its includes; ConfigError lists everything wrong with it, and then nothing is to change."""
    tree = parse(path, source, is_block)
    collected = Collector()
    collected.walk(tree.nodes, (collected.root,))
    problems = tree.problems + collected.problems
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.place.file, problem.place.line)))
    config, corrections = build(collected.root)
    notes = (*tree.notes, *collected.notes, *corrections, *_meaning_notes(collected.stated))
    return LoadResult(config, notes, frozenset(collected.stated))


def defaults() -> DpvsConfig:
    """The configuration of an empty file."""
    return build(Scope())[0]


def build(root: Scope) -> tuple[DpvsConfig, list[Note]]:
    """The model of collected values, with a note for each value that had to give way to another."""

    def values(section: str) -> dict[str, Any]:
        return _values(root, section)

    notes: list[Note] = []
    workers = tuple(_worker(scope) for scope in root.inside("worker_defs/worker"))
    if root.inside("worker_defs/worker"):
        notes += [Note("NETIF", text, Severity.WARNING, init_only=True) for text in worker_warnings(workers)]
    config = DpvsConfig(
        global_=model.Global(**values("global_")),
        netif=model.Netif(**values("netif")),
        devices=tuple(_device(scope) for scope in root.inside("netif_defs/device")),
        bondings=tuple(_bonding(scope) for scope in root.inside("netif_defs/bonding")),
        workers=workers,
        timer=model.Timer(**values("timer")),
        neigh=model.Neigh(**values("neigh")),
        ipset=model.Ipset(**values("ipset")),
        ipv4=model.Ipv4(**values("ipv4"), fragment=_fragment(values("fragment"), notes)),
        ipv6=model.Ipv6(**values("ipv6"), route6=model.Route6(**values("route6"))),
        ctrl=model.Ctrl(**values("ctrl")),
        conn=model.ConnDefs(**values("conn")),
        udp=model.Udp(**values("udp"), timeouts=model.UdpTimeouts(**values("udp_timeouts"))),
        tcp=model.Tcp(**values("tcp"), timeouts=model.TcpTimeouts(**values("tcp_timeouts"))),
        synproxy=model.Synproxy(**values("synproxy")),
        sa_pool=model.SaPool(**values("sa_pool")),
    )
    return config, notes


def _values(scope: Scope, section: str) -> dict[str, Any]:
    return {keyword.field: scope.value(keyword) for keyword in section_keywords(section)}


def _device(scope: Scope) -> model.Device:
    return model.Device(**_with_kni_name(scope, _values(scope, "device")))


def _bonding(scope: Scope) -> model.Bonding:
    values = _with_kni_name(scope, _values(scope, "bonding"))
    return model.Bonding(**{**values, "slaves": values["slaves"] or ()})


def _with_kni_name(scope: Scope, values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "name": scope.name, "kni_name": values["kni_name"] or f"{scope.name}.kni"}


def _worker(scope: Scope) -> model.Worker:
    ports = tuple(
        model.WorkerPort(name=port.name, **_values(port, "port")) for port in scope.inside("worker_defs/worker/port")
    )
    return model.Worker(name=scope.name, **_values(scope, "worker"), ports=ports)


def _fragment(values: dict[str, Any], notes: list[Note]) -> model.Fragment:
    """DPVS halves the product of buckets and entries where the file wants more fragments than that (ipv4_frag.c)."""
    fragment = model.Fragment(**values)
    room = fragment.bucket_number * fragment.bucket_entries
    if fragment.max_entries <= room:
        return fragment
    text = f"invalid ip4_frag_max_entries {fragment.max_entries}, more than buckets and entries hold, using {room // 2}"
    notes.append(Note("IP4FRAG", text, Severity.WARNING, init_only=True))
    return model.Fragment(**{**values, "max_entries": room // 2})


def _meaning_notes(stated: Iterable[str]) -> list[Note]:
    """One line per reason for the stated keywords that mean nothing, or something else, on this data plane."""
    grouped: dict[tuple[Disposition, str, bool], list[str]] = {}
    for path in stated:
        keyword = KEYWORD_AT.get(path)
        if keyword is not None and keyword.meaning:
            group = (keyword.disposition, keyword.meaning, keyword.when is When.INIT)
            grouped.setdefault(group, []).append(short_name(keyword))
    notes: list[Note] = []
    for (disposition, meaning, init_only), names in grouped.items():
        listed = ", ".join(names)
        text = (
            f"{listed}: {meaning}"
            if disposition is Disposition.MAPPED
            else f"without effect here: {listed} ({meaning})"
        )
        notes.append(Note("CFG_FILE", text, init_only=init_only))
    return notes


def short_name(keyword: Keyword) -> str:
    """The keyword, with its block before it where the word alone could be another."""
    alike = sum(other.name == keyword.name for other in KEYWORDS)
    return keyword.name if alike == 1 else "/".join(keyword.path.split("/")[-2:])
