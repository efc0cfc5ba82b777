"""Column scaling and the C library's ways of reading numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xdpvs.ipvsadm.numbers import bounded, leading, scaled, signed32

COUNTER = st.integers(0, 2**64 - 1)
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "        0"),
        (99_999_999, " 99999999"),
        (100_000_000, "  100000K"),
        (999_999_999, "  999999K"),
        (1_000_000_000, "    1000M"),
        (99_999_999_999, "   99999M"),
        (100_000_000_000, "     100G"),
        (99_999_999_999_999, "   99999G"),
        (100_000_000_000_000, "     100T"),
    ],
)
def test_scaling_steps(value: int, text: str) -> None:
    assert scaled(value, exact=False) == text


@pytest.mark.parametrize(("value", "text"), [(0, "        0"), (99_999_999, " 99999999"), (100_000_000, " 100000000")])
def test_exact_numbers_keep_one_blank(value: int, text: str) -> None:
    assert scaled(value, exact=True) == text


@given(COUNTER)
def test_scaled_values_are_cut_off_never_more_than_real(value: int) -> None:
    text = scaled(value, exact=False)
    unit = UNITS.get(text[-1], 1)
    shown = int(text.rstrip("KMGT")) * unit
    assert shown <= value < shown + unit
    assert len(text) == 9


@given(COUNTER)
def test_exact_values_are_exact(value: int) -> None:
    assert int(scaled(value, exact=True)) == value


@given(st.integers(-(2**31), 2**31 - 1))
def test_signed32_undoes_the_wire(value: int) -> None:
    assert signed32(value & 0xFFFFFFFF) == value


@given(st.integers(0, 65535))
def test_numbers_in_bounds_read_back(value: int) -> None:
    assert bounded(str(value), 0, 65535) == value


@pytest.mark.parametrize("text", ["", "x", "1x", "1 ", "1_0", "-1", "65536", "٣", "0x1"])
def test_anything_else_is_no_number(text: str) -> None:
    assert bounded(text, 0, 65535) is None


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("12x", 12), ("x", 0), ("", 0), (" -3", -3)])
def test_leading_is_atoi(text: str, value: int) -> None:
    assert leading(text) == value
