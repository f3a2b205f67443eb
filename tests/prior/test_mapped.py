"""An earlier dose in a target of this plan, over the positions that its registration leaves open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, Dose, FloatArray, Lattice, Structure, frozen
from sbrtcheck.prior.mapped import PriorFindings, prior_findings
from sbrtcheck.prior.mapping import Mapping
from sbrtcheck.prior.search import Uncertainty, motions

EXACT = Uncertainty(0.0, 0.0)
TICKS = np.arange(-60.0, 61.0, 2.0)
SAME = Mapping(frozen(np.eye(4)), "same")


def structure(radius: float = 8.0, centre: tuple[float, float, float] = (0, 0, 0), number: int = 1) -> Structure:
    angle = np.linspace(0.0, 2.0 * np.pi, 180, endpoint=False)
    contours = []
    for z in np.arange(-radius + 0.5, radius, 1.0).tolist():
        r = float(np.sqrt(radius**2 - z * z))
        points = np.column_stack([r * np.cos(angle), r * np.sin(angle), np.full_like(angle, z)]) + centre
        contours.append(Contour(frozen(points), "CLOSED_PLANAR"))
    return Structure(number, "GTV", "GTV", tuple(contours))


def ball(radius: float = 8.0, centre: tuple[float, float, float] = (0, 0, 0)) -> Region:
    return region_of(structure(radius, centre), 1.0)


def dose(of: Callable[..., FloatArray], to_patient: FloatArray | None = None, ticks: FloatArray = TICKS) -> Dose:
    z, y, x = np.meshgrid(ticks, ticks, ticks, indexing="ij")
    lattice = Lattice(*(frozen(ticks) for _ in range(3)), frozen(np.eye(4) if to_patient is None else to_patient))
    return Dose(frozen(of(x, y, z), np.float32), lattice, "PHYSICAL", "", 0.0, ("1",))


def found(
    given: Dose | None, mapping: Mapping = SAME, uncertainty: Uncertainty = EXACT, region: Region | None = None
) -> PriorFindings:
    return prior_findings(region or ball(), "a course", mapping, given, 40.0, (), uncertainty)


@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 3**0.5 - 1, 0), (-2, 1, 3)])
def test_an_even_slope_moves_the_mean_by_slope_times_shift(direction: tuple[float, ...]) -> None:
    slope = np.array(direction) / np.linalg.norm(direction) * 0.2  # Gy/mm
    given = dose(lambda x, y, z: 30.0 + slope[0] * x + slope[1] * y + slope[2] * z)
    mean = found(given, uncertainty=Uncertainty(3.0, 0.0)).quantity("Mean[Gy]")
    assert mean.registered.value == pytest.approx(30.0, abs=0.02)  # the engine, below a tenth of a percent
    # No direction is left out, and the bounds are no wider than the engine's own and half a percent of the maximum.
    for side in (mean.registered.high - 30.0, 30.0 - mean.registered.low):
        assert 0.6 <= side <= 0.6 + 0.12 + 0.005 * 60


def test_more_uncertainty_never_narrows() -> None:
    given = dose(lambda x, y, z: 30.0 + 0.2 * x + 0.1 * y - 0.1 * z)
    widths = []
    for shift in (0.0, 1.0, 3.0, 6.0):
        bounds = found(given, uncertainty=Uncertainty(shift, 1.0)).quantity("Max[Gy]").registered
        widths.append(bounds.high - bounds.low)
    assert widths == sorted(widths)


def test_the_search_finds_what_many_random_positions_do() -> None:
    # A dose with a ridge and a bend: no closed form, so 400 positions are tried with the exact engine's own dose.
    def of(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        return np.asarray(40.0 * np.exp(-((x - 9.0) ** 2 + (y + 4.0) ** 2) / 150.0) + 5.0 * np.cos(z / 12.0) + 6.0)

    uncertainty, rng = Uncertainty(4.0, 3.0), np.random.default_rng(3)
    findings = found(dose(of), uncertainty=uncertainty)
    points = np.concatenate(
        [r * np.array([p]) for r, p in zip(8 * rng.random(4000) ** (1 / 3), _sphere(rng, 4000), strict=True)]
    )
    halves = [_sphere(rng, 400) * rng.random((400, 1)) ** (1 / 3) for _ in range(2)]
    for motion in motions(np.column_stack(halves), np.zeros(3), uncertainty):
        x, y, z = (points @ motion[:3, :3].T + motion[:3, 3]).T
        at = of(x, y, z)
        mean, share = findings.quantity("Mean[Gy]").registered, findings.quantity("V30Gy[%]").registered
        # Sampling of the brute force: 4000 points, a standard error of 0.15 Gy and 0.8 %.
        assert mean.low - 0.45 <= at.mean() <= mean.high + 0.45
        assert share.low - 2.4 <= 100.0 * np.mean(at >= 30.0) <= share.high + 2.4
        assert at.max() <= findings.quantity("Max[Gy]").registered.high + 1e-6


def _sphere(rng: np.random.Generator, number: int) -> FloatArray:
    directions = rng.normal(size=(number, 3))
    return np.asarray(directions / np.linalg.norm(directions, axis=1)[:, None])


def test_the_dose_is_looked_up_where_the_matrix_says() -> None:
    # The matrix maps points of this plan into the frame of the dose. A dose that rises along the earlier x is read
    # along the image of that axis: mean = 30 + 0.2 x of the mapped centre.
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", [20.0, -35.0, 70.0], degrees=True).as_matrix()
    matrix[:3, 3] = (25.0, -10.0, 15.0)
    given = dose(lambda x, y, z: 30.0 + 0.2 * x)
    region = ball(8.0, (10.0, 5.0, -5.0))
    centre = matrix[:3, :3] @ (10.0, 5.0, -5.0) + matrix[:3, 3]
    mean = found(given, Mapping(frozen(matrix), "there"), region=region).quantity("Mean[Gy]").numerical
    assert mean.value == pytest.approx(30.0 + 0.2 * centre[0], abs=0.02)
    inverse = found(given, Mapping(frozen(np.linalg.inv(matrix)), "back"), region=region).quantity("Mean[Gy]")
    assert abs(inverse.numerical.value - mean.value) > 1.0  # the landmark tells one from the other


def test_a_stretching_matrix_is_resampled() -> None:
    matrix = np.diag([1.3, 0.8, 1.1, 1.0])
    given = dose(lambda x, y, z: 30.0 + 0.2 * x + 0.01 * y * y)
    mean = found(given, Mapping(frozen(matrix), "stretched"), region=ball(8.0, (10.0, 0.0, 0.0))).quantity("Mean[Gy]")
    # Of a ball, the mean of y is 0 and that of y squared r squared / 5.
    expected = 30.0 + 0.2 * 13.0 + 0.01 * 0.64 * 64.0 / 5.0
    assert mean.numerical.value == pytest.approx(expected, abs=0.03)
    assert mean.numerical.low <= expected <= mean.numerical.high


def test_a_bent_mapping_is_followed() -> None:
    class Bent(Mapping):
        def through(self, points_mm: FloatArray) -> FloatArray:
            shift = np.column_stack([12.0 + 0.0 * points_mm[:, 0], 0.0 * points_mm[:, 0], 0.0 * points_mm[:, 0]])
            moved = points_mm + shift
            moved[points_mm[:, 2] > 30.0] = np.nan
            return np.asarray(moved)

    given = dose(lambda x, y, z: 30.0 + 0.2 * x)
    bent = Bent(None, "bent")
    mean = found(given, bent).quantity("Mean[Gy]").numerical
    assert mean.value == pytest.approx(30.0 + 0.2 * 12.0, abs=0.02)
    beyond = found(given, bent, region=ball(8.0, (0.0, 0.0, 30.0)))
    assert beyond.unknown_share is not None
    assert beyond.unknown_share.numerical.value == pytest.approx(50.0, abs=5.0)  # cut half way, to a sampling step
    assert beyond.quantity("Max[Gy]").numerical.high == np.inf


def test_half_in_a_half_space() -> None:
    given = dose(lambda x, y, z: 20.0 - 0.5 * x)  # 20 Gy at x = 0: half of 40 Gy
    share = found(given).quantity("V50%[%]").numerical
    assert share.value == pytest.approx(50.0, abs=0.5)
    moved = found(given, uncertainty=Uncertainty(4.0, 0.0)).quantity("V50%[%]").registered
    # A cap of a ball of 8 mm whose plane is 4 mm off centre: (2 + h)(1 - h)^2 / 4 with h = 1/2 is 15.6 %.
    assert moved.low == pytest.approx(15.6, abs=1.5)  # sampling, and what is left to the bounds
    assert moved.high == pytest.approx(84.4, abs=1.5)


def test_what_the_grid_does_not_reach_is_unknown() -> None:
    edge = np.eye(4)
    edge[0, 3] = 60.0  # the grid begins at x = 0
    given = dose(lambda x, y, z: 0.0 * x + 1.0, edge)
    findings = found(given)
    assert findings.unknown_share is not None
    # Half of the ball, but for half a cell of the engine: a sheet of cells is centred on the edge of the grid.
    assert findings.unknown_share.numerical.value == pytest.approx(50.0, abs=2.0)
    assert findings.quantity("Max[Gy]").numerical.high == np.inf
    assert findings.quantity("V50%[%]").numerical.high >= 48.0
    # A shift can take all of it out of reach, or none.
    moved = found(given, uncertainty=Uncertainty(10.0, 0.0))
    assert moved.unknown_share is not None
    assert moved.unknown_share.registered.high == pytest.approx(100.0, abs=1e-6)


def test_a_target_outside_the_grid_has_no_numbers() -> None:
    findings = found(dose(lambda x, y, z: 0.0 * x + 1.0), region=ball(8.0, (200.0, 0.0, 0.0)))
    with pytest.raises(NotComputable):
        findings.quantity("Max[Gy]")


def test_a_course_without_dose_has_no_numbers() -> None:
    findings = found(None)
    assert all(q.ranged is None and q.reason for q in findings.quantities)


def test_prone_and_feet_first_change_nothing() -> None:
    def of(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        return np.asarray(25.0 + 0.3 * x - 0.1 * y + 0.2 * z)

    upright = found(dose(of), uncertainty=Uncertainty(3.0, 1.0))
    for turn in (np.diag([-1.0, -1.0, 1.0, 1.0]), np.diag([-1.0, 1.0, -1.0, 1.0])):
        given = dose(of, turn)  # the same patient, lying otherwise; the registration turns him back
        other = found(given, Mapping(frozen(turn), "turned"), Uncertainty(3.0, 1.0))
        for name in ("Mean[Gy]", "Max[Gy]", "V20Gy[%]"):
            a, b = upright.quantity(name).registered, other.quantity(name).registered
            # The dose is the same in other axes; the search may take other positions, within its close share.
            assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=0.4)


def test_no_rotation_and_no_shift_are_the_numerical_bounds() -> None:
    row = found(dose(lambda x, y, z: 30.0 + 0.2 * x)).quantity("Mean[Gy]")
    assert (row.registered.low, row.registered.high) == pytest.approx((row.numerical.low, row.numerical.high), abs=1e-9)
