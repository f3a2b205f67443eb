"""An earlier dose over the positions that its registration leaves open."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Dose, FloatArray, Lattice, Structure, frozen
from sbrtcheck.prior.displaced import Uncertainty, displaced_curves

EXACT = Uncertainty(0.0, 0.0)
TICKS = np.arange(-60.0, 61.0, 2.0)


def ball(radius: float = 8.0) -> Region:
    angle = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
    contours = []
    for z in np.arange(-radius + 0.5, radius, 1.0).tolist():
        r = float(np.sqrt(radius**2 - z * z))
        points = np.column_stack([r * np.cos(angle), r * np.sin(angle), np.full_like(angle, z)])
        contours.append(Contour(frozen(points), "CLOSED_PLANAR"))
    return region_of(Structure(1, "GTV", "GTV", tuple(contours)), 1.0)


def dose(slope: FloatArray, base: float = 30.0, to_patient: FloatArray | None = None) -> Dose:
    z, y, x = np.meshgrid(TICKS, TICKS, TICKS, indexing="ij")
    lattice = Lattice(*(frozen(TICKS) for _ in range(3)), frozen(np.eye(4) if to_patient is None else to_patient))
    values = base + slope[0] * x + slope[1] * y + slope[2] * z
    return Dose(frozen(values, np.float32), lattice, "PHYSICAL", "", 0.0, ("1",))


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 3**0.5 - 1, 0), (-2, 1, 3)])
def test_an_even_slope_changes_the_mean_by_at_least_slope_times_shift(direction: tuple[float, ...]) -> None:
    slope = np.array(direction) / np.linalg.norm(direction) * 0.2  # Gy/mm
    found = displaced_curves(ball(), dose(slope), np.eye(4), Uncertainty(3.0, 0.0)).interval(lambda d: d.mean_gy)
    assert found.value == pytest.approx(30.0, abs=0.02)  # the engine, below a tenth of a percent
    # No direction is left out: at least 3 mm times 0.2 Gy/mm, and at most the lengthening of 1.24 more, plus the
    # engine's own bounds.
    for side in (found.high - 30.0, 30.0 - found.low):
        assert 0.6 <= side <= 0.6 * 1.24 + 0.1


def test_more_uncertainty_never_narrows() -> None:
    slope = np.array([0.2, 0.1, -0.1])
    widths = []
    for shift in (0.0, 1.0, 3.0, 6.0):
        found = displaced_curves(ball(), dose(slope), np.eye(4), Uncertainty(shift, 1.0)).interval(
            lambda d: d.maximum_gy
        )
        widths.append(found.high - found.low)
    assert widths == sorted(widths)


def test_the_dose_is_looked_up_where_the_matrix_says() -> None:
    # The earlier frame is turned and shifted; the matrix maps points of this plan into it. A dose that rises along the
    # earlier x must be read along the image of that axis: mean = 30 + 0.2 x of the mapped centre.
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [20.0, -35.0, 70.0], degrees=True).as_matrix()
    matrix[:3, 3] = [12.0, -7.0, 5.0]
    slope = np.array([0.2, 0.0, 0.0])
    found = displaced_curves(ball(), dose(slope), matrix, EXACT).interval(lambda d: d.mean_gy)
    assert found.value == pytest.approx(30.0 + 0.2 * 12.0, abs=0.02)
    inverse = displaced_curves(ball(), dose(slope), np.linalg.inv(matrix), EXACT).interval(lambda d: d.mean_gy)
    assert abs(inverse.value - found.value) > 1.0  # the other direction is another dose


def test_what_the_dose_does_not_reach_in_some_position_is_unknown() -> None:
    # The grid ends 1 mm beyond the ball: as registered it holds all of it, 3 mm further it does not.
    edge = np.eye(4)
    edge[0, 3] = 51.0
    found = displaced_curves(ball(), dose(np.zeros(3), to_patient=edge), np.eye(4), Uncertainty(3.0, 0.0))
    assert found.outside_fraction > 0.0
    assert found.interval(lambda d: d.maximum_gy).high == np.inf
    sure = displaced_curves(ball(), dose(np.zeros(3), to_patient=edge), np.eye(4), EXACT)
    assert sure.outside_fraction == 0.0
