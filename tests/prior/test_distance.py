"""Overlap with and distance to the targets of an earlier course."""

from __future__ import annotations

import numpy as np
import pytest

from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Structure, frozen
from sbrtcheck.prior.distance import TargetFinding, target_finding
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.search import Uncertainty

EXACT = Uncertainty(0.0, 0.0)
SAME = Mapping(frozen(np.eye(4)), "same")


def structure(radius: float, centre: tuple[float, float, float], number: int = 1) -> Structure:
    angle = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
    contours = []
    for z in np.arange(-radius + 0.5, radius, 1.0).tolist():
        r = float(np.sqrt(radius**2 - z * z))
        points = np.column_stack([r * np.cos(angle), r * np.sin(angle), np.full_like(angle, z)]) + centre
        contours.append(Contour(frozen(points), "CLOSED_PLANAR"))
    return Structure(number, "PTV", "PTV", tuple(contours))


def ball(radius: float) -> Region:
    return region_of(structure(radius, (0.0, 0.0, 0.0)), 1.0)


def lens_cm3(r: float, other: float, d: float) -> float:
    """Volume that two balls share, cm3; standard closed form of two spherical caps."""
    if d >= r + other:
        return 0.0
    if d <= abs(r - other):
        return 4.0 / 3.0 * np.pi * min(r, other) ** 3 / 1000.0
    part = np.pi * (r + other - d) ** 2 * (d * d + 2 * d * (r + other) - 3 * (r - other) ** 2) / (12.0 * d)
    return float(part / 1000.0)


def against(radius: float, apart: tuple[float, float, float], uncertainty: Uncertainty = EXACT) -> TargetFinding:
    return target_finding(ball(10.0), structure(radius, apart, 7), SAME, uncertainty)


@pytest.mark.parametrize(
    "apart", [(10.0, 0.0, 0.0), (0.0, 0.0, 8.0), (6.0, -6.0, 5.0), (0.0, 0.0, 0.0), (15.0, 0.0, 0.0)]
)
@pytest.mark.parametrize("radius", [6.0, 10.0, 14.0])
def test_two_balls_share_a_lens(radius: float, apart: tuple[float, float, float]) -> None:
    found = against(radius, apart)
    expected = lens_cm3(10.0, radius, float(np.linalg.norm(apart)))
    assert found.overlap_cm3 is not None
    bounds = found.overlap_cm3.numerical
    assert bounds.low - 1e-9 <= expected <= bounds.high + 1e-9
    assert bounds.value == pytest.approx(expected, abs=0.04)  # contours 1 mm apart: 1 % of a ball of 10 mm


def test_half_of_a_ball_lies_in_a_much_larger_one() -> None:
    found = target_finding(ball(5.0), structure(40.0, (40.0, 0.0, 0.0), 7), SAME, EXACT)
    expected = 100.0 * lens_cm3(5.0, 40.0, 40.0) / (4.0 / 3.0 * np.pi * 0.125)
    assert found.overlap_percent is not None
    assert found.overlap_percent.numerical.low <= expected <= found.overlap_percent.numerical.high
    assert found.overlap_percent.numerical.value == pytest.approx(expected, abs=2.0)  # the steps of a coarse drawing


def test_a_shift_moves_the_overlap_as_the_lens_does() -> None:
    found = against(10.0, (12.0, 0.0, 0.0), Uncertainty(3.0, 0.0))
    assert found.overlap_cm3 is not None
    least, most = lens_cm3(10.0, 10.0, 15.0), lens_cm3(10.0, 10.0, 9.0)
    bounds = found.overlap_cm3.registered
    assert bounds.low <= least <= least + 0.06
    assert bounds.high >= most
    assert bounds.low == pytest.approx(least, abs=0.12)  # the numerical bounds of both shapes besides
    assert bounds.high == pytest.approx(most, abs=0.2)


@pytest.mark.parametrize("apart", [30.0, 23.0])
def test_the_distance_and_its_bounds(apart: float) -> None:
    found = against(10.0, (apart, 0.0, 0.0), Uncertainty(3.0, 0.0))
    assert found.distance_mm is not None
    assert found.distance_mm.numerical.value == pytest.approx(apart - 20.0, abs=0.1)  # polygons of 180 corners
    assert found.distance_mm.registered.low <= max(apart - 23.0, 0.0)
    assert found.distance_mm.registered.high >= apart - 17.0


def test_far_apart_nothing_is_shared_whatever_the_shift() -> None:
    found = against(10.0, (60.0, 0.0, 0.0), Uncertainty(3.0, 1.0))
    assert found.overlap_cm3 is not None
    assert (found.overlap_cm3.registered.low, found.overlap_cm3.registered.high) == (0.0, 0.0)


def test_the_frame_of_the_earlier_target_is_mapped() -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (100.0, 0.0, 0.0)  # this plan's points lie 100 mm further in the earlier frame
    found = target_finding(ball(10.0), structure(10.0, (100.0, 0.0, 0.0), 7), Mapping(frozen(matrix), "m"), EXACT)
    assert found.overlap_percent is not None
    assert found.overlap_percent.numerical.value == pytest.approx(100.0, abs=0.5)  # the same ball
    wrong = target_finding(ball(10.0), structure(10.0, (100.0, 0.0, 0.0), 7), SAME, EXACT)
    assert wrong.overlap_percent is not None
    assert wrong.overlap_percent.numerical.value == 0.0


def test_nothing_drawn_is_told() -> None:
    found = target_finding(ball(10.0), Structure(7, "PTV", "PTV", ()), SAME, EXACT)
    assert found.overlap_cm3 is None
    assert found.reason
