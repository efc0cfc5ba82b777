"""popt's rules for words, one trace each."""

from __future__ import annotations

import pytest

from xdpvs.ipvsadm.errors import PoptError
from xdpvs.ipvsadm.options import LONG_OPTIONS, SHORT_OPTIONS
from xdpvs.ipvsadm.popt import Words, c_integer


def read(*words: str) -> tuple[list[tuple[str, str | None]], list[str]]:
    split = Words(list(words), LONG_OPTIONS, SHORT_OPTIONS)
    return [(option.long, value) for option, value in split], split.leftover


@pytest.mark.parametrize(
    ("words", "options", "leftover"),
    [
        (["-ln"], [("list", None), ("numeric", None)], []),
        (["-lnc"], [("list", None), ("numeric", None), ("connection", None)], []),
        (["-at", "192.0.2.1:80"], [("add-server", None), ("tcp-service", "192.0.2.1:80")], []),
        (["-w100"], [("weight", "100")], []),
        (["-w=100"], [("weight", "100")], []),
        (["-w", "100"], [("weight", "100")], []),
        (["--weight=100"], [("weight", "100")], []),
        (["--weight", "100"], [("weight", "100")], []),
        (["--weight="], [("weight", "")], []),
        (["-w", "-r"], [("weight", "-r")], []),
        (["-p", "-s", "rr"], [("persistent", None), ("scheduler", "rr")], []),
        (["-p", "30"], [("persistent", "30")], []),
        (["-p30"], [("persistent", "30")], []),
        (["--persistent=30"], [("persistent", "30")], []),
        (["-A", "-p"], [("add-service", None), ("persistent", None)], []),
        (["stray", "-l", "other"], [("list", None)], ["stray", "other"]),
        (["-l", "-"], [("list", None)], ["-"]),
        (["-l", "--", "-n"], [("list", None)], ["-n"]),
        (["--conn-timeout", "-5"], [("conn-timeout", "-5")], []),
    ],
)
def test_words_split_as_popt_splits_them(
    words: list[str], options: list[tuple[str, str | None]], leftover: list[str]
) -> None:
    assert read(*words) == (options, leftover)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-l", "--bogus"], "--bogus: unknown option"),
        (["-l", "--nume"], "--nume: unknown option"),
        (["-l%"], "-l%: unknown option"),
        (["-t"], "-t: missing argument"),
        (["--weight"], "--weight: missing argument"),
        (["--numeric=1"], "--numeric=1: option does not take an argument"),
        (["-n=1"], "-n=1: option does not take an argument"),
        (["--conn-timeout", "soon"], "soon: invalid numeric value"),
        (["--conn-timeout=1x"], "--conn-timeout=1x: invalid numeric value"),
        (["--conn-timeout", "4294967296"], "4294967296: number too large or too small"),
    ],
)
def test_errors_name_the_word_read_last(words: list[str], message: str) -> None:
    with pytest.raises(PoptError) as caught:
        read(*words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10", 10),
        ("0x10", 16),
        ("010", 8),
        ("-5", -5),
        ("+5", 5),
        (" 7", 7),
        ("0", 0),
        ("", 0),
        ("08", None),
        ("1_0", None),
        ("x", None),
        ("5 ", None),
        ("-", None),
        ("0x", None),
    ],
)
def test_integers_are_read_with_base_zero(text: str, value: int | None) -> None:
    assert c_integer(text) == value
