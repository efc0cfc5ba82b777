"""The option grammar: glibc's getopt_long with dpip's table."""

from __future__ import annotations

import pytest

from xdpvs.dpip.options import OptionError, OptionScanner


def scan(line: str, *, posixly_correct: bool = False) -> tuple[list[tuple[str, str]], list[str]]:
    scanner = OptionScanner(line.split(), posixly_correct)
    options = list(scanner)
    return options, scanner.operands


@pytest.mark.parametrize(
    ("line", "options", "operands"),
    [
        ("route -6 show", [("6", "")], ["route", "show"]),
        ("link show dpdk0 -s -i 2", [("s", ""), ("i", "2")], ["link", "show", "dpdk0"]),
        ("-svi2 link", [("s", ""), ("v", ""), ("i", "2")], ["link"]),
        ("-si 2 link", [("s", ""), ("i", "2")], ["link"]),
        ("--family=inet6 addr", [("f", "inet6")], ["addr"]),
        ("--family inet6 addr", [("f", "inet6")], ["addr"]),
        ("--fam=inet addr --verb", [("f", "inet"), ("v", "")], ["addr"]),
        ("--stat addr", [("s", "")], ["addr"]),
        ("--stats --statistics addr", [("s", ""), ("s", "")], ["addr"]),
        ("addr -- -v", [], ["addr", "-v"]),
        ("addr - -v", [("v", "")], ["addr", "-"]),
        ("-i -5 addr", [("i", "-5")], ["addr"]),
    ],
)
def test_accepted(line: str, options: list[tuple[str, str]], operands: list[str]) -> None:
    assert scan(line) == (options, operands)


def test_posixly_correct_stops_at_the_first_operand() -> None:
    assert scan("-v route -6 show", posixly_correct=True) == ([("v", "")], ["route", "-6", "show"])


@pytest.mark.parametrize(
    ("line", "message", "next_word"),
    [
        ("addr -x show", "invalid option -- 'x'", "show"),
        ("addr show -x", "invalid option -- 'x'", None),
        ("-xv addr", "invalid option -- 'x'", "-xv"),
        ("-vx addr", "invalid option -- 'x'", "addr"),
        ("addr -f", "option requires an argument -- 'f'", None),
        ("--bogus=1 addr", "unrecognized option '--bogus=1'", "addr"),
        ("addr --family", "option '--family' requires an argument", None),
        ("--int", "option '--interval' requires an argument", None),
        ("--verbose=1 addr", "option '--verbose' doesn't allow an argument", "addr"),
        ("--ver addr", "option '--ver' is ambiguous; possibilities: '--verbose' '--version'", "addr"),
        ("--co=3", "option '--co=3' is ambiguous; possibilities: '--color' '--count'", None),
    ],
)
def test_refused(line: str, message: str, next_word: str | None) -> None:
    with pytest.raises(OptionError) as caught:
        scan(line)
    assert (caught.value.message, caught.value.next_word) == (message, next_word)
