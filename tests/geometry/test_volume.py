"""Volume: closed forms, bounds that hold, and independence of where the patient lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import region_of
from sbrtcheck.geometry.volume import centroid, volume

# A circle drawn with n vertices is smaller by (2 pi / n)^2 / 6: 0.046 % for n = 120.
POLYGON = 5e-4


def sphere_cm3(radius: float) -> float:
    return 4.0 / 3.0 * np.pi * radius**3 / 1000.0


def holds(interval, truth: float) -> bool:
    return interval.low <= truth * (1.0 + 1e-9) and truth * (1.0 - 1e-9) <= interval.high


def test_box_is_as_many_slabs_as_planes(draw) -> None:
    # 15 planes, each a slab of 2 mm: 10 x 20 x 30 mm.
    found = volume(region_of(draw.box(10, 20, np.arange(15) * 2.0)))
    assert found.value == pytest.approx(6.0, rel=1e-9)  # constant area: exact
    # The ends lie anywhere within one step beyond the end planes.
    assert (found.low, found.high) == pytest.approx((5.6, 6.4), rel=1e-9)


@pytest.mark.parametrize("radius", [5.0, 10.0, 20.0])
@pytest.mark.parametrize("step", [1.0, 2.0, 3.0])
def test_sphere_at_every_plane_spacing(draw, radius: float, step: float) -> None:
    for offset in (0.1, 0.37, 0.5, 0.8):
        found = volume(region_of(draw.sphere(radius, step, offset)))
        # The area of a sphere is a parabola: only the polygons and the sampling of the tips (1e-4) remain.
        assert found.value == pytest.approx(sphere_cm3(radius), rel=POLYGON + 1e-4)
        assert holds(found, sphere_cm3(radius))


def test_small_sphere_on_few_planes_is_still_bounded(draw) -> None:
    for offset in np.linspace(0.02, 0.98, 13):
        for radius in (2.0, 3.0):
            assert holds(volume(region_of(draw.sphere(radius, 3.0, float(offset)), 3.0)), sphere_cm3(radius))


@settings(max_examples=30, deadline=None)
@given(offset=st.floats(0.01, 0.99), step=st.floats(1.0, 3.0), length=st.floats(10.0, 40.0))
def test_cylinder_with_flat_ends_anywhere_between_planes(draw, offset: float, step: float, length: float) -> None:
    heights = np.arange(offset * step, length, step)
    found = volume(region_of(draw.solid(lambda z: 8.0, heights)))
    assert holds(found, np.pi * 64.0 * length / 1000.0)


@settings(max_examples=30, deadline=None)
@given(offset=st.floats(0.01, 0.99), step=st.floats(1.0, 3.0), length=st.floats(10.0, 40.0))
def test_cone_with_its_base_anywhere_between_planes(draw, offset: float, step: float, length: float) -> None:
    heights = np.arange(offset * step, length, step)
    found = volume(region_of(draw.solid(lambda z: 10.0 * (1.0 - z / length), heights), step))
    assert holds(found, np.pi * 100.0 * length / 3.0 / 1000.0)


@settings(max_examples=20, deadline=None)
@given(offset=st.floats(0.05, 0.95), step=st.floats(1.0, 3.0))
def test_ring(draw, offset: float, step: float) -> None:
    around, tube = 15.0, 6.0
    contours = []
    for z in -tube + (offset + np.arange(20)) * step:
        if abs(z) < tube - 1e-3:
            half = float(np.sqrt(tube**2 - z**2))
            contours += [draw.circle(around + half, z), draw.circle(around - half, z)]
    found = volume(region_of(draw.structure(contours)))
    assert holds(found, 2.0 * np.pi**2 * around * tube**2 / 1000.0)


def test_lying_cylinder_follows_squared_area(draw) -> None:
    radius, length = 10.0, 30.0
    heights = np.arange(-9.3, 10.0, 2.0)
    contours = [draw.rectangle(2.0 * float(np.sqrt(radius**2 - z**2)), length, z) for z in heights]
    found = volume(region_of(draw.structure(contours)))
    # The squared area is a parabola; the tips are sampled in 48 steps (1e-3 of a small cap).
    assert found.value == pytest.approx(np.pi * radius**2 * length / 1000.0, rel=2e-4)


def test_hole_is_not_filled(draw) -> None:
    contours = [draw.rectangle(s, s, z) for z in np.arange(10) * 3.0 for s in (20.0, 10.0)]
    assert volume(region_of(draw.structure(contours))).value == pytest.approx(9.0, rel=1e-9)  # (400 - 100) x 30 mm3


def test_uneven_planes(draw) -> None:
    heights = np.array([0.0, 2.0, 4.0, 7.0, 10.0, 11.0, 13.0])
    found = volume(region_of(draw.box(10, 10, heights)))
    # 13 mm between the end planes and half of the usual 2 mm step beyond each.
    assert found.value == pytest.approx(1.5, rel=1e-9)


def test_missing_plane_widens_the_lower_bound(draw) -> None:
    whole = volume(region_of(draw.box(10, 10, np.arange(8) * 3.0)))
    broken = volume(region_of(draw.box(10, 10, [0.0, 3.0, 6.0, 12.0, 15.0, 18.0, 21.0])))
    assert broken.value == pytest.approx(whole.value, rel=1e-9)
    assert broken.low == pytest.approx(whole.low - 0.6, rel=1e-6)  # the 6 mm between the planes that are apart


def test_one_slice_structure_needs_the_image_spacing(draw) -> None:
    structure = draw.box(10, 10, 5.0)
    with pytest.raises(NotComputable, match="single plane"):
        volume(region_of(structure))
    found = volume(region_of(structure, 3.0))
    assert 0.0 < found.low < found.value <= found.high
    assert found.high == pytest.approx(0.6, rel=0.01)  # nothing was drawn 3 mm above and below: at most 2 x 3 mm


def test_two_parts_add_up(draw) -> None:
    one, other = draw.sphere(8.0, 2.0), draw.sphere(5.0, 2.0)
    far = draw.moved(other, np.eye(3), (40.0, 0.0, 0.0))
    both = volume(region_of(draw.structure([*one.contours, *far.contours])))
    alone = volume(region_of(one)).value + volume(region_of(other)).value
    assert both.value == pytest.approx(alone, rel=1e-3)  # both are known to the resolution of their polygons


ROTATIONS = {
    "prone": Rotation.from_euler("z", 180, degrees=True).as_matrix(),
    "feet first": Rotation.from_euler("y", 180, degrees=True).as_matrix(),
    "decubitus": Rotation.from_euler("z", 90, degrees=True).as_matrix(),
    "sagittal": Rotation.from_euler("y", 90, degrees=True).as_matrix(),
    "oblique": Rotation.from_euler("xyz", [20, 35, -50], degrees=True).as_matrix(),
}


@pytest.mark.parametrize("position", ROTATIONS)
def test_position_of_the_patient_does_not_matter(draw, position: str) -> None:
    original = draw.sphere(9.0, 2.5, 0.3)
    turned = draw.moved(original, ROTATIONS[position], (100.0, -30.0, 7.0))
    a, b = volume(region_of(original)), volume(region_of(turned))
    # Turned coordinates are rounded in the last digits only.
    assert (b.value, b.low, b.high) == pytest.approx((a.value, a.low, a.high), rel=1e-6)


def test_centroid(draw) -> None:
    shifted = draw.moved(draw.sphere(10.0, 3.0, 0.2), ROTATIONS["oblique"], (5.0, 6.0, 7.0))
    # Between planes the centre is known to a small share of the step.
    assert centroid(region_of(shifted)) == pytest.approx([5.0, 6.0, 7.0], abs=0.05)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1.01, 1.5))
def test_larger_outlines_never_hold_less(draw, scale: float) -> None:
    heights = np.arange(-8.0, 8.1, 2.0)
    small = draw.solid(lambda z: float(np.sqrt(100.0 - z * z)), heights)
    large = draw.solid(lambda z: scale * float(np.sqrt(100.0 - z * z)), heights)
    assert volume(region_of(large)).value > volume(region_of(small)).value
