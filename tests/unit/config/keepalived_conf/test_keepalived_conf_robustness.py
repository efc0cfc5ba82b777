"""Whatever the file holds: it loads, or every complaint has its file and line. Nothing else is ever raised."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.keepalived_conf import read
from tests.support.keepalived_conf_samples import EVERYTHING
from xdpvs.config.keepalived_conf import ConfigError, dump
from xdpvs.config.keepalived_conf.checker_keywords import CHECKERS
from xdpvs.config.keepalived_conf.global_defs import GLOBAL_DEFS
from xdpvs.config.keepalived_conf.repeats import Repeats
from xdpvs.config.keepalived_conf.root import ROOT_WORDS
from xdpvs.config.keepalived_conf.servers import REAL_SERVER
from xdpvs.config.keepalived_conf.service_keywords import VIRTUAL_SERVER
from xdpvs.config.keepalived_conf.vrrp_keywords import INSTANCE
from xdpvs.config.notes import Problem

_FILE_LINE = re.compile(r"/etc/keepalived/keepalived\.conf(:[0-9]+)?: .", re.DOTALL)
_TABLES = (GLOBAL_DEFS, VIRTUAL_SERVER, REAL_SERVER, INSTANCE, *CHECKERS.values())
_WORDS = sorted(ROOT_WORDS.union(*(table.words() for table in _TABLES)))
_VALUES = (
    "1 0 -1 99999999999999999999 1.5 on off 192.0.2.1 2001:db8::1 192.0.2.1-9 group fwmark match g eth0 /bin/true"
    " TCP FNAT rr $A ${A} $A= @x @^x ~SEQ(A,1,3) ~LST(A,1) ${_RANDOM} include weight reverse url path \\ ' \" # !"
).split()
_TOKENS = st.sampled_from([*_WORDS, *_VALUES, *["{", "}"] * 40])
_LINES = EVERYTHING.split("\n")


def loads_or_complains(text: str) -> None:
    problems: Sequence[Problem] | None = None
    try:
        result = read(text)
    except ConfigError as error:
        problems = error.problems
    else:
        assert all(_FILE_LINE.match(str(note)) for note in result.notes)
        assert dump(result.config)
    assert problems is None or problems
    assert all(_FILE_LINE.match(str(problem)) for problem in problems or ())


def outcome(text: str) -> tuple[object, ...]:
    try:
        result = read(text)
    except ConfigError as error:
        return tuple(map(str, error.problems))
    return (result.config, tuple(map(str, result.notes)))


def without_repeats(text: str) -> tuple[object, ...]:
    """The outcome when no body is taken for one that was read before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repeats, "find", lambda *_: None)
        return outcome(text)


_SERVER_LINES = st.sampled_from(
    [
        "real_server 192.0.2.1 80 {",
        "real_server 192.0.2.2 80 {",
        "TCP_CHECK {",
        "TCP_CHECK",
        "{",
        "}",
        "} }",
        "TCP_CHECK { retry 2 }",
        "} TCP_CHECK {",
        "weight 5",
        "weight $N",
        "$N=3",
        "@other weight 4",
        "retry 3 \\",
        "quorum 0",
        "odd",
        "",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(_SERVER_LINES, max_size=6).map(lambda lines: [*lines, *lines]), max_size=6))
def test_repeated_bodies_mean_what_they_say(parts: list[list[str]]) -> None:
    text = "\n".join(["virtual_server 198.51.100.1 80 {", *(line for part in parts for line in part), "}"])
    assert outcome(text) == without_repeats(text)


@settings(deadline=None)
@given(st.integers(0, len(_LINES) - 1), st.integers(0, len(_LINES) - 1), st.sampled_from(["}", "{", "odd", "weight x"]))
def test_repeated_blocks_mean_what_they_say(start: int, end: int, line: str) -> None:
    part = _LINES[start:end]
    text = "\n".join([*_LINES[:start], *part, *part, line, *part, *_LINES[end:]])
    assert outcome(text) == without_repeats(text)


def test_the_file_to_be_spoiled_is_fine() -> None:
    assert not read(EVERYTHING).fails_test


@given(st.text())
def test_random_text(text: str) -> None:
    loads_or_complains(text)


@given(st.binary(max_size=400))
def test_random_bytes(content: bytes) -> None:
    loads_or_complains(content.decode("utf-8", "surrogateescape"))
    loads_or_complains(content.decode("latin-1"))


@settings(deadline=None)
@given(st.lists(st.lists(_TOKENS, max_size=5).map(" ".join), max_size=40).map("\n".join))
def test_random_words_of_the_language(text: str) -> None:
    loads_or_complains(text)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(EVERYTHING) - 1), min_size=1, max_size=12))
def test_deleted_characters(positions: list[int]) -> None:
    gone = set(positions)
    loads_or_complains("".join(character for index, character in enumerate(EVERYTHING) if index not in gone))


@settings(deadline=None)
@given(st.integers(0, len(EVERYTHING)))
def test_truncated_file(length: int) -> None:
    loads_or_complains(EVERYTHING[:length])


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, len(_LINES) - 1), st.lists(_TOKENS, max_size=4).map(" ".join), max_size=6))
def test_replaced_lines(changes: dict[int, str]) -> None:
    loads_or_complains("\n".join(changes.get(number, line) for number, line in enumerate(_LINES)))


@settings(deadline=None)
@given(st.integers(0, len(_LINES) - 1), st.integers(0, len(_LINES) - 1))
def test_swapped_lines(first: int, second: int) -> None:
    lines = list(_LINES)
    lines[first], lines[second] = lines[second], lines[first]
    loads_or_complains("\n".join(lines))


@settings(deadline=None)
@given(st.integers(0, len(_LINES) - 1), st.text(max_size=8), st.integers(1, 3))
def test_changed_words(number: int, word: str, position: int) -> None:
    words = _LINES[number].split()
    words[position : position + 1] = [word]
    loads_or_complains("\n".join([*_LINES[:number], " ".join(words), *_LINES[number + 1 :]]))
