"""Generalised equivalent uniform dose against its integral."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.metrics import parse_metric
from sbrtcheck.metrics.geud import power_mean_gy
from sbrtcheck.results import Interval

EVEN = Dvh([30.0, 10.0], [0.0, 4.0])  # 4 cm3 spread evenly between 10 and 30 Gy
TO_0 = Dvh([30.0, 0.0], [0.0, 4.0])
ROUNDING = 1e-9  # relative: a few sums and powers of doubles


def value(expression: str, derived) -> Interval:
    return parse_metric(expression).compute(derived.structure, derived)


@pytest.mark.parametrize("a", [-40.0, -10.0, -2.0, -1.5, -0.5, 0.25, 1.0, 2.0, 8.0, 40.0])
def test_even_spread(a: float) -> None:
    by_hand = ((30.0 ** (a + 1) - 10.0 ** (a + 1)) / ((a + 1) * 20.0)) ** (1.0 / a)
    assert power_mean_gy(EVEN, a) == pytest.approx(by_hand, rel=ROUNDING)


def test_harmonic_mean_of_an_even_spread() -> None:
    assert power_mean_gy(EVEN, -1.0) == pytest.approx(20.0 / math.log(3.0), rel=ROUNDING)


@pytest.mark.parametrize("a", [0.5, 1.0, 8.0])
def test_down_to_0_for_positive_a(a: float) -> None:
    assert power_mean_gy(TO_0, a) == pytest.approx(30.0 / (a + 1.0) ** (1.0 / a), rel=ROUNDING)


def test_down_to_0_for_negative_a() -> None:
    assert power_mean_gy(TO_0, -1.0) == power_mean_gy(TO_0, -10.0) == 0.0  # the integral of 1/D has no bound
    assert power_mean_gy(TO_0, -0.5) == pytest.approx(30.0 / 4.0, rel=ROUNDING)  # (2 / sqrt(30))^-2


@pytest.mark.parametrize("a", [-20.0, -0.5])
def test_a_part_without_dose_makes_it_0_for_negative_a(a: float) -> None:
    assert power_mean_gy(Dvh([30.0, 30.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.1]), a) == 0.0


@pytest.mark.parametrize("a", [-10.0, -0.5, 1.0, 8.0])
def test_no_dose_at_all_is_0(a: float) -> None:
    assert power_mean_gy(Dvh([0.0, 0.0], [1.0, 1.0]), a) == 0.0


@pytest.mark.parametrize("a", [-300.0, -8.0, 3.0, 300.0])
def test_one_dose_is_its_own_mean(a: float) -> None:
    assert power_mean_gy(Dvh([60.0, 60.0], [0.0, 2.0]), a) == pytest.approx(60.0, rel=ROUNDING)


def test_unknown_dose_is_unknown_only_where_it_counts() -> None:
    hot = Dvh([np.inf, 20.0, 20.0], [1.0, 0.0, 3.0])
    assert power_mean_gy(hot, 8.0) == math.inf
    assert power_mean_gy(hot, -2.0) == pytest.approx((0.75 / 400.0) ** -0.5, rel=ROUNDING)  # 1/inf^2 adds nothing


@given(
    st.lists(st.floats(0.0, 100.0), min_size=2, max_size=6),
    st.floats(-50.0, 50.0).filter(lambda a: abs(a) > 0.01),
    st.floats(0.1, 10.0),
)
@settings(deadline=None)
def test_it_lies_between_the_ends_and_grows_with_a(doses: list[float], a: float, more: float) -> None:
    dvh = Dvh(doses, np.ones(len(doses)))
    found = power_mean_gy(dvh, a)
    slack = 1e-6 * (1.0 + max(doses))  # roots of high order of rounded sums
    assert min(doses) - slack <= found <= max(doses) + slack
    if abs(a + more) > 0.01:
        assert power_mean_gy(dvh, a + more) >= found - slack


def test_ramp(given_curves, ramp_dvh) -> None:
    derived = given_curves(DvhCurves(best=ramp_dvh(), variants=(ramp_dvh(10.0, 1.0),)), prescribed_gy=50.0)
    found = value("gEUD(a=8)[Gy]", derived)
    assert found.value == pytest.approx(20.0 / 9.0 ** (1.0 / 8.0), abs=0.02)  # one sample
    assert found.high > found.value
    assert value("gEUD(a=8)[%]", derived).value == pytest.approx(2.0 * found.value)
    assert value("gEUD(a=1)[Gy]", derived).value == pytest.approx(value("Mean[Gy]", derived).value)


def test_in_a_ball(ball) -> None:
    # Mean of (60 - r)^2 over a ball of 12 mm: 60^2 - 120 * 9 + 3 * 144 / 5.
    found = value("gEUD(a=2)[Gy]", ball)
    by_hand = math.sqrt(60.0**2 - 120.0 * 9.0 + 3.0 * 144.0 / 5.0)
    assert found.low <= by_hand <= found.high
    assert found.value == pytest.approx(by_hand, rel=1e-3)  # the tip of the cone of dose is rounded by the 2.5 mm grid
