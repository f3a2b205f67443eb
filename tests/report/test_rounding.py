"""Rounding never tells another story than the verdict."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sbrtcheck.report.rounding import exactly, limit_text, margin_text, number, shown
from sbrtcheck.results import Interval, Limit

UNITS = st.sampled_from(["mm", "Gy", "cm3", "%", ""])
REAL = st.floats(-1e6, 1e6, allow_nan=False)


def _order(a: float, b: float) -> int:
    return (a > b) - (a < b)


@given(limit=REAL, apart=st.floats(-1.0, 1.0), width=st.floats(0.0, 1.0), unit=UNITS)
@example(limit=40.0, apart=0.004, width=0.0, unit="mm")
@example(limit=40.0, apart=1e-14, width=0.0, unit="mm")
@example(limit=0.0, apart=1e-300, width=0.0, unit="Gy")
@settings(deadline=None, max_examples=200)
def test_every_number_stands_on_its_own_side_of_the_limit(limit: float, apart: float, width: float, unit: str) -> None:
    value = limit + apart
    measured = Interval(value, value - width, value + width)
    text = shown(measured, unit, [limit])
    assert _order(float(text.value), limit) == _order(value, limit)
    if text.low:
        assert _order(float(text.low), limit) == _order(measured.low, limit)
        assert _order(float(text.high), limit) == _order(measured.high, limit)


@given(value=REAL, below=st.floats(0.0, 10.0), above=st.floats(0.0, 10.0), unit=UNITS)
@settings(deadline=None, max_examples=200)
def test_printed_bounds_hold_the_measured_ones(value: float, below: float, above: float, unit: str) -> None:
    measured = Interval(value, value - below, value + above)
    text = shown(measured, unit)
    if text.low:
        assert float(text.low) <= measured.low <= measured.high <= float(text.high)


@pytest.mark.parametrize(
    ("value", "unit", "limits", "text"),
    [
        (40.0, "mm", [40.0], "40.0"),
        (40.004, "mm", [40.0], "40.004"),
        (39.96, "mm", [40.0], "39.96"),
        (3.0, "", [3.0], "3"),
        (1.204, "", [1.2], "1.204"),
        (0.0034, "cm3", [], "0.0034"),
        (0.0, "Gy", [], "0.00"),
        (0.000012, "Gy", [], "0.00"),  # no one acts on it
        (0.000012, "Gy", [0.00001], "0.000012"),  # unless a limit lies there
        (-0.001, "mm", [], "-0.0010"),
        (39.3, "mm", [], "39.3"),
        (1500.0, "cm3", [], "1500.00"),
    ],
)
def test_digits(value: float, unit: str, limits: list[float], text: str) -> None:
    assert shown(Interval.exact(value), unit, limits).value == text


def test_a_number_is_rounded_half_to_even_from_its_shortest_text() -> None:
    # 0.125 and 0.375 are exact in binary: both ties go to the even digit.
    assert [number(v, "Gy") for v in (2.125, 2.375)] == ["2.12", "2.38"]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-math.inf, 50.4, "at most 50.4"),
        (30.0, math.inf, "at least 30.0"),
        (-math.inf, math.inf, "no bound known"),
        (39.31, 39.38, "39.3 to 39.4"),
        (39.34, 39.34, ""),
    ],
)
def test_bounds_in_words(low: float, high: float, words: str) -> None:
    value = 39.34 if low <= 39.34 <= high else max(low, min(high, 39.34))
    assert shown(Interval(value, low, high), "mm").bounds == words


@given(margin=st.floats(-1e3, 1e3), digits=st.integers(0, 3))
@settings(deadline=None, max_examples=100)
def test_a_margin_is_zero_only_where_it_is_zero_and_keeps_its_sign(margin: float, digits: int) -> None:
    text = margin_text(margin, "", digits)
    size = float(text.lstrip("+-"))
    assert (size == 0.0) == (margin == 0.0)
    assert text[0] == ("-" if margin < 0 else "+" if margin > 0 else text[0])


@given(value=REAL)
@settings(deadline=None, max_examples=100)
def test_a_limit_is_shown_in_full_or_marked_as_shortened(value: float) -> None:
    assert float(exactly(value)) == value
    text = limit_text(Limit(op=">=", per_protocol=value), "Gy")
    assert text == f"≥ {exactly(value)} Gy" or "≈" in text
    # Five digits: the shown number is within half a unit of the fifth.
    assert float(text.strip("≥≈ Gy").replace("≈", "")) == pytest.approx(value, rel=5.1e-5)


@pytest.mark.parametrize("value", [40.0, 0.035, 1500.0, 26.25, 1.2])
def test_a_limit_that_a_person_wrote_is_never_shortened(value: float) -> None:
    assert limit_text(Limit(op="<=", per_protocol=value), "") == f"≤ {exactly(value)}"


def test_a_margin_without_bound_is_not_known() -> None:
    assert margin_text(-math.inf, "mm", 1) == "unknown"
