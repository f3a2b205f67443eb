"""Dose of earlier courses in structures of this plan."""

from __future__ import annotations

from typing import Any

import pytest

from sbrtcheck.dose.dvh import Dvh


def prior(draw: Any, **course: Any) -> Any:
    derived = draw.patient([draw.sphere(1, "GTV", (0, 0, 0), 8)], priors=(draw.course(**course),))
    return derived.prior_doses(derived.structures[0])[0]


def test_dose_in_the_same_frame_is_mapped(draw: Any) -> None:
    found = prior(draw, dose=draw.dose(lambda x, y, z: 30.0 + 0.1 * x), plan=draw.plan((30.0, None)))
    assert found.state == "dose"
    assert found.prescribed_gy == 30.0
    mean = found.curves.interval(lambda d: d.mean_gy)
    assert mean.value == pytest.approx(30.0, abs=0.01)  # a linear dose has its central value as mean
    assert mean.low <= 30.0 <= mean.high


def test_half_of_a_sphere_in_a_half_space(draw: Any) -> None:
    # A dose that falls linearly through 15 Gy at x = 0: half of a centred sphere gets 15 Gy or more.
    found = prior(draw, dose=draw.dose(lambda x, y, z: 15.0 - 0.1 * x), plan=draw.plan((30.0, None)))

    def share(dvh: Dvh) -> float:
        return dvh.volume_at_least(15.0) / dvh.total_cm3

    found_share = found.curves.interval(share)
    # The samples in the plane x = 0 all get 15 Gy; a sheet of cells 0.4 mm wide through the middle holds 4 %.
    assert found_share.value == pytest.approx(0.5, abs=0.04)
    assert found_share.low <= 0.5 <= found_share.high


@pytest.mark.parametrize("frame", ["9.9.9", ""])
def test_another_frame_or_none_is_not_mapped(draw: Any, frame: str) -> None:
    found = prior(draw, dose=draw.dose(lambda x, y, z: 0 * x + 30.0, frame=frame))
    assert found.state == "not-mapped"
    assert found.curves is None
    assert (frame or "(none)") in found.text


def test_a_course_without_dose_says_what_it_holds(draw: Any) -> None:
    found = prior(draw, plan=draw.plan((30.0, None)))
    assert found.state == "no-dose"
    assert "2020-01-01 has plan but no dose" in found.text
    assert "plan, no structures" in prior(draw).text


def test_two_prior_prescriptions_are_none(draw: Any) -> None:
    found = prior(draw, dose=draw.dose(lambda x, y, z: 0 * x + 30.0), plan=draw.plan((30.0, None), (20.0, None)))
    assert found.prescribed_gy is None
