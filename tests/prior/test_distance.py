"""Overlap with and distance to the targets of an earlier course."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, FloatArray, Structure, frozen
from sbrtcheck.prior.distance import TargetFinding, earlier_region, target_finding
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


def finding(
    region: Region, earlier: Structure, mapping: Mapping = SAME, uncertainty: Uncertainty = EXACT
) -> TargetFinding:
    return target_finding(region, earlier_region(earlier, mapping), mapping, uncertainty)


def against(radius: float, apart: tuple[float, float, float], uncertainty: Uncertainty = EXACT) -> TargetFinding:
    return finding(ball(10.0), structure(radius, apart, 7), SAME, uncertainty)


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
    found = finding(ball(5.0), structure(40.0, (40.0, 0.0, 0.0), 7))
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
    found = finding(ball(10.0), structure(10.0, (100.0, 0.0, 0.0), 7), Mapping(frozen(matrix), "m"))
    assert found.overlap_percent is not None
    assert found.overlap_percent.numerical.value == pytest.approx(100.0, abs=0.5)  # the same ball
    wrong = finding(ball(10.0), structure(10.0, (100.0, 0.0, 0.0), 7))
    assert wrong.overlap_percent is not None
    assert wrong.overlap_percent.numerical.value == 0.0


def test_a_turned_frame_is_followed_the_right_way() -> None:
    # In the earlier frame the patient is turned and shifted; the inverse puts the target somewhere else.
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [20.0, -35.0, 70.0], degrees=True).as_matrix()
    matrix[:3, 3] = (25.0, -10.0, 15.0)
    at = matrix[:3, :3] @ (10.0, 0.0, 0.0) + matrix[:3, 3]
    earlier = structure(10.0, (float(at[0]), float(at[1]), float(at[2])), 7)
    found = finding(ball(10.0), earlier, Mapping(frozen(matrix), "there"))
    assert found.overlap_cm3 is not None
    bounds, expected = found.overlap_cm3.numerical, lens_cm3(10.0, 10.0, 10.0)
    assert bounds.low <= expected <= bounds.high
    assert bounds.value == pytest.approx(expected, abs=0.06)  # oblique planes 1 mm apart: 1.5 % of the ball
    inverse = finding(ball(10.0), earlier, Mapping(frozen(np.linalg.inv(matrix)), "back"))
    assert inverse.overlap_cm3 is not None
    assert inverse.overlap_cm3.numerical.high < bounds.low


def test_a_matrix_that_stretches_makes_the_target_smaller_here() -> None:
    # Points of this plan lie twice as far out in the earlier frame: its ball of 10 mm is one of 5 mm here.
    found = finding(
        ball(10.0), structure(10.0, (0.0, 0.0, 0.0), 7), Mapping(frozen(np.diag([2.0, 2.0, 2.0, 1.0])), "m")
    )
    assert found.overlap_cm3 is not None
    assert found.overlap_cm3.numerical.value == pytest.approx(4.0 / 3.0 * np.pi * 0.125, rel=0.02)  # 180 corners, caps


def test_a_bent_mapping_gives_an_overlap_and_no_distance() -> None:
    class Bent(Mapping):
        def through(self, points_mm: FloatArray) -> FloatArray:
            moved = points_mm + np.array([30.0, 0.0, 0.0])
            moved[points_mm[:, 2] > 0.0] = np.nan
            return np.asarray(moved)

    found = finding(ball(10.0), structure(10.0, (30.0, 0.0, 0.0), 7), Bent(None, "bent"))
    assert found.distance_mm is None
    assert "deformable" in found.reason
    assert found.overlap_percent is not None
    # The lower half is shared; of the upper half nobody knows.
    assert found.overlap_percent.numerical.value == pytest.approx(50.0, abs=3.0)  # cells of a thirtieth of the ball
    assert found.overlap_percent.numerical.high >= 99.0
    assert found.overlap_percent.numerical.low <= 50.0


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_position_shares_more_or_less(seed: int) -> None:
    rng = np.random.default_rng(seed)
    radius, apart = float(rng.uniform(5.0, 14.0)), rng.uniform(-10.0, 10.0, 3)
    found = against(radius, (float(apart[0]), float(apart[1]), float(apart[2])), Uncertainty(3.0, 2.0))
    assert found.overlap_cm3 is not None
    # Balls: a rotation about the centre does nothing, and a shift changes the distance by up to itself.
    far = float(np.linalg.norm(apart))
    least, most = lens_cm3(10.0, radius, far + 3.0), lens_cm3(10.0, radius, max(far - 3.0, 0.0))
    bounds = found.overlap_cm3.registered
    assert bounds.low <= least + 1e-9  # rounding
    assert bounds.high >= most - 1e-9
    assert bounds.high - most <= 0.06 * most + 0.1  # numerical bounds of both shapes, contours 1 mm apart
    assert least - bounds.low <= 0.06 * least + 0.1


@pytest.mark.parametrize(("apart", "high"), [(5.0, 0.0), (19.0, 2.1)])
def test_targets_that_overlap_surely_are_not_apart_anywhere(apart: float, high: float) -> None:
    found = against(10.0, (apart, 0.0, 0.0), Uncertainty(3.0, 0.0))
    assert found.distance_mm is not None
    assert found.distance_mm.numerical.value == pytest.approx(0.0, abs=1e-9)  # they touch
    # 19 mm apart they overlap by 1 mm; 3 mm farther they lie 2 mm apart. Bounded by 3 mm, since no depth is measured.
    assert high <= found.distance_mm.registered.high <= (0.0 if high == 0.0 else 3.1)


def test_distance_bounds_hold_the_shift_both_ways() -> None:
    found = against(10.0, (30.0, 0.0, 0.0), Uncertainty(3.0, 0.0))
    assert found.distance_mm is not None
    bounds = found.distance_mm.registered
    assert bounds.low == pytest.approx(7.0, abs=0.6)  # a step of planes may hide half a millimetre of a cap
    assert bounds.high == pytest.approx(13.0, abs=0.2)  # corners of the polygons


def test_nothing_drawn_is_not_computable() -> None:
    with pytest.raises(NotComputable, match="no closed contour"):
        earlier_region(Structure(7, "PTV", "PTV", ()), SAME)


def test_a_target_of_one_plane_has_a_reason_and_no_overlap() -> None:
    flat = structure(10.0, (0.0, 0.0, 0.0), 7)
    found = finding(ball(10.0), Structure(7, "PTV", "PTV", flat.contours[9:10]))
    assert found.overlap_cm3 is None
    assert found.overlap_percent is None
    assert "thickness is unknown" in found.reason
