"""Dose-volume histograms: closed forms, bounds, and the faults that other programs had."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from sbrtcheck.dose.dvh import Dvh, DvhCurves, dose_to_hottest, dvh_curves
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import region_of
from sbrtcheck.geometry.volume import volume
from sbrtcheck.model import Contour, Structure, frozen

samples = st.lists(st.tuples(st.floats(0.0, 80.0), st.floats(0.001, 2.0)), min_size=1, max_size=40)


def at_percent(percent: float):
    return lambda dvh: dose_to_hottest(dvh, percent / 100.0 * dvh.total_cm3)


def cap_depth(radius: float, share: float) -> float:
    """Depth of the spherical cap that holds a share of a ball."""
    target = share * 4.0 / 3.0 * np.pi * radius**3
    return float(brentq(lambda t: np.pi * t * t * (radius - t / 3.0) - target, 0.0, 2.0 * radius))


# The curve itself


def test_ramp_by_hand() -> None:
    dvh = Dvh(dose_gy=[10.0, 40.0, 20.0, 30.0], volume_cm3=[1.0, 1.0, 1.0, 1.0])
    assert dvh.total_cm3 == 4.0
    # The hottest knot is a step; each other volume lies between its knot and the next hotter one.
    assert (dvh.maximum_gy, dvh.mean_gy, dvh.minimum_gy) == (40.0, (40.0 + 35.0 + 25.0 + 15.0) / 4.0, 10.0)
    assert dose_to_hottest(dvh, 2.5) == 25.0  # half way between the samples that end at 2 and at 3 cm3
    assert dvh.volume_at_least(25.0) == pytest.approx(2.5, abs=1e-4)  # a dose counts from 1e-6 below
    assert dvh.volume_at_least(40.1) == 0.0
    assert dvh.volume_at_least(10.0) == 4.0
    assert dvh.volume_at_least(5.0) == 4.0


def test_ends_of_the_curve() -> None:
    dvh = Dvh([30.0, 10.0], [1.0, 1.0])
    assert dose_to_hottest(dvh, 0.0) == 30.0
    assert dose_to_hottest(dvh, 2.0) == 10.0
    for outside in (-0.1, 2.1):
        with pytest.raises(ValueError, match="outside"):
            dose_to_hottest(dvh, outside)


def test_steps_without_volume_are_extremes_only() -> None:
    dvh = Dvh([50.0, 30.0, 30.0, 5.0], [0.0, 0.0, 2.0, 0.0])
    assert (dvh.maximum_gy, dvh.minimum_gy, dvh.mean_gy) == (50.0, 5.0, 30.0)
    assert dose_to_hottest(dvh, 1.0) == 30.0


def test_unknown_dose_is_infinite_and_stays_so() -> None:
    dvh = Dvh([np.inf, 20.0, 10.0], [1.0, 1.0, 2.0])
    assert dvh.mean_gy == np.inf
    assert dvh.maximum_gy == np.inf
    assert dvh.volume_at_least(15.0) == pytest.approx(3.0, abs=1e-4)
    assert dose_to_hottest(dvh, 0.5) == np.inf
    assert dose_to_hottest(dvh, 3.0) == pytest.approx(15.0, abs=1e-9)


@given(points=samples, a=st.floats(0.0, 1.0), b=st.floats(0.0, 1.0))
def test_more_volume_never_means_more_dose(points, a: float, b: float) -> None:
    dvh = Dvh(*zip(*points, strict=True))
    low, high = sorted((a * dvh.total_cm3, b * dvh.total_cm3))
    assert dose_to_hottest(dvh, low) >= dose_to_hottest(dvh, high) - 1e-9


@given(points=samples, a=st.floats(0.0, 90.0), b=st.floats(0.0, 90.0))
def test_more_dose_never_means_more_volume(points, a: float, b: float) -> None:
    dvh = Dvh(*zip(*points, strict=True))
    low, high = sorted((a, b))
    assert dvh.volume_at_least(low) >= dvh.volume_at_least(high) - 1e-9


def test_interval_holds_all_variants_and_passes_on_what_cannot_be_computed() -> None:
    curves = DvhCurves(best=Dvh([20.0], [2.0]), variants=(Dvh([19.0], [1.0]), Dvh([21.0], [3.0])))
    found = curves.interval(lambda dvh: dvh.mean_gy)
    assert (found.value, found.low, found.high) == (20.0, 19.0, 21.0)

    def refuse(dvh: Dvh) -> float:
        if dvh.total_cm3 < 2.0:
            raise NotComputable("too small")
        return 1.0

    with pytest.raises(NotComputable, match="too small"):
        curves.interval(refuse)


def test_cumulative_curve_with_its_band() -> None:
    curves = DvhCurves(best=Dvh([20.0, 10.0], [1.0, 1.0]), variants=(Dvh([19.0, 9.0], [1.0, 1.0]),))
    best, low, high = curves.cumulative(np.array([0.0, 9.5, 25.0]))
    assert best == pytest.approx([100.0, 100.0, 0.0], abs=1e-4)
    assert low == pytest.approx([100.0, 97.5, 0.0], abs=1e-3)  # half a gray of ten from 9 towards 19 Gy
    assert high == pytest.approx([100.0, 100.0, 0.0], abs=1e-4)


# Structures in a dose


def test_uniform_dose_is_uniform(make) -> None:
    curves = dvh_curves(make.sphere(10.0), make.dose(lambda x, y, z: 20.0))
    for percent in (0.1, 50.0, 99.9):
        found = curves.interval(at_percent(percent))
        assert (found.low, found.high) == pytest.approx((20.0, 20.0), abs=1e-5)  # 32-bit dose
    assert curves.best.volume_at_least(20.0) == pytest.approx(curves.best.total_cm3, rel=1e-9)


def test_dose_volume_is_the_volume(make) -> None:
    region = make.sphere(9.0, 3.0, 0.3)
    curves = dvh_curves(region, make.dose(lambda x, y, z: 30.0 + x))
    assert curves.best.total_cm3 == pytest.approx(volume(region).value, rel=1e-4)  # layers against whole steps
    assert curves.outside_fraction == 0.0


@pytest.mark.parametrize("radius", [3.0, 8.0, 20.0])
@pytest.mark.parametrize("spacing", [1.0, 2.0, 3.0])
def test_ramp_over_a_sphere(make, radius: float, spacing: float) -> None:
    direction = np.array([0.48, -0.6, 0.64])
    slope = 20.0 / radius
    dose = make.dose(
        lambda x, y, z: 50.0 + slope * (direction[0] * x + direction[1] * y + direction[2] * z), make.lattice(spacing)
    )
    curves = dvh_curves(make.sphere(radius, min(radius / 2.0, 3.0), 0.35), dose)
    for percent in (2.0, 50.0, 95.0):
        truth = 50.0 + slope * (radius - cap_depth(radius, percent / 100.0))
        found = curves.interval(at_percent(percent))
        # Polygons of 160 vertices and cells of 1/40 of the diameter: 0.1 % of the 40 Gy across the sphere.
        assert found.value == pytest.approx(truth, abs=0.05)
        assert found.low <= truth <= found.high
    mean = curves.interval(lambda dvh: dvh.mean_gy)
    assert mean.value == pytest.approx(50.0, abs=0.02)
    extremes = curves.interval(lambda dvh: dvh.minimum_gy), curves.interval(lambda dvh: dvh.maximum_gy)
    assert extremes[0].low <= 30.0 + 0.01 <= extremes[0].high + 0.05
    assert extremes[1].low <= 70.0 <= extremes[1].high + 0.01


@settings(max_examples=12, deadline=None)
@given(
    radius=st.floats(4.0, 15.0),
    step=st.sampled_from([1.0, 2.0, 3.0]),
    offset=st.floats(0.05, 0.95),
    spacing=st.sampled_from([1.0, 2.0, 3.0]),
    seed=st.integers(0, 999),
)
def test_gauss_over_a_sphere_is_bounded(make, radius, step, offset, spacing, seed) -> None:
    sigma = radius + 5.0
    dose = make.dose(lambda x, y, z: 60.0 * np.exp(-(x**2 + y**2 + z**2) / (2 * sigma**2)), make.lattice(spacing))
    curves = dvh_curves(make.sphere(radius, step, offset), dose)
    for percent in (2.0, 50.0, 95.0):
        # Concentric: the hottest share p lies within radius x p^(1/3).
        truth = 60.0 * np.exp(-((percent / 100.0) ** (2.0 / 3.0)) * radius**2 / (2.0 * sigma**2))
        found = curves.interval(at_percent(percent))
        assert found.low - 1e-3 <= truth <= found.high + 1e-3  # 1 mGy: polygons inside their circles


def test_hole_receives_nothing(make) -> None:
    # Hot inside the hole, cold in the shell around it.
    loops = []
    for z in np.arange(-12.0, 13.0, 3.0):
        for size in (15.0, 8.0):
            square = np.array([[-size, -size, z], [size, -size, z], [size, size, z], [-size, size, z]])
            loops.append(square)
    dose = make.dose(lambda x, y, z: np.where((abs(x) < 6.5) & (abs(y) < 6.5), 60.0, 10.0), make.lattice(1.0))
    curves = dvh_curves(make.region(loops), dose)
    assert curves.best.maximum_gy == pytest.approx(10.0, abs=1e-3)
    assert curves.best.total_cm3 == pytest.approx((30.0**2 - 16.0**2) * 27.0 / 1000.0, rel=1e-3)  # cells at corners


def test_keyhole_and_two_loops_give_the_same_curve(make) -> None:
    heights = np.arange(0.0, 13.0, 3.0)
    outer = [[-10, -10], [10, -10], [10, 10], [-10, 10]]
    inner = [[-4, -4], [4, -4], [4, 4], [-4, 4]]
    cut = [[-10, -10], [10, -10], [10, 10], [-10, 10], [-10, 0], [-4, 0], [-4, 4], [4, 4], [4, -4], [-4, -4], [-4, 0]]
    cut.append([-10, 0])

    def raised(loop, z):
        return np.column_stack([np.array(loop, dtype=float), np.full(len(loop), z)])

    two = make.region([raised(loop, z) for z in heights for loop in (outer, inner)])
    key = make.region([raised(cut, z) for z in heights])
    dose = make.dose(lambda x, y, z: 30.0 + x)
    for percent in (5.0, 50.0, 95.0):
        values = [at_percent(percent)(dvh_curves(region, dose).best) for region in (two, key)]
        # The same polygon with other points on its outline, so that other samples are joined: 1e-4 of the 20 Gy range.
        assert values[0] == pytest.approx(values[1], abs=0.002)


def test_tiny_structure_has_a_d99(make) -> None:
    # 2 mm across, smaller than a voxel: nearest-bin look-ups return 0 Gy here.
    curves = dvh_curves(make.sphere(1.0, 0.5, 0.4), make.dose(lambda x, y, z: 40.0 + x, make.lattice(3.0)))
    found = curves.interval(at_percent(99.0))
    truth = 40.0 + 1.0 - cap_depth(1.0, 0.99)
    assert found.low <= truth <= found.high
    assert found.value == pytest.approx(truth, abs=0.02)


def test_contour_exactly_on_voxel_edges(make) -> None:
    dose = make.dose(lambda x, y, z: 30.0 + x)
    for edge in (10.0, 11.0, 12.0):  # on centres and half way between them
        curves = dvh_curves(make.box(2 * edge, 2 * edge, np.arange(-9.0, 10.0, 3.0)), dose)
        assert curves.best.total_cm3 == pytest.approx(4 * edge**2 * 21.0 / 1000.0, rel=1e-6)
        # The dose is the position: 5 % of the width from the cold side; cells are 0.3 mm wide.
        assert at_percent(95.0)(curves.best) == pytest.approx(30.0 - 0.9 * edge, abs=0.03)


def test_one_slice_structure(make) -> None:
    dose = make.dose(lambda x, y, z: 30.0 + x)
    curves = dvh_curves(make.box(20.0, 20.0, 1.0), dose)
    assert curves.interval(at_percent(50.0)).value == pytest.approx(30.0, abs=0.05)  # symmetric
    assert curves.best.total_cm3 > 0.0
    with pytest.raises(NotComputable, match="single plane"):
        dvh_curves(make.region([np.array([[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0.0]])], None), dose)


def test_half_covered_grid_widens_the_bounds_and_says_so(make) -> None:
    dose = make.dose(lambda x, y, z: 30.0 + x, make.lattice(2.0, half=20.0))
    region = make.box(20.0, 20.0, np.arange(-9.0, 10.0, 3.0), centre=(20.0, 0.0))  # x from 10 to 30, grid to 20
    curves = dvh_curves(region, dose)
    assert curves.outside_fraction == pytest.approx(0.5, abs=0.02)  # a cell column more or less
    mean = curves.interval(lambda dvh: dvh.mean_gy)
    assert mean.value == pytest.approx(45.0, abs=0.3)  # of the part inside
    assert mean.high == np.inf
    assert mean.low < 0.6 * 45.0  # the other half may have got nothing
    assert curves.interval(lambda dvh: dvh.minimum_gy).low == 0.0
    assert curves.interval(lambda dvh: dvh.maximum_gy).high == np.inf


def test_structure_outside_the_grid_has_no_curve(make) -> None:
    dose = make.dose(lambda x, y, z: 30.0, make.lattice(2.0, half=20.0))
    with pytest.raises(NotComputable, match="outside the dose grid"):
        dvh_curves(make.sphere(8.0, centre=(100.0, 0.0, 0.0)), dose)


def test_one_sub_pixel_contour_does_not_change_the_curve(make) -> None:
    heights = np.arange(-9.0, 10.0, 3.0)
    square = np.array([[-10, -10], [10, -10], [10, 10], [-10, 10.0]])
    loops = [np.column_stack([square, np.full(4, z)]) for z in heights]
    speck = np.array([[30.0, 0, 0], [30.2, 0, 0], [30.2, 0.2, 0], [30.0, 0.2, 0]])
    dose = make.dose(lambda x, y, z: 30.0 + x)
    plain, specked = (dvh_curves(make.region(ls), dose).best for ls in (loops, [*loops, speck]))
    assert at_percent(50.0)(specked) == pytest.approx(at_percent(50.0)(plain), abs=0.02)  # other cells
    assert specked.total_cm3 == pytest.approx(plain.total_cm3, abs=0.001)


def test_quantisation_of_the_stored_dose_is_in_the_bounds(make) -> None:
    dose = make.dose(lambda x, y, z: 20.0, quantisation_gy=0.1)
    found = dvh_curves(make.sphere(8.0), dose).interval(lambda dvh: dvh.mean_gy)
    assert (found.low, found.high) == pytest.approx((19.9, 20.1), abs=1e-4)  # 32-bit dose


POSITIONS = {
    "prone": Rotation.from_euler("z", 180, degrees=True).as_matrix(),
    "feet first": Rotation.from_euler("y", 180, degrees=True).as_matrix(),
    "decubitus": Rotation.from_euler("z", 90, degrees=True).as_matrix(),
    "oblique": Rotation.from_euler("xyz", [15, -25, 40], degrees=True).as_matrix(),
}


@pytest.mark.parametrize("position", POSITIONS)
def test_position_of_the_patient_does_not_matter(make, position: str) -> None:
    turn = POSITIONS[position]
    angle = 2 * np.pi * np.arange(80) / 80
    loops = [np.column_stack([9 * np.cos(angle), 6 * np.sin(angle), np.full(80, z)]) for z in np.arange(-6.0, 6.1, 2.0)]

    def field(x, y, z):
        return 30.0 + x - 0.5 * y + 0.3 * z

    plain = dvh_curves(make.region(loops), make.dose(field, make.lattice((2.0, 2.5, 3.0))))
    contours = tuple(Contour(frozen(loop @ turn.T), "CLOSED_PLANAR") for loop in loops)
    region = region_of(Structure(roi_number=1, name="", interpreted_type="", contours=contours))
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    turned_dose = make.dose(
        lambda x, y, z: field(*(np.stack([x, y, z], axis=-1) @ turn).T),
        make.lattice((2.0, 2.5, 3.0), to_patient=matrix),
    )
    turned = dvh_curves(region, turned_dose)
    for percent in (5.0, 50.0, 95.0):
        # The cells lie otherwise, over 20 Gy of dose.
        assert at_percent(percent)(turned.best) == pytest.approx(at_percent(percent)(plain.best), abs=0.03)


def test_small_structures_are_fast(make) -> None:
    region, dose = make.sphere(8.0), make.dose(lambda x, y, z: 30.0 + x)
    dvh_curves(region, dose)
    start = time.perf_counter()
    dvh_curves(region, dose)
    assert time.perf_counter() - start < 2.0  # takes 0.05 s on an idle core; a loop over voxels would take minutes
