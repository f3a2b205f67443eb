"""An earlier dose in a target of this plan, over the positions that its registration leaves open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


def test_a_cone_of_dose_around_the_target() -> None:
    # 60 Gy in the middle, 1 Gy less for each millimetre. A shift s within the ball of radius R keeps the maximum, takes
    # the minimum to 60 - R - s, and the mean to 60 - (3 R / 4 + s^2 / 2 R - s^4 / 20 R^3).
    cone = dose(lambda x, y, z: 60.0 - np.sqrt(x * x + y * y + z * z))
    findings = found(cone, uncertainty=Uncertainty(3.0, 1.0))
    highest, lowest, mean = (findings.quantity(f"{name}[Gy]").registered for name in ("Max", "Min", "Mean"))
    assert highest.low <= 60.0 <= highest.high
    assert highest.high == pytest.approx(60.0, abs=0.7)  # no grid of 2 mm resolves the tip: the numerical bounds
    assert lowest.low <= 49.0 + 1e-6
    assert lowest.low == pytest.approx(49.0, abs=0.6)  # half a step of planes at the caps, and the share that is added
    assert lowest.high == pytest.approx(52.0, abs=0.2)  # as registered it is highest; numerical bounds
    farther = 60.0 - (6.0 + 9.0 / 16.0 - 81.0 / (20.0 * 512.0))
    assert mean.low == pytest.approx(farther, abs=0.1)
    assert mean.low <= farther
    assert mean.high == pytest.approx(54.0, abs=0.1)


@pytest.mark.parametrize("degrees", [2.0, 5.0])
def test_a_rotation_takes_the_corner_of_a_box_farther_out(degrees: float) -> None:
    # Half lengths 5, 20 and 5 mm: its corner lies at an angle to x, and the rotation turns it towards x.
    corners, contours = [(-5.0, -20.0), (5.0, -20.0), (5.0, 20.0), (-5.0, 20.0)], []
    for z in np.arange(-4.5, 5.0, 1.0).tolist():
        contours.append(Contour(frozen([(x, y, z) for x, y in corners]), "CLOSED_PLANAR"))
    region = region_of(Structure(1, "GTV", "GTV", tuple(contours)), 1.0)
    along_x = dose(lambda x, y, z: 30.0 + 0.5 * x)
    found_max = found(along_x, uncertainty=Uncertainty(0.0, degrees), region=region).quantity("Max[Gy]").registered
    corner = np.array([5.0, 20.0, 5.0])
    far = np.linalg.norm(corner)
    most = far * np.cos(np.arccos(5.0 / far) - np.deg2rad(degrees))
    assert found_max.high >= 30.0 + 0.5 * (
        5.0 + (most - 5.0) * 0.98
    )  # its end faces are drawn half a millimetre inside
    assert found_max.high <= 30.0 + 0.5 * most + 0.3  # the numerical bounds of a shape with corners


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_position_is_more_extreme_than_the_bounds(seed: int) -> None:
    # Hills of dose as steep as a grid of 2 mm resolves, near the surface of the target; 600 positions by brute force.
    rng, uncertainty = np.random.default_rng(seed), Uncertainty(3.0, 2.0)
    hills = [(8.0 * rng.normal(size=3), rng.uniform(5.0, 12.0), rng.uniform(10.0, 50.0)) for _ in range(4)]

    def of(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        away = [((x - c[0]) ** 2 + (y - c[1]) ** 2 + (z - c[2]) ** 2) / (2.0 * s * s) for c, s, _ in hills]
        return np.asarray(sum(h * np.exp(-a) for a, (_, _, h) in zip(away, hills, strict=True)))

    given_dose, region = dose(of), ball(8.0)
    findings = found(given_dose, uncertainty=uncertainty, region=region)
    inside = 7.999 * _sphere(rng, 2000) * rng.random((2000, 1)) ** (1 / 3)
    points = np.concatenate([inside, 7.999 * _sphere(rng, 800)])
    halves = [_sphere(rng, 600) * np.minimum(1.3 * rng.random((600, 1)), 1.0) for _ in range(2)]
    moves = motions(np.column_stack(halves), np.zeros(3), uncertainty)
    x, y, z = np.moveaxis(points @ moves[:, :3, :3].swapaxes(1, 2) + moves[:, None, :3, 3], 2, 0)
    gray = of(x, y, z)
    top = float(gray.max())
    for name, values in (("Max[Gy]", gray.max(axis=1)), ("Min[Gy]", gray.min(axis=1))):
        bounds = findings.quantity(name).registered
        # Points on a sphere of 180 corners, which a contour cuts a little short: half a percent of the maximum.
        assert bounds.low - 0.005 * top <= values.min()
        assert values.max() <= bounds.high + 0.005 * top
    for level in (20.0, 30.0):
        shares = 100.0 * (gray[:, :2000] >= level).mean(axis=1)
        bounds = findings.quantity(f"V{level:g}Gy[%]").registered
        # The same 2000 random points each time: 1.1 % of standard error.
        assert bounds.low - 3.3 <= shares.min()
        assert shares.max() <= bounds.high + 3.3


def test_the_unknown_share_is_searched_as_well() -> None:
    # A ball of 8 mm whose middle lies 6 mm inside the end of the grid: the cap beyond has a height of 2 mm; of 5 mm at
    # most. (3 R - h) h^2 / (4 R^3) of the ball.
    edge = np.eye(4)
    edge[0, 3] = 54.0  # begins at x = -6
    findings = found(dose(lambda x, y, z: 0.0 * x + 1.0, edge), uncertainty=Uncertainty(3.0, 0.0))
    assert findings.unknown_share is not None
    nominal, most = (100.0 * (24.0 - h) * h * h / (4.0 * 512.0) for h in (2.0, 5.0))
    assert findings.unknown_share.numerical.value == pytest.approx(nominal, abs=1.5)  # half a cell of the engine
    assert findings.unknown_share.registered.high == pytest.approx(most, abs=2.0)
    assert findings.unknown_share.registered.low == pytest.approx(0.0, abs=0.5)  # 3 mm the other way all is reached
    assert findings.quantity("Max[Gy]").registered.high == np.inf
    assert findings.quantity("Mean[Gy]").registered.high == np.inf
    # What is unknown may have received any dose, or none.
    share = findings.quantity("V50%[%]").registered
    assert share.low == 0.0
    assert share.high >= most - 1.0


def test_a_grid_that_ends_beside_the_target_is_noticed_over_the_shift() -> None:
    edge = np.eye(4)
    edge[0, 3] = 51.0  # begins at x = -9, 1 mm outside the ball
    given_dose = dose(lambda x, y, z: 0.0 * x + 1.0, edge)
    assert found(given_dose).quantity("Max[Gy]").registered.high == pytest.approx(1.0, abs=1e-6)
    assert found(given_dose, uncertainty=Uncertainty(3.0, 0.0)).quantity("Max[Gy]").registered.high == np.inf


def test_a_target_outside_the_grid_is_wholly_unknown() -> None:
    findings = found(
        dose(lambda x, y, z: 0.0 * x + 1.0), uncertainty=Uncertainty(3.0, 1.0), region=ball(8.0, (200.0, 0.0, 0.0))
    )
    assert findings.unknown_share is not None
    assert findings.unknown_share.numerical.value == 100.0
    assert all(q.ranged is None and "hardly reaches" in q.reason for q in findings.quantities)


def test_levels_in_percent_need_the_prescription() -> None:
    findings = prior_findings(ball(), "a course", SAME, dose(lambda x, y, z: 0.0 * x + 1.0), None, (), EXACT)
    assert not [q.name for q in findings.quantities if "%[" in q.name and q.name.startswith("V")]
    with pytest.raises(KeyError):
        findings.quantity("V50%[%]")


def test_a_target_smaller_than_the_hottest_part_has_no_such_dose() -> None:
    findings = found(dose(lambda x, y, z: 0.0 * x + 1.0), region=ball(1.5), uncertainty=Uncertainty())
    with pytest.raises(NotComputable, match=r"less than 0\.03 cm3"):
        findings.quantity("D0.03cc[Gy]")
    assert findings.quantity("Mean[Gy]").registered.value == pytest.approx(1.0, abs=1e-6)  # an even dose


def test_oblique_planes_and_an_oblique_grid_change_nothing() -> None:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [25.0, -40.0, 15.0], degrees=True).as_matrix()

    def of(x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        return np.asarray(25.0 + 0.3 * x - 0.1 * y + 0.2 * z)

    # The whole patient is turned: outlines, grid and dose with him.
    turned = [Contour(frozen(c.points_mm @ turn[:3, :3].T), c.geometric_type) for c in structure().contours]
    region = region_of(Structure(1, "GTV", "GTV", tuple(turned)), 1.0)
    straight, oblique = (
        found(dose(of, matrix), uncertainty=Uncertainty(3.0, 1.0), region=r)
        for matrix, r in ((None, ball()), (turn, region))
    )
    for name in ("Mean[Gy]", "Max[Gy]", "Min[Gy]", "V20Gy[%]"):
        a, b = straight.quantity(name).registered, oblique.quantity(name).registered
        # Directions of the search lie otherwise to the patient; within its two percent of the way.
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=0.4)
