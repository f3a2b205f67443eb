"""Solids against formulae worked out by hand, and laws that hold for all of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.phantom.solids import Cylinder, Ellipsoid, Solid, Tube, ellipse, sphere

LENGTH = st.floats(1.5, 60.0)
PLACE = st.floats(-80.0, 80.0)
POINT = st.tuples(PLACE, PLACE, PLACE)
FEW = settings(max_examples=60, deadline=None)


def area(ring: np.ndarray) -> float:
    x, y = ring.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@given(radius=st.integers(1, 600).map(lambda n: n / 8), x=st.integers(-800, 800).map(lambda n: n / 8))
@FEW
def test_the_ends_of_the_axes_are_exact_vertices(radius: float, x: float) -> None:
    ring = ellipse((x, 0.5), (radius, radius))
    for corner in ((x + radius, 0.5), (x - radius, 0.5), (x, 0.5 + radius), (x, 0.5 - radius)):
        assert (ring == corner).all(axis=1).any()  # eighths of a millimetre are exact in binary


@given(a=LENGTH, b=LENGTH)
@FEW
def test_no_two_vertices_are_farther_apart_than_the_longer_axis(a: float, b: float) -> None:
    ring = ellipse((0.0, 0.0), (a, b))
    distances = np.linalg.norm(ring[:, None] - ring[None], axis=2)
    assert distances.max() <= 2 * max(a, b) + 1e-9  # float rounding


@given(a=LENGTH, b=LENGTH)
@FEW
def test_the_polygon_of_an_ellipse_lies_inside_it_and_is_nearly_all_of_it(a: float, b: float) -> None:
    ring = ellipse((0.0, 0.0), (a, b))
    assert ((ring / (a, b)) ** 2).sum(axis=1).max() <= 1 + 1e-9
    # A chord leaves the curve by 0.02 mm at most, and vertices are cut by 0.0001 mm; the circumference is below
    # 2 pi times the longer half axis.
    missing = math.pi * a * b - area(ring)
    assert 0 <= missing <= 0.0202 * 2 * math.pi * max(a, b)


def test_a_40_mm_sphere_is_40_mm_across_in_its_central_plane_and_less_elsewhere() -> None:
    ball = sphere((-92.0, 12.0, -4.0), 20.0)
    central = ball.section(-4.0)
    assert central is not None
    assert np.ptp(central[:, 0]) == 40.0
    beside = ball.section(-2.0)
    assert beside is not None
    assert np.ptp(beside[:, 0]) == pytest.approx(2 * math.sqrt(396), abs=2e-4)  # cut at four decimals on both sides


@given(semi=st.tuples(LENGTH, LENGTH, LENGTH), centre=POINT)
@FEW
def test_volume_of_an_ellipsoid_is_the_integral_of_its_sections(
    semi: tuple[float, float, float], centre: tuple[float, float, float]
) -> None:
    # Section areas are a parabola in z, which Simpson's rule integrates exactly: ends 0, middle pi a b.
    middle = math.pi * semi[0] * semi[1]
    assert Ellipsoid(centre, semi).volume_cm3 == pytest.approx(2 * semi[2] / 6 * 4 * middle / 1000, rel=1e-12)


def test_a_section_that_misses_or_only_touches_is_not_drawn() -> None:
    ball = sphere((0.0, 0.0, 0.0), 10.0)
    assert ball.section(10.0) is None
    assert ball.section(-10.5) is None
    assert Cylinder((0.0, 0.0), (5.0, 5.0), (-1.0, 1.0)).section(1.5) is None
    assert Tube((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), 3.0).section(3.0) is None


@given(start=POINT, end=POINT, radius=st.floats(2.0, 20.0), share=st.floats(-0.1, 1.1))
@FEW
def test_the_outline_of_a_tube_lies_on_its_surface(
    start: tuple[float, float, float], end: tuple[float, float, float], radius: float, share: float
) -> None:
    if math.dist(start, end) < 1:
        return
    tube = Tube(start, end, radius)
    height = start[2] + share * (end[2] - start[2])
    ring = tube.section(height)
    if ring is not None:
        points = np.column_stack([ring, np.full(len(ring), height)])
        np.testing.assert_allclose(tube.distance_mm(points), 0, atol=1e-6)  # rays that graze a long tube lose digits


def test_distance_from_a_tube_by_hand() -> None:
    tube = Tube((0.0, 0.0, 0.0), (0.0, 0.0, 100.0), 5.0)
    points = np.array([[8.0, 0.0, 50.0], [0.0, 0.0, 109.0], [3.0, 4.0, -12.0], [0.0, 1.0, 30.0]])
    np.testing.assert_allclose(tube.distance_mm(points), [3.0, 4.0, 8.0, -4.0], atol=1e-12)


@pytest.mark.parametrize(
    "solid",
    [
        Ellipsoid((3.0, -4.0, 5.0), (7.0, 9.0, 11.0)),
        Cylinder((1.0, 2.0), (6.0, 4.0), (-8.0, 8.0)),
        Tube((-5.0, 0.0, -6.0), (9.0, 3.0, 4.0), 4.0),
    ],
)
def test_contains_section_and_bounds_tell_the_same_story(solid: Solid) -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-20, 20, (4000, 3))
    inside = solid.contains(points)
    low, high = solid.bounds()
    assert ((points[inside] >= low) & (points[inside] <= high)).all()
    for height in (-3.0, 0.0, 2.0):
        ring = solid.section(height)
        assert ring is not None
        middle = ring.mean(axis=0)
        flat = np.full((len(ring), 1), height)
        # All solids are convex: a little within the outline is inside, a little beyond it is outside.
        assert solid.contains(np.column_stack([middle + (ring - middle) * 0.999, flat])).all()
        assert not solid.contains(np.column_stack([middle + (ring - middle) * 1.001, flat])).any()
