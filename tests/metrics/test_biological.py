"""EQD2 and BED: every dose of the histogram turned by the linear-quadratic formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.biology import Effect, effect_assumptions, effective_curves
from sbrtcheck.dose.dvh import Dvh, DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric, remarks
from sbrtcheck.results import Interval


def value(expression: str, derived) -> Interval:
    return parse_metric(expression).compute(derived.structure, derived)


@pytest.mark.parametrize(
    ("dose_gy", "fractions", "alpha_beta", "bed"),
    [
        # n d (1 + d / ab), by hand: 26 (1 + 26/10), 42 (1 + 14/3), 50 (1 + 10/10), 35 (1 + 7/10), 60 (1 + 2/3)
        (26.0, 1, 10.0, 93.6),
        (42.0, 3, 3.0, 238.0),
        (50.0, 5, 10.0, 100.0),
        (35.0, 5, 10.0, 59.5),
        (60.0, 30, 3.0, 100.0),
        (0.0, 5, 3.0, 0.0),
    ],
)
def test_bed_of_known_schedules(dose_gy: float, fractions: int, alpha_beta: float, bed: float) -> None:
    assert Effect("BED", alpha_beta).of(dose_gy, fractions) == pytest.approx(bed)
    assert Effect("EQD2", alpha_beta).of(dose_gy, fractions) == pytest.approx(bed / (1.0 + 2.0 / alpha_beta))


@given(st.integers(1, 40), st.floats(0.5, 20.0))
def test_doses_of_2_gy_a_fraction_are_their_own_eqd2(fractions: int, alpha_beta: float) -> None:
    # Rounding of a handful of products: 1e-12 of the value.
    assert Effect("EQD2", alpha_beta).of(2.0 * fractions, fractions) == pytest.approx(2.0 * fractions, rel=1e-12)


@given(
    st.lists(st.floats(0.0, 80.0), min_size=2, max_size=8), st.integers(1, 30), st.floats(0.5, 20.0), st.floats(0, 1)
)
@settings(deadline=None)
def test_the_effect_keeps_the_order_of_doses(doses: list[float], n: int, alpha_beta: float, share: float) -> None:
    from sbrtcheck.dose.dvh import dose_to_hottest

    dvh, effect = Dvh(doses, np.ones(len(doses))), Effect("EQD2", alpha_beta)
    turned = effective_curves(DvhCurves(best=dvh), effect, n).best
    assert turned.total_cm3 == dvh.total_cm3
    knot = round(share * len(doses))  # on a knot nothing is interpolated
    expected = effect.of(dose_to_hottest(dvh, float(knot)), n)
    assert dose_to_hottest(turned, float(knot)) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("expression", "by_hand"),
    [
        # A 20 Gy ramp in 5 fractions; D becomes D (1 + D / 15) for a/b 3.
        ("D10%[Gy]@BED(a/b=3)", 18.0 * (1 + 18.0 / 15.0)),
        ("D10%[Gy]@EQD2(a/b=3)", 18.0 * (1 + 18.0 / 15.0) / (1 + 2.0 / 3.0)),
        ("D0.5cc[Gy]@EQD2(a/b=3)", 19.0 * (1 + 19.0 / 15.0) / (5.0 / 3.0)),
        ("DC4cc[Gy]@BED(a/b=3)", 8.0 * (1 + 8.0 / 15.0)),
        ("Max[Gy]@BED(a/b=3)", 20.0 * (1 + 20.0 / 15.0)),
        ("Min[Gy]@BED(a/b=3)", 0.0),
        ("Mean[Gy]@BED(a/b=3)", 10.0 + 20.0**2 / 3.0 / 15.0),  # mean of D + D^2 / 15 over an even spread
        ("gEUD(a=1)[Gy]@BED(a/b=3)", 10.0 + 20.0**2 / 3.0 / 15.0),
        ("Dnearmax[Gy]@BED(a/b=3)", 19.6 * (1 + 19.6 / 15.0)),
        ("Dnearmin[Gy]@BED(a/b=3)", 0.4 * (1 + 0.4 / 15.0)),
        # 15 Gy in all is 30 Gy of BED with a/b 3.
        ("V30Gy[%]@BED(a/b=3)", 25.0),
        ("V30Gy[cc]@BED(a/b=3)", 2.5),
        ("CV30Gy[cc]@BED(a/b=3)", 7.5),
    ],
)
def test_ramp_in_five_fractions(expression: str, by_hand: float, given_curves, ramp_dvh) -> None:
    found = value(expression, given_curves(DvhCurves(best=ramp_dvh()), fractions=5))
    # A sample of the ramp is 0.02 Gy, of BED up to 0.02 (1 + 2 * 20 / 15) = 0.073 Gy; 0.1 % of the volume.
    assert found.value == pytest.approx(by_hand, abs=0.11 if "[%]" in expression else 0.08)


def test_homogeneity_of_the_effect(given_curves, ramp_dvh) -> None:
    bed = {p: d * (1 + d / 15.0) for p, d in ((2, 19.6), (98, 0.4), (50, 10.0))}
    found = value("HI_ICRU83@BED(a/b=3)", given_curves(DvhCurves(best=ramp_dvh())))
    assert found.value == pytest.approx((bed[2] - bed[98]) / bed[50], abs=0.01)  # one sample of each


def test_bounds_are_turned_too_and_the_unknown_stays_unknown(given_curves, ramp_dvh) -> None:
    hot = Dvh(np.append(ramp_dvh().dose_gy, np.inf), np.append(ramp_dvh().volume_cm3, 1.0))
    curves = DvhCurves(best=ramp_dvh(), variants=(ramp_dvh(10.0, 1.0), hot))
    assert value("D0.03cc[Gy]@EQD2(a/b=3)", given_curves(curves)).high == np.inf
    curves = DvhCurves(best=ramp_dvh(), variants=(ramp_dvh(10.0, 1.0),))
    assert value("Max[Gy]@BED(a/b=3)", given_curves(curves)).high == pytest.approx(21.0 * (1 + 21.0 / 15.0))


def test_without_fractions_there_is_no_effect(given_curves, ramp_dvh) -> None:
    derived = given_curves(DvhCurves(best=ramp_dvh()), fractions=None)
    with pytest.raises(NotComputable, match="number of fractions"):
        value("Mean[Gy]@EQD2(a/b=3)", derived)
    assert value("Mean[Gy]", derived).value > 0.0


def test_alpha_beta_and_fractions_stand_beside_the_value(given_curves, ramp_dvh) -> None:
    derived = given_curves(DvhCurves(best=ramp_dvh()))
    (remark,) = remarks(parse_metric("Mean[Gy]@EQD2(a/b=2.5)"), derived.structure, derived)
    assert "a/b = 2.5 Gy" in remark.text
    assert "n = 5 fractions" in remark.text
    assert "EQD2 = BED / (1 + 2 Gy / (a/b)), BED = D (1 + (D/n) / (a/b))" in remark.text


def test_one_assumption_an_effect_and_number_of_fractions() -> None:
    late, tumour = Effect("EQD2", 3.0), Effect("BED", 10.0)
    told = effect_assumptions([(late, 5, 9), (tumour, 5, 2), (late, 5, 4), (late, 3, 7)])
    assert [a.text.partition(":")[0] for a in told] == [
        "BED(a/b=10) of ROI 2",
        "EQD2(a/b=3) of ROI 7",
        "EQD2(a/b=3) of ROI 4, ROI 9",
    ]
    assert all("n = " in a.text and a.overrule for a in told)


def test_in_a_ball_the_effect_of_each_point_counts(ball) -> None:
    # 60 - r Gy in a ball of 12 mm: the mean of r^k over the ball is 3 R^k / (k + 3).
    found = value("Mean[Gy]@BED(a/b=10)", ball)
    mean, square = 60.0 - 9.0, 60.0**2 - 120.0 * 9.0 + 3.0 * 144.0 / 5.0
    by_hand = mean + square / 50.0
    assert found.low <= by_hand <= found.high
    assert found.value == pytest.approx(by_hand, rel=2e-3)  # the tip of the cone of dose is rounded by the 2.5 mm grid
