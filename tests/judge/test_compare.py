"""A measured interval against a limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbrtcheck.judge import compare, margin
from sbrtcheck.results import Interval, Limit, Verdict

AT_MOST = Limit(op="<=", per_protocol=10.0, variation=12.0, unit="Gy")
AT_LEAST = Limit(op=">=", per_protocol=95.0, variation=90.0, unit="%")


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict", "borderline"),
    [
        (9.0, 9.5, 10.0, Verdict.PASS, False),
        (9.0, 9.5, 10.1, Verdict.VARIATION, True),  # straddles only the first limit
        (10.1, 11.0, 12.0, Verdict.VARIATION, False),
        (11.0, 11.9, 12.1, Verdict.INDETERMINATE, False),
        (9.0, 11.0, 13.0, Verdict.INDETERMINATE, False),  # straddles both
        (12.1, 12.5, 13.0, Verdict.FAIL, False),
        (9.0, 9.5, math.inf, Verdict.INDETERMINATE, False),
        (12.1, 12.5, math.inf, Verdict.FAIL, False),  # a lower bound alone can fail
        (-math.inf, 9.5, 9.9, Verdict.PASS, False),  # an upper bound alone can pass
    ],
)
def test_an_upper_limit_with_two_tiers(
    low: float, value: float, high: float, verdict: Verdict, borderline: bool
) -> None:
    assert compare(Interval(value, low, high), AT_MOST) == (verdict, borderline)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (95.0, 99.0, Verdict.PASS),
        (94.9, 99.0, Verdict.VARIATION),
        (90.0, 94.9, Verdict.VARIATION),
        (89.9, 94.9, Verdict.INDETERMINATE),
        (80.0, 89.9, Verdict.FAIL),
    ],
)
def test_a_lower_limit_with_two_tiers(low: float, high: float, verdict: Verdict) -> None:
    assert compare(Interval(low, low, high), AT_LEAST)[0] is verdict


@pytest.mark.parametrize(("op", "verdict"), [("<=", Verdict.PASS), ("<", Verdict.FAIL)])
def test_exactly_on_the_limit(op: str, verdict: Verdict) -> None:
    limit = Limit(op=op, per_protocol=40.0, unit="mm")  # type: ignore[arg-type]
    assert compare(Interval.exact(40.0), limit)[0] is verdict


@given(
    st.lists(st.floats(-100, 100), min_size=3, max_size=3),
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.floats(-100, 100),
    st.one_of(st.none(), st.floats(0.1, 50)),
)
def test_pass_never_holds_a_value_beyond_the_limit(
    numbers: list[float], op: str, per_protocol: float, step: float | None
) -> None:
    low, value, high = sorted(numbers)
    wider = None if step is None else per_protocol + (step if "<" in op else -step)
    verdict, _ = compare(Interval(value, low, high), Limit(op=op, per_protocol=per_protocol, variation=wider))  # type: ignore[arg-type]
    ends = [compare(Interval.exact(end), Limit(op=op, per_protocol=per_protocol))[0] for end in (low, high)]  # type: ignore[arg-type]
    if verdict is Verdict.PASS:
        assert ends == [Verdict.PASS, Verdict.PASS]
    if verdict is Verdict.FAIL:
        assert ends == [Verdict.FAIL, Verdict.FAIL]


@given(st.floats(-100, 100), st.floats(0, 10), st.floats(0, 10))
def test_a_wider_interval_never_turns_green(value: float, width: float, more: float) -> None:
    limit = Limit(op="<=", per_protocol=0.0)
    narrow = compare(Interval(value, value - width, value + width), limit)[0]
    wide = compare(Interval(value, value - width - more, value + width + more), limit)[0]
    assert wide in {narrow, Verdict.INDETERMINATE}


def test_margin_is_room_of_the_worse_end() -> None:
    assert margin(Interval(9.0, 8.0, 9.5), AT_MOST) == pytest.approx(0.5)
    assert margin(Interval(9.0, 8.0, 11.0), AT_MOST) == pytest.approx(-1.0)
    assert margin(Interval(96.0, 94.0, 99.0), AT_LEAST) == pytest.approx(-1.0)
    assert margin(Interval(9.0, 8.0, math.inf), AT_MOST) is None
