"""Whatever the file holds: it loads, or every complaint has its file and line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.dpvs_conf import ALL_KEYWORDS, SAMPLE, read
from xdpvs.config.dpvs_conf import ConfigError
from xdpvs.config.dpvs_conf.keywords import BLOCKS, KEYWORDS
from xdpvs.config.dpvs_conf.load import defaults
from xdpvs.config.dpvs_conf.notes import Problem

_FILE_LINE = re.compile(r"/etc/dpvs\.conf:[0-9]+: .")
_PATHS = [block.path for block in BLOCKS] + [keyword.path for keyword in KEYWORDS]
_WORDS = sorted({path.rpartition("/")[2] for path in _PATHS})
_TOKENS = st.sampled_from(
    [*_WORDS, "{", "}", "{", "}", '"', "<init>", "<", "#", "on", "5", "99999999999", "include", "x"]
)


def loads_or_complains(text: str) -> None:
    problems: Sequence[Problem] | None = None
    try:
        read(text)
    except ConfigError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(_FILE_LINE.match(str(problem)) for problem in problems or ())


def test_the_sample_loads_without_warning() -> None:
    result = read(SAMPLE)
    assert result.config.conn.pool_size == 2097151
    assert result.config.udp.timeouts.oneway == 60
    assert result.config.synproxy.close_client_window
    assert [worker.name for worker in result.config.workers] == ["cpu0", "cpu1", "cpu2"]
    assert not [str(note) for note in result.notes if note.severity.value == "warning"]


def test_the_sample_differs_from_the_defaults_only_where_it_says() -> None:
    config = read(SAMPLE).config
    assert (config.tcp, config.ipv4, config.neigh, config.sa_pool, config.conn) == (
        defaults().tcp,
        defaults().ipv4,
        defaults().neigh,
        defaults().sa_pool,
        defaults().conn,
    )


@given(st.text())
def test_random_text(text: str) -> None:
    loads_or_complains(text)


@given(st.lists(st.lists(_TOKENS, max_size=5).map(" ".join), max_size=30).map("\n".join))
def test_random_words_of_the_language(text: str) -> None:
    loads_or_complains(text)


@settings(deadline=None)
@given(st.sampled_from([SAMPLE, ALL_KEYWORDS]), st.lists(st.integers(0, 3000), min_size=1, max_size=12))
def test_deleted_characters(text: str, positions: list[int]) -> None:
    kept = [character for index, character in enumerate(text) if index not in set(positions)]
    loads_or_complains("".join(kept))


@settings(deadline=None)
@given(st.sampled_from([SAMPLE, ALL_KEYWORDS]), st.integers(0, 3000))
def test_truncated_file(text: str, length: int) -> None:
    loads_or_complains(text[:length])
