"""Distances between surfaces, against closed forms: balls, tubes, a slab and ellipsoids, apart, touching, overlapping.

A ball: the distance of its centre from the other surface less its radius. A tube (an airway): the distance from its
axis less its radius. A slab ``x >= c``: the least x of an ellipsoid is ``centre - sqrt(e_x^T S e_x)``; S holds its
squared half axes, turned.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.geometry.distance import separation
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.model import Contour, FloatArray, Structure, frozen

# Chords of 1 mm leave a circle of 3 mm radius by 0.04 mm; coordinates are stored to 0.01 mm; on either side.
DRAWN_MM = 0.1
# The bar: right to this on planes 1 to 3 mm apart, or the truth lies within the interval.
BAR_MM = 0.3
GAPS = (0.0, 0.4, 1.0, 3.0, 10.0, 30.0)
AXIAL = np.eye(3)
TILTED = Rotation.from_euler("xyz", [17.0, -24.0, 40.0], degrees=True).as_matrix()
Section = Callable[[float], FloatArray | None]


def ring(semi_mm: tuple[float, float], chord_mm: float = 1.0) -> FloatArray:
    number = max(12, math.ceil(2.0 * math.pi * max(semi_mm) / chord_mm))
    angle = 2.0 * np.pi * (np.arange(number) + 0.3) / number
    return np.column_stack([semi_mm[0] * np.cos(angle), semi_mm[1] * np.sin(angle)])


def region(section: Section, low: float, high: float, step: float, offset: float, frame: FloatArray = AXIAL) -> Region:
    """Draw what a function gives for heights in the frame of the planes."""
    first, last = math.floor(low / step) - 1, math.ceil(high / step) + 1
    contours = []
    for w in step * (np.arange(first, last + 1) + offset):
        uv = section(float(w))
        if uv is not None:
            points = np.column_stack([uv, np.full(len(uv), w)]) @ frame.T
            contours.append(Contour(frozen(np.round(points, 2)), "CLOSED_PLANAR"))
    return region_of(Structure(1, "drawn", "", tuple(contours)), step)


def ellipsoid(centre: FloatArray, form: FloatArray, step: float, offset: float, frame: FloatArray = AXIAL) -> Region:
    """Draw ``(p - centre)^T form (p - centre) <= 1``; see ``test_size_truth`` for the section."""
    q, middle = frame.T @ form @ frame, frame.T @ centre
    drift = np.linalg.solve(q[:2, :2], q[:2, 2])
    schur = float(q[2, 2] - q[2, :2] @ drift)
    eigenvalues, axes = np.linalg.eigh(q[:2, :2])

    def section(w: float) -> FloatArray | None:
        rest = 1.0 - schur * (w - middle[2]) ** 2
        if rest < 0.003:
            return None
        semi = np.sqrt(rest / eigenvalues)
        return np.asarray(ring((semi[0], semi[1])) @ axes.T + middle[:2] - (w - middle[2]) * drift)

    half = 1.0 / math.sqrt(schur)
    return region(section, middle[2] - half, middle[2] + half, step, offset, frame)


def ball(centre: FloatArray, radius: float, step: float, offset: float, frame: FloatArray = AXIAL) -> Region:
    return ellipsoid(centre, np.eye(3) / radius**2, step, offset, frame)


def tube(through: FloatArray, axis: FloatArray, radius: float, step: float, offset: float) -> Region:
    """Draw an airway: a tube of 120 mm height through a point."""
    across = math.hypot(axis[0], axis[1])
    lean = np.array([axis[0], axis[1]]) / across if across > 1e-9 else np.array([1.0, 0.0])
    turn = np.array([lean, [-lean[1], lean[0]]])

    def section(w: float) -> FloatArray | None:
        middle = through + axis * (w - through[2]) / axis[2]
        return np.asarray(ring((radius / abs(axis[2]), radius)) @ turn + middle[:2]) if abs(w) <= 60.0 else None

    return region(section, -60.0, 60.0, step, offset)


def slab(face_mm: float, step: float, offset: float) -> Region:
    """Draw a box that begins at x = face."""
    corners = np.array([(face_mm, -50.0), (face_mm + 20.0, -50.0), (face_mm + 20.0, 50.0), (face_mm, 50.0)])
    return region(lambda w: corners if abs(w) <= 60.0 else None, -60.0, 60.0, step, offset)


def check(a: Region, b: Region, truth: float, step: float) -> float:
    """Hold both directions against the truth; return the width of the interval."""
    there, back = separation(a, b), separation(b, a)
    for found in (there.distance, back.distance):
        held = found.low - DRAWN_MM <= truth <= found.high + DRAWN_MM
        assert held, (found, truth)
        assert held or (step <= 3.0 and abs(found.value - truth) <= BAR_MM)
    assert back.distance.low == pytest.approx(there.distance.low, abs=1e-6)  # sums in another order
    assert back.distance.high == pytest.approx(there.distance.high, abs=1e-6)
    assert back.distance.value == pytest.approx(there.distance.value, abs=0.2)  # sections between planes, by trial
    apart = float(np.linalg.norm(there.ends_mm[1] - there.ends_mm[0]))
    assert there.distance.low - 1e-6 <= apart <= there.distance.high + 1e-6
    return there.distance.high - there.distance.low


def directions(number: int, seed: int) -> FloatArray:
    found = np.random.default_rng(seed).normal(size=(number, 3))
    return np.asarray(found / np.linalg.norm(found, axis=1)[:, None])


@pytest.mark.parametrize(("step_a", "step_b"), [(1.0, 1.0), (1.5, 3.0), (2.0, 2.0), (3.0, 1.0), (5.0, 3.0), (6.0, 6.0)])
def test_two_balls(step_a: float, step_b: float) -> None:
    for gap, unit in product(GAPS, directions(4, 1)):
        a = ball(np.zeros(3), 15.0, step_a, 0.37)
        b = ball((25.0 + gap) * unit, 10.0, step_b, 0.81)
        check(a, b, gap, max(step_a, step_b))


@pytest.mark.parametrize(("step_a", "step_b"), [(1.0, 1.0), (2.0, 3.0), (3.0, 3.0), (6.0, 2.0)])
@pytest.mark.parametrize("lean", [0.0, 25.0, 45.0])
def test_a_ball_and_an_airway(step_a: float, step_b: float, lean: float) -> None:
    axis = Rotation.from_euler("xy", [0.6 * lean, lean], degrees=True).as_matrix()[:, 2]
    for gap, other in product(GAPS, directions(2, 2)):
        unit = np.cross(axis, other) / np.linalg.norm(np.cross(axis, other))
        a = ball(np.zeros(3), 12.0, step_a, 0.25)
        check(a, tube((19.0 + gap) * unit, axis, 7.0, step_b, 0.6), gap, max(step_a, step_b))


@pytest.mark.parametrize("step", [1.0, 2.0, 3.0, 5.0, 6.0])
def test_a_tilted_ellipsoid_and_a_slab(step: float) -> None:
    for gap, seed in product(GAPS, (3, 4, 5)):
        turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
        semi = np.array([18.0, 12.0, 9.0])
        reach = math.sqrt(float((turn @ np.diag(semi**2) @ turn.T)[0, 0]))
        a = ellipsoid(np.zeros(3), turn @ np.diag(semi**-2) @ turn.T, step, 0.4)
        check(a, slab(reach + gap, step, 0.9), gap, step)


@pytest.mark.parametrize("depth", [0.5, 2.0, 8.0])
def test_structures_that_overlap_are_not_apart(depth: float) -> None:
    for step, unit in product((1.0, 2.0, 3.0, 6.0), directions(4, 6)):
        a, b = ball(np.zeros(3), 15.0, step, 0.2), ball((25.0 - depth) * unit, 10.0, step, 0.7)
        assert separation(a, b).distance.low == 0.0
        if depth > step:  # deeper than a plane is far from the next: no doubt is left
            assert separation(a, b).distance.high == 0.0


@pytest.mark.parametrize(("step_a", "step_b"), [(1.0, 1.0), (2.0, 3.0), (3.0, 3.0), (6.0, 5.0)])
def test_planes_that_are_not_parallel(step_a: float, step_b: float) -> None:
    for gap, unit in product((0.0, 1.0, 3.0, 30.0), directions(3, 7)):
        a = ball(np.zeros(3), 15.0, step_a, 0.37)
        b = ball((25.0 + gap) * unit, 10.0, step_b, 0.81, TILTED)
        check(a, b, gap, max(step_a, step_b))


def test_planes_that_are_not_parallel_do_not_invent_contact() -> None:
    # 2 mm apart on planes 6 mm apart: points of one lie beside the nearest outline of the other, not in it.
    for unit in directions(8, 8):
        a = ball(np.zeros(3), 15.0, 6.0, 0.37)
        b = ball(27.0 * unit, 10.0, 6.0, 0.81, TILTED)
        assert separation(a, b).distance.high >= 2.0 - DRAWN_MM


def test_planes_that_are_not_parallel_see_contact() -> None:
    a = ball(np.zeros(3), 15.0, 2.0, 0.37)
    for unit in directions(4, 9):
        assert separation(a, ball(18.0 * unit, 10.0, 2.0, 0.1, TILTED)).distance.high == 0.0
    inner = separation(a, ball(np.zeros(3), 5.0, 2.0, 0.1, TILTED))
    assert inner.distance.high == 0.0
    assert np.array_equal(*inner.ends_mm)


def test_a_turned_patient_is_measured_alike() -> None:
    centre = np.array([20.0, 12.0, 9.0])
    a, b = ball(np.zeros(3), 12.0, 2.0, 0.3), ball(centre, 8.0, 3.0, 0.6)
    plain = separation(a, b).distance
    for turn in (np.diag([-1.0, -1.0, 1.0]), np.diag([-1.0, 1.0, -1.0]), TILTED):
        # Drawn anew on the planes that the patient took along.
        turned = separation(ball(np.zeros(3), 12.0, 2.0, 0.3, turn), ball(turn @ centre, 8.0, 3.0, 0.6, turn)).distance
        assert turned.value == pytest.approx(plain.value, abs=0.05)  # corners of the polygons lie elsewhere
        assert turned.low == pytest.approx(plain.low, abs=0.15)  # as do the bulges between them
        assert turned.high == pytest.approx(plain.high, abs=0.05)


@pytest.mark.parametrize("step", [1.0, 2.0])
def test_thin_slices_leave_little_doubt_sideways(step: float) -> None:
    # Either outline may go on up to the next plane: two steps along the normal, of which the shortest way takes its
    # share. Within 45 degrees of the planes that is below 1.5 steps; straight along the normal it is two and more.
    across = [u for u in directions(24, 10) if abs(u[2]) < math.sqrt(0.5)]
    for unit in across:
        a = ball(np.zeros(3), 15.0, step, 0.37)
        assert check(a, ball(35.0 * unit, 10.0, step, 0.81), 10.0, step) <= 1.5 * step
        level = np.array([unit[0], unit[1], 0.0]) / math.hypot(unit[0], unit[1])
        assert check(a, tube(32.0 * level, AXIAL[2], 7.0, step, 0.6), 10.0, step) <= step


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gap=st.floats(0.0, 30.0),
    steps=st.tuples(st.sampled_from([1.0, 2.0, 3.0, 6.0]), st.sampled_from([1.0, 1.5, 3.0, 5.0])),
    offsets=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    radii=st.tuples(st.floats(8, 20), st.floats(8, 20)),
)
def test_any_two_balls_are_bounded(
    seed: int, gap: float, steps: tuple[float, float], offsets: tuple[float, float], radii: tuple[float, float]
) -> None:
    (unit,) = directions(1, seed)
    a = ball(np.zeros(3), radii[0], steps[0], offsets[0])
    b = ball((sum(radii) + gap) * unit, radii[1], steps[1], offsets[1])
    check(a, b, gap, max(steps))
