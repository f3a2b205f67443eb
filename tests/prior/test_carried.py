"""An earlier dose in the frame of this plan: moved where the way is rigid, resampled elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sbrtcheck.dose.sampling import sample
from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Dose, FloatArray, Lattice, Structure, frozen
from sbrtcheck.prior.carried import carried, curves_at, field_of, moved_dose, nearest_rigid
from sbrtcheck.prior.field import Points, values_at
from sbrtcheck.prior.mapping import Mapping

TICKS = np.arange(-60.0, 61.0, 2.0)
_CIRCLE = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)


def ball(radius: float = 8.0, x: float = 0.0) -> Region:
    contours = []
    for z in np.arange(-radius + 0.5, radius, 1.0).tolist():
        across = np.sqrt(radius**2 - z * z)
        points = np.column_stack([x + across * np.cos(_CIRCLE), across * np.sin(_CIRCLE), np.full_like(_CIRCLE, z)])
        contours.append(Contour(frozen(points), "CLOSED_PLANAR"))
    return region_of(Structure(1, "GTV", "GTV", tuple(contours)), 1.0)


def dose(of: Callable[..., FloatArray]) -> Dose:
    z, y, x = np.meshgrid(TICKS, TICKS, TICKS, indexing="ij")
    lattice = Lattice(frozen(TICKS), frozen(TICKS), frozen(TICKS), frozen(np.eye(4)))
    return Dose(frozen(of(x, y, z), np.float32), lattice, "PHYSICAL", "", 0.0, ("1",))


def rigid() -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [20.0, -35.0, 70.0], degrees=True).as_matrix()
    matrix[:3, 3] = (25.0, -10.0, 15.0)
    return matrix


def bent(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
    return np.asarray(30.0 + 0.2 * x - 0.1 * y + 0.3 * z + 5.0 * np.cos(x / 15.0))


@pytest.mark.parametrize("kind", ["rigid", "stretched"])
def test_a_carried_dose_is_the_earlier_one_at_the_mapped_point(kind: str) -> None:
    matrix = rigid() if kind == "rigid" else rigid() @ np.diag([1.1, 0.9, 1.2, 1.0])
    earlier, region = dose(bent), ball()
    found = carried(earlier, Mapping(frozen(matrix), "there"), region, 4.0)
    assert (found.known is None) == (kind == "rigid")
    points = np.random.default_rng(0).uniform(-8.0, 8.0, (200, 3))
    expected = sample(earlier, points @ matrix[:3, :3].T + matrix[:3, 3]).dose_gy
    # Moving is exact. Of a cosine of 15 mm a cubic on 2 mm misses thousandths of a gray.
    assert np.abs(sample(found.best, points).dose_gy - expected).max() < (1e-5 if kind == "rigid" else 0.02)
    assert ("not resampled" in found.text) == (kind == "rigid")


def test_a_resampled_dose_is_within_its_bounds() -> None:
    earlier, matrix = dose(bent), np.diag([1.1, 0.9, 1.2, 1.0])
    found = carried(earlier, Mapping(frozen(matrix), "there"), ball(), 4.0)
    assert found.low is not None
    assert found.high is not None
    assert (found.low.dose_gy <= found.best.dose_gy + 1e-5).all()  # stored as 32-bit numbers
    assert (found.high.dose_gy >= found.best.dose_gy - 1e-5).all()


@pytest.mark.parametrize("scale", [1.01, 0.99])
def test_a_scaled_matrix_is_not_rigid(scale: float) -> None:
    assert nearest_rigid(scale * np.eye(4), np.zeros(3)) is None


def test_a_matrix_rounded_in_its_file_becomes_rigid_and_keeps_the_middle() -> None:
    rounded, middle = np.round(rigid(), 5), np.array([100.0, -50.0, 30.0])
    found = nearest_rigid(rounded, middle)
    assert found is not None
    assert np.abs(found[:3, :3] @ found[:3, :3].T - np.eye(3)).max() < 1e-12  # rounding
    there, exact = (m[:3, :3] @ middle + m[:3, 3] for m in (found, rounded))
    assert there == pytest.approx(exact, abs=1e-9)


def test_a_dose_moves_with_its_motion() -> None:
    moved = moved_dose(dose(bent), rigid())
    point = np.array([[3.0, 4.0, 5.0]])
    there = point @ rigid()[:3, :3].T + rigid()[:3, 3]
    assert sample(moved, there).dose_gy == pytest.approx(sample(dose(bent), point).dose_gy, abs=1e-9)  # rounding


def test_the_structure_moves_against_the_dose() -> None:
    # A structure that lies 3 mm farther along x receives 0.6 Gy more of a slope of 0.2 Gy/mm.
    earlier = carried(dose(lambda x, y, z: 30.0 + 0.2 * x), Mapping(frozen(np.eye(4)), "same"), ball(), 4.0)
    shift = np.eye(4)
    shift[0, 3] = 3.0
    points = Points(np.zeros((1, 3)), np.ones(1))
    mean = curves_at(earlier, ball(), shift, points).interval(lambda d: d.mean_gy)
    assert mean.value == pytest.approx(30.6, abs=0.02)  # the engine, below a tenth of a percent


def test_what_is_resampled_and_unknown_may_have_received_any_dose() -> None:
    class Known(Mapping):
        def through(self, points_mm: FloatArray) -> FloatArray:
            return np.where(points_mm[:, :1] <= 0.0, points_mm, np.nan)

    region = ball()
    found = carried(dose(lambda x, y, z: 0.0 * x + 10.0), Known(None, "half"), region, 4.0)
    cube = np.random.default_rng(1).uniform(-8.0, 8.0, (20_000, 3))
    inside = cube[np.linalg.norm(cube, axis=1) < 8.0]
    curves = curves_at(found, region, np.eye(4), Points(inside, np.ones(len(inside))))
    assert curves.outside_fraction == pytest.approx(0.5, abs=0.15)  # a step of resampling: 1 mm of 16
    mean = curves.interval(lambda d: d.mean_gy)
    assert mean.value == pytest.approx(10.0, abs=0.01)
    assert mean.low <= 5.0  # the other half may have received nothing
    assert mean.high == np.inf
    high = curves.interval(lambda d: d.volume_at_least(20.0) / d.total_cm3).high
    assert high == pytest.approx(curves.outside_fraction, abs=0.02)


def test_a_resampled_dose_that_reaches_nothing_is_refused() -> None:
    with pytest.raises(NotComputable, match="reaches nothing around the structure"):
        carried(dose(bent), Mapping(frozen(np.diag([1.2, 1.0, 1.0, 1.0])), "stretched"), ball(x=300.0), 4.0)


def test_the_field_of_the_search_is_the_dose_and_unknown_beyond() -> None:
    earlier = carried(dose(bent), Mapping(frozen(rigid()), "there"), ball(), 4.0)
    points = np.random.default_rng(2).uniform(-8.0, 8.0, (300, 3))
    field = field_of(earlier, Points(points, np.ones(len(points))), 4.0)
    # Straight lines between points 1 mm apart, of a cosine of 15 mm and 5 Gy: 5 / 15^2 / 8 Gy each.
    assert np.abs(values_at(field, points) - sample(earlier.best, points).dose_gy).max() < 0.01
    assert np.isnan(values_at(field, np.array([[500.0, 0.0, 0.0]]))).all()
