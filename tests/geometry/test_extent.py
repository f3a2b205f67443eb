"""Diameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.geometry.extent import longest_3d_diameter, longest_axial_diameter, short_axis
from sbrtcheck.geometry.region import region_of

EXACT = 1e-9  # distances between stored vertices, in double precision


def test_lesion_drawn_exactly_40_mm_wide_measures_40_mm(draw) -> None:
    # An even number of vertices: two of them are antipodal.
    found = longest_axial_diameter(region_of(draw.solid(lambda z: 20.0 - abs(z), [-3.0, 0.0, 3.0], n=72)))
    assert (found.length.low, found.length.value, found.length.high) == pytest.approx((40.0,) * 3, abs=EXACT)
    assert np.linalg.norm(found.ends_mm[1] - found.ends_mm[0]) == pytest.approx(40.0, abs=EXACT)
    assert found.ends_mm[:, 2] == pytest.approx([0.0, 0.0], abs=EXACT)


def test_rectangle_measures_its_diagonal_without_error(draw) -> None:
    found = longest_axial_diameter(region_of(draw.box(30, 40, [0.0, 3.0, 6.0])))
    assert (found.length.low, found.length.high) == pytest.approx((50.0, 50.0), abs=EXACT)


@pytest.mark.parametrize("n", [15, 31, 61])
def test_circle_with_an_odd_number_of_vertices_is_bounded(draw, n: int) -> None:
    found = longest_axial_diameter(region_of(draw.solid(lambda z: 10.0, [0.0, 3.0, 6.0], n=n)))
    assert found.length.value == pytest.approx(20.0 * np.cos(np.pi / (2 * n)), abs=1e-6)  # formula of regular polygons
    # The circle through three vertices is the circle itself; its area through the polygon's angles is not needed.
    assert found.length.high == pytest.approx(20.0, abs=1e-6)


def test_one_connected_piece_is_measured_not_the_whole_plane(draw) -> None:
    contours = [draw.circle(5.0, 0.0), draw.circle(6.0, 0.0, centre=(50.0, 0.0))]
    assert longest_axial_diameter(region_of(draw.structure(contours))).length.value == pytest.approx(12.0, abs=EXACT)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_longest_diameter_against_all_pairs_in_any_position(draw, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, 25))
    corners = rng.uniform(5.0, 20.0, (25, 1)) * np.column_stack([np.cos(angle), np.sin(angle)])
    structure = draw.structure([draw.loop(corners, 0.0)])
    turned = draw.moved(structure, Rotation.random(rng=rng).as_matrix(), rng.uniform(-100, 100, 3))
    truth = max(float(np.linalg.norm(a - b)) for a in corners for b in corners)
    found = longest_axial_diameter(region_of(turned))
    assert found.length.value == pytest.approx(truth, abs=1e-6)  # coordinates are turned: rounding
    assert np.linalg.norm(found.ends_mm[1] - found.ends_mm[0]) == pytest.approx(truth, abs=1e-6)


def test_short_axis_of_an_ellipse_is_its_minor_axis(draw) -> None:
    angle = 2 * np.pi * np.arange(180) / 180
    ellipse = np.column_stack([20.0 * np.cos(angle), 7.0 * np.sin(angle)])
    found = short_axis(region_of(draw.structure([draw.loop(ellipse, z) for z in (0.0, 3.0)])))
    assert found.length.value == pytest.approx(14.0, abs=1e-6)  # vertices lie on both axes
    assert found.length.high >= 14.0


def test_short_axis_ends_lie_across_the_longest_diameter(draw) -> None:
    region = region_of(draw.box(40, 9, [0.0, 3.0]))
    long, short = longest_axial_diameter(region), short_axis(region)
    across = (long.ends_mm[1] - long.ends_mm[0]) @ (short.ends_mm[1] - short.ends_mm[0])
    assert across == pytest.approx(0.0, abs=1e-4)
    # The chord at right angles to the diagonal of a 40 x 9 rectangle: 9 times diagonal over long side.
    assert short.length.value == pytest.approx(9.0 * 41.0 / 40.0, abs=1e-4)


def test_short_axis_of_a_crescent_stays_in_one_limb(draw) -> None:
    horseshoe = [[0, 0], [40, 0], [40, 30], [35, 30], [35, 5], [5, 5], [5, 30], [0, 30]]
    found = short_axis(region_of(draw.structure([draw.loop(horseshoe, z) for z in (0.0, 3.0)])))
    # The longest diameter runs along (4, 3): through the inner corner (5, 5) the chord ends at (8.75, 0), (0, 35 / 3).
    # Across the gap between the limbs it would be above 20.
    assert found.length.value == pytest.approx(np.hypot(8.75, 35.0 / 3.0), abs=1e-4)  # beside the corner, not on it


@pytest.mark.parametrize("step", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("offset", [0.1, 0.5, 0.9])
def test_3d_diameter_of_a_sphere_is_bounded(draw, step: float, offset: float) -> None:
    found = longest_3d_diameter(region_of(draw.sphere(15.0, step, offset)))
    assert found.length.low <= 30.0 + EXACT
    assert found.length.high >= 30.0 - EXACT


def test_3d_diameter_of_an_upright_cylinder_reaches_half_a_step_beyond_its_planes(draw) -> None:
    found = longest_3d_diameter(region_of(draw.solid(lambda z: 5.0, np.arange(0.0, 61.0, 3.0))))
    # 60 mm drawn; the ends lie 0 to 3 mm beyond either end plane, 1.5 mm as the best estimate.
    assert found.length.low == pytest.approx(np.hypot(60.0, 10.0), abs=1e-6)
    assert found.length.value == pytest.approx(np.hypot(63.0, 10.0), abs=1e-6)
    assert found.length.high == pytest.approx(np.hypot(66.0, 10.0), abs=0.01)  # and what lies between vertices


def test_3d_diameter_does_not_join_separate_lesions(draw) -> None:
    near, far = draw.sphere(6.0, 2.0), draw.moved(draw.sphere(6.0, 2.0), np.eye(3), (100.0, 0.0, 0.0))
    found = longest_3d_diameter(region_of(draw.structure([*near.contours, *far.contours])))
    assert found.length.high < 14.0


@pytest.mark.parametrize("offset", [0.02, 0.4, 0.9])
def test_a_sliver_at_the_end_of_a_lying_cylinder_is_not_blown_up(draw, offset: float) -> None:
    # Radius 10, length 22, lying along x: the end planes cut it close to its top and bottom, 22 mm long and next to
    # nothing wide. Its farthest points are the corners through the middle: hypot(20, 22).
    heights = np.arange(-9.98 + offset, 10.0, 1.0)
    contours = [draw.rectangle(22.0, 2.0 * float(np.sqrt(100.0 - z * z)), float(z)) for z in heights]
    found = longest_3d_diameter(region_of(draw.structure(contours), 1.0))
    truth = float(np.hypot(20.0, 22.0))
    assert found.length.low <= truth + 1e-6
    assert found.length.high >= truth - 0.01  # the widest section lies up to half a plane spacing off a plane
    assert found.length.value == pytest.approx(truth, rel=0.01)  # the area between planes is smooth, not exact


def test_the_hole_of_a_ring_says_nothing_of_how_far_it_reaches(draw) -> None:
    # Tube of radius 3 round a circle of 8: holes grow towards the ends, where sections are thin rings.
    heights = np.arange(-2.7, 3.0, 1.0)
    contours = []
    for z in heights.tolist():
        reach = float(np.sqrt(9.0 - z * z))
        contours += [draw.circle(8.0 + reach, z), draw.circle(8.0 - reach, z)]
    found = longest_3d_diameter(region_of(draw.structure(contours), 1.0))
    assert found.length.low <= 22.0 <= found.length.high + 0.01  # polygons of 120 corners
    assert found.length.value == pytest.approx(22.0, abs=0.1)
