"""Distance and overlap between structures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.boolean import difference, intersection, union
from sbrtcheck.geometry.distance import overlap, separation
from sbrtcheck.geometry.region import region_of
from sbrtcheck.geometry.volume import volume

EXACT = 1e-9  # polygons in double precision


def boxes(draw, shift):
    a = draw.box(10, 10, np.arange(6) * 3.0, roi_number=1)
    return region_of(a), region_of(draw.moved(draw.box(10, 10, np.arange(6) * 3.0, roi_number=2), np.eye(3), shift))


def test_boxes_side_by_side_are_measured_exactly(draw) -> None:
    found = separation(*boxes(draw, (20.0, 0.0, 0.0)))
    # Straight sides do not bulge between planes.
    assert (found.distance.low, found.distance.value, found.distance.high) == pytest.approx((10.0,) * 3, abs=EXACT)
    assert np.linalg.norm(found.ends_mm[1] - found.ends_mm[0]) == pytest.approx(10.0, abs=EXACT)


def test_boxes_above_one_another_are_known_to_their_ends(draw) -> None:
    found = separation(*boxes(draw, (0.0, 0.0, 30.0)))
    # 15 mm between drawn planes; either flat end lies 0 to 3 mm beyond its plane.
    assert found.distance.high == pytest.approx(15.0, abs=EXACT)
    assert found.distance.value == pytest.approx(12.0, abs=1e-6)
    assert found.distance.low == pytest.approx(9.0, abs=1e-6)


@pytest.mark.parametrize("shift", [(9.0, 0.0, 0.0), (10.0, 0.0, 0.0), (0.0, 0.0, 9.0), (2.0, 2.0, 1.0)])
def test_touching_and_overlapping_structures_are_0_apart(draw, shift) -> None:
    found = separation(*boxes(draw, shift)).distance
    assert (found.low, found.value, found.high) == pytest.approx((0.0,) * 3, abs=EXACT)


def test_structure_inside_another_is_0_apart(draw) -> None:
    outer, inner = region_of(draw.sphere(20.0, 3.0)), region_of(draw.sphere(4.0, 2.0))
    assert separation(outer, inner).distance.high == 0.0
    assert separation(inner, outer).distance.high == 0.0


@settings(max_examples=25, deadline=None)
@given(
    direction=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)).filter(lambda d: np.hypot(*d[:2]) > 0.1),
    gap=st.floats(1.0, 30.0),
    step=st.sampled_from([1.0, 2.0, 3.0]),
    offset=st.floats(0.05, 0.95),
)
def test_two_spheres_in_any_direction_are_bounded(draw, direction, gap, step, offset) -> None:
    unit = np.array(direction) / np.linalg.norm(direction)
    a = region_of(draw.sphere(12.0, 3.0, 0.4))
    b = region_of(draw.moved(draw.sphere(6.0, step, offset), np.eye(3), (18.0 + gap) * unit))
    found = separation(a, b).distance
    tolerance = 0.02  # a circle of 120 vertices lies up to 0.005 mm inside; two of them, and rounding
    assert found.low <= gap + tolerance
    assert found.high >= gap - tolerance
    assert separation(b, a).distance.value == pytest.approx(found.value, abs=0.2)  # trial sections differ slightly


def test_position_of_the_patient_does_not_matter(draw) -> None:
    turn = Rotation.from_euler("xyz", [20, 35, -50], degrees=True).as_matrix()
    a, b = draw.sphere(12.0, 3.0), draw.moved(draw.sphere(6.0, 2.0), np.eye(3), (20.0, 10.0, 15.0))
    plain = separation(region_of(a), region_of(b)).distance
    turned = separation(region_of(draw.moved(a, turn)), region_of(draw.moved(b, turn))).distance
    # Outlines are traced from other starting directions: buffers differ by their segments.
    assert turned.value == pytest.approx(plain.value, abs=0.02)


def test_planes_that_are_not_parallel(draw) -> None:
    turn = Rotation.from_euler("y", 90, degrees=True).as_matrix()
    a = region_of(draw.sphere(10.0, 2.0))
    b = region_of(draw.moved(draw.sphere(10.0, 2.0), turn, (32.0, 0.0, 0.0)))
    found = separation(a, b).distance
    assert found.low <= 12.0 <= found.high + 0.02  # polygons of 120 vertices lie inside their circles
    inside = region_of(draw.moved(draw.sphere(4.0, 2.0), turn, (1.0, 0.0, 0.0)))
    assert separation(a, inside).distance.high == 0.0
    with pytest.raises(NotComputable, match="not parallel"):
        overlap(a, b)


def test_overlap_of_boxes(draw) -> None:
    a, b = boxes(draw, (4.0, 5.0, 6.0))
    # 6 x 5 mm wide, shared on 4 planes: 12 mm.
    assert overlap(a, b).value == pytest.approx(6.0 * 5.0 * 12.0 / 1000.0, rel=1e-6)


def test_structures_apart_share_nothing(draw) -> None:
    found = overlap(*boxes(draw, (50.0, 0.0, 0.0)))
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


def test_structures_that_may_meet_between_planes_may_share_something(draw) -> None:
    found = overlap(*boxes(draw, (0.0, 0.0, 18.0)))  # end planes 3 mm apart: either end may lie beyond the other
    assert (found.low, found.value) == (0.0, 0.0)
    assert 0.0 < found.high <= 10.0 * 10.0 * 3.0 / 1000.0 + 1e-9


def test_structure_shares_its_whole_volume_with_itself(draw) -> None:
    region = region_of(draw.sphere(9.0, 2.0))
    assert overlap(region, region).value == pytest.approx(volume(region).value, rel=1e-9)


def test_boolean_operations_keep_the_books(draw) -> None:
    a, b = region_of(draw.box(20, 20, np.arange(8) * 3.0)), region_of(draw.box(10, 10, np.arange(8) * 3.0))
    assert volume(difference(a, b)).value == pytest.approx(volume(a).value - volume(b).value, rel=1e-9)
    assert volume(union(a, b)).value == pytest.approx(volume(a).value, rel=1e-9)
    assert volume(intersection(a, b)).value == pytest.approx(volume(b).value, rel=1e-9)
    with pytest.raises(NotComputable, match="nothing is left"):
        difference(b, a)


def test_boolean_on_unequal_planes(draw) -> None:
    a, b = region_of(draw.box(20, 20, np.arange(8) * 3.0)), region_of(draw.box(10, 10, np.arange(11) * 2.0))
    # 21 mm of drawn planes and half a step at either end, less a box of 22 mm, resampled to the planes of both.
    assert volume(difference(a, b)).value == pytest.approx(20 * 20 * 24 / 1000 - 10 * 10 * 22 / 1000, rel=0.03)
