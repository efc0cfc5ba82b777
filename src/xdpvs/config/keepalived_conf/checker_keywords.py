"""The vocabulary of checker blocks: what each may hold, read into a CheckerSpec."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from xdpvs.config.keepalived_conf.kinds import (
    UINT_MAX,
    Choice,
    Integer,
    Seconds,
    an_address,
    bare_command,
    device,
    escaped_words,
    flag,
    integer,
    same,
    switch,
    text,
    user,
    value_word,
)
from xdpvs.config.keepalived_conf.reading import Block, Corrected, Kind, Reader, Refused, Table, Values
from xdpvs.config.keepalived_conf.tree import Statement
from xdpvs.config.keepalived_conf.words import shown, to_bytes
from xdpvs.model.check import HttpVersion

CONNECT_TIMEOUT_MAX = UINT_MAX / 1_000_000
_MD5 = re.compile("[0-9A-Fa-f]{32}")
_STATUS = re.compile("([0-9]{3})(?:-([0-9]{3}))?")
_REPLY_MAX = 65535


@dataclass(frozen=True, slots=True, eq=False)
class CheckerSpec:
    """A checker block as written; what it does not state comes from server and service. Files are named only."""

    kind: str
    stated: Values
    number: int


_TIMING: dict[str, tuple[str, Kind]] = {
    "connect_timeout": ("connect_timeout_s", Seconds(0.000001, CONNECT_TIMEOUT_MAX)),
    "retry": ("retry", Integer(0)),
    "delay_before_retry": ("delay_before_retry_s", Seconds()),
    "warmup": ("warmup_s", Seconds()),
    "delay_loop": ("delay_loop_s", Seconds(0.000001)),
    "alpha": ("alpha", switch),
    "log_all_failures": ("log_all_failures", switch),
}
_CONNECTION: dict[str, tuple[str, Kind]] = {
    **same(an_address, ("connect_ip", "bindto")),
    **same(Integer(1, 65535), ("connect_port", "bind_port")),
    "bind_if": ("bind_if", device),
    "fwmark": ("fwmark", Integer()),
}
_COMMON = {**_TIMING, **_CONNECTION}
# Old names of retry and of the pause; users' files have them, also where DPVS's fork does not know them.
_OLD_NAMES = ("nb_sock_retry",)


def _payload(statement: Statement) -> bytes:
    """The words after the keyword, joined by one blank."""
    return to_bytes(" ".join(escaped_words(statement)[1:]))


def _needed_payload(statement: Statement) -> bytes:
    payload = _payload(statement)
    if not payload:
        raise Refused("needs a value")
    return payload


def _md5(statement: Statement) -> str:
    word = value_word(statement)
    if _MD5.fullmatch(word) is None:
        raise Refused(f"{shown(word)} is not 32 hexadecimal digits")
    return word.lower()


def _status(statement: Statement) -> tuple[tuple[int, int], ...]:
    """Codes and ranges of codes, 100 to 599."""
    value_word(statement)
    found: list[tuple[int, int]] = []
    for word in statement.words[1:]:
        match = _STATUS.fullmatch(word)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 100 <= first <= last <= 599:
            raise Refused(f"{shown(word)} is not a status code or a range of them")
        found.append((first, last))
    return tuple(found)


_REGEX_FLAGS = {"caseless": re.IGNORECASE, "dotall": re.DOTALL, "multiline": re.MULTILINE, "extended": re.VERBOSE}
# Options of PCRE that change nothing about what a pattern of Python's `re` finds.
_REGEX_NEUTRAL = frozenset(
    "auto_callout dupnames never_ucp never_utf no_auto_possess no_dotstar_anchor no_start_optimize"
    " never_backslash_c use_offset_limit".split()
)
_REGEX_UNSUPPORTED = frozenset(
    "allow_empty_class alt_bsux dollar_endonly firstline match_unset_backref no_auto_capture ucp ungreedy utf"
    " alt_circumflex alt_verbnames".split()
)


def _regex(statement: Statement) -> str:
    words = escaped_words(statement)
    if len(words) != 2:
        raise Refused("needs one pattern, quoted if it has blanks")
    return words[1]


def _regex_options(statement: Statement) -> int:
    value_word(statement)
    flags = 0
    unsupported: list[str] = []
    for word in statement.words[1:]:
        if word in _REGEX_UNSUPPORTED:
            unsupported.append(word)
        elif word in _REGEX_FLAGS:
            flags |= int(_REGEX_FLAGS[word])
        elif word not in _REGEX_NEUTRAL:
            raise Refused(f"{shown(word)} is no option of regular expressions")
    if unsupported:
        raise Corrected(flags, f"{' '.join(unsupported)}: not supported and ignored")
    return flags


_URL = Table(
    "url",
    {
        "path": ("path", text),
        "digest": ("md5", _md5),
        "status_code": ("status", _status),
        "virtualhost": ("host", text),
        "regex": ("regex", _regex),
        "regex_no_match": ("regex_no_match", switch),
        "regex_options": ("regex_options", _regex_options),
        "regex_min_offset": ("regex_min_offset", Integer()),
        "regex_max_offset": ("regex_max_offset", Integer(1)),
    },
    unsupported=("regex_stack", "tls_compliant"),
)


def _url(reader: Reader, block: Block, values: Values) -> None:
    events = reader.events
    stated = reader.read(_URL, block, {})
    if "path" not in stated and reader.events == events:
        reader.problem(block.number, "url needs a path")
    _check_regex(reader, block, stated)
    values["urls"] = (*values.get("urls", ()), stated)


def _check_regex(reader: Reader, block: Block, stated: Values) -> None:
    if "regex" not in stated:
        if any(name.startswith("regex_") for name in stated):
            reader.warn(block.number, "regex_… without regex, ignored")
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(to_bytes(stated["regex"]), stated.get("regex_options", 0))
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        reader.problem(block.number, f"regex {shown(stated['regex'])}: {error}")
    first, last = stated.get("regex_min_offset", 0), stated.get("regex_max_offset")
    if last is not None and first >= last:
        reader.warn(block.number, f"regex_min_offset {first} is not below regex_max_offset {last}, both ignored")
        del stated["regex_max_offset"]
        stated.pop("regex_min_offset", None)


def _smtp_host(reader: Reader, block: Block, values: Values) -> None:
    values["hosts"] = (*values.get("hosts", ()), reader.read(_SMTP_HOST, block, {}))


_SMTP_HOST = Table("host", _COMMON)
_VERSIONS: dict[str, object] = {
    "1.0": HttpVersion.HTTP_1_0,
    "1.0c": HttpVersion.HTTP_1_0C,
    "1.0C": HttpVersion.HTTP_1_0C,
    "1.1": HttpVersion.HTTP_1_1,
}
_RECORD_TYPES: dict[str, object] = {
    name: name for name in ("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY")
}


def _weight(statement: Statement) -> int:
    """N [reverse]: the number, negative with reverse."""
    number = integer(value_word(statement), -(2**31) + 1, 2**31 - 1)
    if len(statement.words) > 2:
        if statement.words[2] not in ("reverse", "noreverse"):
            raise Refused(f"{shown(statement.words[2])} is not reverse")
        return -number if statement.words[2] == "reverse" else number
    return number


def _http(name: str) -> Table:
    return Table(
        name,
        {
            **_COMMON,
            "nb_get_retry": ("retry", Integer(0)),
            "virtualhost": ("host", text),
            "http_protocol": ("version", Choice(_VERSIONS)),
            "fast_recovery": ("fast_recovery", switch),
            **same(switch, ("enable_sni",)),
            **same(text, ("sni_name",)),
        },
        {"url": _url},
        unsupported=("tls_compliant",),
        quiet=_OLD_NAMES,
    )


CHECKERS: dict[str, Table] = {
    "TCP_CHECK": Table("TCP_CHECK", _COMMON, quiet=_OLD_NAMES),
    "PING_CHECK": Table("PING_CHECK", _COMMON, quiet=_OLD_NAMES),
    "HTTP_GET": _http("HTTP_GET"),
    "SSL_GET": _http("SSL_GET"),
    "UDP_CHECK": Table(
        "UDP_CHECK",
        {
            **_COMMON,
            "payload": ("send", _needed_payload),
            "require_reply": ("receive", _payload),
            "min_reply_length": ("min_length", Integer(0, _REPLY_MAX)),
            "max_reply_length": ("max_length", Integer(0, _REPLY_MAX)),
        },
        quiet=_OLD_NAMES,
    ),
    "DNS_CHECK": Table(
        "DNS_CHECK",
        {**_COMMON, "type": ("record_type", Choice(_RECORD_TYPES)), "name": ("name", text)},
        quiet=_OLD_NAMES,
    ),
    "SMTP_CHECK": Table(
        "SMTP_CHECK", {**_COMMON, "helo_name": ("helo_name", text)}, {"host": _smtp_host}, quiet=_OLD_NAMES
    ),
    "MISC_CHECK": Table(
        "MISC_CHECK",
        {
            **_TIMING,
            "misc_path": ("argv", bare_command),
            "misc_timeout": ("misc_timeout_s", Seconds()),
            "misc_dynamic": ("dynamic", flag),
            "user": ("user", user),
        },
        quiet=_OLD_NAMES,
    ),
    "FILE_CHECK": Table(
        "FILE_CHECK",
        {**_TIMING, "track_file": ("track_file", text), "weight": ("weight", _weight)},
        quiet=("dynamic",),
    ),
}
_NEEDED = {"MISC_CHECK": "argv", "HTTP_GET": "urls", "SSL_GET": "urls", "FILE_CHECK": "track_file"}
_NEEDED_WORD = {"argv": "misc_path", "urls": "a url", "track_file": "track_file"}


def read_checker(reader: Reader, block: Block, values: Values) -> None:
    """A checker block of a real server."""
    table = CHECKERS[block.head.word]
    spec = reader.meanings.get((table, block.body))
    if spec is None:
        events = reader.events
        stated = reader.read(table, block, {})
        needed = _NEEDED.get(table.name)
        if needed is not None and needed not in stated and reader.events == events:
            reader.problem(block.number, f"{table.name} needs {_NEEDED_WORD[needed]}")
        if stated.get("min_length", 0) > stated.get("max_length", 255):
            reader.warn(block.number, "min_reply_length is above max_reply_length: the check will always fail")
        spec = CheckerSpec(table.name, stated, block.number)
        if reader.events == events:
            reader.meanings[table, block.body] = spec
    values["checkers"] = (*values.get("checkers", ()), spec)


def read_bfd(reader: Reader, block: Block, values: Values) -> None:
    """BFD_CHECK, which there is no BFD for."""
    reader.once(block.number, "BFD_CHECK is not supported and ignored", fails_test=False)
