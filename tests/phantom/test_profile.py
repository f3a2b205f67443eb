"""The closed forms of the dose against brute force over the same curve."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.phantom.profile import RadialDose, sphere_cm3

FEW = settings(max_examples=60, deadline=None)


@st.composite
def profiles(draw: st.DrawFn) -> RadialDose:
    full = draw(st.floats(8.0, 40.0))
    return RadialDose(draw(st.floats(10.0, 60.0)), full, full + draw(st.floats(3.0, 15.0)))


@given(profile=profiles())
@FEW
def test_the_two_named_isodoses_run_where_they_should(profile: RadialDose) -> None:
    doses = profile.at(np.array([profile.full_mm, profile.half_mm]))
    np.testing.assert_allclose(doses, [profile.prescribed_gy, profile.prescribed_gy / 2], rtol=1e-12)


@given(profile=profiles(), share=st.floats(0.001, 1.15))
@FEW
def test_radius_is_the_inverse_of_dose(profile: RadialDose, share: float) -> None:
    dose = share * profile.prescribed_gy
    radius = profile.radius_of(dose)
    if radius > 0:
        assert float(profile.at(np.array(radius))) == pytest.approx(dose, rel=1e-9)  # exp and log, some digits lost


@given(profile=profiles())
@FEW
def test_dose_falls_with_distance_from_below_125_percent_to_nothing(profile: RadialDose) -> None:
    dose = profile.at(np.linspace(0, 400, 2000))
    assert (np.diff(dose) <= 0).all()
    assert dose[0] <= 1.25 * profile.prescribed_gy
    assert dose[-1] < 1e-6 * profile.prescribed_gy


@given(profile=profiles(), radius=st.floats(3.0, 30.0))
@FEW
def test_dvh_of_a_concentric_sphere_agrees_with_shells(profile: RadialDose, radius: float) -> None:
    # The middles of 20000 shells of equal volume, innermost first: hottest first.
    shells = radius * ((np.arange(20000) + 0.5) / 20000) ** (1 / 3)
    dose = profile.at(shells)
    # The midpoint rule over the steep flank is right to 1e-6 of the dose with so many shells.
    assert profile.mean_gy(radius) == pytest.approx(dose.mean(), rel=1e-5)
    for share in (0.02, 0.5, 0.95, 1.0):
        at = dose[min(round(share * 20000), 19999)]
        assert profile.hottest_gy(share, radius) == pytest.approx(at, rel=1e-3)  # one shell up or down
    level = 0.9 * profile.prescribed_gy
    assert profile.share_at(level, radius) == pytest.approx((dose >= level).mean(), abs=1e-4)  # one shell is 5e-5


def test_conformity_by_hand() -> None:
    profile = RadialDose(48.0, full_mm=15.4, half_mm=23.4)
    true = profile.conformity(15.0)
    assert true.ptv_cm3 == pytest.approx(4 / 3 * math.pi * 15**3 / 1000)
    assert true.r100 == pytest.approx((15.4 / 15) ** 3)
    assert true.r50 == pytest.approx((23.4 / 15) ** 3)
    # Logistic of r^2: w = (23.4^2 - 15.4^2) / ln 6, m = 15.4^2 + w ln 4; at 35 mm 125 % / (1 + exp((35^2 - m) / w)).
    width = (23.4**2 - 15.4**2) / math.log(6)
    middle = 15.4**2 + width * math.log(4)
    assert true.d2cm_percent == pytest.approx(125 / (1 + math.exp((35**2 - middle) / width)))


def test_an_isodose_above_the_plateau_has_no_volume() -> None:
    assert RadialDose(40.0, 10.0, 16.0).isodose_cm3(50.0) == 0.0
    assert sphere_cm3(0.0) == 0.0
