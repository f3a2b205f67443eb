"""Extremes over shifts and rotations: closed forms, and thousands of other positions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.model import FloatArray
from sbrtcheck.prior.search import MISSED, Uncertainty, extremes, motions


def _positions(number: int, seed: int) -> FloatArray:
    """Return positions in both unit balls, most of them on the border, where extremes lie."""
    rng = np.random.default_rng(seed)
    halves = rng.normal(size=(number, 2, 3))
    halves /= np.linalg.norm(halves, axis=2, keepdims=True)
    halves *= np.where(rng.random((number, 2, 1)) < 0.7, 1.0, np.cbrt(rng.random((number, 2, 1))))
    return np.asarray(halves.reshape(number, 6))


def _twice(values: FloatArray) -> FloatArray:
    return np.repeat(values[:, None, None], 2, axis=2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_changes_evenly_is_found_in_any_direction(seed: int) -> None:
    slope = np.random.default_rng(seed).normal(size=6)
    found = extremes(lambda p: _twice(p @ slope), 1, Uncertainty())
    # Shift and rotation each go all the way along their slopes.
    most = np.linalg.norm(slope[:3]) + np.linalg.norm(slope[3:])
    assert most * (1.0 - MISSED) <= found.values[0, 1] <= most * (1.0 + 1e-9)
    assert -most * (1.0 + 1e-9) <= found.values[0, 0] <= -most * (1.0 - MISSED)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), shift_mm=st.floats(1.0, 10.0))
def test_no_other_position_is_more_extreme(seed: int, shift_mm: float) -> None:
    rng = np.random.default_rng(seed)
    # Peaks and hollows of 4 to 10 mm, as doses have them, and a few numbers by which rotation counts.
    centres, widths = rng.uniform(-10.0, 10.0, (5, 3)), rng.uniform(4.0, 10.0, 5)
    heights, turning = rng.uniform(-1.0, 1.0, 5), rng.uniform(-0.2, 0.2, 3)

    def value(p: FloatArray) -> FloatArray:
        away = np.linalg.norm(shift_mm * p[:, None, :3] - centres, axis=2)
        return np.asarray(np.exp(-0.5 * (away / widths) ** 2) @ heights + p[:, 3:] @ turning)

    found = extremes(lambda p: _twice(value(p)), 1, Uncertainty(shift_mm, 1.0)).values[0]
    others = value(_positions(4000, seed))
    allowed = MISSED * (found[1] - found[0])  # what is added for what the search leaves out
    assert found[0] <= others.min() + allowed
    assert found[1] >= others.max() - allowed


def test_the_higher_of_two_peaks_is_found() -> None:
    # As narrow as a dose grid resolves, in opposite directions, the lower one nearer.
    def value(p: FloatArray) -> FloatArray:
        near, far = (np.linalg.norm(3.0 * p[:, :3] - [0.0, y, 0.0], axis=1) for y in (1.5, -3.0))
        return np.asarray(np.exp(-0.5 * (near / 1.5) ** 2) + 1.2 * np.exp(-0.5 * (far / 1.5) ** 2))

    found = extremes(lambda p: _twice(value(p)), 1, Uncertainty(3.0, 0.0)).values[0, 1]
    assert found == pytest.approx(1.2 + np.exp(-0.5 * 3.0**2), rel=MISSED)


def test_without_uncertainty_only_the_registered_position_counts() -> None:
    seen: list[FloatArray] = []

    def value(p: FloatArray) -> FloatArray:
        seen.append(p)
        return _twice(p @ np.ones(6) + 5.0)

    found = extremes(value, 1, Uncertainty(0.0, 0.0))
    assert found.values.tolist() == [[5.0, 5.0]]
    assert np.concatenate(seen).tolist() == [[0.0] * 6]


@pytest.mark.parametrize(
    ("uncertainty", "unused"), [(Uncertainty(3.0, 0.0), slice(3, 6)), (Uncertainty(0.0, 1.0), slice(3))]
)
def test_what_is_certain_is_not_moved(uncertainty: Uncertainty, unused: slice) -> None:
    found = extremes(lambda p: _twice(p @ np.arange(1.0, 7.0)), 1, uncertainty)
    assert not found.positions[:, :, unused].any()


def test_an_unknown_side_does_not_hide_the_other() -> None:
    def value(p: FloatArray) -> FloatArray:
        values = _twice(p[:, 0])
        values[p[:, 0] > 0.5, :, 1] = np.inf
        return values

    found = extremes(value, 1, Uncertainty())
    assert found.values[0, 1] == np.inf
    assert found.values[0, 0] == pytest.approx(-1.0, abs=MISSED)


def test_the_same_search_gives_the_same_positions() -> None:
    slope = np.array([0.3, -0.2, 0.5, 0.1, 0.0, -0.7])
    one, two = (extremes(lambda p: _twice(np.sin(p @ slope)), 1, Uncertainty()) for _ in range(2))
    assert np.array_equal(one.positions, two.positions)


def test_a_motion_turns_about_the_centre_and_shifts() -> None:
    centre = np.array([10.0, -20.0, 30.0])
    (still, shifted, turned) = motions(
        np.array([[0.0] * 6, [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], dtype=np.float64), centre, Uncertainty(3.0, 90.0)
    )
    assert np.array_equal(still, np.eye(4))
    assert shifted[:3, 3].tolist() == [0.0, 0.0, 3.0]
    moved = turned[:3, :3] @ (centre + np.array([1.0, 0.0, 0.0])) + turned[:3, 3]
    assert moved == pytest.approx(centre + np.array([0.0, 1.0, 0.0]), abs=1e-12)  # x turns to y about z; rounding


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), rotation=st.floats(0.0, 20.0), away=st.floats(0.0, 100.0))
def test_no_point_moves_farther_than_is_said(seed: int, rotation: float, away: float) -> None:
    uncertainty, centre = Uncertainty(3.0, rotation), np.array([5.0, 6.0, 7.0])
    point = centre + away * np.array([0.6, 0.0, 0.8])
    moves = motions(_positions(200, seed), centre, uncertainty)
    moved = moves[:, :3, :3] @ point + moves[:, :3, 3]
    assert np.linalg.norm(moved - point, axis=1).max() <= uncertainty.moves_mm(away) + 1e-9  # rounding
