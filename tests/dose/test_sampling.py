"""Dose between voxels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.dose.axis import Axis
from sbrtcheck.dose.sampling import DoseLayers, sample, sample_cells
from sbrtcheck.errors import NotComputable
from sbrtcheck.model import Dose, Lattice, frozen

FLOAT32 = 5e-6  # doses of some 50 Gy are stored in 24 bits: 3e-6 Gy


def ramp(x, y, z):
    return 50.0 + 0.3 * x - 0.2 * y + 0.1 * z


def axial(flip) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(flip)
    return matrix


ORIENTATIONS = {
    "head first supine": axial([1, 1, 1]),
    "prone": axial([-1, -1, 1]),
    "feet first": axial([-1, 1, -1]),
    "mirrored frames": axial([1, 1, -1]),
    "decubitus": np.array([[0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=float),
    "sagittal": np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=float),
    "oblique": np.vstack(
        [
            np.column_stack([Rotation.from_euler("xyz", [10, -20, 30], degrees=True).as_matrix(), np.zeros(3)]),
            [0, 0, 0, 1],
        ]
    ),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_ramp_is_exact_in_every_orientation_with_non_square_voxels(make, name: str) -> None:
    dose = make.dose(ramp, make.lattice((2.0, 3.0, 2.5), to_patient=ORIENTATIONS[name], shift=(3.0, -4.0, 5.0)))
    points = np.random.default_rng(1).uniform(-18, 18, (200, 3))
    found = sample(dose, points)
    assert found.inside.all()
    assert found.dose_gy == pytest.approx(ramp(*points.T), abs=FLOAT32)
    assert found.low_gy == pytest.approx(ramp(*points.T), abs=FLOAT32)
    assert found.high_gy == pytest.approx(ramp(*points.T), abs=FLOAT32)


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_raster_and_points_agree(make, name: str) -> None:
    dose = make.dose(
        lambda x, y, z: 60.0 * np.exp(-(x**2 + 2 * y**2 + z**2) / 300.0),
        make.lattice((2.0, 3.0, 2.5), to_patient=ORIENTATIONS[name]),
    )
    u, v, w = np.linspace(-12, 9, 8), np.linspace(-50, 11, 9), np.linspace(-7, 8, 5)
    frame = np.array([[0, 0, 1, 1.0], [1, 0, 0, 2.0], [0, 1, 0, 3.0], [0, 0, 0, 1]])
    layers = DoseLayers(dose, frame, u, v, w)
    both, inside = layers.both(0, 5)
    ww, vv, uu = (a.ravel() for a in np.meshgrid(w, v, u, indexing="ij"))
    points = sample(dose, np.column_stack([uu, vv, ww]) @ frame[:3, :3].T + frame[:3, 3])
    assert (inside.ravel() == points.inside).all()
    linear = sample(dose, np.column_stack([uu, vv, ww]) @ frame[:3, :3].T + frame[:3, 3], "trilinear")
    for a, b in ((both[:, 0], linear.dose_gy), (both[:, 1], points.dose_gy)):
        assert a.ravel() == pytest.approx(b, abs=1e-9)  # the same sums in another order


def test_cells_and_points_agree(make) -> None:
    dose = make.dose(lambda x, y, z: 60.0 * np.exp(-(x**2 + y**2 + z**2) / 300.0), make.lattice((2.0, 3.0, 2.5)))
    cells = np.array([[0, 0, 0], [15, 12, 14], [39, 25, 31]])
    found = sample_cells(dose, cells, 2)
    lattice = dose.lattice
    for n, (i, j, k) in enumerate(cells):
        corner = np.array([lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k]])
        point = corner + np.array([0.25, 0.75, 0.25]) * [2.0, 3.0, 2.5]
        assert found.dose_gy[n, 0, 1, 0] == pytest.approx(sample(dose, point[None, :]).dose_gy[0], abs=1e-9)


def test_uneven_and_single_steps() -> None:
    ticks = np.array([0.0, 1.0, 3.0, 4.5, 9.0])
    positions = np.linspace(0.0, 9.0, 37)
    weights = Axis(ticks).weights(positions)

    def applied(made, rows, values):
        return np.einsum("nc,nc->n", rows, values[made.first[:, None] + np.arange(rows.shape[1])])

    parabola = 2.0 + 3.0 * ticks - 0.4 * ticks**2
    # A cubic with the slopes of parabolas is exact for a parabola at any spacing.
    assert applied(weights, weights.cubic, parabola) == pytest.approx(
        2.0 + 3.0 * positions - 0.4 * positions**2, abs=1e-9
    )
    assert applied(weights, weights.linear, parabola) == pytest.approx(np.interp(positions, ticks, parabola), abs=1e-9)
    two = Axis(np.array([0.0, 2.0])).weights(np.array([0.5]))
    assert applied(two, two.cubic, np.array([1.0, 5.0])) == pytest.approx([2.0], abs=1e-9)


def test_voxel_centres_return_their_own_dose(make) -> None:
    rng = np.random.default_rng(2)
    lattice = make.lattice((2.0, 2.0, 3.0), half=6.0)
    values = rng.uniform(0.0, 70.0, lattice.shape)
    dose = Dose(frozen(values, np.float32), lattice, "PHYSICAL", "1", 0.01, ("1",))
    k, j, i = (a.ravel() for a in np.indices(lattice.shape))
    found = sample(dose, lattice.to_lps(np.column_stack([lattice.i_mm[i], lattice.j_mm[j], lattice.k_mm[k]])))
    assert found.inside.all()  # the outermost centres are inside
    assert found.dose_gy == pytest.approx(values[k, j, i], abs=FLOAT32)
    # There is no interpolation error at a voxel centre, only half a stored step.
    assert found.high_gy - found.dose_gy == pytest.approx(np.full(len(k), 0.01), abs=FLOAT32)


def test_half_a_voxel_beyond_the_last_centre_is_outside(make) -> None:
    dose = make.dose(ramp, make.lattice(2.0, half=10.0))
    found = sample(dose, np.array([[10.0, 0, 0], [10.5, 0, 0], [0, -10.01, 0], [0, 0, 11.0]]))
    assert found.inside.tolist() == [True, False, False, False]


def test_dose_in_one_plane_is_no_volume(make) -> None:
    flat = Lattice(frozen([0.0, 1.0]), frozen([0.0, 1.0]), frozen([0.0]), frozen(np.eye(4)))
    with pytest.raises(NotComputable, match="a plane, not a volume"):
        sample(make.dose(ramp, flat), np.zeros((1, 3)))


@settings(max_examples=30, deadline=None)
@given(sigma=st.floats(4.0, 20.0), spacing=st.floats(1.0, 3.0), seed=st.integers(0, 1000))
def test_bounds_hold_a_smooth_dose(make, sigma: float, spacing: float, seed: int) -> None:
    def gauss(x, y, z):
        return 60.0 * np.exp(-(x**2 + y**2 + z**2) / (2.0 * sigma**2))

    dose = make.dose(gauss, make.lattice(spacing, half=25.0))
    points = np.random.default_rng(seed).uniform(-2 * sigma, 2 * sigma, (300, 3)).clip(-22, 22)
    found = sample(dose, points)
    truth = gauss(*points.T)
    # Where trilinear and cubic agree by accident the bound is too small at a single point. The worst is a narrow dose
    # (sigma 4 mm) on a coarse grid (3 mm), with 60 Gy in the middle.
    assert np.all((found.low_gy <= truth + 1.5) & (truth - 1.5 <= found.high_gy))
    assert found.low_gy.mean() <= truth.mean() + 1e-3
    assert truth.mean() - 1e-3 <= found.high_gy.mean()
