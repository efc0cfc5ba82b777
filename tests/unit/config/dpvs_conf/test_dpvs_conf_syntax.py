"""Lines, tokens, blocks and includes of dpvs.conf."""

from __future__ import annotations

import pytest

from tests.support.dpvs_conf import Files, read
from xdpvs.config.dpvs_conf import ConfigError, load
from xdpvs.config.dpvs_conf.syntax import tokenize


def problems(text: str, **others: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, **others)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("  mtu\t1500  ", ("mtu", "1500")),
        ("! comment", ()),
        ("   # comment", ()),
        ("mtu 1500 # why", ("mtu", "1500")),
        ("mtu 1500 !why", ("mtu", "1500")),
        ("log_file /a#b!c", ("log_file", "/a#b!c")),
        ("<init> mtu 1500 <1500, 0-9000> rest", ("mtu", "1500", "rest")),
        ("<a b> <c> mtu", ("mtu",)),
        ("mtu 1500 <not closed # x", ("mtu", "1500")),
        ('method "hlist" <"hlist"/"lpm">', ("method", '"', "hlist", '"')),
        ('log_file "a #b"', ("log_file", '"', "a")),
        ('stable_secret ""', ("stable_secret", '"', '"')),
        ("<only a comment>", ()),
    ],
)
def test_a_line_is_tokenized_as_dpvs_does(line: str, tokens: tuple[str, ...]) -> None:
    assert tokenize(line) == tokens


def test_last_line_without_newline_counts() -> None:
    assert read("neigh_defs {\n timeout 30\n}").config.neigh.timeout_s == 30


def test_carriage_returns_end_lines() -> None:
    assert read("neigh_defs {\r\n timeout 30\r\n}\r\n").config.neigh.timeout_s == 30


def test_line_number_counts_crlf_once() -> None:
    assert problems("neigh_defs {\r\n}\r\nfoo\r\n") == ["/etc/dpvs.conf:3: unknown keyword foo in the outermost level"]


def test_brace_is_decoration() -> None:
    assert read("neigh_defs\n timeout 30\n}\n").config.neigh.timeout_s == 30
    assert read("neigh_defs\n{\n timeout 30\n}\n").config.neigh.timeout_s == 30


def test_quoted_words_are_joined() -> None:
    assert read('global_defs {\n log_file "/a  b"\n}\n').config.global_.log_file == "/a b"


def test_further_words_are_ignored() -> None:
    assert read("neigh_defs {\n timeout 30 seconds\n}\n").config.neigh.timeout_s == 30


def test_last_of_repeated_values_wins() -> None:
    assert (
        read("neigh_defs {\n timeout 30\n timeout 31\n}\nneigh_defs {\n timeout 32\n}\n").config.neigh.timeout_s == 32
    )


def test_stray_brace_at_top_is_noted() -> None:
    result = read("neigh_defs {\n}\n}\nneigh_defs {\n timeout 30\n}\n")
    assert result.config.neigh.timeout_s == 30
    assert "CFG_FILE: /etc/dpvs.conf:3: `}` closes nothing, ignored" in map(str, result.notes)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense_defs {\n inner 3 {\n }\n}\n", "1: unknown keyword nonsense_defs in the outermost level"),
        ("ipvs_defs {\n tcp {\n  mtu 3\n }\n}\n", "3: unknown keyword mtu in ipvs_defs / tcp"),
        ("neigh_defs {\n timeout\n}\n", "2: timeout needs a value"),
        ("neigh_defs {\n timeout {\n}\n", "2: timeout needs a value"),
        ('global_defs {\n log_file "/a\n}\n', "2: log_file has a quote that is not closed"),
        ("neigh_defs {\n timeout 30\n", "1: block neigh_defs is not closed"),
        ("netif_defs {\n device {\n }\n}\n", "2: device needs a name"),
        (f"netif_defs {{\n device {'d' * 32} {{\n }}\n}}\n", "2: name of device is longer than 31 characters"),
        ("neigh_defs { timeout 30 }\n", "1: block neigh_defs: its lines and its closing brace need lines of their own"),
        ("<init>neigh_defs {\n", "1: a blank is missing after `>`"),
        ("include a b\n", "1: unknown keyword include in the outermost level"),
        ("worker_defs {\n worker a {\n port b {\n rx_queue_ids\n}\n}\n}\n", "4: rx_queue_ids needs a value"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, problem: str) -> None:
    assert problems(text) == [f"/etc/dpvs.conf:{problem}"]


def test_all_mistakes_are_told_in_order() -> None:
    text = "neigh_defs {\n timeout\n foo\n}\nipv4_defs {\n bar\n"
    assert problems(text) == [
        "/etc/dpvs.conf:2: timeout needs a value",
        "/etc/dpvs.conf:3: unknown keyword foo in neigh_defs",
        "/etc/dpvs.conf:5: block ipv4_defs is not closed",
        "/etc/dpvs.conf:6: unknown keyword bar in ipv4_defs",
    ]


def test_unreadable_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"/etc/none\.conf: cannot read /etc/none\.conf: No such file or directory"):
        load("/etc/none.conf", Files({}))


def test_include_stands_for_its_lines_at_its_level() -> None:
    result = read("neigh_defs {\n include n.conf\n}\n", n="timeout 30\n")
    assert result.config.neigh.timeout_s == 30
    assert "CFG_FILE: Opening configuration file '/etc/n.conf'." in map(str, result.notes)


def test_include_takes_patterns_in_order() -> None:
    assert read("include n*.conf\n", n1="neigh_defs {\ntimeout 5\n}", n2="neigh_defs {\ntimeout 6\n}").config.neigh == (
        read("neigh_defs {\ntimeout 6\n}\n").config.neigh
    )


def test_include_without_match_is_noted() -> None:
    result = read("include none*.conf\n")
    assert "CFG_FILE: /etc/dpvs.conf:1: include none*.conf matches no file" in map(str, result.notes)


def test_problem_in_an_include_names_that_file() -> None:
    assert problems("include n.conf\n", n="\nfoo 1\n") == ["/etc/n.conf:2: unknown keyword foo in the outermost level"]


def test_unreadable_include_is_told_where_it_is_included() -> None:
    assert problems("\ninclude n.conf\n", n="unreadable") == [
        "/etc/dpvs.conf:2: cannot read /etc/n.conf: Permission denied"
    ]


def test_include_may_not_close_the_block_around_it() -> None:
    assert problems("neigh_defs {\ninclude n.conf\n}\n", n="}\n") == [
        "/etc/n.conf:1: `}` closes neigh_defs, which this file did not open"
    ]


def test_include_of_itself_is_an_error() -> None:
    assert problems("include dpvs.conf\n") == ["/etc/dpvs.conf:1: include of /etc/dpvs.conf does not end"]
