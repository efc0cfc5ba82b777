"""What a SIGHUP may change: the reloadable values of a new file over the init-only values of the running one."""

from __future__ import annotations

import dataclasses
from typing import Any

from xdpvs.config.dpvs_conf.keywords import KEYWORDS, Keyword, When
from xdpvs.config.dpvs_conf.load import LoadResult
from xdpvs.config.dpvs_conf.model import DpvsConfig
from xdpvs.config.dpvs_conf.notes import Note, Severity

# Where the sections of the table lie in the model, if not under their own name.
_NESTED = {
    "fragment": ("ipv4", "fragment"),
    "route6": ("ipv6", "route6"),
    "udp_timeouts": ("udp", "timeouts"),
    "tcp_timeouts": ("tcp", "timeouts"),
}
_LISTS = ("devices", "bondings", "workers")
_LISTED_SECTIONS = frozenset({"device", "bonding", "worker", "port"})


def reloadable_changes(old: DpvsConfig, new: LoadResult) -> LoadResult:
    """The configuration to run after SIGHUP, with what to log.

    Init-only values stay those of the start, with a note for each the file changed. A reloadable keyword that is gone
    from the file is back at its default, but for log_level, log_file and uoa_mode (kept), xmit_ttl (on until restart),
    and log_with_timestamp and lldp (kept while the file has no global_defs).
    """
    notes = [note for note in new.notes if not note.init_only]
    config = new.config
    for keyword in KEYWORDS:
        if keyword.section in _LISTED_SECTIONS:
            continue
        before, after = _get(old, keyword), _get(config, keyword)
        if before == after or not _keeps_old(keyword, before, new.stated):
            continue
        config = _set(config, keyword, before)
        if keyword.when is When.INIT:
            notes.append(_restart_note(f"{keyword.label} = {after}", str(before)))
    for name in _LISTS:
        if getattr(old, name) != getattr(config, name):
            config = dataclasses.replace(config, **{name: getattr(old, name)})
            notes.append(_restart_note(f"a change of {name}", "what runs"))
    return LoadResult(config, tuple(notes), new.stated)


def _keeps_old(keyword: Keyword, before: object, stated: frozenset[str]) -> bool:
    match keyword.when:
        case When.INIT:
            return True
        case When.KEPT:
            return keyword.path not in stated
        case When.KEPT_WITHOUT_BLOCK:
            return keyword.block not in stated
        case When.STICKY:
            return bool(before)
        case When.RELOAD:
            return False


def _restart_note(wanted: str, running: str) -> Note:
    return Note("CFG_FILE", f"{wanted} needs a restart, {running} stays until then", Severity.WARNING)


def _where(keyword: Keyword) -> tuple[str, ...]:
    return _NESTED.get(keyword.section, (keyword.section,))


def _get(config: DpvsConfig, keyword: Keyword) -> object:
    section: Any = config
    for name in _where(keyword):
        section = getattr(section, name)
    return getattr(section, keyword.field)


def _set(config: DpvsConfig, keyword: Keyword, value: object) -> DpvsConfig:
    outer, *inner = _where(keyword)
    section: Any = getattr(config, outer)
    if inner:
        nested = dataclasses.replace(getattr(section, inner[0]), **{keyword.field: value})
        section = dataclasses.replace(section, **{inner[0]: nested})
    else:
        section = dataclasses.replace(section, **{keyword.field: value})
    return dataclasses.replace(config, **{outer: section})
