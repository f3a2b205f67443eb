"""Margins and combinations against closed forms, and their bounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sbrtcheck.errors import NotComputable
from sbrtcheck.geometry.bounded import Bounded, combined, exact
from sbrtcheck.geometry.margins import moved
from sbrtcheck.geometry.region import Region, region_of
from sbrtcheck.geometry.volume import volume


def ball_cm3(radius_mm: float) -> float:
    return 4.0 / 3.0 * np.pi * radius_mm**3 / 1000.0


def box_cm3(a: float, b: float, c: float, margin: float) -> float:
    """A box with a round margin (Steiner), or without what lies less deep."""
    if margin < 0.0:
        return (a + 2 * margin) * (b + 2 * margin) * (c + 2 * margin) / 1000.0
    faces, edges = 2.0 * (a * b + b * c + a * c), a + b + c
    return (a * b * c + faces * margin + np.pi * edges * margin**2 + 4.0 / 3.0 * np.pi * margin**3) / 1000.0


def bounds(found: Bounded) -> tuple[float, float, float]:
    low = volume(found.inner).low if found.inner is not None else 0.0
    return volume(found.best).value, low, volume(found.outer).high


@pytest.mark.parametrize("radius", [10.0, 20.0])
@pytest.mark.parametrize("step", [1.0, 3.0])
@pytest.mark.parametrize("margin", [2.0, 5.0, 10.0, -3.0, -6.0])
def test_a_ball_with_a_margin_is_a_ball(draw, radius: float, step: float, margin: float) -> None:
    found = moved(exact(region_of(draw.sphere(radius, step))), margin)
    value, low, high = bounds(found)
    true = ball_cm3(radius + margin)
    assert low <= true <= high
    # 3 mm planes miss up to 3 % of a ball of 10 mm, as its own shape between them is estimated.
    assert value == pytest.approx(true, rel=0.03)


@pytest.mark.parametrize("margin", [5.0, -3.0])
@pytest.mark.parametrize("turn", [None, "x90", "y180", "oblique"])
def test_a_box_in_any_position(draw, margin: float, turn: str | None) -> None:
    heights = np.arange(-9.5, 10.0, 1.0)  # 20 mm high
    turns = {"x90": Rotation.from_euler("x", 90, degrees=True), "y180": Rotation.from_euler("y", 180, degrees=True)}
    rotation = turns.get(turn or "", Rotation.from_euler("xyz", [20, 30, 40] if turn else [0, 0, 0], degrees=True))
    box = draw.moved(draw.box(40.0, 30.0, heights), rotation.as_matrix(), (5.0, -30.0, 100.0))
    value, low, high = bounds(moved(exact(region_of(box)), margin))
    true = box_cm3(40.0, 30.0, 20.0, margin)
    assert low <= true <= high
    assert value == pytest.approx(true, rel=0.01)  # planes of 1 mm, arcs to 0.12 %


def test_planes_lie_within_the_margin(draw) -> None:
    found = moved(exact(region_of(draw.box(20.0, 20.0, np.arange(0.0, 21.0, 2.0)))), 5.0)
    for region in (found.best, found.outer):
        assert region.w_mm[0] < 0.0 < 20.0 < region.w_mm[-1]
    assert found.inner is not None
    assert found.inner.w_mm[0] >= -5.0
    assert found.inner.w_mm[-1] <= 25.0


def test_nothing_is_that_deep(draw) -> None:
    region = region_of(draw.sphere(5.0, 1.0))
    with pytest.raises(NotComputable, match="nothing is left 8 mm inside"):
        moved(exact(region), -8.0)


def test_what_may_be_nothing_has_no_inner_bound(draw) -> None:
    # Planes of 3 mm leave open whether a ball of 5 mm goes on 4.5 mm around its middle.
    found = moved(exact(region_of(draw.sphere(5.0, 3.0))), -4.0)
    assert found.inner is None


def test_two_balls_do_not_fill_what_lies_between(draw) -> None:
    # One above the other, 20 mm apart: inside each, and nowhere else, something lies 3 mm deep.
    heights = np.arange(-9.5, 10.0, 1.0)
    circle = [draw.circle(float(np.sqrt(100.0 - z * z)), float(z + c)) for c in (0.0, 40.0) for z in heights]
    found = moved(exact(region_of(draw.structure(circle))), -3.0)
    assert volume(found.best).value == pytest.approx(2.0 * ball_cm3(7.0), rel=0.03)  # as for one ball
    assert not np.any((found.outer.w_mm > 10.0) & (found.outer.w_mm < 30.0))


@given(st.floats(0.6, 15.0), st.floats(0.6, 15.0))
@settings(max_examples=15, deadline=None)
def test_more_margin_holds_more(draw, a: float, b: float) -> None:
    region = exact(region_of(draw.sphere(12.0, 2.0)))
    small, large = (bounds(moved(region, margin)) for margin in sorted((a, b)))
    # Planes are laid anew for each margin: their caps differ by a little.
    assert all(s <= g * 1.01 for s, g in zip(small, large, strict=True))


# Combinations


def boxes(draw, shift: float, step: float = 2.0) -> tuple[Region, Region]:
    first = region_of(draw.box(20.0, 20.0, np.arange(0.0, 21.0, 2.0)))
    second = region_of(draw.box(10.0, 40.0, shift + np.arange(0.0, 21.0, step)))
    return first, second


@pytest.mark.parametrize(
    ("sign", "area"), [("|", 20 * 20 + 10 * 40 - 10 * 20), ("&", 10 * 20), ("-", 20 * 20 - 10 * 20)]
)
def test_on_the_same_planes_it_is_exact(draw, sign, area: float) -> None:
    first, second = boxes(draw, 0.0)
    found = combined(sign, exact(first), exact(second))
    assert found.is_exact
    assert np.allclose(found.best.areas_mm2, area)  # rectangles: exact but for rounding


@pytest.mark.parametrize("sign", ["|", "&", "-"])
def test_on_other_planes_it_is_bounded(draw, sign) -> None:
    first, second = boxes(draw, 1.0)
    found = combined(sign, exact(first), exact(second))
    assert not found.is_exact
    assert found.inner is not None
    assert volume(found.inner).value <= volume(found.best).value * 1.001 <= volume(found.outer).value * 1.002
    tilted = region_of(draw.moved(draw.sphere(8.0, 2.0), Rotation.from_euler("x", 30, degrees=True).as_matrix()))
    with pytest.raises(NotComputable, match="not parallel"):
        combined(sign, exact(first), exact(tilted))


def test_turned_over_it_is_the_same(draw) -> None:
    first, second = boxes(draw, 0.0)
    turned = region_of(
        draw.moved(
            draw.box(10.0, 40.0, np.arange(0.0, 21.0, 2.0)), Rotation.from_euler("z", 180, degrees=True).as_matrix()
        )
    )
    for sign in ("|", "&", "-"):
        a, b = (volume(combined(sign, exact(first), exact(other)).best).value for other in (second, turned))
        assert a == pytest.approx(b, rel=1e-9)  # rounding


@pytest.mark.parametrize("step", [1.0, 2.5])
def test_a_ring_around_a_ball(draw, step: float) -> None:
    ball = exact(region_of(draw.sphere(15.0, step)))
    ring = combined("-", moved(ball, 20.0), moved(ball, 10.0))
    value, low, high = bounds(ring)
    true = ball_cm3(35.0) - ball_cm3(25.0)
    assert low <= true <= high
    assert value == pytest.approx(true, rel=0.02)  # two balls, each to 1 %


def test_what_leaves_nothing_is_refused(draw) -> None:
    first, second = boxes(draw, 0.0)
    with pytest.raises(NotComputable, match="nothing is left"):
        combined("-", exact(second), moved(exact(second), 5.0))
    away = region_of(draw.structure([draw.rectangle(5.0, 5.0, float(z), (200.0, 0.0)) for z in range(0, 21, 2)]))
    with pytest.raises(NotComputable, match="nothing is left"):
        combined("&", exact(first), exact(away))


def test_what_may_be_nothing_stays_open(draw) -> None:
    first, second = boxes(draw, 0.0)
    maybe = Bounded(second, None, second)
    assert combined("&", exact(first), maybe).inner is None
    assert combined("-", maybe, exact(first)).inner is None
    kept: Callable[[Bounded], Region | None] = lambda b: b.inner  # noqa: E731
    assert kept(combined("|", exact(first), maybe)) is first
    assert combined("-", exact(first), maybe).outer is first
