"""Isodose volumes and the dose at a distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.dose.isodose import isodose_volume, maximum_beyond
from sbrtcheck.errors import NotComputable


def cone(x, y, z):
    return 60.0 - np.sqrt(x**2 + y**2 + z**2)  # 1 Gy a millimetre from the middle


@pytest.mark.parametrize("spacing", [1.0, 2.0, 3.0])
def test_ball_in_a_radial_ramp(make, spacing: float) -> None:
    dose = make.dose(cone, make.lattice(spacing))
    for radius in (8.0, 15.0, 30.0):
        found = isodose_volume(dose, 60.0 - radius)
        truth = 4.0 / 3.0 * np.pi * radius**3 / 1000.0
        # Trilinear dose falls short by up to h^2 / (4 r) x 1 Gy/mm at a curved front: 3 h^2 / (4 r^2) of the volume.
        assert found.value == pytest.approx(truth, rel=0.75 * spacing**2 / radius**2 + 1e-3)
        assert found.low <= truth * 1.0005
        assert found.high >= truth * 0.9995


def test_slab_between_voxel_centres(make) -> None:
    dose = make.dose(lambda x, y, z: np.where(abs(x) + abs(y) + abs(z) > 39.5, 0.0, 50.0 - abs(x)), make.lattice(1.0))
    # Border voxels are cold, so the bound is finite; the isodose itself is checked with the ball.
    assert np.isfinite(isodose_volume(dose, 45.3).high)


def test_isodose_that_reaches_the_border_has_no_upper_bound(make) -> None:
    found = isodose_volume(make.dose(cone, make.lattice(2.0, half=20.0)), 30.0)
    assert found.high == np.inf
    assert found.low > 0.0


def test_uniform_dose_fills_the_grid(make) -> None:
    found = isodose_volume(make.dose(lambda x, y, z: 20.0, make.lattice(2.0, half=10.0)), 10.0)
    assert found.value == pytest.approx(8.0, rel=1e-9)  # 20 mm between the outermost voxel centres


def test_level_above_the_maximum_is_nowhere(make) -> None:
    found = isodose_volume(make.dose(cone), 80.0)
    assert (found.low, found.value, found.high) == (0.0, 0.0, 0.0)


def test_level_0_is_refused(make) -> None:
    with pytest.raises(NotComputable, match="no volume"):
        isodose_volume(make.dose(cone), 0.0)


@settings(max_examples=10, deadline=None)
@given(a=st.floats(5.0, 59.0), b=st.floats(5.0, 59.0))
def test_a_higher_level_never_holds_more(make, a: float, b: float) -> None:
    dose = make.dose(cone, make.lattice(3.0))
    low, high = sorted((a, b))
    # Cells are divided by other numbers of points at other levels.
    assert isodose_volume(dose, low).value >= isodose_volume(dose, high).value * 0.999


@pytest.mark.parametrize("spacing", [1.5, 2.5])
@pytest.mark.parametrize("step", [2.0, 3.0])
def test_maximum_beyond_a_sphere(make, spacing: float, step: float) -> None:
    dose = make.dose(cone, make.lattice(spacing))
    found = maximum_beyond(dose, make.sphere(8.0, step, 0.4), 20.0)
    # 28 mm from the middle.
    assert found.low <= 32.0 <= found.high
    assert found.value == pytest.approx(32.0, abs=0.15)  # the surface is known to some 0.1 mm, the dose to h^2 / 8r


def test_hot_spot_beyond_is_found(make) -> None:
    dose = make.dose(lambda x, y, z: cone(x, y, z) + 30.0 * np.exp(-((x - 34.0) ** 2 + y**2 + z**2) / 50.0))
    assert maximum_beyond(dose, make.sphere(8.0), 20.0).value == pytest.approx(60.0 - 34.0 + 30.0, abs=2.1)  # one voxel


def test_inside_of_a_large_structure_is_not_beyond(make) -> None:
    # The middle is 30 mm from the surface, but inside.
    found = maximum_beyond(make.dose(cone, make.lattice(2.5, half=60.0)), make.sphere(30.0, 3.0), 20.0)
    assert found.value == pytest.approx(10.0, abs=0.3)


def test_grid_that_ends_too_near_leaves_the_maximum_open(make) -> None:
    found = maximum_beyond(make.dose(cone, make.lattice(2.0, half=26.0)), make.sphere(8.0), 20.0)
    assert found.high == np.inf
    # Beyond 20 mm only the corners of the grid are left.
    assert found.value <= 32.2


def test_grid_without_any_point_so_far_away(make) -> None:
    with pytest.raises(NotComputable, match="no point"):
        maximum_beyond(make.dose(cone, make.lattice(2.0, half=10.0)), make.sphere(8.0), 20.0)
