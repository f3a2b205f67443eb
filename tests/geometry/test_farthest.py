"""The two farthest points of a set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sbrtcheck.geometry.farthest import farthest, farthest_pair


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(1, 70), dimensions=st.sampled_from([2, 3]), whole=st.booleans())
def test_no_pair_is_farther_apart(seed: int, number: int, dimensions: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-20.0, 20.0, (number, dimensions))
    points = np.rint(points) if whole else points  # whole numbers have many pairs at one distance
    i, j = farthest(points)
    truth = np.linalg.norm(points[:, None] - points, axis=2).max()
    assert np.linalg.norm(points[i] - points[j]) == pytest.approx(truth, abs=1e-11)  # rounding of a square root
    assert 0 <= i <= j < number


def test_of_equal_pairs_the_first_is_taken() -> None:
    assert farthest(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0], [0.0, 4.0]])) == (0, 2)


def test_a_single_point_is_its_own_pair() -> None:
    assert farthest(np.array([[1.0, 2.0]])) == (0, 0)


@pytest.mark.parametrize(("least", "found"), [(4.9, (0, 2)), (5.1, (-1, -1))])
def test_a_pair_shorter_than_asked_for_is_none(least: float, found: tuple[int, int]) -> None:
    x, y = np.array([0.0, 3.0, 3.0, 0.0]), np.array([0.0, 0.0, 4.0, 4.0])
    assert farthest_pair(x, y, np.zeros(4), least) == found
