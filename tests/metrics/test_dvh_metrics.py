"""Metrics of the dose-volume histogram, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.dose.dvh import DvhCurves
from sbrtcheck.errors import NotComputable
from sbrtcheck.metrics import parse_metric
from sbrtcheck.results import Interval

SAMPLE = 0.021  # one sample of the ramp is 0.02 Gy wide and 0.1 % of the volume


def value(expression: str, derived) -> Interval:
    return parse_metric(expression).compute(derived.structure, derived)


@pytest.mark.parametrize(
    ("expression", "by_hand"),
    [
        ("D0.5cc[Gy]", 19.0),  # 20 Gy over 10 cm3: 2 Gy a cm3
        ("D10%[Gy]", 18.0),
        ("D95%[Gy]", 1.0),
        ("V15Gy[%]", 25.0),
        ("V15Gy[cc]", 2.5),
        ("CV15Gy[cc]", 7.5),
        ("CV15Gy[%]", 75.0),
        ("DC4cc[Gy]", 8.0),
        ("Mean[Gy]", 10.0),
        ("Min[Gy]", 0.0),
        ("Max[Gy]", 20.0),
        ("Max[%]", 40.0),
        ("D10%[%]", 36.0),
        ("V20%[%]", 50.0),  # 10 Gy of 50 Gy
        ("V20%[cc]", 5.0),
        ("Dnearmax[Gy]", 19.6),  # D2%
        ("Dnearmin[Gy]", 0.4),  # D98%
        ("Dnearmin[%]", 0.8),
        ("HI_ICRU83", (19.6 - 0.4) / 10.0),
        ("Volume[cc]", 10.0),
    ],
)
def test_ramp(expression: str, by_hand: float, given_curves, ramp_dvh) -> None:
    found = value(expression, given_curves(DvhCurves(best=ramp_dvh()), prescribed_gy=50.0))
    # A sample of dose is 0.1 % of the range of every one of these.
    assert found.value == pytest.approx(by_hand, abs=max(SAMPLE, 0.0011 * by_hand, 0.11 if "[%]" in expression else 0))
    assert found.low <= found.value <= found.high


def test_bounds_come_from_the_variants(given_curves, ramp_dvh) -> None:
    curves = DvhCurves(best=ramp_dvh(), variants=(ramp_dvh(9.0), ramp_dvh(11.0, 1.0)))
    found = value("V15Gy[cc]", given_curves(curves))
    assert found.low == pytest.approx(9.0 * 0.25, abs=0.02)  # one sample
    assert found.high == pytest.approx(11.0 * 0.30, abs=0.02)
    ratio = value("HI_ICRU83", given_curves(curves))
    assert ratio.high == pytest.approx((20.6 - 0.4) / 10.0, abs=0.02)  # D2% up, D98% and D50% not
    assert ratio.low == pytest.approx((19.6 - 1.4) / 11.0, abs=0.02)


def test_structure_smaller_than_the_volume_has_no_value(given_curves, ramp_dvh) -> None:
    derived = given_curves(DvhCurves(best=ramp_dvh(0.5)))
    for expression in ("D1cc[Gy]", "DC1cc[Gy]"):
        with pytest.raises(NotComputable, match=r"0\.500 cm3, less than 1"):
            value(expression, derived)


def test_structure_that_may_be_smaller_than_the_volume_has_no_value(given_curves, ramp_dvh) -> None:
    derived = given_curves(DvhCurves(best=ramp_dvh(1.1), variants=(ramp_dvh(0.9),)))
    with pytest.raises(NotComputable, match="less than 1"):
        value("D1cc[Gy]", derived)


@pytest.mark.parametrize("expression", ["V100%[%]", "D95%[%]", "Max[%]"])
def test_percent_of_a_missing_prescription_has_no_value(expression: str, given_curves, ramp_dvh) -> None:
    with pytest.raises(NotComputable, match="no dose is prescribed"):
        value(expression, given_curves(DvhCurves(best=ramp_dvh())))


def test_near_maximum_switches_at_2_cm3(given_curves, ramp_dvh) -> None:
    small = value("Dnearmax[Gy]", given_curves(DvhCurves(best=ramp_dvh(1.0))))
    assert small.value == pytest.approx(20.0 - 20.0 * 0.035, abs=SAMPLE)  # D35mm3 of 1 cm3
    unsure = given_curves(DvhCurves(best=ramp_dvh(2.1)), volume_cm3=Interval(2.1, 1.9, 2.3))
    both = value("Dnearmax[Gy]", unsure)
    assert both.value == pytest.approx(19.6, abs=SAMPLE)
    assert both.high == pytest.approx(20.0 - 20.0 * 0.035 / 2.1, abs=SAMPLE)


def test_near_minimum_switches_at_2_cm3(given_curves, ramp_dvh) -> None:
    small = value("Dnearmin[Gy]", given_curves(DvhCurves(best=ramp_dvh(1.0))))
    assert small.value == pytest.approx(20.0 * 0.035, abs=SAMPLE)  # all of 1 cm3 but 35 mm3
    unsure = given_curves(DvhCurves(best=ramp_dvh(1.9)), volume_cm3=Interval(1.9, 1.8, 2.1))
    both = value("Dnearmin[Gy]", unsure)
    assert both.value == pytest.approx(20.0 * 0.035 / 1.9, abs=SAMPLE)
    assert both.high == pytest.approx(0.4, abs=SAMPLE)  # D98%


def test_near_minimum_of_less_than_35_mm3_has_no_value(given_curves, ramp_dvh) -> None:
    with pytest.raises(NotComputable, match=r"less than 0\.035"):
        value("Dnearmin[Gy]", given_curves(DvhCurves(best=ramp_dvh(0.03))))


def test_median_dose_of_0_has_no_homogeneity(given_curves) -> None:
    from sbrtcheck.dose.dvh import Dvh

    with pytest.raises(NotComputable, match="median dose is 0"):
        value("HI_ICRU83", given_curves(DvhCurves(best=Dvh([0.0, 0.0], [1.0, 1.0]))))


def test_unknown_dose_has_no_upper_bound(given_curves, ramp_dvh) -> None:
    from sbrtcheck.dose.dvh import Dvh

    hot = Dvh(np.append(ramp_dvh().dose_gy, np.inf), np.append(ramp_dvh().volume_cm3, 1.0))
    found = value("D0.03cc[Gy]", given_curves(DvhCurves(best=ramp_dvh(), variants=(hot,))))
    assert found.high == np.inf
